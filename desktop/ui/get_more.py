"""Models that can be had: those of the catalogue, and any other of the hub by its name."""

import collections
import functools

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.library.catalogue import Entry, Fit, catalogue, fits
from desktop.library.download import Download, State
from desktop.library.hub import Offer
from desktop.library.machine import Machine
from desktop.library.stop import Stop
from desktop.ui import theme, words
from desktop.ui.background import Background
from desktop.ui.catalogue_card import CatalogueCard
from desktop.ui.fold import Fold
from desktop.ui.offer_box import OfferBox
from desktop.ui.ports import Downloads


class GetMore(QWidget):
    """Asks the hub, and the disk, on threads of its own; one question at a time, the newest.

    Attributes: edit, look, cards, box (what is asked about: under the field, or inside a card).
    Signals: started() once something begins to be fetched, link_wanted(address).
    """

    started = Signal()
    link_wanted = Signal(str)

    def __init__(
        self, downloads: Downloads, machine: Machine, parent: QWidget | None = None, *, known: bool = True
    ) -> None:
        super().__init__(parent)
        self._downloads = downloads
        self._later: Machine | None = None  # what to judge by once no card is being read
        self._here: frozenset[str] = frozenset()
        self._closing = Stop()
        self._coming: dict[str, str] = {}  # key of a download to its repository
        self._text = ""
        self._offers: tuple[Offer, ...] = ()
        self._note = ""  # about the token, where it cannot be kept
        self._asked: CatalogueCard | None = None  # the card that holds the box; None where it is under the field
        self._to_make: collections.deque[tuple[Entry, Fit]] = collections.deque()
        self._maker = QTimer(self)  # a card at a time, so that the page is there at once
        self._maker.setInterval(0)
        self._maker.timeout.connect(self._make_card)
        self._asker = self._background("hub-asker", self._on_looked, self._on_refused)
        self._getter = self._background("download-beginner", self._on_begun, self._on_refused)
        self._keeper = self._background("token-keeper", self._on_kept, self._on_refused)

        heading = QLabel(self.tr("Get more"), self)
        theme.set_kind(heading, "heading")
        self._judged = QLabel(self)
        self._judged.setWordWrap(True)
        theme.set_kind(self._judged, "quiet")
        self.edit = QLineEdit(self)
        self.edit.setPlaceholderText(self.tr("Any model of the hub: owner/name, or the address of its page"))
        self.edit.setAccessibleName(self.tr("A model of the hub"))
        self.edit.returnPressed.connect(self._on_typed)
        self.look = QPushButton(self.tr("Look it up"), self)
        self.look.clicked.connect(self._on_typed)
        row = QHBoxLayout()
        row.setSpacing(theme.S8)
        row.addWidget(self.edit, 1)
        row.addWidget(self.look)
        self.box = OfferBox(self)
        self.box.agreed.connect(self._on_agreed)
        self.box.again_wanted.connect(self._on_again)
        self.box.dismissed.connect(self._on_dismissed)
        self.box.token_given.connect(self._on_token)
        self.box.link_clicked.connect(self.link_wanted)
        self._under_field = QVBoxLayout()
        self._under_field.addWidget(self.box)
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
        column.addLayout(self._under_field)
        column.addWidget(self._judged)
        column.addLayout(self._column)
        column.addWidget(self._large)
        self.cards: list[CatalogueCard] = []
        self.set_machine(machine, known=known)

    def set_machine(self, machine: Machine, *, known: bool = True) -> None:
        """Judge every model by this machine; those that fit come first. known: what draws here has been found out."""
        if self._asked is not None:
            self._later = machine  # a card that is being read stays where it is
            return
        self._judged.setVisible(known)
        self._judged.setText(self._basis(machine))
        judged = [(entry, fits(entry, machine)) for entry in catalogue()]
        judged.sort(key=lambda pair: list(Fit).index(pair[1]))
        if judged == [*((card.entry, card.fit) for card in self.cards), *self._to_make]:
            return
        for card in self.cards:
            card.setParent(None)
            card.deleteLater()
        self.cards.clear()
        self._to_make = collections.deque(judged)
        self._large.setVisible(judged[-1][1] is Fit.NO)
        self._maker.start()

    @property
    def complete(self) -> bool:
        """Whether every card is there."""
        return not self._to_make

    @Slot()
    def _make_card(self) -> None:
        entry, fit = self._to_make.popleft()
        large = fit is Fit.NO
        card = CatalogueCard(entry, fit, self._large.body if large else self)
        card.get_clicked.connect(self._on_get)
        card.set_state(self._state_of(card))
        (self._large_column if large else self._column).addWidget(card)
        self.cards.append(card)
        if not self._to_make:
            self._maker.stop()

    def _judge_later(self) -> None:
        machine, self._later = self._later, None
        if machine is not None:
            self.set_machine(machine)

    def _basis(self, machine: Machine) -> str:
        ram = words.size(machine.ram_bytes)
        if machine.device_bytes is None:
            return self.tr(
                "Judged by {0} of memory and no graphics card: the larger a model, the longer a picture takes."
            ).format(ram)
        return self.tr("Judged by {0} on the graphics card and {1} beside it.").format(
            words.size(machine.device_bytes), ram
        )

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
        """For shutdown. Whoever waits for the hub or the keyring is left to it: that may take a minute."""
        self._closing.set()
        self._asker.forget()
        self._keeper.forget()
        self._getter.wait()

    def _background(self, name: str, done: object, failed: object) -> Background:
        background = Background(name, self)
        background.done.connect(done)
        background.failed.connect(failed)
        return background

    def _show_states(self) -> None:
        for card in self.cards:
            card.set_state(self._state_of(card))

    def _state_of(self, card: CatalogueCard) -> str:
        repos = set(card.entry.repos)
        if repos & set(self._coming.values()):
            return self.tr("On its way")
        return self.tr("On this machine") if repos <= self._here else ""

    def _ask(self, text: str, card: CatalogueCard | None) -> None:
        self._settle()
        self._text, self._asked, self._note = text, card, ""
        if card is not None:
            card.hold(self.box)
        self.box.follow(self.look if card is None else card.get)
        self.box.show_working(self.tr("Asking the hub…"))
        self._take_focus()
        self._asker.start(functools.partial(self._downloads.look, text))

    def _settle(self) -> None:
        """Whatever was asked before is not wanted any more."""
        for background in (self._asker, self._getter, self._keeper):
            background.forget()
        self.box.clear()
        card, self._asked = self._asked, None
        if card is not None:
            card.hold(None)
            self._under_field.addWidget(self.box)

    @Slot()
    def _on_typed(self) -> None:
        text = self.edit.text().strip()
        if text:
            self._ask(text, None)
        else:
            self.edit.setFocus()

    @Slot(object)
    def _on_get(self, card: CatalogueCard) -> None:
        self._ask(card.entry.name, card)

    @Slot(object)
    def _on_looked(self, offers: tuple[Offer, ...]) -> None:
        self._offers = offers
        self.box.show_offers(offers, self._note)
        self._take_focus()

    @Slot(object)
    def _on_refused(self, error: Exception) -> None:
        if not isinstance(error, KnownError):
            error = KnownError(self.tr("This did not work ({0})").format(error), self.tr("The log says more."))
        self.box.show_error(error)
        self._take_focus()

    def _take_focus(self) -> None:
        """The button that was pressed on a card is gone; whoever types in the field is not disturbed."""
        if self._asked is not None:
            self.box.take_focus()

    @Slot()
    def _on_agreed(self) -> None:
        self.box.show_working(self.tr("Beginning…"))
        self._getter.start(functools.partial(self._downloads.get, self._offers, self._closing))

    @Slot(object)
    def _on_begun(self, keys: tuple[str, ...]) -> None:
        if self._asked is None:
            self.edit.clear()
        self._settle()
        if not keys:  # all of it was here already
            self.set_here(self._here | {offer.repo for offer in self._offers})
        self._judge_later()
        self.started.emit()

    @Slot()
    def _on_again(self) -> None:
        self._ask(self._text, self._asked)

    @Slot()
    def _on_dismissed(self) -> None:
        card = self._asked
        self._settle()
        (self.edit if card is None else card.get).setFocus()
        self._judge_later()

    @Slot(str)
    def _on_token(self, token: str) -> None:
        self.box.show_working(self.tr("Asking again…"))
        self._keeper.start(functools.partial(self._downloads.keep_token, token))

    @Slot(object)
    def _on_kept(self, note: str) -> None:
        self._note = note
        self._asker.start(functools.partial(self._downloads.look, self._text))
