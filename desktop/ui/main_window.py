"""The window: four pages under one bar, and the keys that work everywhere."""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, Qt, Signal, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import QApplication, QMainWindow, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.settings import Folders, Settings
from desktop.ui import icons, places, theme
from desktop.ui.arrivals import Arrivals
from desktop.ui.bridge import Bridge
from desktop.ui.create_page import CreatePage
from desktop.ui.dropped import local_file
from desktop.ui.ports import Engine, Grids, History, Models, Noising, Recall, StartPictures, TimelineRoom
from desktop.ui.toast import Toast
from desktop.ui.top_bar import TopBar
from desktop.ui.window_menu import WindowMenu
from desktop.ui.window_pages import CREATE, MODELS, OpenDownloads, WindowPages

if TYPE_CHECKING:
    from desktop.grids import Grid
    from desktop.messages import EngineReady, GenerationRequest, PictureRecord
    from desktop.ui.attention_wiring import Attend, AttentionWiring
    from desktop.ui.gallery import Gallery
    from desktop.ui.grid_wiring import GridWiring
    from desktop.ui.left_over import LeftOver
    from desktop.ui.models_page import ModelsPage
    from desktop.ui.noise_page import NoisePage
    from desktop.ui.pictures_wiring import PicturesWiring
    from desktop.ui.safe_mode_bar import SafeModeBar
    from desktop.ui.timeline_wiring import ExportTimeline, ReadTimeline, TimelineWiring, Verify

_FOLD_BELOW = 1100  # narrower windows have no room for history and queue


