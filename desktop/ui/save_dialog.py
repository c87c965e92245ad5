"""Asks where to save a file; the ending that is added to a name belongs to what the dialog asks about."""

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.files import free_path


def ask_where(parent: QWidget, title: str, name: str, kinds: Mapping[str, str]) -> Path | None:
    """kinds: what the list of kinds says, such as ZIP files (*.zip), to the ending a name without one gets.

    None where nobody wants to save. A file that is there is one the user was asked about.
    """
    dialog = QFileDialog(parent, title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setFileMode(QFileDialog.FileMode.AnyFile)
    dialog.setNameFilters(list(kinds))
    dialog.setDefaultSuffix(next(iter(kinds.values())))
    dialog.filterSelected.connect(lambda kind: dialog.setDefaultSuffix(kinds.get(kind, "")))
    dialog.selectFile(name)
    try:
        if not dialog.exec() or not dialog.selectedFiles():
            return None
        path = Path(dialog.selectedFiles()[0])
        if not path.suffix:  # a system's own dialog may add none
            path = free_path(path.with_name(path.name + kinds.get(dialog.selectedNameFilter(), "")))
        return path
    finally:
        dialog.deleteLater()
