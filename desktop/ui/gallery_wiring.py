"""What the gallery and the history ask of the window, and what the window tells them."""

from PySide6.QtCore import QObject, Slot

from desktop.messages import PictureRecord, Saved
from desktop.ui.bridge import Bridge
from desktop.ui.gallery import Gallery
from desktop.ui.history_panel import HistoryPanel
from desktop.ui.main_window import MainWindow
from desktop.ui.picture_viewer import PictureViewer


class GalleryWiring(QObject):
    """Connects one gallery, its history panel and its viewer with the window; lives as long as the window."""

    def __init__(self, window: MainWindow, gallery: Gallery, history_panel: HistoryPanel, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._gallery, self._history_panel = window, gallery, history_panel
        self._viewer: PictureViewer | None = None  # made when a picture is first opened
        self._undo = []
        gallery.opened.connect(self._on_opened)
        gallery.use_settings.connect(window.use_settings)
        gallery.make_variations.connect(window.make_variations)
        gallery.use_as_start.connect(window.use_as_start)
        gallery.deleted.connect(self._on_deleted)
        gallery.problem.connect(window.create_page.show_error)
        gallery.told.connect(window.show_toast)
        history_panel.removed.connect(self._on_prompt_removed)
        history_panel.problem.connect(window.create_page.show_error)
        window.undo_requested.connect(self._on_undo)
        bridge.started.connect(history_panel.reload)
        bridge.saved.connect(self._on_saved)

    @Slot(object)
    def _on_saved(self, event: Saved) -> None:
        self._gallery.on_saved(event.record)

    @Slot(object, str)
    def _on_opened(self, record: PictureRecord, text: str) -> None:
        if self._viewer is None:
            self._viewer = PictureViewer(self._gallery, self._window.centralWidget())
        self._viewer.open(record, text)

    @Slot(object)
    def _on_deleted(self, deletion) -> None:
        count = len(deletion.records)
        self._undo.append(self._gallery.undo_delete)
        text = self.tr("Picture moved to the trash") if count == 1 else self.tr("{0} pictures moved to the trash")
        self._window.show_toast(text.format(count), undo=True)

    @Slot(object)
    def _on_prompt_removed(self, entry) -> None:
        self._undo.append(self._history_panel.undo_remove)
        self._window.show_toast(self.tr("Prompt removed from the history"), undo=True)

    @Slot()
    def _on_undo(self) -> None:
        if self._undo:
            self._undo.pop()()
