"""Showing a file in the system's own file manager."""

import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from desktop.errors import KnownError


def reveal(path: Path) -> None:
    """Open the folder with the file selected, or the folder alone where the system cannot select.

    Raises KnownError where the file is gone or no file manager answers.
    """
    if not path.exists():
        raise KnownError(f"{path.name} is not there any more", "It was moved or deleted.")
    if sys.platform == "win32":
        subprocess.Popen(f'explorer /select,"{path}"')  # explorer takes its argument in this form only
    elif sys.platform == "darwin":
        subprocess.Popen(["open", "-R", str(path)])
    elif not _ask_bus(path) and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent))):
        raise KnownError("No file manager was found", f"The picture is in {path.parent}.")


def _ask_bus(path: Path) -> bool:
    """https://www.freedesktop.org/wiki/Specifications/file-manager-interface/"""
    from PySide6.QtDBus import QDBusConnection, QDBusMessage

    bus = QDBusConnection.sessionBus()
    if not bus.isConnected():
        return False
    name = "org.freedesktop.FileManager1"
    if not bus.interface().isServiceRegistered(name).value() and name not in (
        bus.interface().activatableServiceNames().value() or []
    ):
        return False
    call = QDBusMessage.createMethodCall(name, "/org/freedesktop/FileManager1", name, "ShowItems")
    call.setArguments([[QUrl.fromLocalFile(str(path)).toString()], ""])
    return bus.send(call)
