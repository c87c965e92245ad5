from PySide6.QtCore import QPoint
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip

from desktop.ui.chooser import Chooser

LONG = "A model whose makers gave it a title as long as a sentence, v2.1, inpainting"


def test_a_text_that_is_too_long_ends_in_an_ellipsis_and_is_whole_in_the_tool_tip(qtbot, monkeypatch):
    chooser = Chooser("Model")
    qtbot.addWidget(chooser)
    chooser.addItems(["Short", LONG])
    chooser.setToolTip("Model: decides what can be drawn")
    chooser.resize(200, 32)
    chooser.show()
    shown = []
    monkeypatch.setattr(QToolTip, "showText", lambda place, text, widget: shown.append(text))
    assert chooser.shown_text == "Short"
    chooser.setCurrentIndex(1)
    assert chooser.shown_text.endswith("…")
    assert chooser.fontMetrics().horizontalAdvance(chooser.shown_text) < 200
    middle = QPoint(50, 16)
    QApplication.sendEvent(chooser, QHelpEvent(QHelpEvent.Type.ToolTip, middle, chooser.mapToGlobal(middle)))
    assert shown == [f"{LONG}\nModel: decides what can be drawn"]
    assert not chooser.grab().isNull()
