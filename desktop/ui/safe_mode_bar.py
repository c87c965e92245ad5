"""Says that the program opened with less than usual, why, and what leads back."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icon_label import IconLabel


class SafeModeBar(QFrame):
    """Stands above the pages. Signals: go_on_wanted(), set_aside_wanted(), report_wanted().

    died: whether the last start did; else the settings cannot be read. why: of the settings, where they are broken.
    """

    go_on_wanted = Signal()
    set_aside_wanted = Signal()
    report_wanted = Signal()

    def __init__(self, *, died: bool, why: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_kind(self, "banner")
        if died:
            title = self.tr("Safelight opened in safe mode, because its last start did not come to an end")
            text = self.tr(
                "Settings and model are left alone for now. You can look at pictures; what you line up waits."
            )
        else:
            title = self.tr("Safelight opened in safe mode, because its settings cannot be read")
            text = self.tr("It uses the defaults, and writes no settings until this is decided.")
        if why:
            text = f"{why.rstrip('.')}. {text}"
        heading, body = QLabel(title, self), QLabel(text, self)
        theme.set_kind(heading, "section")
        theme.set_kind(body, "quiet")
        for label in (heading, body):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        texts = QVBoxLayout()
        texts.setSpacing(theme.S4)
        texts.addWidget(heading)
        texts.addWidget(body)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S16, theme.S8, theme.S16, theme.S8)
        row.setSpacing(theme.S8)
        row.addWidget(IconLabel("triangle-alert", 20, "warning", self), 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(texts, 1)
        self.buttons: dict[str, QPushButton] = {}
        offers = [("report", self.tr("Save a report…"), "quiet", self.report_wanted)]
        offers.append(("aside", self.tr("Set the settings aside"), "", self.set_aside_wanted))
        if died:
            offers.append(("go_on", self.tr("Go on as usual"), "primary", self.go_on_wanted))
        for name, words, kind, signal in offers:
            button = QPushButton(words, self)
            if kind:
                theme.set_kind(button, kind)
            button.clicked.connect(signal)
            row.addWidget(button)
            self.buttons[name] = button
        self.setAccessibleName(f"{title}. {text}")
