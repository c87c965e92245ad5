"""What each word of a finished picture drew: asked for in its menu, shown over it."""

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Slot
from shiboken6 import isValid

from desktop.errors import KnownError
from desktop.messages import AttentionSeen, Cancelled, Failed, PictureRecord
from desktop.ui import places
from desktop.ui.background import Background
from desktop.ui.bridge import Bridge
from desktop.ui.create_page import CreatePage

if TYPE_CHECKING:
    from desktop.ui.attention_view import AttentionView

Attend = Callable[[str], str]  # a picture's path; begins to make it again; gives the job's id; raises KnownError
_KEPT = 4  # pictures whose words need not be looked at again


class AttentionWiring(QObject):
    """Attributes: view, what lies over the picture now, None where nothing does."""

    def __init__(self, page: CreatePage, attend: Attend, parent: QObject) -> None:
        super().__init__(parent)
        self._page, self._attend = page, attend
        self._kept: OrderedDict[str, AttentionSeen] = OrderedDict()  # by the picture's path
        self._asked: dict[str, str] = {}  # job id to path
        self._wanted = ""  # the path of the picture that is to be shown with its words
        self._view: AttentionView | None = None
        self._starter = Background("attention", self)
        self._starter.done.connect(self._on_begun)
        self._starter.failed.connect(self._on_not_begun)
        page.preview.attention_wanted.connect(self.show)
        page.preview.record_shown.connect(self._on_record)
        page.preview.developing.connect(self.close)

    def connect_bridge(self, bridge: Bridge) -> None:
        bridge.attention_seen.connect(self._on_seen)
        bridge.cancelled.connect(self._on_ended)
        bridge.failed.connect(self._on_ended)

    @property
    def view(self) -> "AttentionView | None":
        if self._view is None or not isValid(self._view) or self._view.parent() is None:  # another cover came
            self._view = None
        return self._view

    def wait(self) -> None:
        """Wait for what is read in the background; for shutdown."""
        self._starter.wait()

    @Slot(object)
    def show(self, record: PictureRecord) -> None:
        """Show the words of the picture; where they were not looked at yet, it is made again first."""
        self._wanted = path = record.path
        if path in self._kept:
            self._open(self._kept[path])
        else:
            self._starter.start(lambda: (self._attend(path), path))

    @Slot()
    def close(self) -> None:
        """Show the picture alone again."""
        if self.view is not None:
            focused = self.view.isAncestorOf(self._page.window().focusWidget() or self._page)
            self._page.preview.set_cover(None)
            if focused:
                self._page.preview.setFocus()

    @Slot(object)
    def _on_begun(self, begun: tuple[str, str]) -> None:
        job_id, path = begun
        self._asked[job_id] = path

    @Slot(object)
    def _on_not_begun(self, error: Exception) -> None:
        known = error if isinstance(error, KnownError) else KnownError(self.tr("The picture could not be read"))
        self._page.show_error(known)

    @Slot(object)
    def _on_seen(self, event: AttentionSeen) -> None:
        self._asked.pop(event.job_id, None)
        self._kept[event.path] = event
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        shown = self._page.preview.record
        if event.path == self._wanted and shown is not None and shown.path == event.path:
            self._open(event)  # else once it is shown again

    @Slot(object)
    def _on_ended(self, event: Cancelled | Failed) -> None:
        """Stopped, or it cannot be: the picture comes back in place of what there is of it."""
        path = self._asked.pop(event.job_id, None)
        if path is not None:
            self._page.preview.show_again(path)

    @Slot(object)
    def _on_record(self, record: PictureRecord) -> None:
        if self.view is not None and self.view.seen.path == record.path:
            return
        self.close()
        if record.path == self._wanted and record.path in self._kept:
            self._open(self._kept[record.path])

    def _open(self, seen: AttentionSeen) -> None:
        from desktop.ui.attention_view import AttentionView

        self._wanted = ""
        if not seen.words:
            self._page.show_error(KnownError(self.tr("The prompt of this picture has no words to show")))
            return
        preview = self._page.preview
        focused = preview.hasFocus() or (self.view is not None and self.view.isAncestorOf(preview.focusWidget()))
        request = preview.record.request
        view = AttentionView(seen, lambda: preview.image, QSize(request.width, request.height), preview)
        view.closed.connect(self.close)
        view.link_wanted.connect(places.open_link)
        preview.set_cover(view)
        self._view = view
        if focused:  # whoever writes the next prompt meanwhile goes on writing
            view.take_focus()
