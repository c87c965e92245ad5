"""The picture, developing and developed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, QRect, QSize, Qt, QUrl, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QDrag,
    QGuiApplication,
    QImage,
    QImageReader,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QApplication, QMenu, QVBoxLayout, QWidget

from desktop.ui import icons, theme
from desktop.ui.background import Background
from desktop.ui.empty_preview import EmptyPreview
from desktop.ui.picture_fit import enlarged, fit, frame_image, scaled

if TYPE_CHECKING:
    from desktop.messages import Frame, GenerationRequest, PictureRecord, Preview, Started

_BANNER = 640  # widest banner; its lines stay readable


class PreviewView(QWidget):
    """Shows the newest preview of the running job, or a finished picture, or how to make one.

    Signals: example_chosen(prompt), use_settings(GenerationRequest), use_as_start(path),
    save_as(PictureRecord), show_in_folder(PictureRecord), full_screen() on a double click,
    verify_wanted(PictureRecord), attention_wanted(PictureRecord), grid_wanted(PictureRecord),
    record_shown(PictureRecord) once a finished picture is there, developing() when previews take its place.
    """

    example_chosen = Signal(str)
    use_settings = Signal(object)
    use_as_start = Signal(str)
    save_as = Signal(object)
    show_in_folder = Signal(object)
    full_screen = Signal()
    verify_wanted = Signal(object)
    attention_wanted = Signal(object)
    grid_wanted = Signal(object)
    record_shown = Signal(object)
    developing = Signal()

    def __init__(self, *, margin: int = theme.S24, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._margin = margin
        self._image = QImage()
        self._full = QSize()  # the size of the finished picture, which the previews fill already
        self._record: PictureRecord | None = None
        self._last: PictureRecord | None = None  # whose place the previews took
        self._finished = QImage(), QImage()  # of _record, as it is and enlarged, while one of its steps is shown
        self._fine = QImage()  # _image, enlarged where it is a small finished picture
        self._shown = QPixmap()  # _fine at the size it is painted in
        self._press: QPoint | None = None
        self._loader = Background("picture-loader", self)
        self._loader.done.connect(self._on_loaded)
        self._loader.failed.connect(self._on_missing)
        self._empty: EmptyPreview | None = None
        self._cover: QWidget | None = None
        self._banner: QWidget | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(240, 200)
        self.setAccessibleName(self.tr("Picture"))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.DefaultContextMenu)

    @property
    def image(self) -> QImage:
        """What is shown; null in the empty state."""
        return self._image

    @property
    def finished(self) -> QImage:
        """The finished picture, while one of its steps may be shown; null while one develops."""
        return QImage() if self._record is None else self._finished[1]

    @property
    def full(self) -> QSize:
        """The size of the finished picture."""
        return self._full

    @property
    def record(self) -> PictureRecord | None:
        """The finished picture that is shown, None while one develops."""
        return self._record

    def show_examples(self) -> None:
        """The empty state."""
        self._loader.forget()
        self._image, self._fine, self._record, self._shown = QImage(), QImage(), None, QPixmap()
        if self._empty is None:
            self._empty = EmptyPreview(parent=self)
            self._empty.chosen.connect(self.example_chosen)
        self._empty.show_examples()
        self._empty.setGeometry(self.rect())
        self._empty.lower()
        self._empty.show()
        self.update()

    def show_waiting(self) -> None:
        """A picture was asked for; where another is shown already, that stays until the first step."""
        if self._image.isNull() and self._empty is not None:
            self._empty.show_waiting()

    def set_cover(self, cover: QWidget | None) -> None:
        """Lay a child widget over everything, or take it away again."""
        if self._cover is not None:
            self._cover.setParent(None)
            self._cover.deleteLater()
        self._cover = cover
        if self._empty is not None:
            self._empty.setVisible(cover is None and self._image.isNull())
        if cover is not None:
            cover.setGeometry(self.rect())
            cover.show()
            if self._banner is not None:
                self._banner.raise_()

    def set_banner(self, banner: QWidget) -> None:
        """Let a child widget float at the top, over the picture, so that nothing jumps when it comes."""
        self._banner = banner
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.S16, theme.S16, theme.S16, theme.S16)
        column.addWidget(banner, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self._fit_banner()

    def _fit_banner(self) -> None:
        if self._banner is not None:
            self._banner.setFixedWidth(max(200, min(_BANNER, self.width() - 2 * theme.S16)))

    @Slot(object)
    def on_started(self, event: Started) -> None:
        self._full = QSize(event.request.width, event.request.height)

    @Slot(object)
    def on_preview(self, event: Preview) -> None:
        if event.frame is None:  # a prior works on an embedding, which no picture shows
            return
        self._loader.forget()
        if self._record is not None:
            self._last, self._record = self._record, None
            self.developing.emit()
        if self._full.isEmpty():
            self._full = QSize(event.frame.width, event.frame.height)
        self._set_image(frame_image(event.frame))
        self.setAccessibleDescription(self.tr("Developing, step {0} of {1}").format(event.step, event.total))

    @Slot(object)
    def show_record(self, record: PictureRecord, *, hold: bool = False) -> None:
        """Show a finished picture; what is shown now stays until it is read from disk.

        hold: it stays after that too, for it is one of the picture's steps and somebody looks at it.
        """
        self._loader.start(lambda: (record, *_read(record.path), hold))

    def show_again(self, path: str) -> None:
        """Show the picture whose place the previews took, where it is this one."""
        if self._record is None and self._last is not None and self._last.path == path:
            self.show_record(self._last)

    @Slot(object)
    def show_frame(self, frame: Frame | None) -> None:
        """Show a step in the picture's place; None shows the finished picture itself again."""
        if frame is not None:
            self._set_image(frame_image(frame))
        elif self._record is not None:
            self._set_image(*self._finished)

    def wait(self) -> None:
        self._loader.wait()

    def sizeHint(self) -> QSize:
        return QSize(640, 560)

    def target(self) -> QRect:
        """Where the picture is painted, in widget coordinates."""
        margin = self._margin if min(self.width(), self.height()) > 320 else theme.S8
        room = self.rect().adjusted(margin, margin, -margin, -margin)
        return fit(self._full, room, self.devicePixelRatioF())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("mat"))
        painter.drawRect(self.rect())
        if self._image.isNull():
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        target = self.target()
        ratio = self.devicePixelRatioF()
        size = QSize(round(target.width() * ratio), round(target.height() * ratio))
        if self._shown.isNull() or self._shown.size() != size:
            self._shown = QPixmap.fromImage(scaled(self._fine, size))
            self._shown.setDevicePixelRatio(ratio)
        painter.drawPixmap(target.topLeft(), self._shown)
        if not theme.tokens().dark:  # a white picture needs an edge
            painter.setPen(theme.color("line"))
            painter.drawRect(target.adjusted(-1, -1, 0, 0))
        if self.hasFocus():
            painter.setPen(theme.color("focus"))
            painter.drawRect(target.adjusted(-3, -3, 2, 2))

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._empty is not None:
            self._empty.setGeometry(self.rect())
        if self._cover is not None:
            self._cover.setGeometry(self.rect())
        self._fit_banner()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.target().contains(event.position().toPoint()):
            self._press = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._press is None or self._record is None:
            return
        if (event.position().toPoint() - self._press).manhattanLength() >= QApplication.startDragDistance():
            self._press = None
            self._drag(self._record)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._press = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if not self._image.isNull():
            self.full_screen.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._image.isNull():
            return
        menu = self.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    def menu(self) -> QMenu:
        """What can be done with the picture that is shown."""
        menu = QMenu(self)
        record = self._record

        def add(icon: str, text: str, slot, enabled: bool = True) -> None:
            action = menu.addAction(icons.icon(icon), text)
            action.setEnabled(enabled)
            action.triggered.connect(slot)

        saved = record is not None
        add("copy", self.tr("Copy picture"), self.copy)
        add("save", self.tr("Save as…"), self._on_save_as, saved)
        menu.addSeparator()
        add("image-plus", self.tr("Use as start picture"), self._on_use_as_start, saved)
        add("rotate-ccw", self.tr("Use these settings"), self._on_use_settings, saved)
        add("shield-check", self.tr("Make it again and compare"), self._on_verify, saved)
        add("eye", self.tr("Show what each word drew"), self._on_attention, saved)
        add("grid-3x3", self.tr("Vary two settings…"), self._on_grid, saved)
        menu.addSeparator()
        add("maximize", self.tr("Full screen\tF"), self.full_screen)
        add("folder", self.tr("Show in folder"), self._on_show_in_folder, saved)
        return menu

    @Slot()
    def copy(self) -> None:
        """Put the picture on the clipboard."""
        if not self._image.isNull():
            QGuiApplication.clipboard().setImage(self._image)

    def request(self) -> GenerationRequest | None:
        return self._record.request if self._record else None

    def _drag(self, record: PictureRecord) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(record.path)])
        drag = QDrag(self)
        drag.setMimeData(data)
        small = scaled(self._image, self._image.size().scaled(96, 96, Qt.AspectRatioMode.KeepAspectRatio))
        drag.setPixmap(QPixmap.fromImage(small))
        drag.exec(Qt.DropAction.CopyAction)

    def _set_image(self, image: QImage, fine: QImage | None = None) -> None:
        self._image, self._fine, self._shown = image, fine or image, QPixmap()
        if self._empty is not None:
            self._empty.hide()
        self.update()

    @Slot(object)
    def _on_loaded(self, result: tuple[PictureRecord, QImage, QImage, bool]) -> None:
        self._record, image, fine, hold = result
        self._full = image.size()
        self._finished = image, fine
        if not hold:
            self._set_image(image, fine)
        self.setAccessibleDescription(self._record.request.prompt)
        self.record_shown.emit(self._record)

    @Slot(object)
    def _on_missing(self, error: Exception) -> None:
        self.setAccessibleDescription(str(error))

    @Slot()
    def _on_save_as(self) -> None:
        self.save_as.emit(self._record)

    @Slot()
    def _on_verify(self) -> None:
        self.verify_wanted.emit(self._record)

    @Slot()
    def _on_attention(self) -> None:
        self.attention_wanted.emit(self._record)

    @Slot()
    def _on_grid(self) -> None:
        self.grid_wanted.emit(self._record)

    @Slot()
    def _on_use_as_start(self) -> None:
        self.use_as_start.emit(self._record.path)

    @Slot()
    def _on_use_settings(self) -> None:
        self.use_settings.emit(self._record.request)

    @Slot()
    def _on_show_in_folder(self) -> None:
        self.show_in_folder.emit(self._record)


def _read(path: str) -> tuple[QImage, QImage]:
    """The picture and what to show of it."""
    reader = QImageReader(path)
    image = reader.read()
    if image.isNull():
        raise OSError(f"{Path(path).name}: {reader.errorString()}")
    return image, enlarged(image)
