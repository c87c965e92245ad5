"""The window: three pages under one bar, and the keys that work everywhere."""

import base64
import binascii
import contextlib
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QByteArray, Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QApplication, QFileDialog, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.files import write_atomically
from desktop.messages import EngineReady, PictureRecord
from desktop.settings import Folders, Settings
from desktop.ui import places, theme
from desktop.ui.bridge import Bridge
from desktop.ui.create_page import CreatePage
from desktop.ui.dropped import local_file
from desktop.ui.ports import Engine, History, Models, ReadRequest, StartPictures
from desktop.ui.toast import Toast
from desktop.ui.top_bar import TopBar

CREATE, GALLERY, MODELS = range(3)
_FOLD_BELOW = 1100  # narrower windows have no room for history and queue


class MainWindow(QMainWindow):
    """Signals: undo_requested() by Ctrl+Z or the toast, closing() before the window goes."""

    undo_requested = Signal()
    closing = Signal()

    def __init__(
        self,
        *,
        engine: Engine,
        models: Models,
        history: History,
        starts: StartPictures,
        read_request: ReadRequest,
        settings: Settings,
        save_settings: Callable[[Settings], None],
        folders: Folders,
        gallery_page: QWidget,
        picture_strip: QWidget,
        history_panel: QWidget,
        version: str = "0.1.0",
    ) -> None:
        super().__init__()
        self._engine, self._models, self._read_request = engine, models, read_request
        self._settings, self._save_settings, self._folders = settings, save_settings, folders
        self._version = version
        self._side_wanted = True
        self._before_alone: Qt.WindowState | None = None  # set while the picture is shown alone
        self._overlays: dict[str, QWidget] = {}
        self.setWindowTitle("Safelight")
        self.setMinimumSize(860, 560)
        self.setAcceptDrops(True)

        self.top_bar = TopBar((self.tr("Create"), self.tr("Gallery"), self.tr("Models")), self)
        self.create_page = CreatePage(
            engine=engine,
            models=models,
            history=history,
            starts=starts,
            picture_strip=picture_strip,
            history_panel=history_panel,
            parent=self,
        )
        self.gallery_page = gallery_page
        self.models_page: QWidget | None = None  # made when it is first looked at
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.create_page)
        self.pages.addWidget(gallery_page)
        self.pages.addWidget(QWidget(self))
        body = QWidget(self)
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top_bar)
        column.addWidget(self.pages, 1)
        self.setCentralWidget(body)
        self.toast = Toast(body)
        self.toast.undo_clicked.connect(self.undo_requested)

        self._connect_bar()
        self._connect_page()
        self._add_keys()
        self._restore()

    # Building

    def _connect_bar(self) -> None:
        bar = self.top_bar
        bar.page_chosen.connect(self.show_page)
        bar.model_chosen.connect(self.use_model)
        bar.theme_chosen.connect(self._on_theme)
        bar.side_toggled.connect(self._on_side_toggled)
        bar.keys_wanted.connect(self._on_keys)
        bar.about_wanted.connect(self._on_about)
        bar.data_wanted.connect(self._on_data)
        bar.log_wanted.connect(self._on_log)
        bar.quit_wanted.connect(self.close)

    def _connect_page(self) -> None:
        page = self.create_page
        page.model_wanted.connect(self.use_model)
        page.models_wanted.connect(self._on_models_wanted)
        page.welcome_closed.connect(self._on_welcome_closed)
        page.save_as.connect(self.save_as)
        page.show_in_folder.connect(places.reveal)
        page.full_screen.connect(self.toggle_alone)
        page.messages.log_requested.connect(self._on_log)
        page.panel.seed_lock_changed.connect(self._on_seed_lock)

    def _add_keys(self) -> None:
        for keys, slot in (
            ("Ctrl+Return", self.create_page.panel.submit),
            ("Ctrl+Enter", self.create_page.panel.submit),
            ("Esc", self._on_escape),
            ("F", self.toggle_alone),
            ("F11", self.toggle_alone),
            ("?", self._on_keys),
            ("Ctrl+Z", self.undo_requested),
            ("Ctrl+B", self.top_bar.side.click),
            ("Ctrl+L", self._on_go_to_prompt),
            ("Ctrl+Q", self.close),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(slot)
        for page in range(self.pages.count()):
            shortcut = QShortcut(QKeySequence(f"Ctrl+{page + 1}"), self)
            shortcut.setProperty("page", page)
            shortcut.activated.connect(self._on_page_key)

    def _restore(self) -> None:
        settings = self._settings
        self.resize(1280, 800)
        if settings.geometry:
            with contextlib.suppress(binascii.Error, ValueError):  # somebody edited the file
                self.restoreGeometry(QByteArray(base64.b64decode(settings.geometry, validate=True)))
        self.top_bar.set_theme(settings.theme)
        self.top_bar.set_page(CREATE)
        self.refresh_models()
        panel = self.create_page.panel
        panel.restore(settings.panel)
        panel.seed.set_locked(settings.seed_locked)
        if not settings.seen_welcome:
            self.create_page.show_welcome(str(self._folders.pictures))
        self._fit_side()
        panel.prompt.setFocus()

    # What the composition root and the pages ask for

    def connect_bridge(self, bridge: Bridge) -> None:
        bridge.ready.connect(self._on_ready)
        self.create_page.connect_bridge(bridge)

    @property
    def settings(self) -> Settings:
        return self._settings

    @Slot(str)
    def show_toast(self, text: str, *, undo: bool = False) -> None:
        self.toast.show_message(text, undo=undo)

    def show_bug(self, error: BaseException, details: str) -> None:
        """Say that something unexpected happened; the window stays."""
        self.create_page.messages.show_bug(error, details)

    @Slot(int)
    def show_page(self, index: int) -> None:
        if index == MODELS and self.models_page is None:
            self._make_models_page()
        self.pages.setCurrentIndex(index)
        self.top_bar.set_page(index)
        self._fit_side()
        if index == CREATE:
            self.create_page.panel.prompt.setFocus()
        else:
            self.pages.currentWidget().setFocus()

    def refresh_models(self) -> None:
        """Read the list of models again, and keep the one in use where it is still there."""
        models = self._models.list()
        names = [model.name for model in models]
        name = self._settings.model if self._settings.model in names else names[0] if names else ""
        self.top_bar.set_models(models, name)
        if self.models_page is not None:
            self.models_page.show_models(models)
        if name:
            self._set_model(name)

    @Slot(str)
    def use_model(self, name: str) -> None:
        """Work with this model from now on, and load it while nothing else is to be done."""
        if self._set_model(name):
            self._change(model=name)
            self._engine.warm_up(name)

    def _set_model(self, name: str) -> bool:
        try:
            model = self._models.resolve(name)
        except KnownError as error:
            self.create_page.show_error(error)
            return False
        self.create_page.panel.set_model(model)
        self.top_bar.model.setCurrentIndex(self.top_bar.model.findData(name))
        if self.models_page is not None:
            self.models_page.set_current(name)
        return True

    @Slot(object)
    def save_as(self, record: PictureRecord) -> None:
        """Write a copy where the user says; the recipe goes along, as it is in the file."""
        path, _ = QFileDialog.getSaveFileName(
            self, self.tr("Save the picture as"), Path(record.path).name, self.tr("PNG picture") + " (*.png)"
        )
        if not path:
            return
        try:
            try:
                data = Path(record.path).read_bytes()
            except OSError as error:
                raise KnownError(
                    self.tr("The picture {0} cannot be read").format(record.path),
                    self.tr("It may have been moved or deleted."),
                ) from error
            write_atomically(Path(path), data)
        except KnownError as error:
            self.create_page.show_error(error)
        else:
            self.show_toast(self.tr("Saved as {0}").format(Path(path).name))

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

    # What Qt tells the window

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
            self.restore_settings_of(path)
        elif Path(path).is_dir():
            self.show_page(MODELS)
            self.models_page.add(path)
        else:
            self.use_as_start(path)

    def restore_settings_of(self, path: str) -> None:
        """Put the recipe of one of our PNGs into the panel."""
        self.show_page(CREATE)
        try:
            self.create_page.use_request(self._read_request(path))
        except KnownError as error:
            self.create_page.show_error(error)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._before_alone is not None:
            self.toggle_alone()
        self.create_page.wait()
        if self.models_page is not None:
            self.models_page.wait()
        self._change(
            geometry=base64.b64encode(bytes(self.saveGeometry().data())).decode(),
            panel=self.create_page.panel.request_json(),
            seed_locked=self.create_page.panel.seed.locked,
        )
        self.closing.emit()
        super().closeEvent(event)

    # Small answers

    def _change(self, **changes: object) -> None:
        self._settings = self._settings.replace(**changes)
        try:
            self._save_settings(self._settings)
        except KnownError as error:
            self.create_page.show_error(error)

    def _fit_side(self) -> None:
        room = self.width() >= _FOLD_BELOW
        shown = room and self._side_wanted and self._before_alone is None
        self.create_page.side.setVisible(shown)
        self.create_page.fit_panel(self.width())
        self.top_bar.set_side_shown(shown)
        self.top_bar.side.setVisible(self.pages.currentIndex() == CREATE)
        self.top_bar.side.setEnabled(room)

    def _make_models_page(self) -> None:
        from desktop.ui.models_page import ModelsPage

        page = ModelsPage(self._models, self)
        page.set_current(self._settings.model)
        page.show_models(self._models.list())
        page.use_wanted.connect(self._on_model_card_used)
        page.folder_wanted.connect(places.open_path)
        page.added.connect(self._on_model_added)
        old = self.pages.widget(MODELS)
        self.pages.removeWidget(old)
        old.deleteLater()
        self.pages.insertWidget(MODELS, page)
        self.models_page = page

    def _show_overlay(self, name: str, make: Callable[[], QWidget]) -> None:
        if name not in self._overlays:
            self._overlays[name] = make()
        self._overlays[name].open_card()

    @Slot(object)
    def _on_ready(self, event: EngineReady) -> None:
        self.top_bar.set_device(event.device)

    @Slot()
    def _on_escape(self) -> None:
        if self._before_alone is not None:
            self.toggle_alone()
        else:
            self.create_page.stop()

    @Slot()
    def _on_page_key(self) -> None:
        self.show_page(self.sender().property("page"))

    @Slot()
    def _on_go_to_prompt(self) -> None:
        self.show_page(CREATE)

    @Slot(bool)
    def _on_side_toggled(self, shown: bool) -> None:
        self._side_wanted = shown
        self._fit_side()

    @Slot(str)
    def _on_theme(self, mode: str) -> None:
        theme.apply(QApplication.instance(), mode)
        self._change(theme=mode)

    @Slot(bool)
    def _on_seed_lock(self, locked: bool) -> None:
        self._settings = self._settings.replace(seed_locked=locked)  # written when the window closes

    @Slot()
    def _on_keys(self) -> None:
        from desktop.ui.shortcuts_overlay import ShortcutsOverlay

        self._show_overlay("keys", lambda: ShortcutsOverlay(self.centralWidget()))

    @Slot()
    def _on_about(self) -> None:
        from desktop.ui.about_overlay import AboutOverlay

        self._show_overlay("about", lambda: AboutOverlay(self._version, self.centralWidget()))

    @Slot()
    def _on_data(self) -> None:
        places.open_path(self._folders.root)

    @Slot()
    def _on_log(self) -> None:
        places.open_path(self._folders.log)

    @Slot()
    def _on_models_wanted(self) -> None:
        self.show_page(MODELS)

    @Slot()
    def _on_welcome_closed(self) -> None:
        self._change(seen_welcome=True)

    @Slot(str)
    def _on_model_card_used(self, name: str) -> None:
        self.use_model(name)
        self.show_page(CREATE)

    @Slot(object)
    def _on_model_added(self, model: object) -> None:
        self.refresh_models()
        self.show_toast(self.tr("{0} is ready to use").format(model.title))

    @Slot(object)
    def use_settings(self, request: object) -> None:
        self.show_page(CREATE)
        self.create_page.use_request(request)

    @Slot(object)
    def make_variations(self, request: object) -> None:
        self.show_page(CREATE)
        self.create_page.make_variations(request)

    @Slot(str)
    def use_as_start(self, path: str) -> None:
        self.show_page(CREATE)
        self.create_page.use_as_start(path)
