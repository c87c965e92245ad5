"""Where the picture to start from is dropped, shown and removed."""

from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QImage,
    QImageReader,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.ui import icons, theme
from desktop.ui.background import Background
from desktop.ui.dropped import local_file
from desktop.ui.inline_error import InlineError
from desktop.ui.ports import StartPictures

_THUMBNAIL = 44


class StartPictureBox(QWidget):
    """Holds the fingerprint of the start picture, or None.

    Signals: changed() when there is another picture or none.
    """

    changed = Signal()

    def __init__(self, starts: StartPictures, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._starts = starts
        self._sha: str | None = None
        self._background = Background("start-picture", self)
        self._background.done.connect(self._on_read)
        self._background.failed.connect(self._on_failed)
        self._area = _DropArea(self)
        self._area.clicked.connect(self.choose)
        self._area.dropped.connect(self.load)
        self._remove = QToolButton(self)
        self._remove.setIcon(icons.icon("x"))
        self._remove.setFixedSize(theme.CONTROL, theme.CONTROL)
        self._remove.setToolTip(self.tr("Remove the start picture: draw from pure noise again"))
        self._remove.setAccessibleName(self.tr("Remove the start picture"))
        self._remove.clicked.connect(self.clear)
        self._remove.hide()
        self._error = InlineError(self)
        row = QHBoxLayout()
        row.setSpacing(theme.S4)
        row.addWidget(self._area, 1)
        row.addWidget(self._remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S4)
        column.addLayout(row)
        column.addWidget(self._error)
        self._show_empty()

    @property
    def sha(self) -> str | None:
        return self._sha

    @property
    def busy(self) -> bool:
        return self._area.busy

    @Slot(str)
    def load(self, path: str) -> None:
        """Take a file in, off the GUI thread."""
        self._error.clear()
        self._area.show_busy(self.tr("Reading {0}…").format(Path(path).name))

        def work() -> tuple[str, QImage, str]:
            sha = self._starts.keep(path)
            return sha, _thumbnail(self._starts.path_of(sha)), Path(path).name

        self._background.start(work)

    def set_sha(self, sha: str | None) -> None:
        """Show a picture that is kept already."""
        if sha is None:
            self.clear()
            return
        if sha == self._sha:
            return
        self._error.clear()
        self._area.show_busy(self.tr("Reading the start picture…"))
        self._background.start(lambda: (sha, _thumbnail(self._starts.path_of(sha)), ""))

    @Slot()
    def clear(self) -> None:
        self._background.forget()
        self._error.clear()
        had = self._sha is not None
        self._sha = None
        self._show_empty()
        if had:
            self.changed.emit()

    @Slot()
    def choose(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self.window(),
            self.tr("Choose a start picture"),
            "",
            self.tr("Pictures") + " (*.png *.jpg *.jpeg *.webp *.bmp *.gif *.tif *.tiff)",
        )
        if path:
            self.load(path)

    def wait(self) -> None:
        self._background.wait()

    def _show_empty(self) -> None:
        self._remove.hide()
        self._area.show_empty(self.tr("Drop a picture, or click to choose"))

    @Slot(object)
    def _on_read(self, result: tuple[str, QImage, str]) -> None:
        sha, image, name = result
        self._sha = sha
        size = image.text("full-size") or ""
        self._area.show_picture(image, name or self.tr("Kept from an earlier run"), size)
        self._remove.show()
        self.changed.emit()

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        if self._sha is None:
            self._show_empty()
        else:
            self._area.show_again()
        if not isinstance(error, KnownError):
            error = KnownError(self.tr("The picture could not be read ({0})").format(error))
        self._error.show_error(error)


def _thumbnail(path: Path) -> QImage:
    reader = QImageReader(str(path))
    full = reader.size()
    if full.isValid():
        reader.setScaledSize(full.scaled(256, 256, Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    if image.isNull():
        raise KnownError("The start picture cannot be shown", "Drop it again.")
    image.setText("full-size", f"{full.width()} × {full.height()}")
    return image


class _DropArea(QAbstractButton):
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
