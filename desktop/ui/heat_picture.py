"""A picture with the heat of one word on it."""

from collections.abc import Callable

from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPixmap, qRgba
from PySide6.QtWidgets import QWidget

from desktop.heat import DIMMED, ramp
from desktop.messages import WordHeat
from desktop.ui import theme
from desktop.ui.picture_fit import fit, scaled


class HeatPicture(QWidget):
    """As large as fits. picture: what is shown now; asked for at every painting, as it may be a step of the picture."""

    def __init__(self, picture: Callable[[], QImage], full: QSize, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture, self._full = picture, full
        self._heat: WordHeat | None = None
        self._ready = QPixmap()  # both, at the size they are painted in
        self._ready_for: object = None
        self.setMinimumSize(160, 120)

    @property
    def heat(self) -> WordHeat | None:
        """What is laid over the picture, None for nothing."""
        return self._heat

    def show_heat(self, heat: WordHeat | None) -> None:
        if heat is not self._heat:
            self._heat = heat
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        room = self.rect().adjusted(theme.S24, theme.S24, -theme.S24, -theme.S8)
        ratio = self.devicePixelRatioF()
        target = fit(self._full, room, ratio)
        if target.isEmpty():
            return
        size = QSize(round(target.width() * ratio), round(target.height() * ratio))
        picture = self._picture()
        wanted = (picture.cacheKey(), size.toTuple(), self._heat)
        if self._ready_for != wanted:
            self._ready, self._ready_for = QPixmap.fromImage(_laid_over(picture, self._heat, size)), wanted
            self._ready.setDevicePixelRatio(ratio)
        painter.drawPixmap(target.topLeft(), self._ready)
        if not theme.tokens().dark:  # a white picture needs an edge
            painter.setPen(theme.color("line"))
            painter.drawRect(target.adjusted(-1, -1, 0, 0))


def _laid_over(picture: QImage, heat: WordHeat | None, size: QSize) -> QImage:
    """The picture at this size; under a heat it is grey and dim, so that the heat is told from its own colours."""
    if heat is None:
        return scaled(picture, size)
    grey = picture.convertToFormat(QImage.Format.Format_Grayscale8)
    result = scaled(grey.convertToFormat(QImage.Format.Format_RGB32), size)
    painter = QPainter(result)
    shade = QColor("black")
    shade.setAlphaF(1 - DIMMED)
    painter.fillRect(result.rect(), shade)
    values = QImage(heat.heat, heat.width, heat.height, heat.width, QImage.Format.Format_Indexed8)
    values.setColorTable([qRgba(*color) for color in ramp()])
    painter.drawImage(0, 0, scaled(values.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied), size))
    painter.end()
    return result
