"""Showing files and folders in the desktop's own programs."""

import sys
from pathlib import Path


def open_path(path: str | Path) -> bool:
    """Open a file or folder in its usual program. Returns whether the desktop took it."""
    from PySide6.QtCore import QUrl  # these cost 8 ms, and the window's start does without
    from PySide6.QtGui import QDesktopServices

    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


def open_link(address: str) -> bool:
    """Open a page in the browser; nothing but a page, whoever named it. Returns whether the desktop took it."""
    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QDesktopServices

    url = QUrl(address)
    return url.scheme() in ("https", "http") and QDesktopServices.openUrl(url)


def reveal(path: str | Path) -> bool:
    """Show a file in its folder, selected where the desktop can do that."""
    from PySide6.QtCore import QProcess

    path = Path(path)
    if sys.platform == "darwin":
        return QProcess.startDetached("open", ["-R", str(path)])[0]
    if sys.platform == "win32":
        return QProcess.startDetached("explorer", [f"/select,{path}"])[0]
    return open_path(path.parent)
