"""The window's four pages, of which three are made when they are first looked at, and what those need."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop.errors import KnownError
from desktop.ui import places
from desktop.ui.create_page import CreatePage
from desktop.ui.pages import Pages
from desktop.ui.ports import Downloads, Engine, Models, Noising

if TYPE_CHECKING:
    from desktop.messages import EngineReady, ModelInfo
    from desktop.ui.bridge import Bridge
    from desktop.ui.download_bridge import DownloadBridge
    from desktop.ui.gallery import Gallery
    from desktop.ui.gallery_page import GalleryPage
    from desktop.ui.models_page import ModelsPage
    from desktop.ui.noise_page import NoisePage

CREATE, GALLERY, MODELS, NOISE = range(4)
OpenDownloads = Callable[[], "tuple[Downloads, DownloadBridge]"]


class WindowPages(Pages):
    """Attributes: gallery_page, models_page, noise_page, None until they are looked at; gallery and bridge, None until
    the window has them.

    Signals: create_wanted(), model_used(name), model_added(ModelInfo).
    """

    create_wanted = Signal()
    model_used = Signal(str)
    model_added = Signal(object)

    def __init__(
        self,
        create_page: CreatePage,
        *,
        engine: Engine,
        models: Models,
        noising: Noising | None,
        open_downloads: OpenDownloads | None,
        parent: QWidget,
    ) -> None:
        super().__init__((lambda: create_page, self._make_gallery, self._make_models, self._make_noise), parent)
        self._create_page, self._engine, self._models = create_page, engine, models
        self._noising, self._open_downloads = noising, open_downloads
        self._model = ""  # in use
        self._device: EngineReady | None = None
        self.gallery: Gallery | None = None
        self.bridge: Bridge | None = None

    @property
    def gallery_page(self) -> GalleryPage | None:
        return self.made(GALLERY)

    @property
    def models_page(self) -> ModelsPage | None:
        return self.made(MODELS)

    @property
    def noise_page(self) -> NoisePage | None:
        return self.made(NOISE)

    def show_models(self, models: Sequence[ModelInfo]) -> None:
        """What the library has now."""
        if self.gallery is not None:
            self.gallery.name_models(models)
        if self.models_page is not None:
            self.models_page.show_models(models)

    def set_model(self, model: ModelInfo) -> None:
        """The one in use."""
        self._model = model.name
        if self.models_page is not None:
            self.models_page.set_current(model.name)
        if self.noise_page is not None:
            self.noise_page.set_model(model)

    def set_device(self, device: EngineReady) -> None:
        self._device = device
        if self.models_page is not None:
            self.models_page.set_device(device)

    def wait(self) -> None:
        """For what the pages do in the background; for shutdown."""
        for page in (self._create_page, self.gallery_page, self.models_page, self.noise_page):
            if page is not None:
                page.wait()

    def _make_models(self) -> ModelsPage:
        from desktop.ui.models_page import ModelsPage

        downloads, bridge = self._open_downloads() if self._open_downloads else (None, None)
        page = ModelsPage(self._models, downloads, self, device=self._device)
        if bridge is not None:
            bridge.changed.connect(page.on_download)
        page.link_wanted.connect(places.open_link)
        page.set_current(self._model)
        page.show_models(self._models.list())
        page.use_wanted.connect(self.model_used)
        page.folder_wanted.connect(places.open_path)
        page.added.connect(self.model_added)
        return page

    def _make_gallery(self) -> GalleryPage | None:
        if self.gallery is None:  # nothing was made before, or it is still to come
            return None
        from desktop.ui.gallery_page import GalleryPage

        page = GalleryPage(self.gallery, self)
        page.create_wanted.connect(self.create_wanted)
        return page

    def _make_noise(self) -> NoisePage | None:
        if self._noising is None:
            return None
        from desktop.ui.noise_page import NoisePage

        page = NoisePage(self._noising, self._newest_picture, self._engine.look, self)
        if self.bridge is not None:
            self.bridge.noise_seen.connect(page.on_seen)
        page.link_wanted.connect(places.open_link)
        if self._create_page.panel.model is not None:
            page.set_model(self._create_page.panel.model)
        return page

    def _newest_picture(self) -> str:
        if self.gallery is None:
            return ""
        with contextlib.suppress(KnownError):  # a database in trouble is told elsewhere
            return next((record.path for record in self.gallery.pictures.list(limit=1)), "")
        return ""
