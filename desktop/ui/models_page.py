"""The models there are, and how to bring more."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.messages import ModelInfo
from desktop.ui import icons, theme
from desktop.ui.background import Background
from desktop.ui.dropped import local_file
from desktop.ui.inline_error import InlineError
from desktop.ui.model_card import ModelCard
from desktop.ui.ports import Models

_WIDTH = 760  # a line of a card stays easy to read


class ModelsPage(QWidget):
    """Signals: use_wanted(name), folder_wanted(path), added(ModelInfo)."""

    use_wanted = Signal(str)
    folder_wanted = Signal(str)
    added = Signal(object)

    def __init__(self, models: Models, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models = models
        self._current = ""
        self._cards: list[ModelCard] = []
        self.setAcceptDrops(True)
        self._background = Background("model-adder", self)
        self._background.done.connect(self._on_added)
        self._background.failed.connect(self._on_failed)

        title = QLabel(self.tr("Models"), self)
        theme.set_kind(title, "title")
        self.add_button = QPushButton(self.tr("Add a model folder…"), self)
        icons.put(self.add_button, "folder-plus")
        self.add_button.clicked.connect(self.choose)
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(self.add_button)
        teach = QLabel(
            self.tr(
                "A model decides what can be drawn, and how large. To bring one, choose its folder or drop it "
                "here: a diffusers folder, the kind with a model_index.json beside folders such as unet and "
                "vae, with its weights as safetensors. It stays where it is; nothing is copied."
            ),
            self,
        )
        teach.setWordWrap(True)
        teach.setMaximumWidth(560)
        theme.set_kind(teach, "quiet")
        self._error = InlineError(self)
        self._reading = QLabel(self)
        theme.set_kind(self._reading, "quiet")
        self._reading.hide()

        inner = QWidget(self)
        inner.setMaximumWidth(_WIDTH)
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(theme.S24, theme.S24, theme.S24, theme.S24)
        self._column.setSpacing(theme.S12)
        self._column.addLayout(head)
        self._column.addWidget(teach)
        self._column.addWidget(self._error)
        self._column.addWidget(self._reading)
        self._column.addStretch(1)
        holder = QWidget(self)
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(inner, 8)
        row.addStretch(1)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(holder)
        area.viewport().setAutoFillBackground(False)
        holder.setAutoFillBackground(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        return tuple(self._cards)

    def show_models(self, models: tuple[ModelInfo, ...]) -> None:
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
            self._column.insertWidget(self._column.count() - 1, card)
            card.show()
            self._cards.append(card)

    def set_current(self, name: str) -> None:
        self._current = name
        for card in self._cards:
            card.set_in_use(card.model.name == name)

    @Slot()
    def choose(self) -> None:
        path = QFileDialog.getExistingDirectory(self.window(), self.tr("Choose a model folder"))
        if path:
            self.add(path)

    def add(self, path: str) -> None:
        """Take a folder in, off the GUI thread: its files are read to see what it is."""
        self._error.clear()
        self.add_button.setEnabled(False)
        self._reading.setText(self.tr("Reading {0}…").format(Path(path).name))
        self._reading.show()
        self._background.start(lambda: self._models.add(path))

    def wait(self) -> None:
        self._background.wait()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        path = local_file(event.mimeData())
        if path and Path(path).is_dir():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.add(local_file(event.mimeData()))

    def _settle(self) -> None:
        self.add_button.setEnabled(True)
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
            error = KnownError(self.tr("The folder could not be read ({0})").format(error))
        self._error.show_error(error)
