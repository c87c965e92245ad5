"""Saves what helps to find out why something failed, and says before what is in it."""

from PySide6.QtCore import QCoreApplication, Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from desktop.ui import theme
from desktop.ui.overlay import Overlay
from desktop.ui.tick_box import TickBox


class ReportOverlay(Overlay):
    """Signals: save_wanted((path, whether with prompts)).

    name: what the file is called unless somebody says otherwise.
    """

    save_wanted = Signal(object)

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(QCoreApplication.translate("Overlay", "Save a report"), parent)
        self._name = name
        for kind, text in (
            (
                "",
                self.tr("One file for whoever helps you: the log, the versions of all parts, and your device."),
            ),
            (
                "quiet",
                self.tr(
                    "It is written to this computer and sent nowhere. Pictures are never in it, and prompts only where "
                    "you say so here."
                ),
            ),
        ):
            label = QLabel(text, self.card)
            label.setWordWrap(True)
            label.setFixedWidth(400)
            if kind:
                theme.set_kind(label, kind)
            self.body.addWidget(label)
        self.prompts = TickBox(self.tr("Add my prompts"), self.card)
        self.save = QPushButton(self.tr("Save the report…"), self.card)
        theme.set_kind(self.save, "primary")
        self.save.clicked.connect(self._on_save)
        self.body.addSpacing(theme.S4)
        self.body.addWidget(self.prompts, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addSpacing(theme.S4)
        self.body.addWidget(self.save, 0, Qt.AlignmentFlag.AlignLeft)

    def open_card(self) -> None:
        super().open_card()
        self.save.setFocus(Qt.FocusReason.PopupFocusReason)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """The Tab key stays on the card."""
        stops = [self.prompts, self.save, self._close]
        at = stops.index(self.focusWidget()) if self.focusWidget() in stops else -1
        stops[(at + (1 if forward else -1)) % len(stops)].setFocus(Qt.FocusReason.TabFocusReason)
        return True

    @Slot()
    def _on_save(self) -> None:
        from desktop.ui.save_dialog import ask_where

        path = ask_where(
            self.window(), self.tr("Save the report"), self._name, {self.tr("ZIP files") + " (*.zip)": ".zip"}
        )
        if path is not None:
            self.close_card()
            self.save_wanted.emit((str(path), self.prompts.isChecked()))
