"""The program's icon as pixels, from its two drawings: one for small sizes, where thin lines would vanish."""

import contextlib
import os
import sys
from pathlib import Path

SIZES = (16, 22, 24, 32, 48, 64, 96, 128, 192, 256, 512)  # what the hicolor theme of Linux has
_SMALL = 32
_DRAWINGS = Path(__file__).resolve().parents[2] / "resources" / "icons" / "app"


def drawing(size: int) -> Path:
    return _DRAWINGS / ("safelight-small.svg" if size <= _SMALL else "safelight.svg")


def draw(folder: Path) -> None:
    """Write safelight-SIZE.png of each size, safelight.ico for Windows and safelight.icns for macOS."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PIL import Image
    from PySide6.QtGui import QGuiApplication, QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    application = QGuiApplication.instance() or QGuiApplication([])
    folder.mkdir(parents=True, exist_ok=True)
    for size in (*SIZES, 1024):
        image = QImage(size, size, QImage.Format.Format_ARGB32)
        image.fill(0)
        painter = QPainter(image)
        QSvgRenderer(str(drawing(size))).render(painter)
        painter.end()
        if not image.save(str(folder / f"safelight-{size}.png")):
            raise OSError(f"{folder} cannot be written to")
    del application
    ico, icns = (256, 16, 24, 32, 48, 64, 128), (1024, 16, 32, 64, 128, 256, 512)
    with contextlib.ExitStack() as opened:
        pictures = {size: opened.enter_context(Image.open(folder / f"safelight-{size}.png")) for size in {*ico, *icns}}
        largest, *others = (pictures[size] for size in ico)
        largest.save(folder / "safelight.ico", sizes=[(size, size) for size in ico], append_images=others)
        largest, *others = (pictures[size] for size in icns)
        largest.save(folder / "safelight.icns", append_images=others)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
