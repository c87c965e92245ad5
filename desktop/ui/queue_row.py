"""How one job of the queue is drawn."""

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop.ui import icons, theme
from desktop.ui.queue_model import DETAIL, JOB, SHARE

_HEIGHT = 48
_BUTTON = 24


class QueueRow(QStyledItemDelegate):
    """Prompt, detail and progress; under the mouse or selected, a button that stops or removes.

    Signals: stop_clicked(job_id).
    """

    stop_clicked = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(120, _HEIGHT)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        job = index.data(JOB)
        if job is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect).adjusted(theme.S8, 1, -theme.S8, -1)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        focused = selected and bool(option.state & QStyle.StateFlag.State_HasFocus)
        if selected or hovered:
            painter.setPen(theme.color("focus") if focused else Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("selection" if selected else "hover"))
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)
        left, top = int(box.left()) + theme.S8, int(box.top())
        room = int(box.width()) - 2 * theme.S8
        if selected or hovered:
            room -= _BUTTON
            button = self._button(option.rect)
            picture = icons.pixmap(
                "stop" if job.running else "x",
                16,
                theme.tokens().text,
                painter.device().devicePixelRatioF(),
            )
            painter.drawPixmap(button.center().x() - 7, button.center().y() - 7, picture)
        painter.setFont(theme.font())
        painter.setPen(theme.color("text"))
        text = painter.fontMetrics().elidedText(index.data() or "", Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(left, top + 5, room, 18), Qt.AlignmentFlag.AlignVCenter, text)
        painter.setFont(theme.font(theme.CAPTION_PX))
        painter.setPen(theme.color("quiet"))
        painter.drawText(QRect(left, top + 22, room, 16), Qt.AlignmentFlag.AlignVCenter, index.data(DETAIL) or "")
        if job.running:
            line = QRectF(left, box.bottom() - 6, box.width() - 2 * theme.S8, 2)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("line_strong"))
            painter.drawRoundedRect(line, 1, 1)
            line.setWidth(line.width() * (index.data(SHARE) or 0.0))
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(line, 1, 1)
        painter.restore()

    def editorEvent(
        self,
        event: QEvent,
        model: QAbstractItemModel,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        if (
            event.type() == QEvent.Type.MouseButtonRelease
            and isinstance(event, QMouseEvent)
            and event.button() == Qt.MouseButton.LeftButton
            and self._button(option.rect).contains(event.position().toPoint())
        ):
            self.stop_clicked.emit(index.data(JOB).job_id)
            return True
        return super().editorEvent(event, model, option, index)

    def _button(self, row: QRect) -> QRect:
        return QRect(
            row.right() - theme.S8 - theme.S4 - _BUTTON,
            row.center().y() - _BUTTON // 2,
            _BUTTON,
            _BUTTON,
        )
