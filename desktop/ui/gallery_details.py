"""The side of the gallery that tells how a picture was made, and what can be done with it."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.messages import PictureRecord
from desktop.ui import gallery_words, icons, theme, words
from desktop.ui.gallery import Gallery
from desktop.ui.gallery_delegate import paint_rounded
from desktop.ui.gallery_family import FamilyTree
from desktop.ui.gallery_stars import StarRating
from desktop.ui.long_text import LongText, SelectableText
from desktop.ui.thumbnails import ThumbnailLoader
from desktop.ui.tips import plain_tip

WIDTH = 280
_BAR = 10  # width of a scroll bar
_PROMPT_MAX = 10_000  # characters; a file may hold any number
_PROMPT_LINES, _NEGATIVE_LINES = 8, 4  # more is shown when it is wanted


class GalleryDetails(QFrame):
    """Shows one picture's settings, or what can be done with several at once. Attributes: family."""

    def __init__(self, gallery: Gallery, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_kind(self, "right")
        self.setFixedWidth(WIDTH)
        self._gallery = gallery
        self._records: tuple[PictureRecord, ...] = ()
        self._text = ""
        self._hint = QLabel(self.tr("Choose a picture to see\nhow it was made"), self)
        theme.set_kind(self._hint, "quiet")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._body = QWidget(self)
        self._cover = _Cover(gallery.thumbnails, self._body)
        self._cover.clicked.connect(self._on_open)
        self._title = QLabel(self._body)
        theme.set_kind(self._title, "heading")
        self._prompt = LongText(self.tr("Prompt"), _PROMPT_LINES, self._body)
        self._negative_title = QLabel(self.tr("Negative prompt"), self._body)
        theme.set_kind(self._negative_title, "caption")
        self._negative = LongText(self.tr("Negative prompt"), _NEGATIVE_LINES, self._body)
        theme.set_kind(self._negative.label, "quiet")
        self._stars = StarRating(self._body)
        self._stars.chosen.connect(self._on_rated)
        self._facts = QWidget(self._body)
        self._form = QFormLayout(self._facts)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setHorizontalSpacing(theme.S12)
        self._form.setVerticalSpacing(6)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self._values: dict[str, QLabel] = {}
        for key, title in self._titles().items():
            self._add_fact(key, title)
        column = QVBoxLayout(self._body)
        # The scroll bar has its place in the right margin, so that nothing moves when it comes.
        column.setContentsMargins(theme.S16, theme.S16, theme.S16 - _BAR, theme.S16)
        self._body.setMaximumWidth(WIDTH - 1 - _BAR)
        column.setSpacing(theme.S8)
        for widget in (self._cover, self._title, self._prompt, self._negative_title, self._negative):
            column.addWidget(widget)
        column.addWidget(self._stars)
        column.addSpacing(theme.S4)
        column.addWidget(self._facts)
        self.family = FamilyTree(gallery, self._body)
        column.addSpacing(theme.S4)
        column.addWidget(self.family)
        column.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self._body)
        scroll.viewport().setAutoFillBackground(False)
        self._body.setAutoFillBackground(False)
        self._scroll = scroll
        self._actions = self._build_actions()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self._hint, 1)
        outer.addWidget(scroll, 1)
        outer.addWidget(self._actions)
        gallery.changed.connect(self._on_changed)
        gallery.models_named.connect(self._on_models_named)
        self.show_records(())

    @property
    def records(self) -> tuple[PictureRecord, ...]:
        return self._records

    def show_records(self, records: Sequence[PictureRecord], text: str = "") -> None:
        """What is selected now. text: the search it was found by."""
        self._records, self._text = tuple(records), text
        one = len(self._records) == 1
        some = bool(self._records)
        self._hint.setVisible(not some)
        self._scroll.setVisible(some)
        self._actions.setVisible(some)
        for widget in (self._cover, self._prompt, self._facts, *self._single):
            widget.setVisible(one)
        self._title.setVisible(some and not one)
        self._negative.setVisible(one and bool(self._records[0].request.negative_prompt))
        self._negative_title.setVisible(self._negative.isVisibleTo(self._body))
        self.family.show_record(self._records[0] if one else None)
        if not some:
            return
        ratings = {record.rating for record in self._records}
        self._stars.set_rating(ratings.pop() if len(ratings) == 1 else 0)
        if one:
            self._show_one(self._records[0])
        else:
            self._title.setText(self.tr("{0} pictures chosen").format(len(self._records)))

    def _titles(self) -> dict[str, str]:
        return {
            "size": self.tr("Size"),
            "steps": self.tr("Steps"),
            "guidance": self.tr("Guidance"),
            "scheduler": self.tr("Scheduler"),
            "seed": self.tr("Seed"),
            "strength": self.tr("Strength"),
            "model": self.tr("Model"),
            "made": self.tr("Made"),
            "took": self.tr("Took"),
            "file": self.tr("File"),
        }

    def _add_fact(self, key: str, title: str) -> None:
        name = QLabel(title, self._facts)
        theme.set_kind(name, "quiet")
        value = SelectableText(title, self._facts)
        self._values[key] = value
        self._form.addRow(name, value)

    def _show_one(self, record: PictureRecord) -> None:
        request = record.request
        self._cover.show_record(record)
        self._prompt.set_text(_cut(request.prompt))
        self._negative.set_text(_cut(request.negative_prompt))
        name = Path(record.path).name
        facts = {
            "size": words.pixels(request.width, request.height),
            "steps": str(request.steps),
            "guidance": f"{request.guidance_scale:g}",
            "scheduler": words.scheduler(request.scheduler),
            "seed": str(request.seed),
            "strength": f"{request.strength:g}",
            "model": self._gallery.title_of(request.model),
            "made": gallery_words.moment(record.created_at),
            "took": words.duration(record.seconds),
            "file": name,
        }
        for key, text in facts.items():
            label = self._values[key]
            room = WIDTH - 2 * theme.S16 - 84
            label.setText(label.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, room))
            whole = [text] if label.text() != text else []
            if key == "model" and text != request.model:
                whole.append(request.model)
            label.setToolTip(plain_tip("\n".join(whole)))
        self._form.setRowVisible(self._values["strength"], request.start_picture is not None)

    def _build_actions(self) -> QWidget:
        box = QWidget(self)
        self._use = _button(icons.icon("rotate-ccw"), self.tr("Use settings"), box)
        self._use.setToolTip(self.tr("Put this picture's prompt and settings back into the panel (U)"))
        self._use.clicked.connect(self._on_use)
        self._vary = _button(icons.icon("copy-plus"), self.tr("Variations"), box)
        self._vary.setToolTip(self.tr("Make more like this: the same settings with other seeds (V)"))
        self._vary.clicked.connect(self._on_vary)
        first = QHBoxLayout()
        first.setSpacing(theme.S8)
        for button in (self._use, self._vary):
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setStyleSheet("padding: 0 4px;")
            first.addWidget(button)
        second = QHBoxLayout()
        second.setSpacing(theme.S4)
        self._start = self._tool(box, "image-plus", self.tr("Use as start picture"), self._on_start)
        copy = self._tool(box, "copy", self.tr("Copy (Ctrl+C)"), self._on_copy)
        save = self._tool(box, "save", self.tr("Save as… (Ctrl+S)"), self._on_save)
        self._reveal = self._tool(box, "folder-open", self.tr("Show in folder"), self._on_reveal)
        delete = self._tool(box, "trash-2", self.tr("Delete (Del)"), self._on_delete)
        for button in (self._start, copy, save, self._reveal):
            second.addWidget(button)
        second.addStretch(1)
        second.addWidget(delete)
        self._single = (self._use, self._vary, self._start, self._reveal)
        line = QFrame(box)
        theme.set_kind(line, "line")
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(line)
        inner = QVBoxLayout()
        inner.setContentsMargins(theme.S16, theme.S12, theme.S16, theme.S12)
        inner.setSpacing(theme.S8)
        inner.addLayout(first)
        inner.addLayout(second)
        column.addLayout(inner)
        return box

    def _tool(self, parent: QWidget, icon: str, text: str, slot) -> QToolButton:
        button = QToolButton(parent)
        button.setIcon(icons.icon(icon))
        button.setFixedSize(theme.CONTROL, theme.CONTROL)
        button.setToolTip(text)
        button.setAccessibleName(text.partition(" (")[0])
        button.clicked.connect(slot)
        return button

    @Slot(object)
    def _on_changed(self, record: PictureRecord) -> None:
        if any(record.id == old.id for old in self._records):
            self._records = tuple(record if record.id == old.id else old for old in self._records)
            self.show_records(self._records, self._text)

    @Slot()
    def _on_models_named(self) -> None:
        self.show_records(self._records, self._text)

    @Slot()
    def _on_open(self) -> None:
        self._gallery.open(self._records[0], self._text)

    @Slot(int)
    def _on_rated(self, rating: int) -> None:
        self._gallery.rate(self._records, rating)

    @Slot()
    def _on_use(self) -> None:
        self._gallery.use_settings.emit(self._records[0].request)

    @Slot()
    def _on_vary(self) -> None:
        self._gallery.make_variations.emit(self._records[0].request)

    @Slot()
    def _on_start(self) -> None:
        self._gallery.use_as_start.emit(self._records[0].path)

    @Slot()
    def _on_copy(self) -> None:
        self._gallery.files.copy(self._records)

    @Slot()
    def _on_save(self) -> None:
        self._gallery.files.save_as(self._records, self.window())

    @Slot()
    def _on_reveal(self) -> None:
        self._gallery.files.show_in_folder(self._records[0])

    @Slot()
    def _on_delete(self) -> None:
        self._gallery.delete(self._records)


