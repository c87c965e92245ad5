"""Every prompt that was run, to be found and used again."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop.ui import gallery_words, icons, theme
from desktop.ui.gallery_lines import lines
from desktop.ui.history_model import ENTRY, HistoryModel, PromptHistory
from desktop.ui.ports import HistoryEntry

_LINES = 2
_LINE = 18  # pixels
_CAPTION = 15
_PAD = 8


class HistoryPanel(QWidget):
    """Click or Enter puts a prompt back; Del removes it, Ctrl+Z brings it back.

    Signals: chosen(HistoryEntry), removed(HistoryEntry), problem(KnownError).
    """

    chosen = Signal(object)
    removed = Signal(object)
    problem = Signal(object)

    def __init__(self, history: PromptHistory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._taken: list[HistoryEntry] = []
        self.model = HistoryModel(history, self)
        self.model.problem.connect(self.problem)
        title = QLabel(self.tr("History"), self)
        theme.set_kind(title, "section")
        self.find = QLineEdit(self)
        self.find.setPlaceholderText(self.tr("Find a prompt"))
        self.find.setAccessibleName(self.tr("Find a prompt"))
        self.find.setClearButtonEnabled(True)
        self.find.addAction(icons.icon("search", role="quiet"), QLineEdit.ActionPosition.LeadingPosition)
        self.find.textChanged.connect(self._on_text)
        self.find.returnPressed.connect(self._on_find_entered)
        title.setBuddy(self.find)
        self.list = _List(self)
        self.list.setModel(self.model)
        self.list.setItemDelegate(_Row(self.list))
        self.list.setAccessibleName(self.tr("Prompts that were run"))
        self.list.clicked.connect(self._on_clicked)
        self.list.entered_row.connect(self._on_clicked)
        self.list.menu_wanted.connect(self._on_menu)
        self.list.remove_wanted.connect(self.remove_current)
        self.list.undo_wanted.connect(self.undo_remove)
        self._empty = QLabel(self)
        self._empty.setWordWrap(True)
        self._empty.setTextFormat(Qt.TextFormat.PlainText)
        theme.set_kind(self._empty, "quiet")
        head = QVBoxLayout()
        head.setContentsMargins(theme.S16, theme.S12, theme.S12, 0)
        head.setSpacing(theme.S8)
        for widget in (title, self.find, self._empty):
            head.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S8)
        column.addLayout(head)
        column.addWidget(self.list, 1)
        for signal in (self.model.modelReset, self.model.rowsRemoved):
            signal.connect(self._on_rows)
        self._on_rows()

    @Slot()
    def reload(self) -> None:
        """Read again, after a prompt was run."""
        bar = self.list.verticalScrollBar()
        place = bar.value()
        self.model.reload()
        bar.setValue(min(place, bar.maximum()))

    @Slot(object)
    def on_saved(self, record: object) -> None:
        self.reload()

    @Slot()
    def remove_current(self) -> None:
        row = self.list.currentIndex().row()
        entry = self.model.remove(self.list.currentIndex())
        if entry is not None:
            self._taken.append(entry)
            self.list.setCurrentIndex(self.model.index(min(row, self.model.rowCount() - 1)))
            self.removed.emit(entry)

    @Slot()
    def undo_remove(self) -> bool:
        """Bring the last removed prompt back; False where there is none."""
        if not self._taken:
            return False
        self.model.restore(self._taken.pop())
        return True

    @Slot(str)
    def _on_text(self, text: str) -> None:
        self.model.set_text(text)
        self.list.scrollToTop()

    @Slot()
    def _on_find_entered(self) -> None:
        if self.find.text().strip() and self.model.rowCount():
            self._on_clicked(self.model.index(0))

    @Slot(QModelIndex)
    def _on_clicked(self, index: QModelIndex) -> None:
        if (entry := index.data(ENTRY)) is not None:
            self.chosen.emit(entry)

    @Slot(object)
    def _on_menu(self, place) -> None:
        menu = self.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(place)

    def menu(self) -> QMenu:
        """What can be done with the current prompt."""
        menu = QMenu(self)
        menu.addAction(icons.icon("rotate-ccw"), self.tr("Use this prompt\tEnter")).triggered.connect(self._on_use)
        menu.addAction(icons.icon("copy"), self.tr("Copy prompt\tCtrl+C")).triggered.connect(self.copy)
        menu.addSeparator()
        remove = menu.addAction(icons.icon("trash-2"), self.tr("Remove from history\tDel"))
        remove.triggered.connect(self.remove_current)
        return menu

    @Slot()
    def copy(self) -> None:
        if (entry := self.list.currentIndex().data(ENTRY)) is not None:
            QGuiApplication.clipboard().setText(entry.prompt)

    @Slot()
    def _on_use(self) -> None:
        self._on_clicked(self.list.currentIndex())

    @Slot()
    def _on_rows(self) -> None:
        empty = self.model.rowCount() == 0
        text = self.model.text.strip()
        if text:
            self._empty.setText(self.tr("No prompt has “{0}” in it.").format(gallery_words.shortened(text, 40)))
        else:
            self._empty.setText(self.tr("Every prompt you run is kept here, also when its pictures are gone."))
        self._empty.setVisible(empty)
        self.find.setEnabled(not empty or bool(text))


class _List(QListView):
    """Signals: entered_row(index), menu_wanted(global QPoint), remove_wanted(), undo_wanted()."""

    entered_row = Signal(QModelIndex)
    menu_wanted = Signal(object)
    remove_wanted = Signal()
    undo_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.ArrowCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        panel = self.parent()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self.entered_row.emit(self.currentIndex())
        elif event.matches(QKeySequence.StandardKey.Delete) or event.key() == Qt.Key.Key_Backspace:
            self.remove_wanted.emit()
        elif event.matches(QKeySequence.StandardKey.Undo):
            self.undo_wanted.emit()
        elif event.matches(QKeySequence.StandardKey.Copy):
            panel.copy()
        elif event.text() and event.text().isprintable() and not event.modifiers():
            panel.find.setFocus()  # typing in the list means finding
            panel.find.insert(event.text())
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        place = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            place = self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).center())
        if self.currentIndex().isValid():
            self.menu_wanted.emit(place)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()  # how many lines a prompt takes depends on the width


class _Row(QStyledItemDelegate):
    """A prompt in at most two lines, and when it was last used."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        count = max(1, len(self._lines(index)))
        return QSize(self._room(), count * _LINE + _CAPTION + 2 * _PAD)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        entry = index.data(ENTRY)
        if entry is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect).adjusted(theme.S8, 0, -2, 0)
        state = option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.setBrush(theme.color("selection"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(theme.color("hover"))
        painter.setPen(Qt.PenStyle.NoPen)
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            painter.drawRoundedRect(box, theme.RADIUS, theme.RADIUS)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("focus"), 1))
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)
        left, top, width = option.rect.left() + theme.S16, option.rect.top() + _PAD, self._room()
        painter.setFont(theme.font())
        painter.setPen(theme.color("text"))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for line in self._lines(index):
            painter.drawText(QRect(left, top, width, _LINE), flags, line)
            top += _LINE
        painter.setFont(theme.font(theme.CAPTION_PX))
        painter.setPen(theme.color("quiet"))
        caption = gallery_words.ago(entry.last_used)
        if entry.uses > 1:
            caption = self.tr("{0}  ·  {1} times").format(caption, entry.uses)
        painter.drawText(QRect(left, top, width, _CAPTION), flags, caption)
        painter.restore()

    def _lines(self, index: QModelIndex | QPersistentModelIndex) -> tuple[str, ...]:
        return lines(index.data(Qt.ItemDataRole.DisplayRole), theme.TEXT_PX, self._room(), _LINES)

    def _room(self) -> int:
        """The same whether the scroll bar is there or not: otherwise a line more brings the bar, and so on."""
        view = self.parent()
        return max(40, view.width() - view.verticalScrollBar().sizeHint().width() - theme.S16 - theme.S8)
