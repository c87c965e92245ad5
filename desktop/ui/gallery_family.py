"""The tree a picture is in: what it grew from, and what grew from it."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QLabel, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.messages import Kin, PictureRecord
from desktop.ui import gallery_words, icons, theme
from desktop.ui.background import Background
from desktop.ui.gallery import Gallery
from desktop.ui.gallery_delegate import paint_rounded
from desktop.ui.thumbnails import ThumbnailLoader
from desktop.ui.tips import plain_tip

_ROW = 44
_THUMB = 32
_INDENT = 14
_DEPTH_MAX = 6  # deeper ones stand as far in as these
_ROWS_MAX = 24


class FamilyTree(QWidget):
    """Hidden where a picture stands alone. Signals: chosen(PictureRecord)."""

    chosen = Signal(object)

    def __init__(self, gallery: Gallery, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gallery = gallery
        self._record: PictureRecord | None = None
        self._reader = Background("family", self)
        self._reader.done.connect(self._on_read)
        self._reader.failed.connect(self._on_failed)
        title = QLabel(self.tr("Tree"), self)
        theme.set_kind(title, "caption")
        self._rows: list[_Row] = []
        self._more = QLabel(self)
        theme.set_kind(self._more, "caption")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(title)
        self._column.addSpacing(theme.S4)
        self._column.addWidget(self._more)
        self.setAccessibleName(self.tr("Tree of branches"))
        gallery.added.connect(self._on_added)
        gallery.removed.connect(self._on_others)
        gallery.restored.connect(self._on_others)
        self.hide()

    @property
    def rows(self) -> "list[_Row]":
        return self._rows

    def show_record(self, record: PictureRecord | None) -> None:
        """The tree of this picture, once it is read; another's goes at once, unless the keys are in it."""
        focused = any(row.hasFocus() for row in self._rows)
        if record is None or self._record is None or (record.id != self._record.id and not focused):
            self.hide()
        self._record = record
        if record is None or self._gallery.kinship is None:
            self._reader.forget()
            return
        kinship = self._gallery.kinship
        self._reader.start(lambda: kinship.family(record))

    def wait(self) -> None:
        self._reader.wait()

    @Slot(object)
    def _on_read(self, family: tuple[Kin, ...]) -> None:
        focused = next((row.kin for row in self._rows if row.hasFocus()), None)
        for row in self._rows:
            row.hide()
            row.deleteLater()
        self._rows = []
        record = self._record
        if record is None or len(family) < 2:
            self.hide()
            return
        here = next((place for place, kin in enumerate(family) if kin.record and kin.record.id == record.id), 0)
        first = max(0, min(here - _ROWS_MAX // 2, len(family) - _ROWS_MAX))
        shown = family[first : first + _ROWS_MAX]
        for place, kin in enumerate(shown):
            here_is = bool(kin.record and kin.record.id == record.id)
            row = _Row(kin, self._gallery.thumbnails, here_is, _going_on(shown, place), self)
            row.clicked.connect(self._on_clicked)
            row.walked.connect(self._on_walked)
            self._column.insertWidget(self._column.count() - 1, row)
            row.show()
            self._rows.append(row)
        left = len(family) - len(self._rows)
        self._more.setText(self.tr("and {0} more").format(left))
        self._more.setVisible(left > 0)
        self.show()
        if focused is not None:  # what was chosen by key stays under the keys
            self._rows[min(here - first, len(self._rows) - 1)].setFocus()

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        if not isinstance(error, KnownError):
            raise error
        self.hide()  # the picture itself is shown; its database is told of elsewhere

    @Slot()
    def _on_clicked(self) -> None:
        row = self.sender()
        if row.kin.record is not None:
            self.chosen.emit(row.kin.record)

    @Slot(int)
    def _on_walked(self, step: int) -> None:
        place = self._rows.index(self.sender()) + step
        if 0 <= place < len(self._rows):
            self._rows[place].setFocus(Qt.FocusReason.TabFocusReason)

    @Slot(object)
    def _on_added(self, record: PictureRecord) -> None:
        if record.request.branch is not None and self._record is not None:
            self.show_record(self._record)

    @Slot(object)
    def _on_others(self, gone: object) -> None:
        if self._record is not None:
            self.show_record(self._record)


def _going_on(family: tuple[Kin, ...], place: int) -> frozenset[int]:
    """The depths at which another picture comes further down, grown from the same one."""
    found: set[int] = set()
    lowest = family[place].depth
    for kin in family[place + 1 :]:
        if kin.depth <= lowest:
            found.add(kin.depth)
            lowest = kin.depth
    return frozenset(found)


class _Row(QAbstractButton):
    """One picture of the tree. Signals: walked(-1 or 1), for the arrow keys."""

    walked = Signal(int)

    def __init__(
        self, kin: Kin, thumbnails: ThumbnailLoader, here: bool, going_on: frozenset[int], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.kin, self._here, self._going_on, self._thumbnails = kin, here, going_on, thumbnails
        self.setFixedHeight(_ROW)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        if kin.record is not None:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._title, self._what = gallery_words.kin(kin)
        told = [self._title, self._what]
        if here:
            told.append(self.tr("this picture"))
        self.setAccessibleName(". ".join(told))
        self.setToolTip(plain_tip(f"{self._title}\n{self._what}"))
        thumbnails.loaded.connect(self._on_loaded)

    def sizeHint(self) -> QSize:
        return QSize(200, _ROW)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(event.key())
        if step is not None:
            self.walked.emit(step)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        indent = _INDENT * min(self.kin.depth, _DEPTH_MAX)
        room = QRectF(self.rect()).adjusted(indent + 0.5, 1.5, -0.5, -1.5)
        painter.setPen(Qt.PenStyle.NoPen)
        if self._here or (self.underMouse() and self.kin.record is not None):
            painter.setBrush(theme.color("selection" if self._here else "hover"))
            painter.drawRoundedRect(room, theme.RADIUS, theme.RADIUS)
        self._paint_lines(painter, indent)
        thumb = QRectF(room.left() + 5, (self.height() - _THUMB) / 2, _THUMB, _THUMB)
        self._paint_picture(painter, thumb)
        left = thumb.right() + theme.S8
        self._paint_text(painter, QRectF(left, room.top() + 5, room.right() - left - 4, 16), self._title, "text", 12)
        self._paint_text(painter, QRectF(left, room.top() + 21, room.right() - left - 4, 15), self._what, "quiet", 11)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("focus"), 1))
            painter.drawRoundedRect(room, theme.RADIUS, theme.RADIUS)

    def _paint_lines(self, painter: QPainter, indent: int) -> None:
        """To the picture it grew from, and past it to those that grew from the same."""
        painter.setPen(QPen(theme.color("line_strong"), 1))
        middle, bottom = self.height() // 2, self.height()
        for depth in range(1, min(self.kin.depth, _DEPTH_MAX) + 1):
            x = _INDENT * depth - _INDENT // 2 + 2
            if depth == self.kin.depth:
                painter.drawLine(x, 0, x, bottom if depth in self._going_on else middle)
                painter.drawLine(x, middle, indent - 1, middle)
            elif depth in self._going_on:
                painter.drawLine(x, 0, x, bottom)

    def _paint_picture(self, painter: QPainter, box: QRectF) -> None:
        record, ratio = self.kin.record, self.devicePixelRatioF()
        pixmap = None if record is None else self._thumbnails.pixmap(record.path, round(_THUMB * ratio))
        if pixmap is not None:
            shape = pixmap.size().scaled(_THUMB, _THUMB, Qt.AspectRatioMode.KeepAspectRatio)
            whole = QRectF(0, 0, shape.width(), shape.height())
            whole.moveCenter(box.center())
            paint_rounded(painter, whole, pixmap)
            return
        painter.setBrush(Qt.BrushStyle.NoBrush if record is None else theme.color("raised"))
        line = Qt.PenStyle.DashLine if record is None else Qt.PenStyle.SolidLine
        painter.setPen(QPen(theme.color("line_strong"), 1, line))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        if record is None:
            mark = icons.pixmap("trash-2", 14, theme.tokens().quiet, ratio)
            painter.drawPixmap(round(box.center().x() - 7), round(box.center().y() - 7), mark)

    def _paint_text(self, painter: QPainter, box: QRectF, text: str, token: str, pixels: int) -> None:
        font = theme.font(pixels)
        painter.setFont(font)
        painter.setPen(theme.color("quiet" if self.kin.record is None else token))
        shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, int(box.width()))
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)

    @Slot(str)
    def _on_loaded(self, path: str) -> None:
        if self.kin.record is not None and path == self.kin.record.path:
            self.update()
