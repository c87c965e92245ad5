"""How large a picture is shown in the room there is, and with which interpolation."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage

from desktop.messages import Frame

_ABOUT_ONE = 1.25  # a picture that nearly fits is shown pixel by pixel


def fit(picture: QSize, room: QRect, ratio: float) -> QRect:
    """The rectangle the picture is shown in, centred in `room`, in device-independent pixels.

    ratio: device pixels to one pixel. A picture with fewer pixels than the room has is shown at a whole
    multiple of its size, in device pixels, as that keeps every edge as sharp as it is.
    """
    if picture.isEmpty() or room.isEmpty():
        return QRect()
    scale = min(room.width() * ratio / picture.width(), room.height() * ratio / picture.height())
    if scale >= 2:
        scale = int(scale)
    elif 1 <= scale < _ABOUT_ONE:
        scale = 1
    size = QSize(max(1, round(picture.width() * scale / ratio)), max(1, round(picture.height() * scale / ratio)))
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


def frame_image(frame: Frame) -> QImage:
    """The frame as an image that owns its pixels."""
    return QImage(frame.rgb, frame.width, frame.height, 3 * frame.width, QImage.Format.Format_RGB888).copy()
