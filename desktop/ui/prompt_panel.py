"""Everything a picture depends on, set by hand, and the button that makes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from desktop.errors import KnownError
from desktop.limits import GUIDANCE_MAX, STEPS_MAX
from desktop.ui import panel_memory, theme, words
from desktop.ui.advanced_fields import AdvancedFields
from desktop.ui.branch_chip import BranchChip
from desktop.ui.fold import Fold
from desktop.ui.inline_error import InlineError
from desktop.ui.marks import mark_wrong
from desktop.ui.number_slider import NumberSlider
from desktop.ui.panel_footer import PanelFooter
from desktop.ui.ports import History, StartPictures
from desktop.ui.prompt_edit import PromptEdit
from desktop.ui.seed_field import SeedField
from desktop.ui.size_picker import SizePicker
from desktop.ui.start_picture_box import StartPictureBox

if TYPE_CHECKING:
    from desktop.messages import Branch, GenerationRequest, ModelInfo
    from desktop.ui.added_files import AddedFiles, LookAt

_LABELS = 72  # width of the column of labels
_COUNT_MAX = 64


class PromptPanel(QFrame):
    """look_at: tells what a LoRA or an embedding is; see ports.Models.

    Signals: submitted(tuple of GenerationRequest), stop_requested(), grid_wanted(), seed_lock_changed(bool),
    file_added() for a dropped LoRA or embedding, not_added(path) for a file that is neither.
    """

    submitted = Signal(object)
    stop_requested = Signal()
    grid_wanted = Signal()
    seed_lock_changed = Signal(bool)
    file_added = Signal()
    not_added = Signal(str)

    def __init__(
        self, history: History | None, starts: StartPictures, look_at: LookAt, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._look_at = look_at
        self._added: AddedFiles | None = None  # until somebody wants it
        theme.set_kind(self, "left")
        self._model: ModelInfo | None = None

        form = QWidget(self)
        self._grid = QGridLayout(form)
        self._grid.setContentsMargins(theme.S16, theme.S12, theme.S16, theme.S12)
        self._grid.setHorizontalSpacing(theme.S8)
        self._grid.setVerticalSpacing(theme.S8)
        self._grid.setColumnMinimumWidth(0, _LABELS)
        self._grid.setColumnStretch(1, 1)
        self._build_prompt(history)
        self._gap(0)
        self._build_start(starts)
        self._gap(0)
        self._build_numbers()
        self._build_more()
        self._grid.setRowStretch(self._grid.rowCount(), 1)

        area = QScrollArea(self)
        # Asking Qt for a viewport it made itself costs 20 ms of the start: PySide then looks through every widget class
        # for the one it is of.
        viewport = QWidget()
        area.setViewport(viewport)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(form)
        viewport.setAutoFillBackground(False)
        form.setAutoFillBackground(False)
        self._bar = area.verticalScrollBar()
        self._bar.rangeChanged.connect(self._on_bar_range)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 1, 0)
        column.setSpacing(0)
        column.addWidget(area, 1)
        self.footer = PanelFooter(self)
        self.footer.generate_wanted.connect(self.submit)
        self.footer.grid_wanted.connect(self.grid_wanted)
        self.footer.stop_wanted.connect(self.stop_requested)
        self.generate_button, self.grid_button = self.footer.generate_button, self.footer.grid_button
        self.stop_button = self.footer.stop_button
        column.addWidget(self.footer)

    # Building

    def _build_prompt(self, history: History | None) -> None:
        self.prompt = PromptEdit(history, parent=self)
        self.prompt.setAccessibleName(self.tr("Prompt"))
        self.prompt.setPlaceholderText(self.tr("What should the picture show?"))
        self.prompt.setToolTip(
            self.tr(
                "Name the thing first, then its colours and its style.\n"
                "Up and down walk through earlier prompts; Shift+Enter starts a new line."
            )
        )
        self.prompt.accepted.connect(self.submit)
        self.prompt.textChanged.connect(self._on_prompt_edited)
        self.prompt_error = InlineError(self)
        label = QLabel(self.tr("Prompt"), self)
        theme.set_kind(label, "section")
        label.setBuddy(self.prompt)
        self._wide(label)
        self._wide(self.prompt)
        self._wide(self.prompt_error)
        self._branch: Branch | None = None
        self._branch_chip = BranchChip(self)
        self._branch_chip.removed.connect(self._on_branch_removed)
        self._branch_chip.variations_wanted.connect(self._on_variations)
        self._wide(self._branch_chip)
        self.negative_fold = Fold(self.tr("Negative prompt"), self)
        self.negative = PromptEdit(None, min_lines=2, max_lines=4, parent=self)
        self.negative.setAccessibleName(self.tr("Negative prompt"))
        self.negative.setPlaceholderText(self.tr("What should not be in it?"))
        self.negative.accepted.connect(self.submit)
        self.negative_fold.set_body(self.negative)
        self.negative_fold.header.setToolTip(
            self.tr("Negative prompt: what the picture is steered away from, such as: text, blurry.")
        )
        self.negative_error = InlineError(self)
        self._wide(self.negative_fold)
        self._wide(self.negative_error)

    def _build_start(self, starts: StartPictures) -> None:
        self.start_picture = StartPictureBox(starts, self)
        self.start_picture.changed.connect(self._on_start_changed)
        self.start_error = InlineError(self)
        label = QLabel(self.tr("Start picture"), self)
        theme.set_kind(label, "section")
        self._wide(label)
        self._wide(self.start_picture)
        self._wide(self.start_error)
        self.strength = NumberSlider(
            self.tr("Strength"), low=0.05, high=1, default=0.6, step=0.05, decimals=2, parent=self
        )
        self._strength_label = self._row(
            self.tr("Strength"),
            self.strength,
            self.tr(
                "Strength: how much of the start picture is replaced.\n"
                "0.3 touches it up, 0.6 keeps the composition, 1 leaves nothing of it."
            ),
        )
        self._on_start_changed()

    def _build_numbers(self) -> None:
        self.sizes = SizePicker(self)
        self.sizes.picked.connect(self._on_size_picked)
        label = self._row(
            self.tr("Size"),
            self.sizes,
            self.tr("Size: the shapes this model was trained for. Others can be typed under Advanced."),
        )
        self._size_text = QLabel(self)
        theme.set_kind(self._size_text, "caption")
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(label)
        texts.addWidget(self._size_text)
        self._grid.addLayout(texts, self._grid.rowCount() - 1, 0)
        self.steps = NumberSlider(self.tr("Steps"), low=1, high=60, default=20, typed_high=STEPS_MAX, parent=self)
        self._row(
            self.tr("Steps"),
            self.steps,
            self.tr(
                "Steps: how often noise is taken away. 20 to 30 is usual;\nmore takes longer and changes less and less."
            ),
        )
        self.guidance = NumberSlider(
            self.tr("Guidance"),
            low=0,
            high=20,
            default=4,
            step=0.5,
            decimals=1,
            typed_high=GUIDANCE_MAX,
            parent=self,
        )
        self._row(
            self.tr("Guidance"),
            self.guidance,
            self.tr(
                "Guidance: how strictly the picture follows the prompt.\n"
                "1 ignores it, 7 is usual for large models, above 15 burns."
            ),
        )
        self.seed = SeedField(self)
        self.seed.lock_changed.connect(self.seed_lock_changed)
        self.seed.edited.connect(self._on_seed_edited)
        self._row(
            self.tr("Seed"),
            self.seed,
            self.tr(
                "Seed: the number the noise is made from. The same seed and settings\n"
                "give the same picture again, on any device."
            ),
        )
        self.seed_error = InlineError(self)
        self._wide(self.seed_error)
        self.count = NumberSlider(self.tr("Count"), low=1, high=16, default=1, typed_high=_COUNT_MAX, parent=self)
        self._row(
            self.tr("Count"),
            self.count,
            self.tr("Count: how many pictures to make, with the seeds that follow one another."),
        )

    def _build_more(self) -> None:
        self.more_fold = Fold(self.tr("Advanced"), self)
        self.advanced = AdvancedFields(_LABELS, self)
        self.scheduler, self.size_fields = self.advanced.scheduler, self.advanced.size_fields
        self.advanced.size_typed.connect(self._mark_size)
        self.size_error = self.advanced.error
        self.more_fold.set_body(self.advanced)
        self.more_fold.header.setToolTip(self.tr("Advanced: the scheduler, and any size in pixels"))
        self._wide(self.more_fold)
        self.added_fold = Fold(self.tr("LoRA and embeddings"), self)
        self.added_fold.header.setToolTip(
            self.tr("LoRA and embeddings: small files that teach the model a style, a subject or a word")
        )
        self.added_fold.toggled.connect(self._on_added_toggled)
        self._wide(self.added_fold)

    def _wide(self, widget: QWidget) -> None:
        self._grid.addWidget(widget, self._grid.rowCount(), 0, 1, 2)

    def _row(self, text: str, field: QWidget, tip: str) -> QLabel:
        label = QLabel(text, self)
        label.setBuddy(field)
        label.setToolTip(tip)
        field.setToolTip(tip)
        row = self._grid.rowCount()
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(field, row, 1)
        return label

    def _gap(self, height: int) -> None:
        self._grid.setRowMinimumHeight(self._grid.rowCount(), height)

    # What the window tells the panel

    @property
    def model(self) -> ModelInfo | None:
        return self._model

    @property
    def added(self) -> AddedFiles:
        """LoRA files and embeddings; made when somebody first looks for them."""
        if self._added is None:
            from desktop.ui.added_files import AddedFiles

            self._added = AddedFiles(self._look_at, self)
            self._added.changed.connect(self._on_added_changed)
            self._added.dropped.connect(self.file_added)
            self._added.not_added.connect(self.not_added)
            if self._model is not None:
                self._added.set_model(self._model.name)
            self._added.setEnabled(self._branch is None)
            self.added_fold.set_body(self._added)
        return self._added

    def set_model(self, model: ModelInfo) -> None:
        """Offer what this model can do.

        A value that stood at the last model's default goes to this one's, one that was chosen stays.
        """
        last, self._model = self._model, model
        if self._branch is not None and self._branch.trunk.model != model.name:
            self.set_branch(None)
        self.negative_fold.setVisible(model.negative_prompt)
        self._offer_what_the_model_can(self._branch is None)
        self.sizes.set_sizes(model.sizes)
        self.size_fields.set_multiple(model.size_multiple)
        self.steps.set_default(model.steps)
        self.guidance.set_default(model.guidance_scale)
        code = self.scheduler.currentData()
        self.advanced.set_schedulers(model.schedulers)
        if last is None or self.steps.value == last.steps:
            self.steps.set_value(model.steps)
        if last is None or self.guidance.value == last.guidance_scale:
            self.guidance.set_value(model.guidance_scale)
        if last is None or code == last.scheduler or code not in model.schedulers:
            code = model.scheduler
        self.advanced.choose_scheduler(code)
        try:
            size = self.size_fields.value()
        except KnownError:
            size = None
        if last is None or size is None or size == (last.width, last.height) or size not in model.sizes:
            size = (model.width, model.height)
        self._on_size_picked(size)
        if self._added is not None:
            self._added.set_model(model.name)

    def set_request(self, request: GenerationRequest, *, keep_seed: bool = True) -> None:
        """Put everything as it was for that picture. The model is the window's to change, before this.

        keep_seed: lock its seed, so that the very picture can be made again; else a new one each time.
        """
        self._clear_errors()
        self.prompt.set_text(request.prompt)
        self.negative.set_text(request.negative_prompt)
        self.negative_fold.set_open(self.negative_fold.open or bool(request.negative_prompt))
        self.steps.set_value(request.steps)
        self.guidance.set_value(request.guidance_scale)
        self.advanced.choose_scheduler(request.scheduler)
        self._on_size_picked((request.width, request.height))
        self.strength.set_value(request.strength)
        self.start_picture.set_sha(request.start_picture, request.mask)
        if self._added is not None or request.loras or request.embeddings:
            self.added.set_files(request.loras, request.embeddings)
            self.added_fold.set_open(self.added_fold.open or bool(request.loras or request.embeddings))
        self.seed.set_locked(keep_seed)
        if keep_seed:
            self.seed.set_seed(request.seed)
        self.prompt.setFocus()

    @property
    def branch(self) -> Branch | None:
        """Where the next picture goes on from, None for noise."""
        return self._branch

    def set_branch(self, branch: Branch | None) -> None:
        """Let the next pictures grow from a step of another; what they share with it cannot be changed meanwhile."""
        if branch is not None and branch != self._branch:
            self.set_request(branch.trunk)
        self._branch = branch
        if self._added is not None:
            self._added.setEnabled(branch is None)
        self._branch_chip.show_branch(branch)
        for field in (self.steps, self.sizes, self.strength):
            field.setEnabled(branch is None)
        self.scheduler.setEnabled(branch is None or self._may_change_scheduler(branch.trunk.scheduler))
        self._offer_what_the_model_can(branch is None)
        if branch is not None:
            self.prompt.setFocus()

    @Slot()
    def _on_branch_removed(self) -> None:
        self.set_branch(None)
        self.prompt.setFocus()

    def set_running(self, running: bool) -> None:
        """Show or hide the way out. running: a job runs or waits."""
        self.footer.set_running(running)

    def request_json(self) -> dict[str, object]:
        """What stands in the panel, as a request's JSON without the seed; plain values for the settings."""
        return panel_memory.as_json(self)

    def restore(self, data: Mapping[str, object]) -> None:
        """Take back what request_json gave; a value that does not fit any more is passed over."""
        panel_memory.restore(self, data)

    def set_size(self, width: int, height: int) -> None:
        self._on_size_picked((width, height))

    def wait(self) -> None:
        """Wait for what is read in the background; for shutdown and tests."""
        self.start_picture.wait()
        if self._added is not None:
            self._added.wait()

    # Making a picture

    @Slot()
    def submit(self) -> None:
        """Check everything and send it off, or say under the field in question what is wrong."""
        requests = self._checked()
        if requests:
            self.submitted.emit(requests)

    def checked(self) -> GenerationRequest | None:
        """The first picture that the panel asks for; None where something is wrong, which is said under its field."""
        return next(iter(self._checked()), None)

    def _checked(self) -> tuple[GenerationRequest, ...]:
        from desktop.ui import panel_request  # not before it is needed

        self._clear_errors()
        try:
            return panel_request.requests(self)
        except panel_request.Wrong as wrong:
            if wrong.line is self.size_error:
                self.more_fold.set_open(True)
            elif wrong.line is self.negative_error:
                self.negative_fold.set_open(True)
            mark_wrong(self.prompt, wrong.line is self.prompt_error)
            wrong.line.show_error(wrong.error)
            return ()

    def _offer_what_the_model_can(self, free: bool) -> None:
        """free: whether it is for the panel to say, and not for the trunk of a branch."""
        model = self._model
        self.start_picture.setEnabled(free and (model is None or "image_to_image" in model.tasks))
        self.size_fields.setEnabled(free and (model is None or not model.fixed_size))

    def _may_change_scheduler(self, before: str) -> bool:
        """Whether another one of the model's can go on with the chain."""
        from desktop.scheduler_change import can_take_over

        codes = self._model.schedulers if self._model is not None else ()
        return any(code != before and can_take_over(before, code) for code in codes)

    @Slot(int)
    def _on_variations(self, count: int) -> None:
        """As many pictures of what stands in the panel, from the branch point on, each with noise of its own."""
        from desktop.limits import random_seed

        request = self.checked()
        if request is not None:
            self.submitted.emit(tuple(request.replace(seed=random_seed()) for _ in range(count)))

    def _clear_errors(self) -> None:
        for line in (
            self.prompt_error,
            self.negative_error,
            self.start_error,
            self.seed_error,
            self.size_error,
            self.footer.error,
        ):
            line.clear()
        mark_wrong(self.prompt, False)

    # Keeping fields in step

    @Slot(object)
    def _on_size_picked(self, size: tuple[int, int]) -> None:
        self.size_error.clear()
        self.size_fields.set_value(*size)
        self._mark_size(size)

    @Slot(object)
    def _mark_size(self, size: tuple[int, int]) -> None:
        self.sizes.set_value(*size)
        self._size_text.setText(words.pixels(*size))

    @Slot()
    def _on_start_changed(self) -> None:
        shown = self.start_picture.sha is not None
        self.strength.setVisible(shown)
        self._strength_label.setVisible(shown)
        self.start_error.clear()

    @Slot(bool)
    def _on_added_toggled(self, open_: bool) -> None:
        if open_:
            self.added.show()

    @Slot()
    def _on_added_changed(self) -> None:
        count = len(self.added.loras) + len(self.added.embeddings)
        title = self.tr("LoRA and embeddings")
        self.added_fold.set_title(f"{title} ({count})" if count else title)

    @Slot(int, int)
    def _on_bar_range(self, low: int, high: int) -> None:
        """The scroll bar lies in the margin, so that the fields keep their right edge."""
        if not isValid(self._bar):  # the window is being taken down
            return
        bar = self._bar.sizeHint().width() if high > low else 0
        self._grid.setContentsMargins(theme.S16, theme.S12, theme.S16 - bar, theme.S12)

    @Slot()
    def _on_prompt_edited(self) -> None:
        self.prompt_error.clear()
        mark_wrong(self.prompt, False)

    @Slot()
    def _on_seed_edited(self) -> None:
        self.seed_error.clear()
