"""LoRA files and embeddings that the next pictures are made with: chosen, dropped, weighted, taken off."""

from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QPushButton, QVBoxLayout, QWidget

from desktop.errors import KnownError
from desktop.limits import ADDED_MAX
from desktop.messages import AddedFile, Lora
from desktop.ui import icons, theme
from desktop.ui.added_file_row import AddedFileRow
from desktop.ui.background import Background
from desktop.ui.inline_error import InlineError

LookAt = Callable[[str, str], AddedFile]  # path, model's name -> what it is; reads the file; raises KnownError


class AddedFiles(QWidget):
    """Holds what goes into a request's loras and embeddings.

    Signals: changed(); dropped() for a dropped file that was taken; not_added(path) for one that is neither of the two.
    """

    changed = Signal()
    dropped = Signal()
    not_added = Signal(str)

    def __init__(self, look_at: LookAt, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look_at = look_at
        self._model = ""
        self._rows: list[AddedFileRow] = []
        self._taking: list[tuple[str, bool]] = []  # path, and whether it was dropped
        self._reader = Background("added-file", self)
        self._reader.done.connect(self._on_read)
        self._checker = Background("added-files", self)
        self._checker.done.connect(self._on_checked)
        self._error = InlineError(self)
        add = QPushButton(self.tr("Add a LoRA or an embedding…"), self)
        icons.put(add, "plus")
        add.setToolTip(
            self.tr(
                "LoRA: a small file that teaches a model a style or a subject.\n"
                "Embedding: a file that teaches the prompt one word. Both can be dropped on the window."
            )
        )
        add.clicked.connect(self.choose)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.S8)
        self._column.addWidget(self._error)
        self._column.addWidget(add)

    @property
    def loras(self) -> tuple[Lora, ...]:
        """In their order, with the weights as they stand."""
        return tuple(Lora(file=row.path, weight=row.weight) for row in self._rows if row.kind == "lora")

    @property
    def embeddings(self) -> tuple[str, ...]:
        return tuple(row.path for row in self._rows if row.kind == "embedding")

    def set_model(self, name: str) -> None:
        """Say of every file whether it goes on this model."""
        if name != self._model:
            self._model = name
            self._check()

    def set_files(self, loras: Iterable[Lora], embeddings: Iterable[str]) -> None:
        """Take these in place of what is there; a file that is gone is shown with what is wrong."""
        self._reader.forget()
        self._taking.clear()
        self._error.clear()
        for row in self._rows:
            self._drop(row)
        self._rows.clear()
        for lora in loras:
            self._put(AddedFile(path=lora.file, kind="lora", title=Path(lora.file).stem), lora.weight)
        for path in embeddings:
            self._put(AddedFile(path=path, kind="embedding", title=Path(path).stem))
        self._check()
        self.changed.emit()

    def take(self, path: str, *, dropped: bool = False) -> None:
        """Read a file's header in the background and add it. dropped: what is no such file goes to not_added."""
        self._error.clear()
        if path in {row.path for row in self._rows}:
            return
        if len(self._rows) + len(self._taking) >= ADDED_MAX:
            self._error.show_error(
                KnownError(self.tr("There are {0} files already").format(ADDED_MAX), self.tr("Take one off first."))
            )
            return
        self._taking.append((path, dropped))
        if len(self._taking) == 1:
            self._read_next()

    @Slot()
    def choose(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(
            self.window(),
            self.tr("Choose LoRA files or embeddings"),
            "",
            self.tr("LoRA files and embeddings") + " (*.safetensors)",
        )
        for path in paths:
            self.take(path)

    def commit(self) -> None:
        """A weight that is still being typed counts."""
        for row in self._rows:
            row.commit()

    def wait(self) -> None:
        self._reader.wait()
        self._checker.wait()

    def _read_next(self) -> None:
        path, _ = self._taking[0]
        model, look_at = self._model, self._look_at

        def work() -> AddedFile | KnownError:
            try:
                return look_at(path, model)
            except KnownError as error:
                return error

        self._reader.start(work)

    @Slot(object)
    def _on_read(self, found: AddedFile | KnownError) -> None:
        path, dropped = self._taking.pop(0)
        if isinstance(found, AddedFile):
            if found.path not in {row.path for row in self._rows}:
                self._put(found)
                self.changed.emit()
            if dropped:
                self.dropped.emit()
        elif dropped:
            self.not_added.emit(path)
        else:
            self._error.show_error(found)
        if self._taking:
            self._read_next()

    def _check(self) -> None:
        paths, model, look_at = [row.path for row in self._rows], self._model, self._look_at
        if not paths or not model:
            return

        def work() -> dict[str, AddedFile | KnownError]:
            found: dict[str, AddedFile | KnownError] = {}
            for path in paths:
                try:
                    found[path] = look_at(path, model)
                except KnownError as error:
                    found[path] = error
            return found

        self._checker.start(work)

    @Slot(object)
    def _on_checked(self, found: dict[str, AddedFile | KnownError]) -> None:
        for row in self._rows:
            if row.path in found:
                row.show_found(found[row.path])

    def _put(self, file: AddedFile, weight: float = 1.0) -> None:
        row = AddedFileRow(file, weight, self)
        row.removed.connect(self._on_removed)
        row.weight_changed.connect(self.changed)
        self._column.insertWidget(len(self._rows), row)
        self._rows.append(row)
        row.show()

    @Slot()
    def _on_removed(self) -> None:
        row = self.sender()
        place = self._rows.index(row)
        self._rows.remove(row)
        self._drop(row)
        neighbour = self._rows[min(place, len(self._rows) - 1)] if self._rows else self
        neighbour.setFocus()
        self.changed.emit()

    def _drop(self, row: AddedFileRow) -> None:
        self._column.removeWidget(row)
        row.hide()
        row.deleteLater()
