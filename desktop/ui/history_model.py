"""The prompts that were run, as rows, read a page at a time."""

from html import escape
from typing import Protocol

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal, Slot

from desktop.errors import KnownError
from desktop.ui import gallery_words
from desktop.ui.ports import HistoryEntry

PAGE = 60  # rows read and laid out at once
ENTRY = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()


class PromptHistory(Protocol):
    """desktop.store.history.History, or a fake. Every call may raise KnownError."""

    def search(self, text: str, limit: int, offset: int = 0) -> tuple[HistoryEntry, ...]: ...
    def remove(self, entry: HistoryEntry) -> None: ...
    def restore(self, entry: HistoryEntry) -> None: ...


class HistoryModel(QAbstractListModel):
    """The last used first. Roles: ENTRY gives the HistoryEntry. Signals: problem(KnownError)."""

    problem = Signal(object)

    def __init__(self, history: PromptHistory, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._history = history
        self._text = ""
        self._entries: list[HistoryEntry] = []
        self._more = True
        self.reload()

    @property
    def text(self) -> str:
        return self._text

    def set_text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.reload()

    @Slot()
    def reload(self) -> None:
        self.beginResetModel()
        self._entries = self._read(0)
        self._more = len(self._entries) == PAGE
        self.endResetModel()

    def entry(self, index: Index) -> HistoryEntry | None:
        return self._entries[index.row()] if 0 <= index.row() < len(self._entries) else None

    def rowCount(self, parent: Index = _NONE) -> int:
        return 0 if parent.isValid() else len(self._entries)

    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and self._more

    def fetchMore(self, parent: Index) -> None:
        page = self._read(len(self._entries))
        self._more = len(page) == PAGE
        if page:
            first = len(self._entries)
            self.beginInsertRows(QModelIndex(), first, first + len(page) - 1)
            self._entries += page
            self.endInsertRows()

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        entry = self.entry(index)
        if entry is None:
            return None
        if role == ENTRY:
            return entry
        if role == Qt.ItemDataRole.DisplayRole:
            return gallery_words.shortened(entry.prompt, 300)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tool_tip(entry)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{gallery_words.shortened(entry.prompt, 200)}, {gallery_words.ago(entry.last_used)}"
        return None

    def remove(self, index: Index) -> HistoryEntry | None:
        """Forget the prompt in a row, and return it for restore."""
        entry = self.entry(index)
        if entry is None:
            return None
        try:
            self._history.remove(entry)
        except KnownError as error:
            self.problem.emit(error)
            return None
        row = index.row()
        self.beginRemoveRows(QModelIndex(), row, row)
        del self._entries[row]
        self.endRemoveRows()
        return entry

    def restore(self, entry: HistoryEntry) -> None:
        try:
            self._history.restore(entry)
        except KnownError as error:
            self.problem.emit(error)
        self.reload()

    def _tool_tip(self, entry: HistoryEntry) -> str:
        """Plain text, whatever a prompt looks like: escaped, so that Qt does not read it as HTML."""
        parts = [escape(gallery_words.shortened(entry.prompt, 1000))]
        if entry.negative_prompt:
            negative = escape(gallery_words.shortened(entry.negative_prompt, 500))
            parts.append(self.tr("Without: {0}").format(negative))
        parts.append(self.tr("Click to put it back into the prompt"))
        return "<p>" + "</p><p>".join(parts) + "</p>"

    def _read(self, offset: int) -> list[HistoryEntry]:
        try:
            return list(self._history.search(self._text, PAGE, offset))
        except KnownError as error:
            self.problem.emit(error)
            return []
