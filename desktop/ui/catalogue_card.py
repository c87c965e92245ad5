"""One model of the catalogue on the Models page."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.library.catalogue import Entry, Fit
from desktop.ui import download_words, icons, theme, words

_KINDS = {Fit.YES: "good", Fit.OFFLOAD: "fair", Fit.NO: "quiet"}


class CatalogueCard(QFrame):
    """Attributes: entry, fit. Signals: get_clicked(CatalogueCard)."""

    get_clicked = Signal(object)

    def __init__(self, entry: Entry, fit: Fit, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_kind(self, "card")
        self.entry, self.fit = entry, fit
        title = QLabel(entry.title, self)
        theme.set_kind(title, "section")
        badge = QLabel(download_words.fit(fit), self)
        theme.set_kind(badge, _KINDS[fit])
        head = QHBoxLayout()
        head.setSpacing(theme.S12)
        head.addWidget(title)
        head.addWidget(badge)
        head.addStretch(1)
        good_at = QLabel(entry.good_at, self)
        good_at.setWordWrap(True)
        facts = [
            self.tr("About {0}").format(words.size(entry.bytes)),
            self.tr("{0} of memory").format(words.size(entry.memory_bytes)),
            entry.licence.name,
        ]
        if entry.gated:
            facts.append(self.tr("terms to accept"))
        about = QLabel(" · ".join(facts), self)
        about.setWordWrap(True)
        theme.set_kind(about, "quiet")
        self.get = QPushButton(self.tr("Get"), self)
        icons.put(self.get, "download")
        self.get.setAccessibleName(self.tr("Get {0}").format(entry.title))
        self.get.setMinimumWidth(88)
        self.get.clicked.connect(self._on_get)
        self._state = QLabel(self)
        theme.set_kind(self._state, "quiet")
        self._state.hide()
        texts = QVBoxLayout()
        texts.setSpacing(theme.S4)
        texts.addLayout(head)
        texts.addWidget(good_at)
        texts.addWidget(about)
        row = QHBoxLayout()
        row.setSpacing(theme.S12)
        row.addLayout(texts, 1)
        row.addWidget(self.get, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._state, 0, Qt.AlignmentFlag.AlignTop)
        self._held: QWidget | None = None
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(theme.S16, theme.S12, theme.S12, theme.S12)
        column.setSpacing(theme.S8)
        column.addLayout(row)

    def set_state(self, text: str) -> None:
        """text: what became of it, such as "On its way"; "" where it can be had."""
        self._state.setText(text)
        self._state.setVisible(bool(text))
        self.get.setVisible(not text and self._held is None)

    @property
    def state(self) -> str:
        return self._state.text()

    def hold(self, box: QWidget | None) -> None:
        """Show this under the card's words, in the button's place; None gives back what was shown."""
        if box is not None:
            self._column.addWidget(box)
        elif self._held is not None:
            self._column.removeWidget(self._held)
        self._held = box
        self.set_state(self.state)

    @Slot()
    def _on_get(self) -> None:
        self.get_clicked.emit(self)
