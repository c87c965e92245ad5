"""The report about a problem, written where the user wants it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from desktop.errors import KnownError
from desktop.ui import places
from desktop.ui.background import Background

if TYPE_CHECKING:
    from desktop.messages import EngineReady
    from desktop.studio import Studio
    from desktop.ui.bridge import Bridge
    from desktop.ui.main_window import MainWindow


class ReportSaver(QObject):
    """Attributes: worker."""

    def __init__(self, studio: Studio, window: MainWindow, bridge: Bridge, parent: QObject) -> None:
        super().__init__(parent)
        self._studio, self._window = studio, window
        self._device = ""
        self.worker = Background("report", self)
        self.worker.done.connect(self._on_saved)
        self.worker.failed.connect(self._on_not_saved)
        bridge.ready.connect(self._on_ready)
        window.report_chosen.connect(self._save)

    def wait(self) -> None:
        """For shutdown."""
        self.worker.wait()

    @Slot(object)
    def _on_ready(self, event: EngineReady) -> None:
        self._device = event.device

    @Slot(object)
    def _save(self, wanted: tuple[str, bool]) -> None:
        from desktop import report

        path, with_prompts = Path(wanted[0]), wanted[1]
        studio, device = self._studio, self._device
        self.worker.start(
            lambda: report.save(path, studio.folders, studio.history, device=device, with_prompts=with_prompts)
        )

    @Slot(object)
    def _on_saved(self, path: Path) -> None:
        self._window.toast.show_message(
            self.tr("The report is saved as {0}").format(path.name),
            action=self.tr("Show in folder"),
            on_action=functools.partial(places.reveal, path),
        )

    @Slot(object)
    def _on_not_saved(self, error: Exception) -> None:
        if not isinstance(error, KnownError):
            raise error
        self._window.create_page.show_error(error)
