"""Where the picture with its noise is shown, pixel by pixel."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from desktop.messages import Frame
from desktop.ui import theme
from desktop.ui.picture_fit import fit, frame_image, scaled

_CRISP = 2  # times; from here on every pixel is shown as a square, as smoothing would turn noise into fog


class NoiseCanvas(QWidget):
    """A frame as large as fits. crisp: every pixel of it a square, where it is enlarged twice or more."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self._ready = QPixmap()  # the image at the size it is painted in
        self._over = False
        self.crisp = True
        self.setMinimumSize(160, 120)
        self.setAccessibleName(self.tr("Picture with noise"))

    @property
    def image(self) -> QImage:
        """What is shown; null where nothing is."""
        return self._image

    def show_frame(self, frame: Frame, description: str, *, crisp: bool = True) -> None:
        self._image, self._ready, self.crisp = frame_image(frame), QPixmap(), crisp
        self.setAccessibleDescription(description)
        self.update()

    def set_over(self, over: bool) -> None:
        """Whether a picture is held above it."""
        if over != self._over:
            self._over = over
            self.update()

    def target(self) -> QRect:
        """Where the picture is painted, in widget coordinates."""
        room = self.rect().adjusted(theme.S24, theme.S24, -theme.S24, -theme.S24)
        size, ratio = self._image.size(), self.devicePixelRatioF()
        if size.isEmpty():
            return QRect()
        times = int(min(room.width() * ratio / size.width(), room.height() * ratio / size.height()))
        if times < _CRISP or not self.crisp:
            return fit(size, room, ratio)
        whole = QRect(0, 0, int(size.width() * times / ratio), int(size.height() * times / ratio))
        whole.moveCenter(room.center())
        return whole

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("mat"))
        if self._over:
            painter.setPen(theme.color("accent"))
            painter.drawRect(self.rect().adjusted(theme.S8, theme.S8, -theme.S8 - 1, -theme.S8 - 1))
        target, ratio = self.target(), self.devicePixelRatioF()
        if target.isEmpty():
            return
        size = QSize(round(target.width() * ratio), round(target.height() * ratio))
        if self._ready.size() != size:
            self._ready = QPixmap.fromImage(self._resized(size))
            self._ready.setDevicePixelRatio(ratio)
        painter.drawPixmap(target.topLeft(), self._ready)
        if not theme.tokens().dark:  # a white picture needs an edge
            painter.setPen(theme.color("line"))
            painter.drawRect(target.adjusted(-1, -1, 0, 0))

    def _resized(self, size: QSize) -> QImage:
        if size.width() < _CRISP * self._image.width() or not self.crisp:
            return scaled(self._image, size)
        return self._image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.FastTransformation)
