"""The models there are, those on their way, and how to get more."""

import logging
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.library.download import Download
from desktop.library.machine import this_machine
from desktop.library.stop import Stop
from desktop.messages import EngineReady, ModelInfo
from desktop.ui import icons, theme
from desktop.ui.background import Background
from desktop.ui.download_list import DownloadList
from desktop.ui.dropped import is_model, local_file
from desktop.ui.get_more import GetMore
from desktop.ui.inline_error import InlineError
from desktop.ui.model_card import ModelCard
from desktop.ui.ports import Downloads, Models

_log = logging.getLogger(__name__)

_WIDTH = 760  # a line of a card stays easy to read


class ModelsPage(QWidget):
    """Attributes: downloads and get_more, None where nothing can be fetched; faults, what cannot be used and why.

    Signals: use_wanted(name), folder_wanted(path), link_wanted(address), added(ModelInfo).
    """

    use_wanted = Signal(str)
    folder_wanted = Signal(str)
    link_wanted = Signal(str)
    added = Signal(object)

    def __init__(
        self,
        models: Models,
        downloads: Downloads | None = None,
        parent: QWidget | None = None,
        *,
        device: EngineReady | None = None,
    ) -> None:
        super().__init__(parent)
        self._models = models
        self._current = ""
        self._cards: list[ModelCard] = []
        self.setAcceptDrops(True)
        self._background = Background("model-adder", self)
        self._background.done.connect(self._on_added)
        self._background.failed.connect(self._on_failed)
        self._checker = Background("model-checker", self)
        self._checker.done.connect(self._on_checked)
        self._checker.failed.connect(self._on_not_checked)
        self._checking = self._check_again = False
        self._closing = Stop()

        title = QLabel(self.tr("Models"), self)
        theme.set_kind(title, "title")
        self.add_button = QPushButton(self.tr("Add a folder…"), self)
        icons.put(self.add_button, "folder-plus")
        self.add_button.clicked.connect(self.choose)
        self.add_file_button = QPushButton(self.tr("Add a file…"), self)
        icons.put(self.add_file_button, "plus")
        self.add_file_button.clicked.connect(self.choose_file)
        head = QHBoxLayout()
        head.setSpacing(theme.S8)
        head.addWidget(title, 1)
        head.addWidget(self.add_button)
        head.addWidget(self.add_file_button)
        teach = QLabel(
            self.tr(
                "A model decides what can be drawn, and how large. Get one below, or bring your own: a diffusers "
                "folder, a .safetensors or a .gguf file, chosen or dropped here. It stays where it is."
            ),
            self,
        )
        teach.setWordWrap(True)
        teach.setMaximumWidth(560)
        theme.set_kind(teach, "quiet")
        self._error = InlineError(self)
        self._reading = QLabel(self)
        self._reading.setWordWrap(True)
        self._reading.setTextFormat(Qt.TextFormat.PlainText)
        theme.set_kind(self._reading, "quiet")
        self._reading.hide()
        heading = QLabel(self.tr("On this machine"), self)
        theme.set_kind(heading, "heading")

        inner = QWidget(self)
        inner.setMaximumWidth(_WIDTH)
        column = QVBoxLayout(inner)
        column.setContentsMargins(theme.S24, theme.S24, theme.S24, theme.S24)
        column.setSpacing(theme.S12)
        column.addLayout(head)
        column.addWidget(teach)
        column.addWidget(self._error)
        column.addWidget(self._reading)
        column.addSpacing(theme.S12)
        column.addWidget(heading)
        self._column = QVBoxLayout()
        self._column.setSpacing(theme.S8)
        column.addLayout(self._column)
        self.faults = InlineError(self)
        theme.set_kind(self.faults, "quiet")  # nobody has just done anything wrong
        self.faults.setAccessibleName(self.tr("Models that cannot be used"))
        column.addWidget(self.faults)
        self.downloads: DownloadList | None = None
        self.get_more: GetMore | None = None
        if downloads is not None:
            self.downloads = DownloadList(downloads, inner)
            self.downloads.finished.connect(self._on_fetched)
            device_bytes = device.device_bytes if device is not None else None
            self.get_more = GetMore(downloads, this_machine(device_bytes), inner, known=device is not None)
            self.get_more.link_wanted.connect(self.link_wanted)
            self.get_more.started.connect(self._on_started)
            column.addSpacing(theme.S12)
            column.addWidget(self.downloads)
            column.addSpacing(theme.S12)
            column.addWidget(self.get_more)
            self._opener = Background("download-opener", self)
            self._opener.done.connect(self._on_opened)
            self._opener.failed.connect(self._on_not_opened)
            self._opener.start(lambda: (downloads.reopen(self._closing), downloads.repos_here()))
        column.addStretch(1)
        holder = QWidget(self)
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(inner, 100)  # up to its largest width
        row.addStretch(1)
        self._area = QScrollArea(self)
        self._area.setWidgetResizable(True)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(holder)
        self._area.viewport().setAutoFillBackground(False)
        holder.setAutoFillBackground(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._area)

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        return tuple(self._cards)

    def show_models(self, models: tuple[ModelInfo, ...]) -> None:
        """These, and under them why others that are here are left out, once that is known."""
        self._check()
        if models == tuple(card.model for card in self._cards):
            return
        for card in self._cards:
            self._column.removeWidget(card)
            card.setParent(None)
            card.deleteLater()
        self._cards = []
        for model in models:
            card = ModelCard(model, self)
            card.use_clicked.connect(self.use_wanted)
            card.folder_clicked.connect(self.folder_wanted)
            card.set_in_use(model.name == self._current)
            self._column.addWidget(card)
            card.show()
            self._cards.append(card)

    def set_current(self, name: str) -> None:
        self._current = name
        for card in self._cards:
            card.set_in_use(card.model.name == name)

    def set_device(self, device: EngineReady) -> None:
        """What draws here, once it has been found out."""
        if self.get_more is not None:
            self.get_more.set_machine(this_machine(device.device_bytes))

    @Slot(object)
    def on_download(self, download: Download) -> None:
        """What is told about a model on its way."""
        if self.downloads is not None and self.get_more is not None:
            self.get_more.on_download(download)
            self.downloads.on_download(download)

    @Slot()
    def choose(self) -> None:
        path = QFileDialog.getExistingDirectory(self.window(), self.tr("Choose a model folder"))
        if path:
            self.add(path)

    @Slot()
    def choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self.window(), self.tr("Choose a model file"), "", self.tr("Models (*.safetensors *.gguf)")
        )
        if path:
            self.add(path)

    def add(self, path: str) -> None:
        """Take a folder or a file in, off the GUI thread: it is read to see what it is."""
        self._error.clear()
        for button in (self.add_button, self.add_file_button):
            button.setEnabled(False)
        self._reading.setText(self.tr("Reading {0}…").format(Path(path).name))
        self._reading.show()
        self._background.start(lambda: self._models.add(path))

    def wait(self) -> None:
        """For shutdown. A check of all models only reads, and is left to it: that may take a minute."""
        self._closing.set()
        self._checker.forget()
        self._background.wait()
        if self.downloads is not None and self.get_more is not None:
            self._opener.wait()
            self.downloads.wait()
            self.get_more.wait()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if is_model(local_file(event.mimeData())):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.add(local_file(event.mimeData()))

    def _check(self) -> None:
        """Look at every model again; while one look lasts, the next waits for its end."""
        if self._checking:
            self._check_again = True
            return
        self._checking, self._check_again = True, False
        self._checker.start(self._models.check_all)

    def _settle(self) -> None:
        for button in (self.add_button, self.add_file_button):
            button.setEnabled(True)
        self._reading.hide()

    @Slot(object)
    def _on_added(self, model: ModelInfo) -> None:
        self._settle()
        self.show_models(self._models.list())
        self.added.emit(model)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        self._settle()
        if not isinstance(error, KnownError):
            error = KnownError(self.tr("It could not be read ({0})").format(error))
        self._error.show_error(error)

    @Slot(object)
    def _on_checked(self, faults: Mapping[str, KnownError | None]) -> None:
        self._checking = False
        if self._check_again:  # the models have changed since
            self._check()
            return
        lines = [f"{name}: {error}" for name, error in faults.items() if error is not None]
        if lines:
            self.faults.setText("\n".join((self.tr("Here as well, and cannot be used:"), *lines)))
        self.faults.setVisible(bool(lines))

    @Slot(object)
    def _on_not_checked(self, error: Exception) -> None:
        _log.error("the models could not be checked", exc_info=error)
        self._checking = False
        if self._check_again:
            self._check()

    @Slot(object)
    def _on_opened(self, found: tuple[tuple[Download, ...], frozenset[str]]) -> None:
        downloads, here = found
        self.get_more.set_here(here)
        for download in downloads:
            self.on_download(download)

    @Slot(object)
    def _on_not_opened(self, error: Exception) -> None:
        """What was begun cannot be shown; a new download says for itself what is in its way."""
        if not isinstance(error, KnownError):
            error = KnownError(self.tr("The downloads that were begun cannot be read ({0})").format(error))
        self._error.show_error(error)

    @Slot()
    def _on_started(self) -> None:
        """What was begun is looked at, wherever on the page it was asked for."""
        if self.downloads.isVisible():
            self._area.ensureWidgetVisible(self.downloads, 0, theme.S24)

    @Slot(object)
    def _on_fetched(self, download: Download) -> None:
        models = self._models.list()
        self.show_models(models)
        found = next((model for model in models if Path(model.path) == Path(download.path)), None)
        if found is not None:
            self.added.emit(found)
        elif download.message:  # it is here, and something stands in the way of its use
            self._error.show_error(KnownError(download.message, download.hint))
        else:  # a part of a model, or half of a cascade
            self._reading.setText(self.tr("{0} is here now: {1}").format(download.title, download.path))
            self._reading.show()
