"""A grid of pictures as a Qt table; it mirrors the progress and never changes by itself."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QSize, Qt, Slot
from PySide6.QtGui import QImage, QImageReader

from desktop.grids import Cell, CellState, GridProgress
from desktop.messages import Event, Frame, GenerationRequest, PictureRecord, Saved
from desktop.ui import grid_words
from desktop.ui.background import Background
from desktop.ui.picture_fit import enlarged, frame_image
from desktop.ui.tips import plain_tip

CELL = Qt.ItemDataRole.UserRole
IMAGE = Qt.ItemDataRole.UserRole + 1
_FRAMES_KEPT = 8
_SIDE_MAX = 640  # pixels of what is kept of a picture; a cell is hardly larger


class GridModel(QAbstractTableModel):
    """Attributes: progress."""

    def __init__(self, progress: GridProgress, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.progress = progress
        self._columns, self._rows = grid_words.labels(progress.grid.x), grid_words.labels(progress.grid.y)
        self._frames: dict[int, tuple[Frame, QImage]] = {}
        self._pictures: dict[str, QImage] = {}  # by path
        self._wanted: list[str] = []
        self._loader = Background("grid-pictures", self)
        self._loader.done.connect(self._on_loaded)
        self._loader.failed.connect(self._on_not_loaded)

    def take(self, event: Event) -> bool:
        """Whether the event was about one of the cells."""
        places = self.progress.take(event)
        if isinstance(event, Saved) and places:
            self._wanted.append(event.record.path)
            if len(self._wanted) == 1:
                self._load()
        self._tell(places)
        return bool(places)

    def settle(self, drawn: Mapping[GenerationRequest, PictureRecord]) -> None:
        """As in GridProgress; the pictures come soon."""
        self.progress.settle(drawn)
        places = [(column, row) for row in range(self.rowCount()) for column in range(self.columnCount())]
        records = [self.progress.cell(*place).record for place in places]
        idle = not self._wanted
        self._wanted += dict.fromkeys(record.path for record in records if record is not None)
        if idle and self._wanted:
            self._load()
        self._tell(places)

    def cell(self, index: QModelIndex) -> Cell:
        return self.progress.cell(index.column(), index.row())

    def wait(self) -> None:
        self._loader.wait()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else self.progress.grid.rows

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else self.progress.grid.columns

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        labels = self._columns if orientation == Qt.Orientation.Horizontal else self._rows
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole) and section < len(labels):
            return labels[section] if role == Qt.ItemDataRole.DisplayRole else plain_tip(labels[section])
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        cell = self.cell(index)
        if role == CELL:
            return cell
        if role == IMAGE:
            return self._image(cell)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(f"{self.label(index)}\n{self.state(cell)}")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.label(index)}: {self.state(cell)}"
        return None

    def label(self, index: QModelIndex) -> str:
        """Both values of a cell."""
        across, down = self._columns[index.column()], self._rows[index.row()]
        return f"{across} · {down}" if down else across

    def state(self, cell: Cell) -> str:
        """What has become of a cell, in words."""
        match cell.state:
            case CellState.DRAWING if cell.total:
                return self.tr("Step {0} of {1}").format(cell.step, cell.total)
            case CellState.DRAWING:
                return self.tr("Starting")
            case CellState.DONE:
                return self.tr("Done")
            case CellState.FAILED:
                return cell.message
            case CellState.STOPPED:
                return self.tr("Stopped")
        return self.tr("Waits")

    def _image(self, cell: Cell) -> QImage:
        if cell.record is not None and cell.record.path in self._pictures:
            return self._pictures[cell.record.path]
        return QImage() if cell.frame is None else self._of_frame(cell.frame)

    def _of_frame(self, frame: Frame) -> QImage:
        kept = self._frames.get(id(frame))
        if kept is None:
            if len(self._frames) >= _FRAMES_KEPT:
                self._frames.clear()
            kept = self._frames[id(frame)] = frame, frame_image(frame)  # held, so that no other frame gets its id
        return kept[1]

    def _tell(self, places: Iterable[tuple[int, int]]) -> None:
        for column, row in places:
            index = self.index(row, column)
            self.dataChanged.emit(index, index)

    def _load(self) -> None:
        path = self._wanted[0]
        self._loader.start(lambda: (path, _read(path)))

    @Slot(object)
    def _on_loaded(self, loaded: tuple[str, QImage]) -> None:
        path, image = loaded
        self._pictures[path] = image
        self._next()
        for row in range(self.rowCount()):
            for column in range(self.columnCount()):
                record: PictureRecord | None = self.progress.cell(column, row).record
                if record is not None and record.path == path:
                    self._tell([(column, row)])

    @Slot(object)
    def _on_not_loaded(self, error: Exception) -> None:
        self._next()  # its last step stays; the picture itself is safe

    def _next(self) -> None:
        self._wanted.pop(0)
        if self._wanted:
            self._load()


def _read(path: str) -> QImage:
    """Off the GUI thread. Raises OSError."""
    reader = QImageReader(path)
    size = reader.size()
    if max(size.width(), size.height()) > _SIDE_MAX:
        reader.setScaledSize(size.scaled(QSize(_SIDE_MAX, _SIDE_MAX), Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    if image.isNull():
        raise OSError(f"{Path(path).name}: {reader.errorString()}")
    return enlarged(image)
