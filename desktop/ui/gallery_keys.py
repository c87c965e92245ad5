"""The keys that mean the same wherever pictures are chosen."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QWidget

from desktop.messages import PictureRecord
from desktop.ui.gallery import Gallery
from desktop.ui.gallery_stars import STARS


def handle(event: QKeyEvent, gallery: Gallery, records: Sequence[PictureRecord], widget: QWidget) -> bool:
    """Do what the key asks with the chosen pictures; False where it means nothing here."""
    if event.matches(QKeySequence.StandardKey.Undo):
        gallery.undo_delete()
    elif not records:
        return False
    elif event.matches(QKeySequence.StandardKey.Copy):
        gallery.files.copy(records)
    elif event.matches(QKeySequence.StandardKey.Save):
        gallery.files.save_as(records, widget.window())
    elif event.matches(QKeySequence.StandardKey.Delete) or event.key() == Qt.Key.Key_Backspace:
        gallery.delete(records)
    else:
        return _plain(event, gallery, records)
    return True


def _plain(event: QKeyEvent, gallery: Gallery, records: Sequence[PictureRecord]) -> bool:
    if event.modifiers() not in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier):
        return False
    rating = event.key() - Qt.Key.Key_0.value
    if 0 <= rating <= STARS:
        gallery.rate(records, rating)
    elif event.key() == Qt.Key.Key_U and len(records) == 1:
        gallery.use_settings.emit(records[0].request)
    elif event.key() == Qt.Key.Key_V and len(records) == 1:
        gallery.make_variations.emit(records[0].request)
    else:
        return False
    return True
