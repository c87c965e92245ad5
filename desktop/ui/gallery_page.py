"""All pictures: search, grid, details."""

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.errors import KnownError
from desktop.messages import PictureRecord
from desktop.ui import icons, theme, words
from desktop.ui.background import Background
from desktop.ui.gallery import Gallery
from desktop.ui.gallery_delegate import GAP
from desktop.ui.gallery_details import GalleryDetails
from desktop.ui.gallery_model import GalleryModel
from desktop.ui.gallery_side import SIDE_DEFAULT, SideSlider
from desktop.ui.gallery_view import GalleryView

_NARROW = 760  # below this width the details fold away


class GalleryPage(QWidget):
    """The page behind "Gallery". What the pictures' actions say comes from the Gallery it is given.

    Signals: create_wanted(), when the empty page's button is pressed.
    """

    create_wanted = Signal()

    def __init__(self, gallery: Gallery, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gallery = gallery
        self.model = GalleryModel(gallery, self)
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(self.tr("Search prompts"))
        self.search.setAccessibleName(self.tr("Search prompts"))
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icons.icon("search", role="quiet"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.setMaximumWidth(360)
        self.search.textChanged.connect(self._on_text)
        self._count = QLabel(self)
        theme.set_kind(self._count, "quiet")
        self.side = SideSlider(self)
        self.side.valueChanged.connect(self._on_side)
        self.group = QToolButton(self)
        self.group.setIcon(icons.icon("git-branch"))
        self.group.setCheckable(True)
        self.group.setFixedSize(theme.CONTROL, theme.CONTROL)
        self.group.setToolTip(self.tr("Put branches behind the picture they grew from"))
        self.group.setAccessibleName(self.tr("Group branches"))
        self.group.toggled.connect(self._on_group)
        self.group.setVisible(gallery.kinship is not None)
        self._keys = Background("kinship", self)
        self._keys.done.connect(self._on_keyed)
        self._keys.failed.connect(self._on_not_keyed)
        self._fold = QToolButton(self)
        self._fold.setIcon(icons.icon("panel-right"))
        self._fold.setCheckable(True)
        self._fold.setChecked(True)
        self._fold.setFixedSize(theme.CONTROL, theme.CONTROL)
        self._fold.setToolTip(self.tr("Show how the chosen picture was made"))
        self._fold.setAccessibleName(self.tr("Details"))
        self._fold.toggled.connect(self._fit)
        self.view = GalleryView(gallery, self.model, side=SIDE_DEFAULT, one_row=False, parent=self)
        self.view.chosen.connect(self._on_chosen)
        self.details = GalleryDetails(gallery, self)
        self.details.family.chosen.connect(self._on_kin)
        self._empty = _Empty(self)
        self._empty.button.clicked.connect(self._on_empty_button)
        self._lay_out()
        for signal in (self.model.rowsInserted, self.model.rowsRemoved, self.model.modelReset):
            signal.connect(self._on_rows)
        find = QShortcut(QKeySequence.StandardKey.Find, self, self._on_find)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._on_rows()

    def showEvent(self, event) -> None:
        super().showEvent(event)
        if self.model.rowCount():
            self.view.setFocus()
        else:
            self._empty.button.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setContentsMargins(theme.S16, theme.S12, theme.S12, theme.S8)
        bar.setSpacing(theme.S12)
        bar.addWidget(self.search, 100)  # up to its largest width; then the rest is left free
        bar.addWidget(self._count)
        bar.addStretch(1)
        bar.addWidget(self.group)
        bar.addWidget(self.side)
        bar.addWidget(self._fold)
        left = QVBoxLayout()
        left.setSpacing(0)
        left.addLayout(bar)
        grid = QWidget(self)
        inner = QHBoxLayout(grid)
        inner.setContentsMargins(theme.S16 - GAP // 2, 0, 0, 0)  # half a gap stands beside every picture
        inner.addWidget(self.view)
        self._room = QStackedWidget(self)
        self._room.addWidget(grid)
        self._room.addWidget(self._empty)
        left.addWidget(self._room, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(left, 1)
        row.addWidget(self.details)

    @Slot()
    def _fit(self) -> None:
        empty = self.model.rowCount() == 0
        self.details.setVisible(self._fold.isChecked() and self.width() >= _NARROW and not empty)

    @Slot(str)
    def _on_text(self, text: str) -> None:
        self.model.set_text(text)

    def wait(self) -> None:
        """For what is read in the background; for shutdown."""
        self._keys.wait()
        self.model.wait()
        self.details.family.wait()

    @Slot(bool)
    def _on_group(self, grouped: bool) -> None:
        if grouped:  # pictures of an older program may have to be looked at first
            self._keys.start(self._gallery.kinship.prepare)
        else:
            self._keys.forget()
            self.model.set_grouped(False)

    @Slot(object)
    def _on_keyed(self, count: int) -> None:
        self.model.set_grouped(True)

    @Slot(object)
    def _on_not_keyed(self, error: Exception) -> None:
        self.group.setChecked(False)
        if not isinstance(error, KnownError):
            raise error
        self._gallery.problem.emit(error)

    @Slot(object)
    def _on_kin(self, record: PictureRecord) -> None:
        """Choose it in the grid where it stands there already; else show it beside the grid."""
        index = self.model.index_of(record.id)
        if index.isValid():
            self.view.choose(index)
        else:
            self.view.clearSelection()
            self.details.show_records((record,), self.model.text)

    @Slot(int)
    def _on_side(self, side: int) -> None:
        self.view.set_side(side)

    @Slot()
    def _on_find(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    @Slot()
    def _on_chosen(self) -> None:
        self.details.show_records(self.view.records(), self.model.text)

    @Slot()
    def _on_rows(self) -> None:
        count = self.model.count()
        searching = bool(self.model.text.strip())
        self._count.setText("" if count == 0 and not searching else words.pictures(count))
        empty = self.model.rowCount(QModelIndex()) == 0
        self._room.setCurrentIndex(1 if empty else 0)
        self._empty.show_search(self.model.text.strip())
        self.side.setEnabled(not empty)
        self._fold.setEnabled(not empty)
        self._on_chosen()
        self._fit()

    @Slot()
    def _on_empty_button(self) -> None:
        if self.model.text.strip():
            self.search.clear()
            self.search.setFocus()
        else:
            self.create_wanted.emit()


class _Empty(QWidget):
    """What stands where pictures will be."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._mark = QLabel(self)
        self._title = QLabel(self)
        theme.set_kind(self._title, "heading")
        self._text = QLabel(self)
        theme.set_kind(self._text, "quiet")
        self.button = QPushButton(self)
        column = QVBoxLayout(self)
        column.setSpacing(theme.S8)
        column.addStretch(1)
        for widget in (self._mark, self._title, self._text):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(theme.S12)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)

    def show_search(self, text: str) -> None:
        """text: what was searched for in vain, "" where there are no pictures at all."""
        mark = icons.icon("search" if text else "images", 32, role="faint")
        self._mark.setPixmap(mark.pixmap(32, 32))
        if text:
            shown = text if len(text) <= 40 else text[:39] + "…"
            self._title.setText(self.tr("No picture was made with “{0}”").format(shown))
            self._text.setText(self.tr("The search looks through the prompts of all pictures."))
            self.button.setText(self.tr("Show all pictures"))
        else:
            self._title.setText(self.tr("Pictures you make appear here"))
            self._text.setText(self.tr("Each one keeps its prompt and settings, so you can make it again."))
            self.button.setText(self.tr("Make one now"))
