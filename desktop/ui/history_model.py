"""The prompts that were run, as rows."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt

PAGE = 100  # rows read at once: under a millisecond
ENTRY = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()
