"""The dialog that asks where a file goes, driven as a user does."""

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QComboBox, QDialogButtonBox, QFileDialog, QLineEdit, QMessageBox, QWidget

from desktop.ui.save_dialog import ask_where

KINDS = {"Film (*.gif *.webp)": ".gif", "Strip (*.png *.jpg)": ".png"}


@pytest.fixture
def save_as(qtbot, tmp_path):
    """Gives (the path chosen, what was asked); overwrite is the answer to that question."""
    window = QWidget()
    qtbot.addWidget(window)

    def save_as(name, kind="Film (*.gif *.webp)", overwrite=False):
        asked = []

        def answer():
            box = QApplication.activeModalWidget()
            if isinstance(box, QMessageBox):
                asked.append(box.text())
                box.button(QMessageBox.StandardButton.Yes if overwrite else QMessageBox.StandardButton.No).click()

        def drive():
            dialog = QApplication.activeModalWidget()
            assert isinstance(dialog, QFileDialog)
            combo = next(c for c in dialog.findChildren(QComboBox) if c.findText(kind) >= 0)
            while combo.currentText() != kind:
                qtbot.keyClick(combo, Qt.Key.Key_Down)
            dialog.findChild(QLineEdit).setText(str(tmp_path / name))
            QTimer.singleShot(0, answer)
            dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Save).click()
            if dialog.isVisible():
                dialog.reject()

        QTimer.singleShot(0, drive)
        return ask_where(window, "Save", "suggested.gif", KINDS), asked

    return save_as


@pytest.mark.parametrize(("kind", "name"), [("Film (*.gif *.webp)", "x.gif"), ("Strip (*.png *.jpg)", "x.png")])
def test_a_name_without_an_ending_gets_its_kind_s(save_as, tmp_path, kind, name):
    assert save_as("x", kind) == (tmp_path / name, [])


def test_an_ending_that_was_typed_stays(save_as, tmp_path):
    assert save_as("x.webp")[0] == tmp_path / "x.webp"


def test_a_file_that_has_the_name_with_the_ending_is_asked_about(save_as, tmp_path):
    (tmp_path / "x.gif").write_text("the user's own")
    chosen, asked = save_as("x")
    assert chosen is None
    assert "x.gif" in asked[0]
    chosen, asked = save_as("x", overwrite=True)
    assert chosen == tmp_path / "x.gif"
    assert len(asked) == 1