def _button(icon, text: str, parent: QWidget) -> QPushButton:
    button = QPushButton(icon, f" {text}", parent)  # the style leaves too little room after the icon
    button.setAccessibleName(text)
    return button


def _cut(text: str) -> str:
    return text if len(text) <= _PROMPT_MAX else text[: _PROMPT_MAX - 1] + "…"


class _Cover(QWidget):
    """The picture itself, as large as the panel is wide. Signals: clicked()."""

    clicked = Signal()

    def __init__(self, thumbnails: ThumbnailLoader, parent: QWidget) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._record: PictureRecord | None = None
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(self.tr("Open (Enter)"))
        self.setAccessibleName(self.tr("Chosen picture"))
        thumbnails.loaded.connect(self._on_loaded)

    def show_record(self, record: PictureRecord) -> None:
        self._record = record
        self.setFixedHeight(self._size().height())
        self.update()

    def mouseReleaseEvent(self, event) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._record is None:
            return
        size, ratio = self._size(), self.devicePixelRatioF()
        left = (self.width() - size.width()) // 2
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        box = QRectF(left, 0, size.width(), size.height())
        pixmap = self._thumbnails.pixmap(self._record.path, round(max(size.width(), size.height()) * ratio))
        if pixmap is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("raised"))
            painter.drawRoundedRect(box, theme.RADIUS, theme.RADIUS)
        else:
            paint_rounded(painter, box, pixmap)

    def _size(self) -> QSize:
        request = self._record.request
        size = QSize(request.width, request.height)
        room = WIDTH - 2 * theme.S16 - 1
        size.scale(QSize(room, room), Qt.AspectRatioMode.KeepAspectRatio)
        return QSize(max(8, size.width()), max(8, size.height()))

    @Slot(str)
    def _on_loaded(self, path: str) -> None:
        if self._record is not None and path == self._record.path:
            self.update()
