"""What can be done with pictures, as a menu for a right click."""

from collections.abc import Sequence

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QMenu, QWidget

from desktop.messages import PictureRecord
from desktop.ui import icons
from desktop.ui.gallery import Gallery
from desktop.ui.gallery_stars import STARS


class PictureMenu(QMenu):
    """Acts on the pictures it was made for, one or several. text: the search they were found by."""

    def __init__(
        self, gallery: Gallery, records: Sequence[PictureRecord], parent: QWidget, text: str = "", opens: bool = True
    ) -> None:
        super().__init__(parent)
        self._gallery = gallery
        self._records = tuple(records)
        self._text = text
        one = len(self._records) == 1
        if one and opens:
            self._add("maximize", self.tr("Open\tEnter"), self._on_open)
        self._add("copy", self.tr("Copy\tCtrl+C"), self._on_copy)
        self._add("save", self.tr("Save as…\tCtrl+S") if one else self.tr("Save into a folder…\tCtrl+S"), self._on_save)
        if one:
            self._add("folder-open", self.tr("Show in folder"), self._on_show)
            self.addSeparator()
            self._add("rotate-ccw", self.tr("Use these settings\tU"), self._on_use)
            self._add("copy-plus", self.tr("Make variations\tV"), self._on_vary)
            self._add("image-plus", self.tr("Use as start picture"), self._on_start)
        self.addSeparator()
        stars = self.addMenu(icons.icon("star"), self.tr("Rate"))
        ratings = {record.rating for record in self._records}
        for number in range(STARS, -1, -1):
            words = self.tr("No rating") if number == 0 else "★" * number
            action = stars.addAction(f"{words}\t{number}")
            action.setCheckable(True)
            action.setChecked(ratings == {number})
            action.setData(number)
        stars.triggered.connect(self._on_rate)
        self.addSeparator()
        self._add("trash-2", self.tr("Delete\tDel"), self._on_delete)

    def _add(self, icon: str, text: str, slot) -> None:
        self.addAction(icons.icon(icon), text).triggered.connect(slot)

    @Slot()
    def _on_open(self) -> None:
        self._gallery.open(self._records[0], self._text)

    @Slot()
    def _on_copy(self) -> None:
        self._gallery.files.copy(self._records)

    @Slot()
    def _on_save(self) -> None:
        self._gallery.files.save_as(self._records, self.parentWidget().window())

    @Slot()
    def _on_show(self) -> None:
        self._gallery.files.show_in_folder(self._records[0])

    @Slot()
    def _on_use(self) -> None:
        self._gallery.use_settings.emit(self._records[0].request)

    @Slot()
    def _on_vary(self) -> None:
        self._gallery.make_variations.emit(self._records[0].request)

    @Slot()
    def _on_start(self) -> None:
        self._gallery.use_as_start.emit(self._records[0].path)

    @Slot(object)
    def _on_rate(self, action) -> None:
        self._gallery.rate(self._records, action.data())

    @Slot()
    def _on_delete(self) -> None:
        self._gallery.delete(self._records)
