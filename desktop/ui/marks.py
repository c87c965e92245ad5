"""Marks the stylesheet looks at, such as a field with a wrong value."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def set_mark(widget: QWidget, name: str, on: bool) -> None:
    """name: a property the stylesheet asks for, such as [wrong="true"]."""
    if bool(widget.property(name)) == on:
        return
    widget.setProperty(name, on)
    # What was not shown yet is polished when it is; asking for its style costs 9 ms at the start.
    if widget.testAttribute(Qt.WidgetAttribute.WA_WState_Polished):
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def mark_wrong(widget: QWidget, wrong: bool) -> None:
    """Give a field the red frame of a wrong value, or take it away."""
    set_mark(widget, "wrong", wrong)
