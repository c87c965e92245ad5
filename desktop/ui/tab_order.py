"""Putting widgets into the order of the Tab key where they stand, not where they were made."""

from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def put_before(place: QWidget, *widgets: QWidget) -> None:
    """The Tab key reaches `widgets`, in this order, right before it comes to `place`."""
    before = place.previousInFocusChain()
    # QWidget.setTabOrder passes over what takes no focus, and over what is moved behind itself.
    while before is not place and (before.focusPolicy() == Qt.FocusPolicy.NoFocus or before in widgets):
        before = before.previousInFocusChain()
    for first, second in pairwise((before, *widgets)):
        QWidget.setTabOrder(first, second)
