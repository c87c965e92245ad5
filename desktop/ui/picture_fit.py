"""How large a picture is shown in the room there is, and with which interpolation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage

if TYPE_CHECKING:
    from desktop.messages import Frame


_ABOUT_ONE = 1.25  # a picture that nearly fits is shown pixel by pixel, as sharp as it is
_MOST = 5  # beyond five times its size a small picture turns to fog
_SMALL = 320  # pixels; larger pictures are scaled up too little to need better than Qt's bilinear
_FINE = 4  # how much a small picture is enlarged ahead of time


def fit(picture: QSize, room: QRect, ratio: float) -> QRect:
    """The rectangle the picture is shown in, centred in `room`, in device-independent pixels.

    ratio: device pixels to one pixel.
    """
    if picture.isEmpty() or room.isEmpty():
        return QRect()
    scale = min(room.width() / picture.width(), room.height() / picture.height(), _MOST)
    if 1 <= scale * ratio < _ABOUT_ONE:
        scale = 1 / ratio
    size = QSize(max(1, round(picture.width() * scale)), max(1, round(picture.height() * scale)))
    corner = room.center() - QRect(0, 0, size.width(), size.height()).center()
    return QRect(corner, size)


def scaled(image: QImage, target: QSize) -> QImage:
    """An image at exactly `target` device pixels.

    Qt's smooth scaling is bilinear, which shows as diamonds when a 16 pixel preview fills a screen; doubling
    step by step rounds them off.
    """
    keep, smooth = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    if image.size() == target or image.isNull():
        return image
    while image.width() * 2 < target.width() and image.height() * 2 < target.height():
        image = image.scaled(image.size() * 2, keep, smooth)
    return image.scaled(target, keep, smooth)


def enlarged(image: QImage) -> QImage:
    """A finished small picture four times as large, by Lanczos, which keeps edges crisp where Qt's bilinear
    blurs them; a larger one as it is. Takes some ms, and the first time Pillow's import: not for the GUI thread.
    """
    if max(image.width(), image.height()) > _SMALL:
        return image
    from PIL import Image

    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    size = (plain.width(), plain.height())
    small = Image.frombuffer("RGB", size, plain.constBits(), "raw", "RGB", plain.bytesPerLine(), 1)
    large = small.resize((size[0] * _FINE, size[1] * _FINE), Image.Resampling.LANCZOS)
    data = large.tobytes()
    return QImage(data, large.width, large.height, 3 * large.width, QImage.Format.Format_RGB888).copy()


def frame_image(frame: Frame) -> QImage:
    """The frame as an image that owns its pixels."""
    return QImage(frame.rgb, frame.width, frame.height, 3 * frame.width, QImage.Format.Format_RGB888).copy()
