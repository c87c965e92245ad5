"""What the views of finished pictures ask of the rest of the window, and what the window tells them."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from desktop.errors import KnownError
from desktop.messages import GenerationRequest, PictureRecord, Saved
from desktop.ui.bridge import Bridge
from desktop.ui.create_page import CreatePage
from desktop.ui.gallery import Gallery
from desktop.ui.toast import Toast

_UNDO_MAX = 50


class PicturesWiring(QObject):
    """Connects gallery, strip and history with the page where pictures are made; remembers what can be undone.

    show_create: brings that page to the front. cover: the widget the large view lies over.
    """

    def __init__(
        self,
        *,
        gallery: Gallery,
        page: CreatePage,
        toast: Toast,
        cover: QWidget,
        show_create: Callable[[], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._gallery, self._page, self._toast, self._cover = gallery, page, toast, cover
        self._show_create = show_create
        self._undo: list[Callable[[], object]] = []
        self._viewer: QWidget | None = None  # made when the first picture is opened
        gallery.opened.connect(self._on_opened)
        gallery.use_settings.connect(self._on_use_settings)
        gallery.make_variations.connect(self._on_make_variations)
        gallery.use_as_start.connect(self._on_use_as_start)
        gallery.deleted.connect(self._on_deleted)
        gallery.still_deleted.connect(self._on_still_deleted)
        gallery.problem.connect(self._on_problem)
        gallery.told.connect(self._toast_text)
        history = page.history_panel
        history.removed.connect(self._on_prompt_removed)
        history.problem.connect(self._on_problem)
        page.picture_strip.view.clicked.connect(self._on_strip_clicked)
        preview = page.preview
        preview.save_as.connect(self._on_save_as)
        preview.show_in_folder.connect(gallery.files.show_in_folder)

    def connect_bridge(self, bridge: Bridge) -> None:
        bridge.saved.connect(self._on_saved)
        bridge.started.connect(self._page.history_panel.reload)

    @Slot()
    def undo(self) -> None:
        """Take back the last thing that was deleted, picture or prompt."""
        if self._undo:
            self._undo.pop()()

    def _remember(self, text: str, undo: Callable[[], object]) -> None:
        self._undo = [*self._undo[-_UNDO_MAX + 1 :], undo]
        self._toast.show_message(text, action=self.tr("Undo"), on_action=self.undo)

    @Slot(object, str)
    def _on_opened(self, record: PictureRecord, text: str) -> None:
        if self._viewer is None:
            from desktop.ui.picture_viewer import PictureViewer

            self._viewer = PictureViewer(self._gallery, self._cover)
        self._viewer.open(record, text)

    @Slot()
    def _on_strip_clicked(self) -> None:
        records = self._page.picture_strip.view.records()
        if len(records) == 1:
            self._page.show_record(records[0])

    def _leave_viewer(self) -> None:
        if self._viewer is not None and self._viewer.isVisible():
            self._viewer.close_viewer()
        self._show_create()

    @Slot(object)
    def _on_use_settings(self, request: GenerationRequest) -> None:
        self._leave_viewer()
        self._page.use_request(request)

    @Slot(object)
    def _on_make_variations(self, request: GenerationRequest) -> None:
        self._leave_viewer()
        self._page.make_variations(request)

    @Slot(str)
    def _on_use_as_start(self, path: str) -> None:
        self._leave_viewer()
        self._page.use_as_start(path)

    @Slot(object)
    def _on_deleted(self, deletion: object) -> None:
        count = len(deletion.records)
        text = (
            self.tr("Picture moved to the trash")
            if count == 1
            else self.tr("{0} pictures moved to the trash").format(count)
        )
        self._remember(text, self._gallery.undo_delete)

    @Slot()
    def _on_still_deleted(self) -> None:
        self._undo.append(self._gallery.undo_delete)

    @Slot(object)
    def _on_prompt_removed(self, entry: object) -> None:
        self._remember(self.tr("Prompt removed from the history"), self._page.history_panel.undo_remove)

    @Slot(object)
    def _on_problem(self, error: KnownError) -> None:
        self._show_create()
        self._page.show_error(error)

    @Slot(str)
    def _toast_text(self, text: str) -> None:
        self._toast.show_message(text)

    @Slot(object)
    def _on_save_as(self, record: PictureRecord) -> None:
        self._gallery.files.save_as([record], self._cover)

    @Slot(object)
    def _on_saved(self, event: Saved) -> None:
        self._gallery.on_saved(event.record)
