"""The window's composition root: builds every part, owns the order of start and of shutdown.

Order of start: settings, store, window on the screen, then the event loop, then torch in the engine's thread.
"""

from __future__ import annotations

import functools
import gc
import importlib
import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEventLoop, QLockFile, QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QApplication

from desktop import __version__, settings
from desktop.errors import KnownError
from desktop.files import check_writable
from desktop.safe_start import StartMark
from desktop.settings import BrokenSettings, Folders, Settings, find_folders
from desktop.ui import places
from desktop.ui.background import Background
from desktop.ui.bridge import Bridge
from desktop.ui.main_window import MainWindow
from desktop.ui.theme import STYLE

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from desktop.grids import Grid
    from desktop.library.downloads import Downloads
    from desktop.messages import (
        AttentionSeen,
        Cancelled,
        EngineReady,
        Failed,
        GenerationRequest,
        QueueChanged,
        QueuedJob,
        Saved,
        Verified,
    )
    from desktop.studio import Studio
    from desktop.ui.download_bridge import DownloadBridge
    from desktop.ui.gallery import Gallery
    from desktop.ui.safe_mode_bar import SafeModeBar

_log = logging.getLogger(__name__)

_AFTER_THE_FIRST_PAINT = (
    "desktop.messages",
    "asyncio",
    "qasync",
    "desktop.studio",
    "desktop.ui.attention_wiring",
    "desktop.ui.gallery_strip",
    "desktop.ui.grid_wiring",
    "desktop.ui.history_panel",
    "desktop.ui.pictures_wiring",
    "desktop.ui.timeline_wiring",
    "logging.handlers",
)
_QUEUE_KEPT_AFTER_MS = 200  # a burst of changes is written once


class _Late:
    """Stands for a part of the studio, so that the window can be on the screen before the studio is made."""

    def __init__(self, app: App, part: str) -> None:
        self._app, self._part = app, part

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(self._app.studio, self._part), name)


class AlreadyOpen(KnownError):
    """Another window has the same pictures open."""


