"""The pictures as rows, read from the store a page at a time."""

from html import escape

from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt, QUrl, Slot

from desktop.errors import KnownError
from desktop.messages import PictureRecord
from desktop.ui import gallery_words
from desktop.ui.background import Background
from desktop.ui.gallery import Gallery
from desktop.ui.gallery_groups import Groups

PAGE = 100  # rows read at once: about 3 ms
RECORD = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()


class GalleryModel(QAbstractListModel):
    """The newest first, `page` of them read at a time; grouped, branches stand behind what they grew from.

    Roles: RECORD gives the PictureRecord; display, tool tip and accessible texts are words.
    Rows come and go one by one, so that selection and scroll position stay. Where a trunk goes or comes back, its
    branches stand elsewhere; what was read of the list is then read again in the background.
    """

    def __init__(self, gallery: Gallery, parent: QObject | None = None, *, page: int = PAGE) -> None:
        super().__init__(parent)
        self._page = page
        self._gallery = gallery
        self._text = ""
        self._grouped = False
        self._groups = Groups()
        self._records: list[PictureRecord] = []
        self._more = True
        self._rereading = False
        self._reader = Background("gallery", self)
        self._reader.done.connect(self._on_reread)
        self._reader.failed.connect(self._on_not_reread)
        gallery.added.connect(self._on_added)
        gallery.changed.connect(self._on_changed)
        gallery.removed.connect(self._on_removed)
        gallery.restored.connect(self._on_restored)
        gallery.reloaded.connect(self.reload)
        self.reload()

    @property
    def text(self) -> str:
        """What is searched for."""
        return self._text

    def set_text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.reload()

    @property
    def grouped(self) -> bool:
        """Whether branches stand behind what they grew from; what a search finds stands by age in any case."""
        return self._grouped and not self._text.strip()

    def set_grouped(self, grouped: bool) -> None:
        if grouped != self._grouped:
            self._grouped = grouped
            self.reload()

    @Slot()
    def reload(self) -> None:
        self._reader.forget()
        self._rereading = False
        self.beginResetModel()
        self._groups.clear()
        self._records = self._read(None)
        self._more = bool(self._records)
        self.endResetModel()

    def wait(self) -> None:
        """For what is read in the background; for shutdown."""
        self._reader.wait()

    def count(self) -> int:
        """How many there are in all, read or not."""
        try:
            return self._gallery.pictures.count(self._text)
        except KnownError:  # reading them has told already
            return len(self._records)

    def record(self, index: Index) -> PictureRecord | None:
        return self._records[index.row()] if 0 <= index.row() < len(self._records) else None

    def index_of(self, id: int) -> QModelIndex:
        """Invalid where it is not among the rows read so far."""
        if self.grouped:
            rows = (row for row, record in enumerate(self._records) if record.id == id)
            row = next(rows, len(self._records))
        else:
            row = self._place(id)
        there = row < len(self._records) and self._records[row].id == id
        return self.index(row) if there else QModelIndex()

    def rowCount(self, parent: Index = _NONE) -> int:
        return 0 if parent.isValid() else len(self._records)

    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and self._more and not self._rereading

    def fetchMore(self, parent: Index) -> None:
        if self._rereading:
            return  # its outcome says what the last row is
        last = self._records[-1].id if self._records else None
        page = self._read(last)
        known = {record.id for record in self._records} if self.grouped else set()
        while page and not (new := [record for record in page if record.id not in known]):
            page = self._read(page[-1].id)
        self._more = bool(page)
        if page:
            first = len(self._records)
            self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
            self._records += new
            self.endInsertRows()

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        record = self.record(index)
        if record is None:
            return None
        if role == RECORD:
            return record
        if role == Qt.ItemDataRole.DisplayRole:
            return gallery_words.shortened(record.request.prompt, 400)
        if role == Qt.ItemDataRole.ToolTipRole:  # as a paragraph, so that Qt wraps it and reads no HTML in it
            return f"<p>{escape(gallery_words.shortened(record.request.prompt, 1000))}</p>"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return gallery_words.spoken(record)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flag = Qt.ItemFlag
        return flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemIsDragEnabled | flag.ItemNeverHasChildren

    def mimeTypes(self) -> list[str]:
        return ["text/uri-list"]

    def mimeData(self, indexes: list[QModelIndex]) -> QMimeData:
        data = QMimeData()
        records = [record for index in indexes if (record := self.record(index))]
        data.setUrls([QUrl.fromLocalFile(record.path) for record in records])
        return data

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction

    def _read(self, after: int | None) -> list[PictureRecord]:
        """A page, behind the picture of this id."""
        try:
            if self.grouped:
                return self._groups.take(self._gallery.kinship.groups(self._page, after))
            return list(self._gallery.pictures.list(self._text, limit=self._page, before=after))
        except KnownError as error:
            self._gallery.problem.emit(error)
            return []

    def _place(self, id: int) -> int:
        """The row where the picture is or would be; ids fall from row to row."""
        low, high = 0, len(self._records)
        while low < high:
            middle = (low + high) // 2
            if self._records[middle].id > id:
                low = middle + 1
            else:
                high = middle
        return low

    def _insert(self, record: PictureRecord) -> None:
        if self._more and not self._records:  # all that was read is deleted
            self.fetchMore(QModelIndex())
        if self.grouped:
            if self.index_of(record.id).isValid():
                return
            row = self._groups.place(record, self._trunk_of(record), self._records, self._more)
            if row is None:
                return
            self.beginInsertRows(QModelIndex(), row, row)
            self._records.insert(row, record)
            self.endInsertRows()
            return
        row = self._place(record.id)
        if row < len(self._records) and self._records[row].id == record.id:
            return
        if row == len(self._records) and self._more:
            return  # older than all that was read; its page brings it
        self.beginInsertRows(QModelIndex(), row, row)
        self._records.insert(row, record)
        self.endInsertRows()

    def _trunk_of(self, record: PictureRecord) -> PictureRecord | None:
        try:
            return None if record.request.branch is None else self._gallery.kinship.trunk_of(record)
        except KnownError as error:
            self._gallery.problem.emit(error)
            return None

    def _reread(self, more: int = 0) -> None:
        """As far as the list was read, and some more; many rows take 100s of ms."""
        kinship, limit = self._gallery.kinship, max(self._page, len(self._records) + more)
        self._rereading = True
        self._reader.start(lambda: kinship.groups(limit))

    @Slot(object)
    def _on_reread(self, page: tuple[tuple[int, PictureRecord], ...]) -> None:
        """Take over what was read by removing, moving and adding rows, which a reset would not leave selected."""
        self._rereading = False
        self._groups.clear()
        records = self._groups.take(page)
        order = {record.id: row for row, record in enumerate(records)}
        for row in reversed(range(len(self._records))):
            if self._records[row].id not in order:
                self._remove(row)
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        moved = [self._records[index.row()].id for index in before]
        self._records.sort(key=lambda record: order[record.id])
        place = {record.id: row for row, record in enumerate(self._records)}
        self.changePersistentIndexList(before, [self.index(place[id]) for id in moved])
        self.layoutChanged.emit()
        for row, record in enumerate(records):
            if row == len(self._records) or self._records[row].id != record.id:
                self.beginInsertRows(QModelIndex(), row, row)
                self._records.insert(row, record)
                self.endInsertRows()
        self._more = bool(records)

    @Slot(object)
    def _on_not_reread(self, error: Exception) -> None:
        self._rereading = False
        if not isinstance(error, KnownError):
            raise error
        self._gallery.problem.emit(error)

    def _remove(self, row: int) -> None:
        self.beginRemoveRows(QModelIndex(), row, row)
        del self._records[row]
        self.endRemoveRows()

    def _found(self, record: PictureRecord) -> bool:
        """Whether the search finds it too."""
        if not self._text.strip():
            return True
        try:
            # The one just older than the next number can only be this one, if the search finds it.
            found = self._gallery.pictures.list(self._text, limit=1, before=record.id + 1)
        except KnownError:
            return False
        return bool(found) and found[0].id == record.id

    @Slot(object)
    def _on_added(self, record: PictureRecord) -> None:
        if self._found(record):
            self._insert(record)
        if self._rereading:
            self._reread()

    @Slot(object)
    def _on_restored(self, records: tuple[PictureRecord, ...]) -> None:
        if self.grouped:
            self._reread(len(records))  # branches may stand behind them again
            return
        for record in records:
            if self._found(record):
                self._insert(record)

    @Slot(object)
    def _on_changed(self, record: PictureRecord) -> None:
        index = self.index_of(record.id)
        if index.isValid():
            self._records[index.row()] = record
            self.dataChanged.emit(index, index)

    @Slot(object)
    def _on_removed(self, ids: tuple[int, ...]) -> None:
        moved = self._rereading
        for id in ids:
            index = self.index_of(id)
            if index.isValid():
                row = index.row()
                if self.grouped:  # of the last row the branches may not be read yet
                    moved |= self._groups.has_branches(row, self._records) or (
                        self._more and row == len(self._records) - 1
                    )
                self._remove(row)
        if moved:
            self._reread()
