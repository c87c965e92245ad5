"""The newest pictures in one row, under the preview."""

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from desktop.ui import theme
from desktop.ui.gallery import Gallery
from desktop.ui.gallery_model import GalleryModel
from desktop.ui.gallery_view import GalleryView

SIDE = 72  # pixels
_PAGE = 30  # rows read at once; a wide window shows about 20


class GalleryStrip(QWidget):
    """One row of the same pictures, with the same actions, as the gallery's page."""

    def __init__(self, gallery: Gallery, parent: QWidget | None = None, *, side: int = SIDE) -> None:
        super().__init__(parent)
        self.model = GalleryModel(gallery, self, page=_PAGE)
        self.view = GalleryView(gallery, self.model, side=side, one_row=True, parent=self)
        self.view.setAccessibleName(self.tr("Newest pictures"))
        self._empty = QLabel(self.tr("Pictures you make appear here"), self)
        theme.set_kind(self._empty, "quiet")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S12, theme.S4, theme.S12, 0)
        row.addWidget(self.view)
        row.addWidget(self._empty)
        self.setFixedHeight(side + 8 + 12 + 2 * theme.S4)  # a cell and the scroll bar's room
        for signal in (self.model.rowsInserted, self.model.rowsRemoved, self.model.modelReset):
            signal.connect(self._on_rows)
        gallery.added.connect(self._on_added)
        self._on_rows()

    @Slot()
    def _on_rows(self) -> None:
        empty = self.model.rowCount() == 0
        self.view.setVisible(not empty)
        self._empty.setVisible(empty)

    @Slot(object)
    def _on_added(self, record: object) -> None:
        self.view.scrollToTop()
        self.view.horizontalScrollBar().setValue(0)
