"""Text in a few lines, the last one shortened, for painting by hand."""

from functools import lru_cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QTextLayout, QTextOption

from desktop.ui import theme


@lru_cache(maxsize=2000)  # a list asks for the same rows at every repaint and every relayout
def lines(text: str, pixels: int, width: int, most: int) -> tuple[str, ...]:
    """The text in at most `most` lines of `width` pixels; what does not fit ends in an ellipsis.

    pixels: size of the window's font.
    """
    font = theme.font(pixels)
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    found = []
    layout.beginLayout()
    while len(found) < most:
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(width)
        found.append((line.textStart(), line.textLength()))
    layout.endLayout()
    if not found:
        return ()
    # QTextLayout counts UTF-16 units, Python code points; a prompt with emoji needs the difference.
    raw = text.encode("utf-16-le", "surrogatepass")
    result = [raw[2 * start : 2 * (start + length)].decode("utf-16-le", "ignore") for start, length in found]
    rest = raw[2 * found[-1][0] :].decode("utf-16-le", "ignore")
    result[-1] = QFontMetrics(font).elidedText(rest, Qt.TextElideMode.ElideRight, width)
    return tuple(line.rstrip() for line in result)
