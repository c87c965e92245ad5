"""The models on their way here, each on a card."""

import functools

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from desktop.library.download import Download, State
from desktop.ui import theme
from desktop.ui.background import Background
from desktop.ui.download_card import DownloadCard
from desktop.ui.ports import Downloads


class DownloadList(QWidget):
    """Hidden while there is none. Signals: finished(Download) once a model is here and whole."""

    finished = Signal(object)

    def __init__(self, downloads: Downloads, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._downloads = downloads
        self._cards: dict[str, DownloadCard] = {}
        self._resumed_with_token = ""
        self._keeper = Background("token-keeper", self)
        self._keeper.done.connect(self._on_kept)
        self._keeper.failed.connect(self._on_kept)
        heading = QLabel(self.tr("On the way"), self)
        theme.set_kind(heading, "heading")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.S8)
        self._column.addWidget(heading)
        self._column.addSpacing(theme.S4)
        self.hide()

    @property
    def cards(self) -> tuple[DownloadCard, ...]:
        return tuple(self._cards.values())

    @Slot(object)
    def on_download(self, download: Download) -> None:
        """The newest record of one of them."""
        card = self._cards.get(download.key)
        if download.state in (State.DONE, State.REMOVED):
            if card is not None:
                del self._cards[download.key]
                card.wait()
                card.hide()
                card.deleteLater()
                self.setVisible(bool(self._cards))
            if download.state is State.DONE:
                self.finished.emit(download)
        elif card is not None:
            card.show_download(download)
        else:
            card = DownloadCard(download, self)
            card.pause_clicked.connect(self._on_pause)
            card.resume_clicked.connect(self._on_resume)
            card.removed.connect(self._on_removed)
            card.token_given.connect(self._on_token)
            self._column.addWidget(card)
            self._cards[download.key] = card
            self.show()

    def wait(self) -> None:
        """For shutdown. Whoever waits for the keyring is left to it."""
        self._keeper.forget()
        for card in self._cards.values():
            card.wait()

    @Slot(str)
    def _on_pause(self, key: str) -> None:
        self._downloads.pause(key)

    @Slot(str)
    def _on_resume(self, key: str) -> None:
        self._downloads.resume(key)

    @Slot(str)
    def _on_removed(self, key: str) -> None:
        self._downloads.remove(key)

    @Slot(str, str)
    def _on_token(self, key: str, token: str) -> None:
        self._resumed_with_token = key
        self._keeper.start(functools.partial(self._downloads.keep_token, token))

    @Slot(object)
    def _on_kept(self, outcome: object) -> None:
        """A token that cannot be used is refused by the hub, which says it best."""
        self._downloads.resume(self._resumed_with_token)
