"""Icons of one set (Lucide), tinted with the text colour of the theme in force.

An icon asks the theme while it is painted, so a change of theme needs no more than a repaint.
"""

from functools import cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap, QPixmapCache
from PySide6.QtWidgets import QAbstractButton

from desktop.settings import RESOURCES
from desktop.ui import theme


def icon(name: str, size: int = 16, role: str = "text") -> QIcon:
    """An icon that follows the theme.

    name: a file in resources/icons, without its ending. size: the side it reports, 16 or 20.
    role: the token it is tinted with; a disabled one is tinted "faint", a checked one keeps its role.
    """
    return QIcon(_Engine(name, size, role))


def put(button: QAbstractButton, name: str, role: str = "text") -> None:
    """Give a button with words an icon, and the gap between them that Qt leaves too small."""
    text = button.text()
    button.setAccessibleName(button.accessibleName() or text)
    button.setIcon(icon(name, role=role))
    button.setText(f"\u2002{text}")  # an en space


def pixmap(name: str, size: int, tint: str, ratio: float) -> QPixmap:
    """An icon as a pixmap. tint: #rrggbb. ratio: device pixels to one pixel."""
    key = f"safelight-icon:{name}:{size}:{tint}:{ratio:g}"
    found = QPixmap()
    if QPixmapCache.find(key, found):
        return found
    side = round(size * ratio)
    result = QPixmap(side, side)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    from PySide6.QtSvg import QSvgRenderer  # costs a few ms; the first icon pays

    svg = _source(name).replace("currentColor", tint)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, side, side))
    painter.end()
    result.setDevicePixelRatio(ratio)
    QPixmapCache.insert(key, result)
    return result


@cache
def _source(name: str) -> str:
    return (RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8")


class _Engine(QIconEngine):
    def __init__(self, name: str, size: int, role: str) -> None:
        super().__init__()
        self._name, self._size, self._role = name, size, role

    def _tint(self, mode: QIcon.Mode) -> str:
        return getattr(theme.tokens(), "faint" if mode == QIcon.Mode.Disabled else self._role)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        side = min(rect.width(), rect.height())
        image = pixmap(self._name, side, self._tint(mode), painter.device().devicePixelRatioF())
        left, top = rect.x() + (rect.width() - side) // 2, rect.y() + (rect.height() - side) // 2
        painter.drawPixmap(left, top, image)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        side = min(size.width(), size.height())  # in device-independent pixels
        return pixmap(self._name, side, self._tint(mode), scale)

    def actualSize(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QSize:
        side = min(size.width(), size.height())
        return QSize(side, side)

    def availableSizes(self, mode: QIcon.Mode = QIcon.Mode.Normal, state: QIcon.State = QIcon.State.Off) -> list[QSize]:
        return [QSize(self._size, self._size)]

    def isNull(self) -> bool:
        return False

    def key(self) -> str:
        return "safelight"

    def clone(self) -> QIconEngine:
        return _Engine(self._name, self._size, self._role)
