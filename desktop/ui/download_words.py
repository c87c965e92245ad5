"""The words the window writes about models that can be had and are on their way."""

from PySide6.QtCore import QCoreApplication

from desktop.library.catalogue import Fit
from desktop.library.download import Download, State
from desktop.ui import words


def _tr(text: str) -> str:
    return QCoreApplication.translate("downloads", text)


def fit(found: Fit) -> str:
    return {
        Fit.YES: _tr("Fits this machine"),
        Fit.OFFLOAD: _tr("Fits with offload, slower"),
        Fit.NO: _tr("Too large for this machine"),
    }[found]


def amount(download: Download) -> str:
    return _tr("{0} of {1}").format(words.size(download.done_bytes), words.size(download.total_bytes))


def status(download: Download) -> str:
    """One line: how far it is, and what it waits for; "" where an error says it."""
    match download.state:
        case State.FETCHING:
            parts = [amount(download)]
            if download.bytes_per_s is not None:
                parts.append(_tr("{0}/s").format(words.size(round(download.bytes_per_s))))
            if download.seconds_left is not None:
                parts.append(_tr("{0} left").format(words.duration(download.seconds_left)))
            return " · ".join(parts)
        case State.WAITING if download.message:
            return f"{amount(download)} · {download.message}. {download.hint}"
        case State.WAITING:
            whole = amount(download) if download.done_bytes else words.size(download.total_bytes)
            return _tr("{0} · waits for its turn").format(whole)
        case State.CHECKING:
            return _tr("All of it is here; it is being checked")
        case State.PAUSED:
            return _tr("Paused at {0}").format(amount(download))
        case State.FAILED if download.total_bytes:
            return _tr("Stopped at {0}").format(amount(download))
    return ""
