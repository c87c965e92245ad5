"""What the window's menu does."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QApplication, QWidget

from desktop.errors import KnownError
from desktop.settings import Folders
from desktop.ui import places, theme
from desktop.ui.top_bar import TopBar

if TYPE_CHECKING:
    from desktop.ui.overlay import Overlay
    from desktop.ui.ports import TimelineRoom


class WindowMenu(QObject):
    """Themes, cards and folders.

    Attributes: modes, how models are kept and whether they are compiled, for the settings to show.
    Signals: theme_changed(mode), modes_chosen(memory, compiling), report_chosen((path, whether with prompts)),
    problem(KnownError).
    """

    theme_changed = Signal(str)
    modes_chosen = Signal(str, str)
    report_chosen = Signal(object)
    problem = Signal(object)

    def __init__(self, bar: TopBar, folders: Folders, cover: QWidget, parent: QObject) -> None:
        super().__init__(parent)
        self._bar, self._folders, self._cover = bar, folders, cover
        self._room: TimelineRoom | None = None
        self._cards: dict[str, Overlay] = {}
        self.modes = ("auto", "auto")
        bar.theme_chosen.connect(self._on_theme)
        bar.keys_wanted.connect(self.show_keys)
        bar.about_wanted.connect(self.show_about)
        bar.data_wanted.connect(self._on_data)
        bar.log_wanted.connect(self.open_log)
        bar.report_wanted.connect(self.offer_report)
        bar.settings_wanted.connect(self.show_settings)

    @Slot()
    def show_keys(self) -> None:
        from desktop.ui.shortcuts_overlay import ShortcutsOverlay

        self._show("keys", lambda: ShortcutsOverlay(self._cover))

    @Slot()
    def show_settings(self) -> None:
        from desktop.ui.settings_overlay import SettingsOverlay

        def make() -> SettingsOverlay:
            card = SettingsOverlay(self._room, str(self._folders.root), self._cover)
            card.theme_chosen.connect(self._bar.set_theme)
            card.theme_chosen.connect(self._on_theme)
            card.modes_chosen.connect(self.modes_chosen)
            card.data_wanted.connect(self._on_data)
            card.log_wanted.connect(self.open_log)
            card.problem.connect(self.problem)
            return card

        def fill(card: SettingsOverlay) -> None:
            card.show_theme(self._bar.theme)
            card.show_modes(*self.modes)

        self._show("settings", make, fill)

    def set_room(self, room: "TimelineRoom") -> None:
        """Where the steps of all pictures lie."""
        self._room = room

    def wait(self) -> None:
        """For what a card does in the background; for shutdown."""
        if "settings" in self._cards:
            self._cards["settings"].wait()

    @Slot()
    def show_about(self) -> None:
        from desktop.ui.about_overlay import AboutOverlay

        self._show("about", lambda: AboutOverlay(QApplication.applicationVersion(), self._cover))

    @Slot()
    def offer_report(self) -> None:
        from desktop.report import suggested_name
        from desktop.ui.report_overlay import ReportOverlay

        def make() -> ReportOverlay:
            card = ReportOverlay(suggested_name(), self._cover)
            card.save_wanted.connect(self.report_chosen)
            return card

        self._show("report", make)

    @Slot()
    def open_log(self) -> None:
        self._open(str(self._folders.log))

    def _show(
        self, name: str, make: "Callable[[], Overlay]", fill: "Callable[[Overlay], None]" = lambda card: None
    ) -> None:
        if name not in self._cards:
            self._cards[name] = make()
        fill(self._cards[name])
        self._cards[name].open_card()

    def _open(self, path: str) -> None:
        if not places.open_path(path):
            self.problem.emit(
                KnownError(self.tr("No program was found to open it with"), self.tr("It is {0}.").format(path))
            )

    @Slot(str)
    def _on_theme(self, mode: str) -> None:
        theme.apply(QApplication.instance(), mode)
        self.theme_changed.emit(mode)

    @Slot()
    def _on_data(self) -> None:
        self._open(str(self._folders.root))
