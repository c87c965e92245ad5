"""The window's composition root: builds every part, owns the order of start and of shutdown.

Order of start: settings, store, window on the screen, then the event loop, then torch in the engine's thread.
"""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QLockFile, QObject, Qt, Slot

from desktop import settings
from desktop.errors import KnownError
from desktop.files import check_writable
from desktop.safe_start import StartMark
from desktop.settings import BrokenSettings, Folders, Settings
from desktop.ui.background import Background
from desktop.ui.bridge import Bridge
from desktop.ui.main_window import MainWindow

if TYPE_CHECKING:
    from desktop.library.downloads import Downloads
    from desktop.messages import (
        AttentionSeen,
        Cancelled,
        EngineReady,
        Failed,
        Saved,
        Verified,
    )
    from desktop.queue_keeper import QueueKeeper
    from desktop.report_saver import ReportSaver
    from desktop.studio import Studio
    from desktop.ui.download_bridge import DownloadBridge
    from desktop.ui.gallery import Gallery
    from desktop.ui.safe_mode_bar import SafeModeBar

_log = logging.getLogger(__name__)


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
        self._set_aside: Path | None = None  # a damaged database
        self._download_bridge: DownloadBridge | None = None  # until somebody looks for models
        self._recovery = Background("recovery", self)
        self._recovery.done.connect(self._on_recovered)
        self._recovery.failed.connect(self._on_not_recovered)
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
        self.bridge.ready.connect(self._on_ready)
        bridge = self.bridge
        for ended in (bridge.saved, bridge.verified, bridge.attention_seen, bridge.cancelled, bridge.failed):
            ended.connect(self._on_ended)
        self._model = self._chosen.model
        self._queue: QueueKeeper | None = None  # this and the next one until show_pictures
        self._reports: ReportSaver | None = None

    @functools.cached_property
    def studio(self) -> Studio:
        """Made when it is first used, after the window has been painted. Raises KnownError as Studio."""
        from desktop.studio import Studio

        chosen = self._chosen
        return Studio(self._folders, self.bridge.post, memory_mode=chosen.memory, compile_mode=chosen.compiling)

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
        from desktop.queue_keeper import QueueKeeper
        from desktop.report_saver import ReportSaver
        from desktop.store.thumbs import Thumbnails
        from desktop.ui.gallery import Gallery
        from desktop.ui.gallery_strip import GalleryStrip
        from desktop.ui.history_panel import HistoryPanel

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
        self._reports = ReportSaver(self.studio, self.window, self.bridge, self)
        self._queue = QueueKeeper(self.studio, self.window, self.bridge, self)
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
        if self._queue is not None:
            self._queue.close()
        self.bridge.close()
        if self._download_bridge is not None:
            self._download_bridge.close()
        if self.gallery is None:  # refused
            if "studio" in self.__dict__:
                self.studio.close()
            self._lock.unlock()  # where it is another window's, that keeps it
            return
        self._recovery.wait()
        if self._reports is not None:
            self._reports.wait()
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

    @Slot(object)
    def _on_ready(self, event: EngineReady) -> None:
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

    def _save_settings(self, chosen: Settings) -> None:
        if self._safe_mode is not None:  # those on the disk stay as they are until the user has decided
            return
        try:
            settings.save(self._folders.settings, chosen)
        except KnownError:
            _log.exception("the settings cannot be kept")
