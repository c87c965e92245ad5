"""One axis of a grid being set up: which setting varies, and the values it takes."""

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QLineEdit, QMenu, QToolButton

from desktop.errors import KnownError
from desktop.grids import Axis, parse_axis
from desktop.messages import GenerationRequest, ModelInfo
from desktop.prompt_words import words_of
from desktop.ui import grid_words, icons, theme, words
from desktop.ui.chooser import Chooser
from desktop.ui.marks import mark_wrong

NOTHING = ""


class GridAxisRow(QObject):
    """Two rows of a grid layout: the fields, and a line under them that helps or says what is wrong.

    optional: whether the axis may be left out. Signals: changed().
    """

    changed = Signal()

    def __init__(self, name: str, layout: QGridLayout, *, optional: bool, parent: QObject) -> None:
        super().__init__(parent)
        self._base: GenerationRequest | None = None
        self._models: tuple[ModelInfo, ...] = ()
        self._suggestion = ""
        label = QLabel(name)
        self.setting = Chooser(name)
        if optional:
            self.setting.addItem(self.tr("Nothing"), NOTHING)
        for code, (text, _) in grid_words.settings().items():
            self.setting.addItem(text, code)
        label.setBuddy(self.setting)
        self.values = QLineEdit()
        self.values.setAccessibleName(self.tr("Values, {0}").format(name.lower()))
        self.more = QToolButton()
        self.more.setIcon(icons.icon("plus"))
        self.more.setFixedSize(theme.CONTROL, theme.CONTROL)
        theme.set_kind(self.more, "plain")
        self.more.setAccessibleName(self.tr("Add a value, {0}").format(name.lower()))
        self.more.setToolTip(self.tr("Add one of those there are"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._line = QLabel()
        self._line.setWordWrap(True)
        self._line.setMinimumHeight(theme.S16)
        row = layout.rowCount()
        layout.addWidget(label, row, 0)
        layout.addWidget(self.setting, row, 1)
        fields = QHBoxLayout()
        fields.setSpacing(theme.S8)
        fields.addWidget(self.values, 1)
        fields.addWidget(self.more)
        layout.addLayout(fields, row, 2)
        layout.addWidget(self._line, row + 1, 2)
        self.setting.currentIndexChanged.connect(self._on_setting)
        self.values.textChanged.connect(self.changed)

    @property
    def code(self) -> str:
        """The setting; NOTHING where the axis is left out."""
        return self.setting.currentData()

    @property
    def untouched(self) -> bool:
        """Whether the values are those that were suggested; what is not complete there is no mistake yet."""
        return self.values.text() == self._suggestion

    @property
    def line(self) -> str:
        """What the line under the fields says."""
        return self._line.text()

    def begin(self, code: str, base: GenerationRequest, models: tuple[ModelInfo, ...]) -> None:
        """Start with this setting, and with values around those of the request."""
        self._base, self._models = base, models
        self.setting.blockSignals(True)
        self.setting.setCurrentIndex(self.setting.findData(code))
        self.setting.blockSignals(False)
        self._on_setting()

    def axis(self) -> Axis | None:
        """None where it is left out. Raises KnownError."""
        if self.code == NOTHING:
            return None
        axis, model = parse_axis(self.code, self.values.text()), self._model()
        if self.code == "scheduler" and model is not None:
            for code in axis.values:
                if code not in model.schedulers:
                    raise KnownError(
                        self.tr("{0} does not work with the scheduler {1}").format(model.title, code),
                        self.tr("Choose one of {0}.").format(", ".join(model.schedulers)),
                    )
        return axis

    def show_line(self, error: KnownError | None) -> None:
        """What is wrong, or how values are written."""
        mark_wrong(self.values, error is not None)
        theme.set_kind(self._line, "caption" if error is None else "error")
        if error is not None:
            self._line.setText(f"{error.message.rstrip('.')}. {error.hint}".rstrip())
        else:
            self._line.setText("" if self.code == NOTHING else grid_words.settings()[self.code][1])

    @Slot()
    def _on_setting(self) -> None:
        self.values.setEnabled(self.code != NOTHING)
        offered = self._offered()
        self.more.setVisible(bool(offered))
        if offered:
            menu = QMenu(self.more)
            for value, text in offered:
                action = menu.addAction(text)
                action.setData(value)
                action.triggered.connect(self._on_more)
            before = self.more.menu()
            self.more.setMenu(menu)
            if before is not None:
                before.deleteLater()
        text = self._suggestion = "" if self.code == NOTHING else self._suggested()
        if text == self.values.text():
            self.changed.emit()
        self.values.setText(text)

    def _model(self) -> ModelInfo | None:
        return next((model for model in self._models if self._base and model.name == self._base.model), None)

    def _offered(self) -> list[tuple[str, str]]:
        """(value, its name) of a setting whose values nobody knows by heart."""
        if self.code == "scheduler" and (model := self._model()) is not None:
            return [(code, words.scheduler(code)) for code in model.schedulers]
        return [(model.name, model.title) for model in self._models] if self.code == "model" else []

    def _suggested(self) -> str:
        base = self._base
        if base is None:
            return ""
        match self.code:
            case "seed":
                return f"{base.seed}-{base.seed + 3}"
            case "steps":
                return ", ".join(str(steps) for steps in sorted({max(1, base.steps // 2), base.steps, 2 * base.steps}))
            case "guidance":
                middle = max(1.0, base.guidance_scale)
                return ", ".join(f"{value:g}" for value in (middle / 2, middle, 1.5 * middle))
            case "strength":
                return "0.4, 0.6, 0.8"
            case "lora":
                return "0, 0.5, 1"
            case "scheduler":
                offered = [value for value, _ in self._offered() if value != base.scheduler]
                return ", ".join([base.scheduler, *offered[:2]])
            case "model":
                others = [value for value, _ in self._offered() if value != base.model]
                return ", ".join(f'"{name}"' if "," in name else name for name in [base.model, *others[:1]])
        found = words_of(base.prompt)
        return f"{max(found, key=lambda word: len(word.text)).text}, " if found else ""

    @Slot()
    def _on_more(self) -> None:
        value = self.sender().data()
        before = self.values.text().strip().rstrip(",")
        value = f'"{value}"' if "," in value else value
        self.values.setText(f"{before}, {value}" if before else value)
        self.values.setFocus()
