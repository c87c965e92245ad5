"""The words the window writes about grids."""

from PySide6.QtCore import QCoreApplication

from desktop.grids import Axis
from desktop.ui import words


def _tr(text: str) -> str:
    return QCoreApplication.translate("grid", text)


def settings() -> dict[str, tuple[str, str]]:
    """Setting to (its name, what to write for its values), in the order they are offered."""
    numbers = _tr("Numbers with commas between them, or a range: {0}")
    return {
        "seed": (_tr("Seed"), numbers.format("1-4")),
        "steps": (_tr("Steps"), numbers.format("10-40:10")),
        "guidance": (_tr("Guidance"), numbers.format("2-8:2")),
        "words": (_tr("Words"), _tr("The words in the prompt, then what takes their place: red, green, blue")),
        "scheduler": (_tr("Scheduler"), _tr("Schedulers with commas between them")),
        "model": (_tr("Model"), _tr("Models with commas between them")),
        "strength": (_tr("Strength"), numbers.format("0.2-0.8:0.2")),
        "lora": (_tr("LoRA weight"), numbers.format("0-1:0.5")),
    }


def setting(code: str) -> str:
    return settings()[code][0]


def labels(axis: Axis | None) -> tuple[str, ...]:
    """What stands along an axis; one empty label where there is none."""
    if axis is None:
        return ("",)
    if axis.setting == "scheduler":
        return tuple(words.scheduler(str(value)) for value in axis.values)
    return axis.labels


def title(x: Axis, y: Axis | None) -> str:
    if y is None:
        return setting(x.setting)
    return _tr("{0} × {1}").format(setting(x.setting), setting(y.setting))


def size(columns: int, rows: int, pictures: int) -> str:
    """Such as "3 × 4 = 12 pictures"; fewer are drawn where some are equal."""
    text = _tr("{0} × {1} = {2}").format(columns, rows, words.pictures(columns * rows))
    return text if pictures == columns * rows else _tr("{0}, {1} of them different").format(text, pictures)
