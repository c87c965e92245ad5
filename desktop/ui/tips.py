"""Tool tips of words that somebody else wrote."""

from PySide6.QtGui import Qt


def plain_tip(text: str) -> str:
    """The text as a tool tip that shows every letter of it: Qt takes one that looks so for HTML."""
    if not Qt.mightBeRichText(text):
        return text
    return Qt.convertFromPlainText(text, Qt.WhiteSpaceMode.WhiteSpaceNormal)
