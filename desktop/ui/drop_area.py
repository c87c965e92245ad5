"""The box a picture is dropped on, with the picture in it."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QImage,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QAbstractButton, QWidget

from desktop.ui import icons, theme
from desktop.ui.dropped import local_file

_THUMBNAIL = 44


class DropArea(QAbstractButton):
    """Paints the dashed box or the thumbnail. Signals: dropped(path)."""

    dropped = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.busy = False
        self._picture = QPixmap()
        self._text = self._detail = ""
        self._kept = ("", "")
        self._over = False
        self.setFixedHeight(56)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(self.tr("Start picture"))
        self.setToolTip(
            self.tr(
                "Start picture: the run begins from it instead of from pure noise,\n"
                "so its shapes and colours shine through. Drop one anywhere on the window."
            )
        )

    def sizeHint(self) -> QSize:
        return QSize(200, 56)

    def show_empty(self, text: str) -> None:
        self.busy = False
        self._picture = QPixmap()
        self._text, self._detail = text, ""
        self.setAccessibleDescription(text)
        self.update()

    def show_busy(self, text: str) -> None:
        if not self.busy:
            self._kept = (self._text, self._detail)
        self.busy = True
        self._text, self._detail = text, ""
        self.update()

    def show_again(self) -> None:
        self.busy = False
        self._text, self._detail = self._kept
        self.update()

    def show_picture(self, image: QImage, name: str, detail: str) -> None:
        self.busy = False
        self._picture = QPixmap.fromImage(image)
        self._text, self._detail = name, detail
        self.setAccessibleDescription(f"{name} {detail}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        hot = self._over or self.underMouse()
        painter.setBrush(theme.color("selection" if self._over else "raised" if hot else "panel"))
        line = "accent" if self._over else "focus" if self.hasFocus() else "line_strong"
        pen = QPen(theme.color(line), 1)
        if self._picture.isNull() and not self.hasFocus():
            pen.setDashPattern([4, 3])
        painter.setPen(pen)
        painter.drawRoundedRect(box, theme.RADIUS, theme.RADIUS)
        left = theme.S12
        if self._picture.isNull():
            tint = theme.tokens().quiet
            painter.drawPixmap(
                left, (self.height() - 20) // 2, icons.pixmap("image-plus", 20, tint, self.devicePixelRatioF())
            )
            left += 20 + theme.S8
        else:
            square = QRectF(6, 6, _THUMBNAIL, _THUMBNAIL)
            path = QPainterPath()
            path.addRoundedRect(square, 4, 4)
            painter.save()
            painter.setClipPath(path)
            picture = self._picture
            scale = max(_THUMBNAIL / picture.width(), _THUMBNAIL / picture.height())
            side = _THUMBNAIL / scale
            source = QRectF((picture.width() - side) / 2, (picture.height() - side) / 2, side, side)
            painter.drawPixmap(square, picture, source)
            painter.restore()
            left = 6 + _THUMBNAIL + theme.S8
        room = self.width() - left - theme.S8
        painter.setFont(theme.font())
        metrics = painter.fontMetrics()
        text = metrics.elidedText(self._text, Qt.TextElideMode.ElideMiddle, room)
        if self._detail:
            painter.setPen(theme.color("text"))
            painter.drawText(QRectF(left, 9, room, 20), Qt.AlignmentFlag.AlignVCenter, text)
            painter.setFont(theme.font(theme.CAPTION_PX))
            painter.setPen(theme.color("quiet"))
            painter.drawText(QRectF(left, 29, room, 18), Qt.AlignmentFlag.AlignVCenter, self._detail)
        else:
            painter.setPen(theme.color("text" if not self._picture.isNull() else "quiet"))
            painter.drawText(QRectF(left, 0, room, self.height()), Qt.AlignmentFlag.AlignVCenter, text)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if local_file(event.mimeData()) and not event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self._over = True
            self.update()
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._over = False
        self.update()

    def dropEvent(self, event: QDropEvent) -> None:
        self._over = False
        self.update()
        event.acceptProposedAction()
        self.dropped.emit(local_file(event.mimeData()))
