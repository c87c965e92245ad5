"""A picture that the program was started with: one of its own brings its settings, any other is the start picture."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from desktop.errors import KnownError
from desktop.messages import GenerationRequest
from desktop.ui.background import Background

if TYPE_CHECKING:
    from desktop.ui.create_page import CreatePage
    from desktop.ui.ports import Models, Recall
    from desktop.ui.toast import Toast


class OpenedFile(QObject):
    """Reads the file on a thread of its own, and puts what it holds into the Create page."""

    def __init__(
        self,
        *,
        recall: "Recall",
        models: "Models",
        page: "CreatePage",
        toast: "Toast",
        show_create: Callable[[], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._recall, self._models, self._page, self._toast = recall, models, page, toast
        self._show_create = show_create
        self._path = ""
        self._reader = Background("opened file", self)
        self._reader.done.connect(self._on_ours)
        self._reader.failed.connect(self._on_another)

    def open(self, path: str) -> None:
        self._path = path
        self._show_create()
        self._page.close_welcome()
        recall, models = self._recall, self._models
        self._reader.start(lambda: (request := recall(path), any(m.name == request.model for m in models.list())))

    def wait(self) -> None:
        """For shutdown."""
        self._reader.wait()

    @Slot(object)
    def _on_ours(self, found: tuple[GenerationRequest, bool]) -> None:
        request, model_is_here = found
        path = self._path
        self._page.use_request(request, model_is_here=model_is_here)
        self._toast.show_message(
            self.tr("The settings of this picture are here"),
            action=self.tr("Start from the picture"),
            on_action=lambda: self._page.use_as_start(path),
        )

    @Slot(object)
    def _on_another(self, error: Exception) -> None:
        if not isinstance(error, KnownError):
            raise error
        self._page.use_as_start(self._path)  # which says so where it is no picture at all
