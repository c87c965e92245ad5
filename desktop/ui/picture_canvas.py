"""Where a picture is zoomed and moved about."""

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from desktop.ui import theme
from desktop.ui.picture_fit import fit, scaled

# Device pixels to one of the picture's. From 2 on whole numbers only: there every pixel is painted as a square,
# for who zooms in wants to see them.
STOPS = (0.05, 0.1, 0.15, 0.25, 0.33, 0.5, 0.67, 0.8, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32)
_NOTCH = 120  # of a mouse wheel, in eighths of a degree


class PictureCanvas(QWidget):
    """Shows a picture as large as fits, or at a zoom that was chosen.

    Signals: zoomed(device pixels to one of the picture's, 0 without a picture), double_clicked(),
    dragged() when a picture that fits is pulled away.
    """

    zoomed = Signal(float)
    double_clicked = Signal()
    dragged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self._fine = QImage()  # what it is shown from where it fits
        self._pixmap = QPixmap()
        self._ready = QPixmap()  # the picture at the size it is painted in, where it fits
        self._message = ""
        self._zoom: float | None = None  # None: as large as fits
        self._middle = QPointF()  # the picture's point in the middle of the canvas, while zoomed
        self._press: QPoint | None = None
        self._wheel = 0
        self.setMinimumSize(160, 120)

    @property
    def image(self) -> QImage:
        return self._image

    @property
    def scale(self) -> float:
        """Device pixels to one of the picture's, as shown; 0 without a picture."""
        if self._image.isNull():
            return 0.0
        return self._zoom or self._fitting().width() * self.devicePixelRatioF() / self._image.width()

    def show_image(self, image: QImage, fine: QImage | None = None, message: str = "") -> None:
        """fine: the same, enlarged well, see picture_fit. message: what is said in place of a picture that is none."""
        self._image, self._message = image, message
        self._fine = image if fine is None else fine
        self._pixmap = QPixmap.fromImage(image) if not image.isNull() else QPixmap()
        self._ready = QPixmap()
        self._set_zoom(None)

    def zoom_by(self, direction: int, at: QPointF | None = None) -> None:
        """To the next stop. direction: 1 in, -1 out. at: the point of the canvas that stays where it is."""
        now = self.scale
        if not now:
            return
        if direction > 0:
            target = next((stop for stop in STOPS if stop > now * 1.01), now)
        else:
            target = next((stop for stop in reversed(STOPS) if stop < now * 0.99), now)
        self._set_zoom(target, at)

    def toggle_zoom(self) -> None:
        """Pixel by pixel, or as large as fits again."""
        if not self._image.isNull():
            self._set_zoom(1.0 if self._zoom is None and self.scale != 1 else None)

    def target(self) -> QRectF:
        """Where the picture lies, in the canvas's coordinates."""
        if self._zoom is None:
            return QRectF(self._fitting())
        factor = self._zoom / self.devicePixelRatioF()
        corner = QPointF(self.rect().center()) - self._middle * factor
        return QRectF(corner.toPoint(), self._image.size() * factor)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("mat"))
        if self._image.isNull():
            painter.setPen(theme.color("quiet"))
            room = self.rect().adjusted(theme.S24, theme.S24, -theme.S24, -theme.S24)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._message)
            return
        target, scale = self.target(), self.scale
        if self._zoom is None or scale < 1:
            painter.drawPixmap(target.topLeft(), self._resized(scale))
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 2)
            painter.drawPixmap(target, self._pixmap, QRectF(self._pixmap.rect()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._set_middle(self._middle)
        self.zoomed.emit(self.scale)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._wheel += event.angleDelta().y()
        while abs(self._wheel) >= _NOTCH:
            direction = 1 if self._wheel > 0 else -1
            self._wheel -= direction * _NOTCH
            self.zoom_by(direction, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.target().contains(event.position()):
            self._press = event.position().toPoint()
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._press is None:
            return
        place = event.position().toPoint()
        if self._can_move():
            moved = place - self._press
            self._press = place
            self._set_middle(self._middle - QPointF(moved) * (self.devicePixelRatioF() / self.scale))
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif (place - self._press).manhattanLength() >= QApplication.startDragDistance():
            self._press = None
            self.dragged.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._press = None
        self._show_cursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.double_clicked.emit()

    def _fitting(self) -> QRect:
        margin = 0 if self.window().isFullScreen() else theme.S16
        return fit(self._image.size(), self.rect().adjusted(margin, margin, -margin, -margin), self.devicePixelRatioF())

    def _set_zoom(self, zoom: float | None, at: QPointF | None = None) -> None:
        at = QPointF(self.rect().center()) if at is None else at
        old = self.target()
        point = QPointF()  # of the picture, under `at`
        if old.width() and not self._image.isNull():
            point = (at - old.topLeft()) * (self._image.width() / old.width())
        self._zoom = zoom
        if zoom is not None:
            away = (at - QPointF(self.rect().center())) * (self.devicePixelRatioF() / zoom)
            self._set_middle(point - away)
        self._show_cursor()
        self.zoomed.emit(self.scale)
        self.update()

    def _set_middle(self, middle: QPointF) -> None:
        """Keep the picture's edges outside the canvas, or the picture in the middle where it is smaller."""
        if self._zoom is None:
            return
        factor = self.devicePixelRatioF() / self._zoom

        def kept(value: float, picture: int, canvas: int) -> float:
            half = canvas * factor / 2
            return picture / 2 if picture <= 2 * half else min(max(value, half), picture - half)

        self._middle = QPointF(
            kept(middle.x(), self._image.width(), self.width()),
            kept(middle.y(), self._image.height(), self.height()),
        )
        self.update()

    def _can_move(self) -> bool:
        target = self.target()
        return self._zoom is not None and (target.width() > self.width() or target.height() > self.height())

    def _show_cursor(self) -> None:
        self.setCursor(Qt.CursorShape.OpenHandCursor if self._can_move() else Qt.CursorShape.ArrowCursor)

    def _resized(self, scale: float) -> QPixmap:
        """As the preview shows it: every pixel counted when smaller, smooth when larger."""
        size = QSize(max(1, round(self._image.width() * scale)), max(1, round(self._image.height() * scale)))
        if self._ready.size() != size:
            self._ready = QPixmap.fromImage(scaled(self._fine, size))
        self._ready.setDevicePixelRatio(self.devicePixelRatioF())
        return self._ready
