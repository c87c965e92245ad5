"""One run of the program with a window: the first paint, what comes after it, the event loop, and the end."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEventLoop, Qt
from PySide6.QtWidgets import QApplication

from desktop import __version__
from desktop.app import AlreadyOpen, App
from desktop.errors import KnownError
from desktop.settings import find_folders
from desktop.ui.theme import STYLE

if TYPE_CHECKING:
    from desktop.settings import Folders

_log = logging.getLogger(__name__)

_AFTER_THE_FIRST_PAINT = (
    "desktop.messages",
    "asyncio",
    "qasync",
    "desktop.queue_keeper",
    "desktop.report_saver",
    "desktop.studio",
    "desktop.ui.attention_wiring",
    "desktop.ui.gallery_strip",
    "desktop.ui.grid_wiring",
    "desktop.ui.history_panel",
    "desktop.ui.pictures_wiring",
    "desktop.ui.timeline_wiring",
    "logging.handlers",
)


def main(data: str | None = None, on_window: Callable[[App], None] | None = None, opened: str | None = None) -> int:
    """Open the window and run until it is closed. on_window is called once it has been painted.

    opened: a file to begin with; a window that is open already gets it.
    Returns the exit status. Raises KnownError where no window can be opened or the data cannot be used.
    """
    if sys.platform == "linux" and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        raise KnownError(
            "There is no display to open a window on", 'Use the command line: safelight generate "a red apple".'
        )
    folders = find_folders(data)
    os.environ["QT_STYLE_OVERRIDE"] = STYLE  # read by the application as it is made
    application = QApplication.instance() or QApplication(sys.argv[:1])
    application.setApplicationName("Safelight")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("safelight")
    # The loop below ends when the last window has closed and everything is put away, not before.
    application.setQuitOnLastWindowClosed(False)
    app = None
    try:
        app = App(folders)
        app.window.show()
        application.processEvents()  # the first paint, before anything slow is imported
        gc.freeze()
        gc.enable()
        if on_window is not None:
            on_window(app)
        for module in _AFTER_THE_FIRST_PAINT:
            importlib.import_module(module)
            # Painting and timers go on; what is typed in this tenth of a second waits for a complete window.
            application.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
        app.show_pictures()
        if opened is not None:
            app.window.open_file(opened)
        application.processEvents()
    except KnownError as error:
        if app is not None:
            app.window.hide()
            app.close()
        if isinstance(error, AlreadyOpen) and opened is not None:
            from desktop.ui.handed_over import hand_over

            hand_over(folders.to_open, opened)
            return 0
        other = _tell_without_the_window(error)
        return main(other, on_window, opened) if other else 2
    log_to(folders)

    import asyncio

    import qasync

    async def run() -> None:
        closed = asyncio.Event()
        application.lastWindowClosed.connect(closed.set)
        previous = sys.excepthook
        sys.excepthook = lambda *error: _on_bug(app, *error)
        try:
            app.start_engine()
            await closed.wait()
        finally:
            sys.excepthook = previous
            app.close()
            app.window.deleteLater()

    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(application)) as runner:
        runner.run(run())
    return 0


def _on_bug(app: App, kind: type[BaseException], error: BaseException, trace: object) -> None:
    """An error nobody foresaw on the GUI thread: it is logged and told, and the window stays."""
    if issubclass(kind, KeyboardInterrupt):
        app.window.close()
        return
    from desktop.messages import Failed

    _log.error("an error nobody foresaw in the window", exc_info=(kind, error, trace))
    app.bridge.post(
        Failed(
            job_id=None,
            request=None,
            message=f"{kind.__name__}: {str(error)[:300]}",
            hint="",
            is_bug=True,
            details="".join(traceback.format_exception(kind, error, trace)),
        )
    )


def _tell_without_the_window(error: KnownError) -> str:
    """Returns the folder that is to be used instead, empty where there is none."""
    from PySide6.QtWidgets import QFileDialog, QMessageBox

    if sys.stderr is not None:
        from desktop.console import say

        say(str(error))
    box = QMessageBox(QMessageBox.Icon.Warning, "Safelight", error.message)
    box.setInformativeText(error.hint)
    box.setWindowModality(Qt.WindowModality.ApplicationModal)
    other = box.addButton(QApplication.translate("App", "Use another folder…"), QMessageBox.ButtonRole.ActionRole)
    box.addButton(QMessageBox.StandardButton.Close)
    box.exec()
    if box.clickedButton() is not other:
        return ""
    title = QApplication.translate("App", "Choose a folder for pictures and settings")
    return QFileDialog.getExistingDirectory(None, title, str(Path.home()))


def log_to(folders: Folders) -> None:
    """Errors and timings to a file that stays on this machine; prompts are never written there."""
    from logging.handlers import RotatingFileHandler

    handler = RotatingFileHandler(folders.log, maxBytes=1_000_000, backupCount=1, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    root = logging.getLogger("desktop")
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    _log.info("Safelight %s starts on %s, Python %s", __version__, sys.platform, sys.version.split()[0])