class App(QObject):
    """One running program: studio, bridge, gallery, window. Raises KnownError where the data cannot be used."""

    def __init__(self, folders: Folders) -> None:
        super().__init__()
        folders.make()
        self._mark = StartMark(folders.starting)
        self._died = self._mark.begin()  # the last start; then no engine until the user says so
        self._broken: BrokenSettings | None = None
        try:
            self._chosen = settings.load(folders.settings)
        except settings.BrokenSettings as error:
            self._chosen, self._broken = Settings(seen_welcome=True), error
        chosen = Settings(seen_welcome=True) if self._died else self._chosen
        self._safe_mode: SafeModeBar | None = None
        self._readies_left = 2  # torch is there, and the model is
        self.bridge = Bridge(self)
        self._folders = folders
        self._lock = QLockFile(str(folders.root / "window.lock"))
        self.gallery: Gallery | None = None  # until show_pictures
        self._left_over: tuple[GenerationRequest, ...] = ()
        self._left_over_grids: list[tuple[int, Grid]] = []  # whose pictures are among these
        self._jobs: tuple[QueuedJob, ...] = ()  # that wait or run
        self._queue_is_kept = True
        self._set_aside: Path | None = None  # a damaged database
        self._download_bridge: DownloadBridge | None = None  # until somebody looks for models
        self._recovery = Background("recovery", self)
        self._recovery.done.connect(self._on_recovered)
        self._recovery.failed.connect(self._on_not_recovered)
        self._keeper = QTimer(self)
        self._keeper.setSingleShot(True)
        self._keeper.setInterval(_QUEUE_KEPT_AFTER_MS)
        self._keeper.timeout.connect(self._keep_queue)
        self.window = MainWindow(
            engine=_Late(self, "engine"),
            models=_Late(self, "library"),
            history=_Late(self, "history"),
            starts=_Late(self, "starts"),
            recall=lambda path: self.studio.recall(path),  # the studio comes after the first paint
            settings=chosen,
            save_settings=self._save_settings,
            folders=folders,
            open_downloads=self._open_downloads,
            noising=_Late(self, "noising"),
        )
        self.window.connect_bridge(self.bridge)
        self.window.report_chosen.connect(self._save_report)
        self.bridge.queue_changed.connect(self._on_queue_changed)
        self.bridge.ready.connect(self._on_ready)
        bridge = self.bridge
        for ended in (bridge.saved, bridge.verified, bridge.attention_seen, bridge.cancelled, bridge.failed):
            ended.connect(self._on_ended)
        self._model = self._chosen.model
        self._device = ""
        self._reporter = Background("report", self)
        self._reporter.done.connect(self._on_reported)
        self._reporter.failed.connect(self._on_not_reported)

    @functools.cached_property
    def _queue_writer(self) -> ThreadPoolExecutor:
        """One thread, so that an older queue is never written after a newer one."""
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(1, "queue")

    @functools.cached_property
    def studio(self) -> Studio:
        """Made when it is first used, after the window has been painted. Raises KnownError as Studio."""
        from desktop.studio import Studio

        return Studio(self._folders, self.bridge.post)

    def show_pictures(self) -> None:
        """Complete the window with what was made before; called once it has been painted for the first time.

        Raises AlreadyOpen where another window has the same pictures, KnownError where the database cannot be used.
        """
        from desktop.ui.handed_over import HandedOver, notes

        left = notes(self._folders.to_open)  # before the lock is taken; what comes after it is for this window
        self._lock.setStaleLockTime(0)  # a lock whose process is gone is stale, however young; no other is
        if not self._lock.tryLock(0):
            check_writable(self._folders.root)  # a full disk refuses the lock as well
            raise AlreadyOpen(
                f"Safelight is open already, with the pictures in {self._folders.root}",
                "Use that window, or name another folder with --data.",
            )
        from desktop.store.thumbs import Thumbnails
        from desktop.ui.gallery import Gallery
        from desktop.ui.gallery_strip import GalleryStrip
        from desktop.ui.history_panel import HistoryPanel
        from desktop.ui.left_over import LeftOver

        self.gallery = Gallery(self.studio.pictures, Thumbnails(self._folders.thumbnails), self, self.studio.kinship)
        self.window.add_pictures(self.gallery, GalleryStrip(self.gallery), HistoryPanel(self.studio.history))
        self.window.add_timeline(
            self.studio.timeline_of,
            self.studio.export_timeline,
            self.studio.verify,
            self.studio.timelines,
            self.studio.trunk_timeline_of,
        )
        self.window.add_attention(self.studio.attend)
        self.window.add_grids(self.studio.grids)
        self._left_over = self.studio.queue.adopt()
        if self._left_over:
            offer = LeftOver(len(self._left_over), self.window.create_page.side)
            offer.decided.connect(self._on_left_over_decided)
            side = self.window.create_page.side.layout()
            side.insertWidget(side.count() - 1, offer)  # right above the queue
        waiting = set(self._left_over)
        for kept in self.studio.grids.load():
            if waiting.isdisjoint(kept[1].requests):  # all of it is drawn
                self.window.take_up_grids([kept])
            else:
                self._left_over_grids.append(kept)
        self._handed_over = HandedOver(self._folders.to_open, left, self)
        self._handed_over.wanted.connect(self._on_handed_over)
        if any(self._folders.models.glob(".partial/*/manifest.json")):
            self.window.offer_downloads()
        if self._died or self._broken is not None:
            self._safe_mode = self.window.show_safe_mode(
                died=self._died, why=self._broken.message if self._broken is not None else ""
            )
            self._safe_mode.go_on_wanted.connect(self._go_on)
            self._safe_mode.set_aside_wanted.connect(self._set_settings_aside)
        if left := self.studio.pictures.deleted():  # there was no time for these when the program closed
            self.studio.deletions.begin(left)
        if self.studio.database.fresh:
            self._set_aside = self.studio.database.set_aside
            self._recovery.start(self.studio.recover)

    def start_engine(self) -> None:
        """Begin importing torch; called once the window is complete. After a start that died, the user says when."""
        if self._died:
            return
        self.studio.engine.start(warm_up=self._model)

    def close(self) -> None:
        """In this order: what waits is kept, the window forgets, deletions become final, engine and store close."""
        self._mark.done()
        self._keeper.stop()
        self._keep_queue()
        self._queue_writer.shutdown()
        self.bridge.close()
        if self._download_bridge is not None:
            self._download_bridge.close()
        if self.gallery is None:  # refused
            if "studio" in self.__dict__:
                self.studio.close()
            self._lock.unlock()  # where it is another window's, that keeps it
            return
        self._recovery.wait()
        self._reporter.wait()
        self.gallery.close()
        self.studio.deletions.begin()  # none can be taken back any more
        if not self.studio.close():
            _log.error("the engine did not stop in time")
        self._lock.unlock()

    def _open_downloads(self) -> tuple[Downloads, DownloadBridge]:
        """Called once, when the Models page is made."""
        from desktop.ui.download_bridge import DownloadBridge

        self._download_bridge = DownloadBridge(self)
        self.studio.downloads.tell = self._download_bridge.post
        return self.studio.downloads, self._download_bridge

    @Slot(str)
    def _on_handed_over(self, path: str) -> None:
        self.window.setWindowState(self.window.windowState() & ~Qt.WindowState.WindowMinimized)
        self.window.raise_()
        self.window.activateWindow()
        self.window.open_file(path)

    @Slot(object)
    def _on_queue_changed(self, event: QueueChanged) -> None:
        self._jobs = event.jobs
        self._queue_is_kept = False
        if not self._keeper.isActive():
            self._keeper.start()

    @Slot(object)
    def _on_recovered(self, count: int) -> None:
        self.gallery.reload()
        self.window.create_page.history_panel.reload()
        if self._set_aside is not None:
            self.window.create_page.show_error(
                KnownError(
                    f"The database was damaged; it was set aside as {self._set_aside.name}",
                    f"{count} pictures and their prompts were found on the disk and are here again.",
                )
            )

    @Slot(object)
    def _on_not_recovered(self, error: Exception) -> None:
        if not isinstance(error, KnownError):
            _log.error("pictures on disk could not be recorded again", exc_info=error)
            error = KnownError("Pictures on disk could not be recorded again", "The log says why.")
        self.window.create_page.show_error(error)

    @Slot(bool)
    def _on_left_over_decided(self, run: bool) -> None:
        requests, self._left_over = self._left_over, ()
        jobs = [(self.studio.engine.submit(request), request) for request in (requests if run else ())]
        grids, self._left_over_grids = self._left_over_grids, []
        self.window.take_up_grids(grids, jobs)
        self._queue_is_kept = False
        self._keeper.start()

    @Slot()
    def _keep_queue(self) -> None:
        if self._queue_is_kept:
            return
        # What was left over stays kept until the user has decided.
        waiting = tuple(job.request for job in self._jobs if job.saved)
        self._queue_writer.submit(self._write_queue, (*self._left_over, *waiting))
        self._queue_is_kept = True

    def _write_queue(self, requests: tuple[GenerationRequest, ...]) -> None:
        """On the writer's thread."""
        try:
            self.studio.queue.keep(requests)
        except Exception:
            _log.exception("the queue cannot be kept")

    @Slot(object)
    def _on_ready(self, event: EngineReady) -> None:
        self._device = event.device
        self._readies_left -= 1
        if self._readies_left == 0:
            self._mark.done()

    @Slot(object)
    def _on_ended(self, event: Saved | Verified | AttentionSeen | Cancelled | Failed) -> None:
        """A job that came before torch did takes the place of loading the model ahead: then its end is the start's."""
        if event.job_id is not None and self._readies_left < 2:
            self._mark.done()

    @Slot()
    def _go_on(self) -> None:
        """Out of safe mode: with the user's settings and the engine."""
        died, self._died = self._died, False
        if died:
            self.window.use_settings(self._chosen)
        if self._broken is None:
            self._safe_mode.deleteLater()
            self._safe_mode = None
        if died:
            self.window.top_bar.set_device(self.tr("Starting…"))
            self.start_engine()

    @Slot()
    def _set_settings_aside(self) -> None:
        try:
            aside = settings.set_aside(self._folders.settings)
        except KnownError as error:
            self.window.create_page.show_error(error)
            return
        self._chosen, self._broken = Settings(seen_welcome=True), None
        self._model = self._chosen.model
        self._go_on()
        if aside is not None:
            self.window.toast.show_message(self.tr("The old settings are in {0} now").format(aside.name))

    @Slot(object)
    def _save_report(self, wanted: tuple[str, bool]) -> None:
        from desktop import report

        path, with_prompts = Path(wanted[0]), wanted[1]

        def work() -> Path:
            history = self.studio.history
            return report.save(path, self._folders, history, device=self._device, with_prompts=with_prompts)

        self._reporter.start(work)

    @Slot(object)
    def _on_reported(self, path: Path) -> None:
        self.window.toast.show_message(
            self.tr("The report is saved as {0}").format(path.name),
            action=self.tr("Show in folder"),
            on_action=functools.partial(places.reveal, path),
        )

    @Slot(object)
    def _on_not_reported(self, error: Exception) -> None:
        if not isinstance(error, KnownError):
            raise error
        self.window.create_page.show_error(error)

    def _save_settings(self, chosen: Settings) -> None:
        if self._safe_mode is not None:  # those on the disk stay as they are until the user has decided
            return
        try:
            settings.save(self._folders.settings, chosen)
        except KnownError:
            _log.exception("the settings cannot be kept")


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

    print(f"safelight: {error}", file=sys.stderr)
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
