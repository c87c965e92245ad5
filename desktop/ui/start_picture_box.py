"""Where the picture to start from is dropped, shown and removed."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QImage, QImageReader
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.ui import icons, theme
from desktop.ui.background import Background
from desktop.ui.drop_area import DropArea
from desktop.ui.inline_error import InlineError
from desktop.ui.ports import StartPictures


class StartPictureBox(QWidget):
    """Holds the fingerprints of the start picture and of its mask, or None.

    Signals: changed() when there is another picture or none.
    """

    changed = Signal()

    def __init__(self, starts: StartPictures, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._starts = starts
        self._sha: str | None = None
        self._mask: str | None = None
        self._background = Background("start-picture", self)
        self._background.done.connect(self._on_read)
        self._background.failed.connect(self._on_failed)
        self._area = DropArea(self)
        self._area.clicked.connect(self.choose)
        self._area.dropped.connect(self.load)
        self._remove = QToolButton(self)
        self._remove.setIcon(icons.icon("x"))
        self._remove.setFixedSize(theme.CONTROL, theme.CONTROL)
        self._remove.setToolTip(self.tr("Remove the start picture: draw from pure noise again"))
        self._remove.setAccessibleName(self.tr("Remove the start picture"))
        self._remove.clicked.connect(self.clear)
        self._remove.hide()
        self._error = InlineError(self)
        row = QHBoxLayout()
        row.setSpacing(theme.S4)
        row.addWidget(self._area, 1)
        row.addWidget(self._remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S4)
        column.addLayout(row)
        column.addWidget(self._error)
        self._show_empty()

    @property
    def sha(self) -> str | None:
        return self._sha

    @property
    def mask(self) -> str | None:
        """White where the start picture is drawn anew; it came with the settings of an earlier run."""
        return None if self._sha is None else self._mask

    @property
    def busy(self) -> bool:
        return self._area.busy

    @Slot(str)
    def load(self, path: str) -> None:
        """Take a file in, off the GUI thread."""
        self._error.clear()
        self._area.show_busy(self.tr("Reading {0}…").format(Path(path).name))

        def work() -> tuple[str, str | None, QImage, str]:
            sha = self._starts.keep(path)
            return sha, None, _thumbnail(self._starts.path_of(sha)), Path(path).name

        self._background.start(work)

    def set_sha(self, sha: str | None, mask: str | None = None) -> None:
        """Show a picture that is kept already, with the mask it was used with."""
        if sha is None:
            self.clear()
            return
        if (sha, mask) == (self._sha, self._mask):
            return
        self._error.clear()
        self._area.show_busy(self.tr("Reading the start picture…"))
        self._background.start(lambda: (sha, mask, _thumbnail(self._starts.path_of(sha)), ""))

    @Slot()
    def clear(self) -> None:
        self._background.forget()
        self._error.clear()
        had = self._sha is not None
        self._sha = self._mask = None
        self._show_empty()
        if had:
            self.changed.emit()

    @Slot()
    def choose(self) -> None:
        from PySide6.QtWidgets import QFileDialog

        path, _ = QFileDialog.getOpenFileName(
            self.window(),
            self.tr("Choose a start picture"),
            "",
            self.tr("Pictures") + " (*.png *.jpg *.jpeg *.webp *.bmp *.gif *.tif *.tiff)",
        )
        if path:
            self.load(path)

    def wait(self) -> None:
        self._background.wait()

    def _show_empty(self) -> None:
        self._remove.hide()
        self._area.show_empty(self.tr("Drop a picture, or click to choose"))

    @Slot(object)
    def _on_read(self, result: tuple[str, str | None, QImage, str]) -> None:
        self._sha, self._mask, image, name = result
        size = image.text("full-size") or ""
        if self._mask is not None:
            size = self.tr("{0}, only what is white in its mask").format(size)
        self._area.show_picture(image, name or self.tr("Kept from an earlier run"), size)
        self._remove.show()
        self.changed.emit()

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        if self._sha is None:
            self._show_empty()
        else:
            self._area.show_again()
        if not isinstance(error, KnownError):
            error = KnownError(self.tr("The picture could not be read ({0})").format(error))
        self._error.show_error(error)


def _thumbnail(path: Path) -> QImage:
    reader = QImageReader(str(path))
    full = reader.size()
    if full.isValid():
        reader.setScaledSize(full.scaled(256, 256, Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    if image.isNull():
        raise KnownError("The start picture cannot be shown", "Drop it again.")
    image.setText("full-size", f"{full.width()} × {full.height()}")
    return image
