"""What a drag brings along."""

from PySide6.QtCore import QMimeData


def local_file(data: QMimeData) -> str:
    """The path of the first file in a drag, "" where there is none."""
    for url in data.urls():
        if url.isLocalFile():
            return url.toLocalFile()
    return ""
