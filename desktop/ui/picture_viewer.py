"""One picture, as large as the window."""

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, QUrl, Signal, Slot
from PySide6.QtGui import QContextMenuEvent, QDrag, QImage, QKeyEvent, QMouseEvent, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from desktop.messages import PictureRecord
from desktop.ui import gallery_keys, gallery_words, icons, theme
from desktop.ui.background import Background
from desktop.ui.elided_label import ElidedLabel
from desktop.ui.gallery import Gallery
from desktop.ui.gallery_files import read_image
from desktop.ui.gallery_menu import PictureMenu
from desktop.ui.picture_canvas import PictureCanvas
from desktop.ui.picture_fit import enlarged
from desktop.ui.tips import plain_tip

_DRAG_SIDE = 96  # pixels of the picture under the pointer


class PictureViewer(QWidget):
    """Covers its parent. Arrows walk, + and - zoom, F fills the screen, Esc closes.

    Signals: closed(), shown(PictureRecord) when another picture is on the screen.
    """

    closed = Signal()
    shown = Signal(object)

    def __init__(self, gallery: Gallery, parent: QWidget) -> None:
        super().__init__(parent)
        self._gallery = gallery
        self._record: PictureRecord | None = None
        self._text = ""
        self._before: QWidget | None = None  # had the focus when the viewer opened
        self._was_maximized = False
        self._filled_screen = False  # by this viewer, so that closing takes it back
        self._loader = Background("picture-viewer", self)
        self._loader.done.connect(self._on_read)
        self._loader.failed.connect(self._on_failed)
        self.canvas = PictureCanvas(self)
        self.canvas.zoomed.connect(self._on_zoomed)
        self.canvas.double_clicked.connect(self.toggle_full_screen)
        self.canvas.dragged.connect(self._on_dragged)
        self.bar = self._build_bar()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self.canvas, 1)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAutoFillBackground(True)
        self.setAccessibleName(self.tr("Picture"))
        gallery.changed.connect(self._on_changed)
        gallery.removed.connect(self._on_removed)
        gallery.restored.connect(self._on_restored)
        parent.installEventFilter(self)
        self.hide()

    @property
    def record(self) -> PictureRecord | None:
        return self._record

    @Slot(object, str)
    def open(self, record: PictureRecord, text: str = "") -> None:
        """Show a picture. text: the search whose results the arrows walk."""
        self._text = text
        if not self.isVisible():
            self._before = self.window().focusWidget()
            self.setGeometry(self.parentWidget().rect())
            self.raise_()
            self.show()
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self._show(record)

    @Slot()
    def close_viewer(self) -> None:
        if self._filled_screen:
            self.toggle_full_screen()
        self._loader.forget()
        self._record = None
        self.canvas.show_image(QImage())
        self.hide()
        if self._before is not None and self._before.isVisible():
            self._before.setFocus()
        self.closed.emit()

    @Slot()
    def newer(self) -> None:
        self._walk(self._neighbour(older=False))

    @Slot()
    def older(self) -> None:
        self._walk(self._neighbour(older=True))

    @Slot()
    def toggle_full_screen(self) -> None:
        """The picture alone on the whole screen, or back."""
        window = self.window()
        self._filled_screen = not window.isFullScreen()
        if self._filled_screen:
            self._was_maximized = window.isMaximized()
            window.showFullScreen()
        elif self._was_maximized:
            window.showMaximized()
        else:
            window.showNormal()
        self.bar.setVisible(not self._filled_screen)
        self.setGeometry(self.parentWidget().rect())

    def wait(self) -> None:
        """Wait for a picture that is being read; for shutdown and tests."""
        self._loader.wait()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, plain = event.key(), not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key == Qt.Key.Key_Escape:
            self.toggle_full_screen() if self._filled_screen else self.close_viewer()
        elif plain and key in (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_PageUp):
            self.newer()
        elif plain and key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_PageDown, Qt.Key.Key_Space):
            self.older()
        elif plain and key in (Qt.Key.Key_F, Qt.Key.Key_F11):
            self.toggle_full_screen()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.canvas.zoom_by(1)
        elif key in (Qt.Key.Key_Minus, Qt.Key.Key_Underscore):
            self.canvas.zoom_by(-1)
        elif plain and key in (Qt.Key.Key_Z, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.canvas.toggle_zoom()
        elif not gallery_keys.handle(event, self._gallery, [self._record] if self._record else [], self):
            event.ignore()

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab stays inside: what lies under the viewer is not to be worked unseen."""
        widget = self.focusWidget() or self
        while True:
            widget = widget.nextInFocusChain() if forward else widget.previousInFocusChain()
            inside = widget is self or self.isAncestorOf(widget)
            tabbed = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
            if widget is self or (inside and tabbed and widget.isEnabled() and widget.isVisible()):
                widget.setFocus(Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason)
                return True

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._record is not None:
            menu = PictureMenu(self._gallery, [self._record], self, self._text, opens=False)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(event.globalPos())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # nothing under the viewer is to be worked unseen

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self.parentWidget().rect())
        return False

    def _build_bar(self) -> QFrame:
        bar = QFrame(self)
        theme.set_kind(bar, "bar")
        bar.setFixedHeight(theme.BAR)
        self._title = ElidedLabel(bar)
        self._zoom = QLabel(bar)
        theme.set_kind(self._zoom, "quiet")
        self._zoom.setMinimumWidth(44)
        self._zoom.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(bar)
        row.setContentsMargins(theme.S8, 0, theme.S8, 0)
        row.setSpacing(theme.S4)
        self._newer = self._tool(bar, "chevron-left", self.tr("Newer picture (Left)"), self.newer)
        self._older = self._tool(bar, "chevron-right", self.tr("Older picture (Right)"), self.older)
        row.addWidget(self._newer)
        row.addWidget(self._older)
        row.addSpacing(theme.S8)
        row.addWidget(self._title, 1)
        row.addWidget(self._zoom)
        row.addSpacing(theme.S8)
        row.addWidget(self._tool(bar, "minus", self.tr("Zoom out (-)"), self._on_zoom_out))
        row.addWidget(self._tool(bar, "plus", self.tr("Zoom in (+)"), self._on_zoom_in))
        row.addSpacing(theme.S8)
        row.addWidget(self._tool(bar, "copy", self.tr("Copy (Ctrl+C)"), self._on_copy))
        row.addWidget(self._tool(bar, "save", self.tr("Save as… (Ctrl+S)"), self._on_save))
        row.addWidget(self._tool(bar, "trash-2", self.tr("Delete (Del)"), self._on_delete))
        row.addSpacing(theme.S8)
        row.addWidget(self._tool(bar, "maximize", self.tr("Full screen (F)"), self.toggle_full_screen))
        row.addWidget(self._tool(bar, "x", self.tr("Close (Esc)"), self.close_viewer))
        return bar

    def _tool(self, parent: QWidget, icon: str, text: str, slot) -> QToolButton:
        button = QToolButton(parent)
        button.setIcon(icons.icon(icon))
        button.setFixedSize(theme.CONTROL, theme.CONTROL)
        button.setToolTip(text)
        button.setAccessibleName(text.partition(" (")[0])
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the arrows with the picture
        button.clicked.connect(slot)
        return button

    def _show(self, record: PictureRecord) -> None:
        self._record = record
        request = record.request
        self._title.setText(gallery_words.shortened(request.prompt, 300))
        self._title.setToolTip(plain_tip(gallery_words.shortened(request.prompt, 1000)))
        self.setAccessibleDescription(gallery_words.spoken(record))
        self._newer.setEnabled(self._neighbour(older=False) is not None)
        self._older.setEnabled(self._neighbour(older=True) is not None)
        path = record.path
        self._loader.start(lambda: _read(path))
        self.shown.emit(record)

    def _walk(self, record: PictureRecord | None) -> None:
        if record is not None:
            self._show(record)

    def _neighbour(self, *, older: bool) -> PictureRecord | None:
        if self._record is None:
            return None
        return self._gallery.neighbour(self._record, self._text, older=older)

    @Slot(object)
    def _on_read(self, images: tuple[QImage, QImage]) -> None:
        self.canvas.show_image(*images)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        self.canvas.show_image(QImage(), message=str(error))

    @Slot(float)
    def _on_zoomed(self, zoom: float) -> None:
        self._zoom.setText(f"{zoom * 100:.0f} %" if zoom else "")

    @Slot()
    def _on_zoom_in(self) -> None:
        self.canvas.zoom_by(1)

    @Slot()
    def _on_zoom_out(self) -> None:
        self.canvas.zoom_by(-1)

    @Slot()
    def _on_dragged(self) -> None:
        if self._record is None:
            return
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(self._record.path)])
        keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.setPixmap(QPixmap.fromImage(self.canvas.image.scaled(_DRAG_SIDE, _DRAG_SIDE, keep, smooth)))
        drag.exec(Qt.DropAction.CopyAction)

    @Slot()
    def _on_copy(self) -> None:
        if self._record is not None:
            self._gallery.files.copy([self._record])

    @Slot()
    def _on_save(self) -> None:
        if self._record is not None:
            self._gallery.files.save_as([self._record], self.window())

    @Slot()
    def _on_delete(self) -> None:
        if self._record is not None:
            self._gallery.delete([self._record])

    @Slot(object)
    def _on_changed(self, record: PictureRecord) -> None:
        if self._record is not None and record.id == self._record.id:
            self._record = record

    @Slot(object)
    def _on_removed(self, ids: tuple[int, ...]) -> None:
        """Go on to the next older picture, else the next newer, else close."""
        if self._record is None or self._record.id not in ids:
            return
        record = self._neighbour(older=True) or self._neighbour(older=False)
        if record is None:
            self.close_viewer()
        else:
            self._show(record)

    @Slot(object)
    def _on_restored(self, records: tuple[PictureRecord, ...]) -> None:
        if self.isVisible() and records:
            self._show(records[0])


def _read(path: str) -> tuple[QImage, QImage]:
    image = read_image(path)
    return image, enlarged(image)
