"""What a model costs and allows, shown before any of it is fetched."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.library.hub import Offer
from desktop.library.hub_errors import HubError
from desktop.ui import theme, words
from desktop.ui.inline_error import InlineError
from desktop.ui.token_field import TokenField


class OfferBox(QWidget):
    """Hidden until something is asked.

    Signals: agreed(), again_wanted(), dismissed(), link_clicked(address), token_given(token).
    """

    agreed = Signal()
    again_wanted = Signal()
    dismissed = Signal()
    link_clicked = Signal(str)
    token_given = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._licence_link = ""
        self._words = QLabel(self)
        self._words.setWordWrap(True)
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self._words.setMaximumWidth(560)
        self._licence = QPushButton(self.tr("Read the licence"), self)
        theme.set_kind(self._licence, "link")
        self._licence.clicked.connect(self._on_licence)
        self._fetch = QPushButton(self)
        theme.set_kind(self._fetch, "primary")
        self._fetch.clicked.connect(self.agreed)
        self._again = QPushButton(self.tr("Try again"), self)
        self._again.clicked.connect(self.again_wanted)
        self._not_now = QPushButton(self.tr("Not now"), self)
        theme.set_kind(self._not_now, "quiet")
        self._not_now.clicked.connect(self._on_not_now)
        self._error = InlineError(self)
        self._token = TokenField(self)
        self._token.given.connect(self.token_given)
        row = QHBoxLayout()
        row.setSpacing(theme.S8)
        row.addWidget(self._fetch)
        row.addWidget(self._again)
        row.addWidget(self._licence)
        row.addWidget(self._not_now)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.S4, 0, 0)
        column.setSpacing(theme.S8)
        column.addWidget(self._words)
        column.addWidget(self._error)
        column.addWidget(self._token)
        column.addLayout(row)
        self.clear()

    @property
    def text(self) -> str:
        return self._words.text() if not self._words.isHidden() else ""

    @property
    def error(self) -> str:
        return self._error.text()

    def follow(self, widget: QWidget) -> None:
        """Come right after this widget for whoever walks with the Tab key."""
        for after in (self._token.edit, self._token.button, self._fetch, self._again, self._licence, self._not_now):
            QWidget.setTabOrder(widget, after)
            widget = after

    def take_focus(self) -> None:
        """Give the focus to what answers."""
        for widget in (self._token.edit, self._fetch, self._again, self._not_now):
            if widget.isVisible():
                widget.setFocus()
                return

    def clear(self) -> None:
        self._show(words_="")
        self.hide()

    def show_working(self, text: str) -> None:
        """Something is under way; it can be left alone."""
        self._show(words_=text, way_out=self.tr("Never mind"))

    def show_offers(self, offers: tuple[Offer, ...], note: str = "") -> None:
        """note: what else there is to say."""
        count = sum(offer.bytes for offer in offers)
        licence = offers[0].licence
        lines = [
            self.tr("{0} from {1}").format(words.size(count), self.tr(" and ").join(offer.repo for offer in offers)),
            self.tr("Licence: {0}").format(licence.name)
            if licence.name
            else self.tr("It names no licence, so nothing is allowed beyond what the law gives."),
        ]
        if any(offer.gated for offer in offers):
            lines.append(self.tr("You accepted its makers' terms on the hub; they hold here too."))
        if note:
            lines.append(note)
        self._licence_link = licence.link or offers[0].link
        self._licence.setText(self.tr("Read the licence") if licence.link else self.tr("Open its page"))
        self._fetch.setText(self.tr("Fetch {0}").format(words.size(count)))
        self._show(words_="\n".join(lines), way_out=self.tr("Not now"), fetch=True)

    def show_error(self, error: KnownError) -> None:
        needs_token = isinstance(error, HubError) and error.needs_token
        self._show(words_="", way_out=self.tr("Close"), token=needs_token)
        self._error.show_error(error)
        self._again.setVisible(not needs_token)
        self._licence_link = error.link if isinstance(error, HubError) else ""
        self._licence.setText(self.tr("Open the page"))
        self._licence.setVisible(bool(self._licence_link))

    def _show(self, *, words_: str, way_out: str = "", fetch: bool = False, token: bool = False) -> None:
        self._error.clear()
        self._words.setText(words_)
        self._words.setVisible(bool(words_))
        self._fetch.setVisible(fetch)
        self._licence.setVisible(fetch)
        self._again.hide()
        self._token.setVisible(token)
        self._not_now.setText(way_out)
        self._not_now.setVisible(bool(way_out))
        self.show()

    @Slot()
    def _on_not_now(self) -> None:
        self.clear()
        self.dismissed.emit()

    @Slot()
    def _on_licence(self) -> None:
        self.link_clicked.emit(self._licence_link)