class MainWindow(QMainWindow):
    """Attributes: create_page; gallery_page, models_page, noise_page, None until they are looked at; toast, settings.

    Signals: closing() when everything of the user's is saved and the window is about to go; report_chosen((path,
    whether with prompts)).
    """

    closing = Signal()
    report_chosen = Signal(object)

    def __init__(
        self,
        *,
        engine: Engine,
        models: Models,
        history: History,
        starts: StartPictures,
        recall: Recall,
        settings: Settings,
        save_settings: Callable[[Settings], None],
        folders: Folders,
        open_downloads: OpenDownloads | None = None,
        noising: Noising | None = None,
        gallery: Gallery | None = None,  # these three, or add_pictures later
        picture_strip: QWidget | None = None,
        history_panel: QWidget | None = None,
    ) -> None:
        application = QApplication.instance()
        theme.prepare(application)
        super().__init__()
        self._engine, self._models = engine, models
        self._device_known = False
        self.settings, self._save_settings = settings, save_settings
        self._side_wanted = True
        self._before_alone: Qt.WindowState | None = None  # set while the picture is shown alone
        self.setWindowTitle("Safelight")
        self.setMinimumSize(860, 560)
        self.setAcceptDrops(True)

        names = (self.tr("Create"), self.tr("Gallery"), self.tr("Models"), self.tr("Noise"))
        self.top_bar = TopBar(names, self)
        self.create_page = CreatePage(
            engine=engine,
            models=models,
            history=history,
            starts=starts,
            parent=self,
        )
        self.pages = WindowPages(
            self.create_page,
            engine=engine,
            models=models,
            noising=noising,
            open_downloads=open_downloads,
            parent=self,
        )
        self.pages.show_page(CREATE)
        body = QWidget(self)
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top_bar)
        column.addWidget(self.pages, 1)
        self.setCentralWidget(body)
        self.toast = Toast(body)
        self._arrivals = Arrivals(
            recall=recall,
            models=models,
            page=self.create_page,
            toast=self.toast,
            show_create=self.show_create,
            parent=self,
        )
        self._menu = WindowMenu(self.top_bar, folders, body, self)
        self._pictures: PicturesWiring | None = None
        self._timeline: TimelineWiring | None = None
        self._attention: AttentionWiring | None = None
        self._grids: GridWiring | None = None
        self._bridge: Bridge | None = None
        self._gallery: Gallery | None = None
        self._connect()
        self._restore(folders)
        if gallery is not None:
            self.add_pictures(gallery, picture_strip, history_panel)
        theme.apply(application, settings.theme)

    def _connect(self) -> None:
        bar, page = self.top_bar, self.create_page
        bar.page_chosen.connect(self.show_page)
        bar.model_chosen.connect(self.use_model)
        bar.side_toggled.connect(self._on_side_toggled)
        bar.quit_wanted.connect(self.close)
        page.model_wanted.connect(self.use_model)
        page.models_wanted.connect(self._on_models_wanted)
        page.welcome_closed.connect(self._on_welcome_closed)
        page.full_screen.connect(self.toggle_alone)
        self._arrivals.model_arrived.connect(self._add_model)
        self.pages.create_wanted.connect(self.show_create)
        self.pages.model_used.connect(self._on_model_used)
        self.pages.model_added.connect(self._on_model_added)
        page.log_wanted.connect(self._menu.open_log)
        self._menu.theme_changed.connect(self._on_theme_changed)
        self._menu.modes_chosen.connect(self._on_modes_chosen)
        self._menu.problem.connect(page.show_error)
        self._menu.report_chosen.connect(self.report_chosen)
        # Keys without Ctrl come through keyPressEvent, so that what has the focus may use them first.
        for keys, slot in (
            ("Ctrl+Return", page.panel.submit),
            ("Ctrl+Enter", page.panel.submit),
            ("Ctrl+Z", self._on_undo),
            ("Ctrl+B", bar.side.click),
            ("Ctrl+L", self.show_create),
            ("Ctrl+G", self._on_grid),
            ("Ctrl+,", self._menu.show_settings),
            ("Ctrl+Q", self.close),
            *((f"Ctrl+{index + 1}", bar.tab(index).click) for index in range(self.pages.count())),
        ):
            QShortcut(keys, self).activated.connect(slot)

    def _restore(self, folders: Folders) -> None:
        settings = self.settings
        self.resize(1280, 800)
        self._restore_geometry()
        self.top_bar.set_theme(settings.theme)
        self._menu.modes = settings.memory, settings.compiling
        self.top_bar.set_page(CREATE)
        if not settings.seen_welcome:
            self.create_page.show_welcome(str(folders.pictures))
        self._fit_side()
        self.create_page.panel.prompt.setFocus()

    def _restore_geometry(self) -> None:
        if self.settings.geometry:
            with contextlib.suppress(binascii.Error, ValueError):  # somebody edited the file
                self.restoreGeometry(QByteArray(base64.b64decode(self.settings.geometry, validate=True)))

    def _restore_panel(self) -> None:
        panel = self.create_page.panel
        panel.restore(self.settings.panel)
        panel.seed.set_locked(self.settings.seed_locked)

    # What the composition root and the pages ask for

    def connect_bridge(self, bridge: Bridge) -> None:
        bridge.ready.connect(self._on_ready)
        bridge.plan_chosen.connect(self.top_bar.set_plan)
        self.create_page.connect_bridge(bridge)
        self._bridge = self.pages.bridge = bridge
        if self._pictures is not None:
            self._pictures.connect_bridge(bridge)

    def add_pictures(self, gallery: Gallery, picture_strip: QWidget, history_panel: QWidget) -> None:
        """Show the models and what was made before. Called once, best after the first paint, which is sooner then."""
        from desktop.ui.pictures_wiring import PicturesWiring

        self._gallery = self.pages.gallery = gallery
        self.refresh_models()
        self._restore_panel()
        self.setWindowIcon(icons.icon("app/safelight", 64))
        self.create_page.add_pictures(picture_strip, history_panel)
        self._pictures = PicturesWiring(
            gallery=gallery,
            page=self.create_page,
            toast=self.toast,
            cover=self.centralWidget(),
            show_create=self.show_create,
            parent=self,
        )
        if self._bridge is not None:
            self._pictures.connect_bridge(self._bridge)

    def add_timeline(
        self,
        read: ReadTimeline,
        export: ExportTimeline,
        verify: Verify,
        room: TimelineRoom | None = None,
        read_trunk: ReadTimeline | None = None,
    ) -> None:
        """Show the steps under a picture, and what room all steps take. Called once, after the first paint."""
        from desktop.ui.timeline_wiring import TimelineWiring

        if room is not None:
            self._menu.set_room(room)
        self._timeline = TimelineWiring(self.create_page, read, export, verify, self, read_trunk)
        self._timeline.exporting.connect(self._on_exporting)
        self._timeline.exported.connect(self._on_exported)
        self._timeline.not_exported.connect(self.toast.hide)

    def add_attention(self, attend: Attend) -> None:
        """Show which part of a finished picture each word of its prompt drew. Called once, after the first paint."""
        from desktop.ui.attention_wiring import AttentionWiring

        self._attention = AttentionWiring(self.create_page, attend, self)
        self._attention.connect_bridge(self._bridge)

    def add_grids(self, grids: Grids) -> None:
        """Offer to vary two settings in a grid of pictures. Called once, after add_pictures and add_timeline."""
        from desktop.ui.grid_wiring import GridWiring

        self._grids = GridWiring(
            self.create_page,
            engine=self._engine,
            models=self._models,
            grids=grids,
            on_sheet=self._on_sheet,
            trunk_of=self._timeline.trunk_of,
            cover=self.centralWidget(),
            parent=self,
        )
        self._grids.connect_bridge(self._bridge)

    def take_up_grids(
        self, kept: Iterable[tuple[int, Grid]], jobs: Iterable[tuple[str, GenerationRequest]] = ()
    ) -> None:
        """Go on with grids that the program's end interrupted; see GridWiring."""
        self._grids.take_up(kept, jobs)

    @property
    def gallery_page(self) -> QWidget | None:
        return self.pages.gallery_page

    @property
    def models_page(self) -> ModelsPage | None:
        return self.pages.models_page

    @property
    def noise_page(self) -> NoisePage | None:
        return self.pages.noise_page

    @Slot(int)
    def show_page(self, index: int) -> None:
        self.pages.show_page(index)
        self.top_bar.set_page(index)
        self._fit_side()
        if index == CREATE:
            self.create_page.panel.prompt.setFocus()
        else:
            self.pages.currentWidget().setFocus()

    @Slot()
    def show_create(self) -> None:
        """Bring the Create page to the front, with the cursor in the prompt."""
        self.show_page(CREATE)

    def refresh_models(self) -> None:
        """Read the list of models again, and keep the one in use where it is still there."""
        models = self._models.list()
        names = [model.name for model in models]
        name = self.settings.model if self.settings.model in names else names[0] if names else ""
        self.top_bar.set_models(models, name)
        self.pages.show_models(models)
        if name:
            self._set_model(name)

    @Slot(str)
    def use_model(self, name: str) -> None:
        """Work with this model from now on, and load it while nothing else is to be done."""
        if self._set_model(name):
            self._change(model=name)
            self._engine.warm_up(name)

    @Slot()
    def toggle_alone(self) -> None:
        """Full screen: the picture and nothing else, and back."""
        if self._before_alone is None:
            self._before_alone = self.windowState()
            self.show_page(CREATE)
            self.setWindowState(self._before_alone | Qt.WindowState.WindowFullScreen)
            self.create_page.preview.setFocus()
        else:
            self.setWindowState(self._before_alone)
            self._before_alone = None
            self.create_page.panel.prompt.setFocus()
        alone = self._before_alone is not None
        self.top_bar.setVisible(not alone)
        self.create_page.set_alone(alone)
        self._fit_side()

    def open_file(self, path: str) -> None:
        """What the program was started with, or handed over by a second start."""
        self._arrivals.open(path)

    def show_safe_mode(self, *, died: bool, why: str) -> SafeModeBar:
        """Say above the pages that the program opened with less than usual; see SafeModeBar."""
        from desktop.ui.safe_mode_bar import SafeModeBar

        bar = SafeModeBar(died=died, why=why, parent=self.centralWidget())
        bar.report_wanted.connect(self._menu.offer_report)
        self.centralWidget().layout().insertWidget(1, bar)
        bar.show()
        if died:
            self.top_bar.set_device(self.tr("Not started"))
        return bar

    def offer_left_over(self, count: int) -> LeftOver:
        """Say above the pages that so many pictures waited when the program ended, until that is decided."""
        from desktop.ui.left_over import LeftOver

        offer = LeftOver(count, self.centralWidget())
        self.centralWidget().layout().insertWidget(1, offer)
        offer.show()
        return offer

    def use_settings(self, chosen: Settings) -> None:
        """Take these in place of those the window opened with; what has been typed meanwhile stays."""
        panel = self.create_page.panel
        prompt, negative = panel.prompt.toPlainText(), panel.negative.toPlainText()
        self.settings = chosen
        self._restore_geometry()
        self.top_bar.set_theme(chosen.theme)
        self._menu.modes = chosen.memory, chosen.compiling
        self._engine.set_modes(memory=chosen.memory, compiling=chosen.compiling)
        theme.apply(QApplication.instance(), chosen.theme)
        self.refresh_models()
        self._restore_panel()
        if prompt.strip():
            panel.prompt.set_text(prompt)
        if negative.strip():
            panel.negative.set_text(negative)
            panel.negative_fold.set_open(True)

    def offer_downloads(self) -> None:
        """Say that a model was not fetched to its end, and show the way on."""
        self.toast.show_message(
            self.tr("A model was not fetched to its end"),
            action=self.tr("Show"),
            on_action=self._on_models_wanted,
            stay=True,
        )

    # What Qt tells the window

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            if event.isAutoRepeat():
                return  # a key held too long does not stop the whole queue
            if self._before_alone is not None:
                self.toggle_alone()
            elif self._attention is not None and self._attention.view is not None and not self.create_page.running:
                self._attention.close()
            else:
                self.create_page.stop()
        elif event.key() in (Qt.Key.Key_F, Qt.Key.Key_F11) and not event.modifiers():
            self.toggle_alone()
        elif event.text() == "?" or event.key() == Qt.Key.Key_F1:
            self._menu.show_keys()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_side()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if local_file(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        path = local_file(event.mimeData())
        if event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self._arrivals.restore_settings_of(path)
        else:
            self._arrivals.take(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._before_alone is not None:
            self.toggle_alone()
        for part in (self.pages, self._menu, self._arrivals, self._timeline, self._attention, self._grids):
            if part is not None:  # made by now
                part.wait()
        self._change(
            geometry=base64.b64encode(bytes(self.saveGeometry().data())).decode(),
            panel=self.create_page.panel.request_json(),
            seed_locked=self.create_page.panel.seed.locked,
        )
        self.closing.emit()
        super().closeEvent(event)

    # Small answers

    @Slot(str, str)
    def _on_modes_chosen(self, memory: str, compiling: str) -> None:
        self._menu.modes = memory, compiling
        self._engine.set_modes(memory=memory, compiling=compiling)
        self._change(memory=memory, compiling=compiling)

    @Slot(str)
    def _add_model(self, path: str) -> None:
        self.show_page(MODELS)
        self.models_page.add(path)

    def _change(self, **changes: object) -> None:
        self.settings = self.settings.replace(**changes)
        try:
            self._save_settings(self.settings)
        except KnownError as error:
            self.create_page.show_error(error)

    def _set_model(self, name: str) -> bool:
        try:
            model = self._models.resolve(name)
        except KnownError as error:
            self.create_page.show_error(error)
            return False
        self.create_page.panel.set_model(model)
        self.top_bar.set_model(name)
        self.pages.set_model(model)
        return True

    def _fit_side(self) -> None:
        room = self.width() >= _FOLD_BELOW
        shown = room and self._side_wanted and self._before_alone is None
        self.create_page.side.setVisible(shown)
        self.create_page.fit_panel(self.width())
        self.top_bar.set_side(shown, possible=room, offered=self.pages.currentIndex() == CREATE)

    @Slot()
    def _on_grid(self) -> None:
        if self._grids is not None:
            self.show_create()
            self._grids.set_up()

    def _on_sheet(self, record: PictureRecord) -> None:
        self._gallery.on_saved(record)
        self.toast.show_message(self.tr("The sheet of the grid is in the gallery"))

    @Slot()
    def _on_undo(self) -> None:
        if self._pictures is not None:
            self._pictures.undo()

    @Slot(object)
    def _on_ready(self, event: EngineReady) -> None:
        self.top_bar.set_device(event.device)
        if event.trouble and not self._device_known:
            self.create_page.messages.show_note(event.trouble, "")
        self._device_known = True
        self.pages.set_device(event)

    @Slot(bool)
    def _on_side_toggled(self, shown: bool) -> None:
        self._side_wanted = shown
        self._fit_side()

    @Slot(object)
    def _on_exporting(self, path: Path) -> None:
        self.toast.show_message(self.tr("Writing {0}…").format(path.name), stay=True)

    @Slot(object)
    def _on_exported(self, path: Path) -> None:
        self.toast.show_message(
            self.tr("The steps are in {0}").format(path.name),
            action=self.tr("Show in folder"),
            on_action=functools.partial(places.reveal, path),
        )

    @Slot(str)
    def _on_theme_changed(self, mode: str) -> None:
        self._change(theme=mode)

    @Slot()
    def _on_models_wanted(self) -> None:
        self.show_page(MODELS)

    @Slot()
    def _on_welcome_closed(self) -> None:
        self._change(seen_welcome=True)

    @Slot(str)
    def _on_model_used(self, name: str) -> None:
        self.use_model(name)
        self.show_create()

    @Slot(object)
    def _on_model_added(self, model: object) -> None:
        self.refresh_models()
        self.toast.show_message(self.tr("{0} is ready to use").format(model.title))
