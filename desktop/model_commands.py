"""The commands about models: what there is, what can be had, and fetching it."""

import argparse
import json
import queue
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from desktop.console import printable
from desktop.errors import KnownError
from desktop.library.library import Library, open_library
from desktop.settings import Folders

if TYPE_CHECKING:
    from desktop.library.catalogue import Entry
    from desktop.library.download import Download
    from desktop.library.downloads import Downloads
    from desktop.library.hub import Offer
    from desktop.library.machine import Machine


def main(folders: Folders, arguments: argparse.Namespace) -> int:
    """Returns the exit status. Raises KnownError, KeyboardInterrupt."""
    folders.make()
    library = open_library(folders)
    match arguments.action:
        case "add":
            print(printable(f"{library.add(arguments.path).name} is in the library now"))
            return 0
        case "forget":
            library.forget(arguments.name)
            print(f"{printable(arguments.name)} is in the library no more; its files are where they were")
            return 0
        case "check":
            return _check(library)
        case "list":
            return _list(library, as_json=arguments.json)
        case "catalogue":
            return _catalogue(as_json=arguments.json)
        case "token":
            return _token(forget=arguments.forget)
        case "pull":
            return _pull(folders, library, arguments)
    raise AssertionError(arguments.action)


def _check(library: Library) -> int:
    faults = library.check_all()
    for name, fault in faults.items():
        print(printable(f"{name}: {'whole' if fault is None else fault}"))
    return 2 if any(faults.values()) else 0


def _list(library: Library, *, as_json: bool) -> int:
    for info in library.list():
        if as_json:
            print(
                json.dumps(
                    {"name": info.name, "title": info.title, "family": info.family, "path": info.path}
                    | {"bytes": info.bytes, "width": info.width, "height": info.height}
                )
            )
        else:
            print(printable(f"{info.name:<24} {info.width}x{info.height}  {info.bytes / 1e6:8.1f} MB  {info.path}"))
    return 0


def _catalogue(*, as_json: bool) -> int:
    from desktop.library.catalogue import Fit, catalogue, fits

    machine = _this_machine()
    words = {Fit.YES: "fits", Fit.OFFLOAD: "fits with offload, slower", Fit.NO: "too large for this machine"}
    for entry in catalogue():
        fit = fits(entry, machine)
        if as_json:
            print(json.dumps(_as_json(entry) | {"fits": fit.value}))
        else:
            gated = ", terms to accept" if entry.gated else ""
            print(f"{entry.name:<20} about {entry.bytes / 1e9:4.1f} GB  {words[fit]:<27} {entry.licence.name}{gated}")
            print(f"{'':<20} {entry.good_at}")
    return 0


def _as_json(entry: "Entry") -> dict[str, object]:
    return {
        "name": entry.name,
        "title": entry.title,
        "repos": entry.repos,
        "family": entry.family,
        "licence": entry.licence.name,
        "licence_link": entry.licence.link,
        "bytes": entry.bytes,
        "memory_bytes": entry.memory_bytes,
        "offload_bytes": entry.offload_bytes,
        "gated": entry.gated,
        "good_at": entry.good_at,
    }


def _this_machine() -> "Machine":
    from desktop.engine.hardware import device_bytes, find_device
    from desktop.library.machine import this_machine

    return this_machine(device_bytes(find_device()))


def _token(*, forget: bool) -> int:
    from desktop.library.tokens import Tokens

    if forget:
        Tokens().forget()
        print("The access token is forgotten")
        return 0
    if sys.stdin.isatty():
        import getpass

        token = getpass.getpass("Access token (it is not shown): ")
    else:
        token = sys.stdin.readline()
    if why_not := Tokens().keep(token):
        raise KnownError(why_not.rstrip("."), "Set HF_TOKEN in the environment instead.")
    print("The access token is in the system's keyring")
    return 0


def _pull(folders: Folders, library: Library, arguments: argparse.Namespace) -> int:
    from desktop.library.download import Download
    from desktop.library.downloads import Downloads

    told: queue.SimpleQueue[Download] = queue.SimpleQueue()  # its put may interrupt its get
    downloads = Downloads(folders.models, check=library.check, tell=told.put)
    try:
        offers = _look(downloads, arguments.model)
        printer = _Printer(as_json=arguments.json)
        for offer in offers:
            printer.offer(offer)
        missing = [offer for offer in offers if downloads.have(offer) is None]
        for offer in offers:
            if offer not in missing:
                printer.here(offer, str(downloads.have(offer)))
        if not missing:
            return 0
        if not arguments.yes and not _agreed():
            return 2
        return _wait(downloads, downloads.get(missing), told, printer)
    finally:
        downloads.close()


