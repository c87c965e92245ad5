"""Models that can be had: those of the catalogue, and any other of the hub by its name."""

import functools

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.library.catalogue import Entry, Fit, catalogue, fits
from desktop.library.download import Download, State
from desktop.library.hub import Offer
from desktop.library.machine import Machine
from desktop.ui import theme
from desktop.ui.background import Background
from desktop.ui.catalogue_card import CatalogueCard
from desktop.ui.fold import Fold
from desktop.ui.offer_box import OfferBox
from desktop.ui.ports import Downloads

_HUB = "https://huggingface.co"


class GetMore(QWidget):
    """Asks the hub, and the disk, on threads of its own; one question at a time, the newest.

    Signals: started() once something begins to be fetched, link_wanted(address).
    """

    started = Signal()
    link_wanted = Signal(str)

    def __init__(self, downloads: Downloads, machine: Machine, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._downloads = downloads
        self._machine: Machine | None = None
        self._here: frozenset[str] = frozenset()
        self._coming: dict[str, str] = {}  # key of a download to its repository
        self._text = ""
        self._offers: tuple[Offer, ...] = ()
        self._open: OfferBox | None = None
        self._asker = self._background("hub-asker", self._on_looked, self._on_refused)
        self._getter = self._background("download-beginner", self._on_begun, self._on_refused)
        self._keeper = self._background("token-keeper", self._on_kept, self._on_refused)

        heading = QLabel(self.tr("Get more"), self)
        theme.set_kind(heading, "heading")
        self.edit = QLineEdit(self)
        self.edit.setPlaceholderText(self.tr("Any model of the hub: owner/name, or the address of its page"))
        self.edit.setAccessibleName(self.tr("A model of the hub"))
        self.edit.setClearButtonEnabled(True)
        self.edit.returnPressed.connect(self._on_typed)
        self.look = QPushButton(self.tr("Look it up"), self)
        self.look.clicked.connect(self._on_typed)
        row = QHBoxLayout()
        row.setSpacing(theme.S8)
        row.addWidget(self.edit, 1)
        row.addWidget(self.look)
        self.box = OfferBox(self)
        self._connect_box(self.box)
        self._column = QVBoxLayout()
        self._column.setSpacing(theme.S8)
        self._large = Fold(self.tr("Too large for this machine"), self)
        large = QWidget(self._large)
        self._large_column = QVBoxLayout(large)
        self._large_column.setContentsMargins(0, 0, 0, 0)
        self._large_column.setSpacing(theme.S8)
        self._large.set_body(large)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S12)
        column.addWidget(heading)
        column.addLayout(row)
        column.addWidget(self.box)
        column.addLayout(self._column)
        column.addWidget(self._large)
        self.cards: tuple[CatalogueCard, ...] = ()
        self.set_machine(machine)

    def set_machine(self, machine: Machine) -> None:
        """Judge every model by this machine; those that fit come first."""
        if machine == self._machine:
            return
        self._machine = machine
        judged = [(entry, fits(entry, machine)) for entry in catalogue()]
        if [(card.entry, card.fit) for card in self.cards] == judged:
            return
        for card in self.cards:
            card.setParent(None)
            card.deleteLater()
        if self._open is not self.box:
            self._open = None
        rank = list(Fit)
        judged.sort(key=lambda pair: rank.index(pair[1]))
        self.cards = tuple(self._card(entry, fit) for entry, fit in judged)
        self._large.setVisible(any(fit is Fit.NO for _, fit in judged))
        self._show_states()

    def set_here(self, repos: frozenset[str]) -> None:
        """These repositories are on this machine already."""
        self._here = repos
        self._show_states()

    def on_download(self, download: Download) -> None:
        if download.state is State.DONE:
            self._here |= {download.repo}
        if download.state in (State.DONE, State.REMOVED):
            changed = self._coming.pop(download.key, None) is not None
        else:
            changed = self._coming.get(download.key) != download.repo
            self._coming[download.key] = download.repo
        if changed or download.state is State.DONE:
            self._show_states()

    def wait(self) -> None:
        for background in (self._asker, self._getter, self._keeper):
            background.wait()

    def _background(self, name: str, done: object, failed: object) -> Background:
        background = Background(name, self)
        background.done.connect(done)
        background.failed.connect(failed)
        return background

    def _card(self, entry: Entry, fit: Fit) -> CatalogueCard:
        column = self._large_column if fit is Fit.NO else self._column
        card = CatalogueCard(entry, fit, self._large.body if fit is Fit.NO else self)
        card.get_clicked.connect(self._on_get)
        self._connect_box(card.box)
        column.addWidget(card)
        return card

    def _connect_box(self, box: OfferBox) -> None:
        box.agreed.connect(self._on_agreed)
        box.dismissed.connect(self._on_dismissed)
        box.token_given.connect(self._on_token)
        box.link_clicked.connect(self.link_wanted)

    def _show_states(self) -> None:
        coming = set(self._coming.values())
        for card in self.cards:
            repos = set(card.entry.repos)
            here = repos <= self._here
            card.set_state(self.tr("On its way") if repos & coming else self.tr("On this machine") if here else "")

    def _ask(self, text: str, box: OfferBox) -> None:
        self._settle()
        self._text, self._open = text, box
        box.show_working(self.tr("Asking the hub…"))
        self._asker.start(functools.partial(self._downloads.look, text))

    def _settle(self) -> None:
        """Whatever was asked before is not wanted any more."""
        for background in (self._asker, self._getter, self._keeper):
            background.forget()
        box, self._open = self._open, None
        for card in self.cards:
            if card.box is box:
                card.settle()
        self.box.clear()

    @Slot()
    def _on_typed(self) -> None:
        text = self.edit.text().strip()
        if text:
            self._ask(text, self.box)
        else:
            self.edit.setFocus()

    @Slot(object)
    def _on_get(self, card: CatalogueCard) -> None:
        self._ask(card.entry.name, card.box)
        card.get.setEnabled(False)

    @Slot(object)
    def _on_looked(self, offers: tuple[Offer, ...]) -> None:
        self._offers = offers
        if self._open is not None:
            self._open.show_offers(offers)

    @Slot(object)
    def _on_refused(self, error: Exception) -> None:
        if not isinstance(error, KnownError):
            error = KnownError(self.tr("This did not work ({0})").format(error), self.tr("The log says more."))
        if self._open is not None:
            repo = next((c.entry.repos[0] for c in self.cards if c.box is self._open), self._text)
            self._open.show_error(error, f"{_HUB}/{repo}" if repo.count("/") == 1 else "")

    @Slot()
    def _on_agreed(self) -> None:
        if self._open is not None:
            self._open.show_working(self.tr("Beginning…"))
        self._getter.start(functools.partial(self._downloads.get, self._offers))

    @Slot(object)
    def _on_begun(self, keys: tuple[str, ...]) -> None:
        if self._open is self.box:
            self.edit.clear()
        here = not keys
        self._settle()
        if here:
            self.set_here(self._here | {offer.repo for offer in self._offers})
        self.started.emit()

    @Slot()
    def _on_dismissed(self) -> None:
        self._settle()

    @Slot(str)
    def _on_token(self, token: str) -> None:
        if self._open is not None:
            self._open.show_working(self.tr("Asking again…"))
        self._keeper.start(functools.partial(self._downloads.keep_token, token))

    @Slot(object)
    def _on_kept(self, note: str) -> None:
        if self._open is not None:
            self._open.show_working(f"{self.tr('Asking again…')} {note}".strip())
        self._asker.start(functools.partial(self._downloads.look, self._text))
