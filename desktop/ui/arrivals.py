"""Files that come into the window from outside: dropped on it, or handed over when the program was started."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from desktop.errors import KnownError
from desktop.ui.dropped import is_model

if TYPE_CHECKING:
    from desktop.messages import GenerationRequest
    from desktop.ui.background import Background
    from desktop.ui.create_page import CreatePage
    from desktop.ui.opened_file import OpenedFile
    from desktop.ui.ports import Models, Recall
    from desktop.ui.toast import Toast


class Arrivals(QObject):
    """show_create: brings the Create page to the front. Attributes: recaller, None until a recipe was wanted.

    Signals: model_arrived(path).
    """

    model_arrived = Signal(str)

    def __init__(
        self,
        *,
        recall: Recall,
        models: Models,
        page: CreatePage,
        toast: Toast,
        show_create: Callable[[], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._recall, self._models, self._page, self._toast = recall, models, page, toast
        self._show_create = show_create
        self.recaller: Background | None = None
        self._opened: OpenedFile | None = None  # until a file is opened
        page.panel.not_added.connect(self.model_arrived)
        page.panel.file_added.connect(self._on_file_added)

    def wait(self) -> None:
        """For what is read in the background; for shutdown."""
        for part in (self.recaller, self._opened):
            if part is not None:
                part.wait()

    def take(self, path: str) -> None:
        """A dropped file: a model, something to put on one, or a picture to start from."""
        if path.lower().endswith(".safetensors"):  # a model, or something to put on one
            self._page.panel.added.take(path, dropped=True)
        elif is_model(path):
            self.model_arrived.emit(path)
        else:
            self._show_create()
            self._page.use_as_start(path)

    def open(self, path: str) -> None:
        """What the program was started with: a picture's settings or the picture itself, or a model."""
        if is_model(path):
            self.take(path)
            return
        if self._opened is None:
            from desktop.ui.opened_file import OpenedFile

            self._opened = OpenedFile(
                recall=self._recall,
                models=self._models,
                page=self._page,
                toast=self._toast,
                show_create=self._show_create,
                parent=self,
            )
        self._opened.open(path)

    def restore_settings_of(self, path: str) -> None:
        """Put the recipe of one of our PNGs into the panel, once it is read."""
        self._show_create()
        if self.recaller is None:
            from desktop.ui.background import Background

            self.recaller = Background("recipe", self)
            self.recaller.done.connect(self._on_recalled)
            self.recaller.failed.connect(self._on_not_recalled)
        recall, models = self._recall, self._models
        self.recaller.start(lambda: (request := recall(path), any(m.name == request.model for m in models.list())))

    @Slot(object)
    def _on_recalled(self, found: tuple[GenerationRequest, bool]) -> None:
        request, model_is_here = found
        self._page.use_request(request, model_is_here=model_is_here)

    @Slot(object)
    def _on_not_recalled(self, error: Exception) -> None:
        if not isinstance(error, KnownError):
            raise error
        self._page.show_error(error)

    @Slot()
    def _on_file_added(self) -> None:
        self._show_create()
        self._page.panel.added_fold.set_open(True)