def _look(downloads: "Downloads", model: str) -> "tuple[Offer, ...]":
    from desktop.library.hub_errors import HubError

    try:
        return downloads.look(model)
    except HubError as error:
        if not error.needs_token:
            raise
        raise KnownError(error.message, f"{error.hint} It is kept by: safelight models token.") from error


def _agreed() -> bool:
    if not (sys.stdin and sys.stdin.isatty()):
        raise KnownError("Nothing is fetched without a yes", "Add --yes once you agree to the licence.")
    print("Fetch it? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


def _wait(downloads: "Downloads", keys: Sequence[str], told: "queue.SimpleQueue[Download]", printer: "_Printer") -> int:
    """Tell of these downloads until each has ended. An interrupt pauses them all."""
    from desktop.library.download import State

    interrupted = False

    def on_interrupt(signal_number: int, frame: object) -> None:
        nonlocal interrupted
        interrupted = True
        for key in keys:
            downloads.pause(key)

    open_, status = set(keys), 0
    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        while open_:
            download = told.get()
            printer.tell(download)
            if download.ended:
                open_.discard(download.key)
                if download.state is State.FAILED or (download.state is State.DONE and download.message):
                    status = 2
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupted:
        printer.say("Paused; the same command goes on from there")
    return 130 if interrupted else status


class _Printer:
    """Progress on stderr and where the model is on stdout, or one JSON object a line on stdout."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._live = not as_json and sys.stderr is not None and sys.stderr.isatty()
        self._width = 0

    def say(self, text: str) -> None:
        self._status("")
        print(f"safelight: {printable(text)}", file=sys.stderr)

    def offer(self, offer: "Offer") -> None:
        licence = offer.licence
        if self._json:
            self._line(
                "offer",
                repo=offer.repo,
                revision=offer.revision,
                bytes=offer.bytes,
                files=len(offer.files),
                licence=licence.name,
                licence_link=licence.link,
                gated=offer.gated,
            )
            return
        self.say(f"{offer.title}: {_size(offer.bytes)} in {len(offer.files)} files from {offer.link}")
        if licence.name:
            self.say(f"Licence: {licence.name}, {licence.link}")
        else:
            self.say(f"Licence: none is named, so nothing is allowed beyond what the law gives; see {offer.link}")

    def here(self, offer: "Offer", path: str) -> None:
        if self._json:
            self._line("done", repo=offer.repo, name=offer.name, path=path)
        else:
            self.say(f"{offer.title} is here already")
            print(path, flush=True)

    def tell(self, download: "Download") -> None:
        from desktop.library.download import State

        if self._json:
            self._line(
                download.state.value,
                repo=download.repo,
                name=download.name,
                done=download.done_bytes,
                total=download.total_bytes,
                bytes_per_s=_rounded(download.bytes_per_s),
                seconds_left=_rounded(download.seconds_left),
                **({"path": download.path} if download.path else {}),
                **({"message": download.message, "hint": download.hint} if download.message else {}),
            )
        match download.state:
            case State.FETCHING:
                self._status(_progress(download))
            case State.CHECKING:
                self._status(f"{download.title}: checking")
            case State.WAITING if download.message:
                self.say(f"{download.message}. {download.hint}")
            case State.FAILED:
                self.say(str(KnownError(download.message, download.hint)))
            case State.DONE:
                if download.message:
                    self.say(str(KnownError(download.message, download.hint)))
                if not self._json:
                    self._status("")
                    print(download.path, flush=True)

    def _line(self, event: str, **values: object) -> None:
        print(json.dumps({"event": event} | values), flush=True)

    def _status(self, text: str) -> None:
        if self._live:
            text = printable(text)
            print(f"\r{text:<{self._width}}\r" + text, end="", file=sys.stderr, flush=True)
            self._width = len(text)


def _progress(download: "Download") -> str:
    text = f"{download.title}: {_size(download.done_bytes)} of {_size(download.total_bytes)}"
    if download.bytes_per_s is not None and download.seconds_left is not None:
        minutes, seconds = divmod(round(download.seconds_left), 60)
        left = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
        text += f", {_size(round(download.bytes_per_s))}/s, {left} left"
    return text


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)
