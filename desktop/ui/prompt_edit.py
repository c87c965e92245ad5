"""The field a prompt is written in."""

from PySide6.QtCore import QMimeData, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

from desktop.ui.ports import History

_MARGIN = 4
_WALK = 500  # how many old prompts the arrow keys reach


class PromptEdit(QPlainTextEdit):
    """Grows with its text. Enter generates, Shift+Enter starts a line; the arrows at its edges walk the history.

    Signals: accepted() on Enter or Ctrl+Enter.
    """

    accepted = Signal()

    def __init__(
        self, history: History | None, *, min_lines: int = 4, max_lines: int = 8, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._history = history
        self._min_lines, self._max_lines = min_lines, max_lines
        self._walk: list[str] = []  # old prompts, newest first, while walking
        self._at = -1  # where in _walk; -1 is the draft
        self._draft = ""
        self.setTabChangesFocus(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Outside of what scrolls, so that no piece of a line shows above the first one.
        self.document().setDocumentMargin(0)
        self.setViewportMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        self.textChanged.connect(self._on_text_changed)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self._fit()

    @property
    def text(self) -> str:
        return self.toPlainText().strip()

    def set_text(self, text: str) -> None:
        """Replace all, so that Ctrl+Z in the field brings the old text back."""
        if text == self.toPlainText():
            return
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        self.setTextCursor(cursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, modifiers = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if modifiers in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier):
                self.accepted.emit()
                return
        elif modifiers == Qt.KeyboardModifier.NoModifier and (
            (key == Qt.Key.Key_Up and not self._can_move(QTextCursor.MoveOperation.Up) and self._step(1))
            or (key == Qt.Key.Key_Down and not self._can_move(QTextCursor.MoveOperation.Down) and self._step(-1))
        ):
            return
        super().keyPressEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Text only, and none of the characters a prompt cannot hold."""
        self.insertPlainText(source.text().replace("\x00", ""))

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return source.hasText() and not source.hasUrls()  # a dropped file is a start picture, not its name

    def sizeHint(self) -> QSize:
        return QSize(200, self.height())

    def _can_move(self, way: QTextCursor.MoveOperation) -> bool:
        return QTextCursor(self.textCursor()).movePosition(way)

    def _step(self, older: int) -> bool:
        """Show an older (1) or newer (-1) prompt. Returns whether there was one."""
        if self._history is None:
            return False
        if self._at < 0:
            if older < 0:
                return False
            self._draft = self.toPlainText()
            entries = self._history.recent(_WALK)
            self._walk = [p for p in dict.fromkeys(entry.prompt for entry in entries) if p != self._draft]
        target = self._at + older
        if not -1 <= target < len(self._walk):
            return False
        self.set_text(self._draft if target < 0 else self._walk[target])
        self._at = target  # after set_text, which ends the walk as typing does
        self.moveCursor(QTextCursor.MoveOperation.End)
        if older > 0:  # leave the cursor where the next Up goes on walking
            self.moveCursor(QTextCursor.MoveOperation.Start)
            self.moveCursor(QTextCursor.MoveOperation.EndOfLine)
        return True

    @Slot()
    def _on_text_changed(self) -> None:
        self._at = -1

    @Slot()
    def _fit(self) -> None:
        line = self.fontMetrics().lineSpacing()
        lines = max(self._min_lines, min(self._max_lines, round(self.document().size().height())))
        height = lines * line + 2 * _MARGIN + 2 * 4 + 2  # with padding and frame
        if height != self.height():
            self.setFixedHeight(height)
            self.ensureCursorVisible()
