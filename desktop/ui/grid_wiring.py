"""Grids in the window: set up on a card, drawn as ordinary pictures of the queue, shown over the preview."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QPushButton, QWidget

from desktop.errors import KnownError
from desktop.ui import icons, theme
from desktop.ui.create_page import CreatePage
from desktop.ui.grid_sheets import GridSheets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop.grids import Grid, GridProgress
    from desktop.messages import Event, GenerationRequest, PictureRecord
    from desktop.ui.bridge import Bridge
    from desktop.ui.grid_card import GridCard, Trunk
    from desktop.ui.grid_view import GridView
    from desktop.ui.ports import Engine, Grids, Models


class GridWiring(QObject):
    """Attributes: view, the newest grid's, None where there is none or it was closed; card, None until it is opened.

    trunk_of: what of a finished picture can be branched from, None where it kept no steps. on_sheet: told of every
    sheet, once it is on the disk. cover: what the card lies over.
    """

    def __init__(
        self,
        page: CreatePage,
        *,
        engine: Engine,
        models: Models,
        grids: Grids,
        on_sheet: Callable[[PictureRecord], None],
        trunk_of: Callable[[PictureRecord], Trunk | None],
        cover: QWidget,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._page, self._engine, self._models, self._cover = page, engine, models, cover
        self._on_sheet, self._trunk_of = on_sheet, trunk_of
        self._sheets = GridSheets(grids, self)
        self._sheets.settled.connect(self._on_settled)
        self._sheets.written.connect(self._on_written)
        self._sheets.failed.connect(self._on_not_written)
        self.card: GridCard | None = None
        self.view: GridView | None = None
        self._back: QPushButton | None = None  # made when the grid steps aside for the first time
        self._escape: QShortcut | None = None
        self._open: list[GridProgress] = []  # whose pictures are not all done, or whose sheet is not
        self._pace: dict[tuple[str, int, int], float] = {}  # seconds a step, by model and size
        page.preview.grid_wanted.connect(self.set_up_from)
        page.panel.grid_wanted.connect(self.set_up)
        page.panel.submitted.connect(self.step_aside)
        page.picked.connect(self.step_aside)
        page.preview.installEventFilter(self)

    def connect_bridge(self, bridge: Bridge) -> None:
        for signal in (bridge.started, bridge.preview, bridge.saved, bridge.cancelled, bridge.failed):
            signal.connect(self._on_event)

    def wait(self) -> None:
        """Wait for what is read and written in the background; for shutdown."""
        self._sheets.wait()
        if self.view is not None:
            self.view.model.wait()

    # Setting up

    @Slot()
    def set_up(self) -> None:
        """Vary two of the panel's settings."""
        request = self._page.panel.checked()
        if request is not None:
            self._set_up(request)

    @Slot(object)
    def set_up_from(self, record: PictureRecord) -> None:
        """Vary two settings of a finished picture."""
        self._set_up(record.request)

    def _set_up(self, base: GenerationRequest) -> None:
        if self.card is None:
            from desktop.ui.grid_card import GridCard

            self.card = GridCard(self._cover)
            self.card.started.connect(self.start)
        shown = self._page.preview.record
        trunk = None if shown is None else self._trunk_of(shown)
        try:
            models = self._models.list()
        except KnownError:
            models = ()
        self.card.set_up(base, models, trunk, self._pace_of)
        self.card.open_card()

    def _pace_of(self, request: GenerationRequest) -> float | None:
        return self._pace.get((request.model, request.width, request.height))

    # Drawing

    @Slot(object)
    def start(self, grid: Grid) -> None:
        """Line up the grid's pictures and show it in place of the preview."""
        from desktop.grids import GridProgress

        progress = GridProgress(grid)
        self._page.close_welcome()
        self._page.go_live()
        try:
            for request in grid.order:
                progress.add(self._engine.submit(request), request)
        except KnownError as error:
            self._page.show_error(error)
            return
        self._open.append(progress)
        self._sheets.begin(progress)
        self._show_new(progress)

    def take_up(self, kept: Iterable[tuple[int, Grid]], jobs: Iterable[tuple[str, GenerationRequest]] = ()) -> None:
        """Go on with grids that the program's end interrupted. jobs: what goes on of all that waited then."""
        from desktop.grids import GridProgress

        jobs = tuple(jobs)
        for number, grid in kept:
            progress = GridProgress(grid)
            mine = [(job, request) for job, request in jobs if request in grid.requests]
            for job, request in mine:
                progress.add(job, request)
            self._open.append(progress)
            if mine:
                self._page.go_live()
                self._show_new(progress)
            self._sheets.take_up(progress, number)

    def _show_new(self, progress: GridProgress) -> None:
        from desktop.ui.grid_view import GridView

        self._drop_view()
        self.view = GridView(progress, self._page.preview)
        self.view.opened.connect(self._on_opened)
        self.view.stop_wanted.connect(self._on_stop)
        self.view.left.connect(self._on_left)
        self.view.closed.connect(self.close)
        self.show()

    @Slot()
    def show(self) -> None:
        """The grid, in front of the picture that was looked at."""
        if self.view is None:
            return
        self._offer_back(False)
        self._page.go_live()
        self.view.setGeometry(self._page.preview.rect())
        self.view.raise_()
        self.view.show()
        self.view.table.setFocus()

    @Slot()
    def step_aside(self) -> None:
        """Show what is behind the grid, and a way back to it."""
        if self.view is None or self.view.isHidden():
            return
        self.view.hide()
        if self._back is None:
            self._make_back()
        self._offer_back(True)

    @Slot()
    def close(self) -> None:
        """Put the grid away; its pictures go on being made, and the sheet comes to the gallery all the same."""
        self._drop_view()
        self._page.preview.setFocus()

    def _drop_view(self) -> None:
        self._offer_back(False)
        if self.view is not None:
            self.view.model.wait()
            self.view.hide()
            self.view.deleteLater()
            self.view = None

    def _offer_back(self, offered: bool) -> None:
        if self._back is not None:
            self._back.adjustSize()
            self._back.setVisible(offered)
            self._back.raise_()
            self._escape.setEnabled(offered)  # else Esc stops the running picture

    def _make_back(self) -> None:
        preview = self._page.preview
        self._back = QPushButton(self.tr("Back to the grid"), preview)
        icons.put(self._back, "chevron-left")
        self._back.setToolTip(self.tr("Show all pictures of the grid again (Esc)"))
        self._back.move(theme.S12, theme.S8)
        self._back.clicked.connect(self.show)
        self._escape = QShortcut(Qt.Key.Key_Escape, preview)
        self._escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._escape.activated.connect(self.show)

    @Slot()
    def _on_left(self) -> None:
        self.step_aside()
        self._page.preview.setFocus()

    @Slot(object)
    def _on_opened(self, record: PictureRecord) -> None:
        self.step_aside()
        self._page.show_record(record)
        self._page.preview.setFocus()

    @Slot(object)
    def _on_stop(self, jobs: tuple[str, ...]) -> None:
        for job in jobs:
            self._engine.cancel(job)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        from desktop.messages import Failed, Saved

        if isinstance(event, Saved):
            request = event.record.request
            if request.branch is None and request.start_picture is None:
                self._pace[request.model, request.width, request.height] = event.record.seconds / request.steps
        for progress in list(self._open):
            shown = self._is_shown(progress)
            mine = self.view.take(event) if shown else bool(progress.take(event))
            if mine and shown and self.view.isVisible() and isinstance(event, Failed) and not event.is_bug:
                self._page.messages.clear()  # the cell says it
            if mine:
                self._end(progress)

    @Slot(object)
    def _on_settled(self, settled: tuple[GridProgress, Mapping[GenerationRequest, PictureRecord]]) -> None:
        progress, drawn = settled
        (self.view if self._is_shown(progress) else progress).settle(drawn)
        self._end(progress)

    def _is_shown(self, progress: GridProgress) -> bool:
        return self.view is not None and self.view.model.progress is progress

    def _end(self, progress: GridProgress) -> None:
        if progress.ended and progress in self._open:
            self._open.remove(progress)
            self._sheets.finish(progress)

    @Slot(object)
    def _on_written(self, written: tuple[GridProgress, PictureRecord | None]) -> None:
        progress, record = written
        if record is None:  # nothing was drawn
            return
        self._on_sheet(record)
        if self._is_shown(progress):
            self.view.show_sheet(record)

    @Slot(object)
    def _on_not_written(self, error: Exception) -> None:
        known = error if isinstance(error, KnownError) else KnownError(self.tr("The sheet could not be drawn"))
        self._page.show_error(known)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.view is not None:
            self.view.setGeometry(self._page.preview.rect())
        return False
