"""Pictures on their way out of the program: the clipboard, copies on disk, the file manager."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QWidget

from desktop.errors import KnownError
from desktop.messages import PictureRecord
from desktop.ui import places
from desktop.ui.background import Background

ENDINGS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


class PictureFiles(QObject):
    """Reads and writes beside the GUI thread. Signals: told(text) when it is done, problem(KnownError)."""

    told = Signal(str)
    problem = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = ""  # where the last one was saved
        self._saving: tuple[PictureRecord, ...] = ()
        self._copier = Background("picture-copier", self)
        self._copier.done.connect(self._on_read)
        self._copier.failed.connect(self._on_failed)
        self._writer = Background("picture-writer", self)
        self._writer.done.connect(self._on_written)
        self._writer.failed.connect(self._on_failed)

    def copy(self, records: Sequence[PictureRecord]) -> None:
        """The first as a picture and all as files: editors take the one, file managers the other."""
        if records:
            paths = [record.path for record in records]
            self._copier.start(lambda: (read_image(paths[0]), paths))

    def save_as(self, records: Sequence[PictureRecord], parent: QWidget) -> None:
        """Ask where to; one picture goes to a file, several into a folder. Nothing is overwritten unasked."""
        if not records:
            return
        from PySide6.QtCore import QStandardPaths
        from PySide6.QtWidgets import QFileDialog  # a few ms that the start of the program does without

        if not self._folder:
            self._folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        self._saving = tuple(records)
        dialog = QFileDialog(parent, self.tr("Save picture as"), self._folder)
        if len(records) == 1:
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)  # it asks before it replaces a file
            dialog.setNameFilters(
                [self.tr("PNG, with its settings (*.png)"), self.tr("JPEG (*.jpg *.jpeg)"), "WebP (*.webp)"]
            )
            dialog.setDefaultSuffix("png")
            dialog.selectFile(Path(records[0].path).name)
            dialog.fileSelected.connect(self._on_file_chosen)
        else:
            dialog.setWindowTitle(self.tr("Save {0} pictures into a folder").format(len(records)))
            dialog.setFileMode(QFileDialog.FileMode.Directory)
            dialog.setOption(QFileDialog.Option.ShowDirsOnly)
            dialog.fileSelected.connect(self._on_folder_chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def show_in_folder(self, record: PictureRecord) -> None:
        path = Path(record.path)
        if not path.exists():
            self.problem.emit(KnownError(f"{path.name} is not there any more", "It was moved or deleted."))
        elif not places.reveal(path):
            self.problem.emit(KnownError("No file manager was found", f"The picture is in {path.parent}."))

    def wait(self) -> None:
        """Let a copy be finished; for shutdown and tests."""
        self._copier.wait()
        self._writer.wait()
        if QGuiApplication.platformName() == "offscreen":
            # It deletes the clipboard's contents after Python has ended, and crashes (PySide 6.11 and 6.12).
            QGuiApplication.clipboard().clear()

    @Slot(str)
    def _on_file_chosen(self, target: str) -> None:
        self._folder = str(Path(target).parent)
        source = Path(self._saving[0].path)
        self._writer.start(lambda: (save_copy(source, Path(target)),))

    @Slot(str)
    def _on_folder_chosen(self, folder: str) -> None:
        self._folder = folder
        sources = [Path(record.path) for record in self._saving]
        self._writer.start(lambda: tuple(save_copy(s, free_path(Path(folder), s.name)) for s in sources))

    @Slot(object)
    def _on_read(self, result: tuple[QImage, list[str]]) -> None:
        from PySide6.QtCore import QMimeData, QUrl

        image, paths = result
        data = QMimeData()
        data.setImageData(image)
        data.setUrls([QUrl.fromLocalFile(path) for path in paths])
        QGuiApplication.clipboard().setMimeData(data)
        self.told.emit(
            self.tr("Picture copied") if len(paths) == 1 else self.tr("{0} pictures copied").format(len(paths))
        )

    @Slot(object)
    def _on_written(self, paths: tuple[Path, ...]) -> None:
        if len(paths) == 1:
            self.told.emit(self.tr("Saved as {0}").format(paths[0].name))
        else:
            self.told.emit(self.tr("{0} pictures saved in {1}").format(len(paths), paths[0].parent.name))

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        if not isinstance(error, KnownError):
            raise error
        self.problem.emit(error)


def read_image(path: str) -> QImage:
    """A picture file as an image that owns its pixels; safe on any thread. Raises KnownError."""
    from desktop.store.picture_file import open_picture

    picture = open_picture(path)
    raw = picture.tobytes()
    rgb = QImage(raw, picture.width, picture.height, 3 * picture.width, QImage.Format.Format_RGB888)
    return rgb.convertToFormat(QImage.Format.Format_RGB32)


def save_copy(source: Path, target: Path) -> Path:
    """Write a copy, whole or not at all; a PNG keeps its settings inside. Raises KnownError."""
    from desktop.files import write_atomically

    kind = ENDINGS.get(target.suffix.lower())
    if kind is None:
        raise KnownError(f"Pictures cannot be saved as {target.suffix or target.name}", "Use .png, .jpg or .webp.")
    if kind == "PNG":
        try:
            data = source.read_bytes()
        except OSError as error:
            raise KnownError(f"{source.name} is not there any more", "It was moved or deleted.") from error
    else:
        import io

        from desktop.store.picture_file import open_picture

        buffer = io.BytesIO()
        open_picture(source).save(buffer, kind, quality=95)
        data = buffer.getvalue()
    write_atomically(target, data)
    return target


def free_path(folder: Path, name: str) -> Path:
    """A path in folder that no file has yet."""
    path, number = folder / name, 2
    while path.exists():
        path = folder / f"{Path(name).stem}_{number}{Path(name).suffix}"
        number += 1
    return path
