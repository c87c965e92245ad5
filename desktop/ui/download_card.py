"""One model on its way here."""

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QToolButton, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.library.download import Download, State
from desktop.ui import download_words, icons, theme
from desktop.ui.elided_label import ElidedLabel
from desktop.ui.inline_error import InlineError
from desktop.ui.tips import plain_tip
from desktop.ui.token_field import TokenField

_UNDO_MS = 8000
_PARTS = 1000  # of the progress bar


class DownloadCard(QFrame):
    """Attributes: download, the newest record.

    Signals: pause_clicked(key), resume_clicked(key), token_given(key, token), removed(key) once it is not taken back.
    """

    pause_clicked = Signal(str)
    resume_clicked = Signal(str)
    removed = Signal(str)
    token_given = Signal(str, str)

    def __init__(self, download: Download, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_kind(self, "card")
        self.download = download
        title = ElidedLabel(self)
        title.setText(download.title)
        title.setToolTip(plain_tip(download.title))
        theme.set_kind(title, "section")
        self._status = QLabel(self)
        self._status.setWordWrap(True)
        self._status.setTextFormat(Qt.TextFormat.PlainText)
        theme.set_kind(self._status, "quiet")
        theme.use_tabular_figures(self._status)
        self._bar = QProgressBar(self)
        self._bar.setRange(0, _PARTS)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("How much of {0} is here").format(download.title))
        self._error = InlineError(self)
        self._token: TokenField | None = None  # until one is asked for
        self._go = QPushButton(self)
        self._go.setMinimumWidth(88)
        self._go.clicked.connect(self._on_go)
        self._remove = QToolButton(self)
        theme.set_kind(self._remove, "plain")
        self._remove.setIcon(icons.icon("x"))
        self._remove.setFixedSize(theme.CONTROL, theme.CONTROL)
        self._remove.setToolTip(self.tr("Remove, with all that has arrived"))
        self._remove.setAccessibleName(self.tr("Remove {0}").format(download.title))
        self._remove.clicked.connect(self._on_remove)
        self._doom = QTimer(self)
        self._doom.setSingleShot(True)
        self._doom.setInterval(_UNDO_MS)
        self._doom.timeout.connect(self._on_doom)

        texts = QVBoxLayout()
        texts.setSpacing(theme.S4)
        texts.addWidget(title)
        texts.addWidget(self._status)
        head = QHBoxLayout()
        head.setSpacing(theme.S8)
        head.addLayout(texts, 1)
        head.addWidget(self._go, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self._remove, 0, Qt.AlignmentFlag.AlignTop)
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(theme.S16, theme.S12, theme.S12, theme.S16)
        column.setSpacing(theme.S8)
        column.addLayout(head)
        column.addWidget(self._bar)
        column.addWidget(self._error)
        self.show_download(download)

    def show_download(self, download: Download) -> None:
        """The newest record of the same download."""
        self.download = download
        if self._doom.isActive():
            return
        failed = download.state is State.FAILED
        share = download.done_bytes / download.total_bytes if download.total_bytes else 0.0
        self._bar.setValue(round(share * _PARTS))
        self._bar.setVisible(download.total_bytes > 0)
        self._status.setText(download_words.status(download))
        self._status.setVisible(bool(self._status.text()))
        if failed:
            self._error.show_error(KnownError(download.message, download.hint))
        else:
            self._error.clear()
        self._ask_for_token(failed and download.needs_token)
        going = download.state in (State.FETCHING, State.WAITING)
        text, icon = (
            (self.tr("Pause"), "pause")
            if going
            else (self.tr("Try again"), "rotate-ccw")
            if failed
            else (self.tr("Go on"), "play")
        )
        if text not in self._go.text():
            self._go.setText(text)
            self._go.setAccessibleName(f"{text}: {download.title}")
            icons.put(self._go, icon)
        self._go.setEnabled(download.state is not State.CHECKING)
        self._go.setVisible(download.total_bytes > 0)

    def _ask_for_token(self, wanted: bool) -> None:
        if wanted and self._token is None:
            self._token = TokenField(self)
            self._token.given.connect(self._on_token)
            self._column.addWidget(self._token)
        if self._token is not None:
            self._token.setVisible(wanted)

    def wait(self) -> None:
        """The window goes: what nobody has taken back stays."""
        self._doom.stop()

    @Slot()
    def _on_go(self) -> None:
        key = self.download.key
        if self._doom.isActive():
            self._doom.stop()
            self._remove.show()
            self._go.setText("")
            self.show_download(self.download)
        elif self.download.state in (State.FETCHING, State.WAITING):
            self.pause_clicked.emit(key)
        else:
            self.resume_clicked.emit(key)

    @Slot()
    def _on_remove(self) -> None:
        """Nobody is asked; for some seconds it can be taken back."""
        self.pause_clicked.emit(self.download.key)
        self._doom.start()
        self._remove.hide()
        self._error.clear()
        self._ask_for_token(False)
        self._status.setText(self.tr("Removed; what has arrived is deleted in a moment"))
        self._status.show()
        self._go.setText(self.tr("Undo"))
        self._go.setAccessibleName(self.tr("Undo: {0}").format(self.download.title))
        icons.put(self._go, "rotate-ccw")
        self._go.setEnabled(True)
        self._go.show()
        self._go.setFocus()

    @Slot()
    def _on_doom(self) -> None:
        self.setEnabled(False)
        self.removed.emit(self.download.key)

    @Slot(str)
    def _on_token(self, token: str) -> None:
        self.token_given.emit(self.download.key, token)
