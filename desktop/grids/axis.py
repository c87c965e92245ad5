"""One axis of a grid: a setting and the values it takes, as a person types them."""

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePath

from desktop.errors import KnownError

CELLS_MAX = 100
_WHOLE = ("seed", "steps")
_NUMBERS = ("guidance", "strength", "lora")
SETTINGS = ("seed", "steps", "guidance", "scheduler", "strength", "model", "lora", "words")
_NUMBER = r"-?\d{1,20}(?:\.\d{1,6})?"
_RANGE = re.compile(rf"({_NUMBER})\s*[-–]\s*({_NUMBER})(?:\s*:\s*({_NUMBER}))?")
_TEXT_MAX = 20_000  # characters; a list of a hundred prompts' words is far shorter


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """setting: of SETTINGS. values: whole numbers for seed and steps, numbers for guidance, strength and the LoRA's
    weight, text for the rest. The first of words is what stands in the prompt; all of them take its place in turn.
    """

    setting: str
    values: tuple[int | float | str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """A few words for each value, as they stand along the grid."""
        return tuple(self._label(value) for value in self.values)

    def _label(self, value: int | float | str) -> str:
        match self.setting:
            case "seed":
                return f"seed {value}"
            case "steps":
                return "1 step" if value == 1 else f"{value} steps"
            case "guidance" | "strength":
                return f"{self.setting} {value:g}"
            case "lora":
                return f"LoRA {value:g}"
            case "model":
                return PurePath(str(value)).name or str(value)
            case "words":
                return str(value) or f"without {self.values[0]}"
        return str(value)

    def to_json(self) -> dict[str, object]:
        return {"setting": self.setting, "values": list(self.values), "labels": list(self.labels)}


def axis_from(data: Mapping[str, object]) -> Axis:
    """What to_json gave. Raises KnownError, LookupError or TypeError where it is damaged."""
    setting, values = data["setting"], data["values"]
    if setting not in SETTINGS or not isinstance(values, list) or not values:
        raise TypeError("no axis")
    kind = int if setting in _WHOLE else (int, float) if setting in _NUMBERS else str
    if not all(isinstance(value, kind) and not isinstance(value, bool) for value in values):
        raise TypeError("other values than the setting takes")
    return Axis(setting=setting, values=tuple(values))


def parse_axis(setting: str, text: str) -> Axis:
    """Values between commas: "7, 12", "1-4" for every whole step, "10-40:10" or "0.2-0.8:0.2" for longer or shorter
    ones, and words; a comma of their own stands in quotes. Raises KnownError.
    """
    if setting not in SETTINGS:
        raise KnownError(f"A grid cannot vary {setting[:40]!r}", f"Choose one of {', '.join(SETTINGS)}.")
    if len(text) > _TEXT_MAX:
        raise KnownError("The list of values is too long", f"A grid holds at most {CELLS_MAX} pictures.")
    pieces = _pieces(text)
    if not any(pieces):
        raise KnownError(f"There are no values for {named(setting)}", "Write some, with commas between them.")
    values: list[int | float | str] = []
    for piece in pieces:
        if setting in _WHOLE or setting in _NUMBERS:
            values.extend(_numbers(setting, piece))
        elif setting == "words":
            values.append(piece)
        elif piece:
            values.append(piece.lower().replace("-", "_").replace(" ", "_") if setting == "scheduler" else piece)
        if len(values) > CELLS_MAX:
            raise _too_many(len(values))
    if setting == "words" and (len(values) < 2 or not values[0]):
        raise KnownError(
            "Words need something to take their place",
            "Write the words that stand in the prompt first, then what is to stand there: red, green, blue.",
        )
    return Axis(setting=setting, values=tuple(values))


def named(setting: str) -> str:
    """As it reads in a sentence."""
    return {"lora": "the weight of the LoRA", "words": "the words"}.get(setting, f"the {setting}")


def _pieces(text: str) -> list[str]:
    try:
        rows = list(csv.reader([" ".join(text.split())], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise KnownError("A quote is not closed in the list of values", "Put one at its other end.") from error
    return [piece.strip() for piece in rows[0]] if rows else []


def _numbers(setting: str, piece: str) -> list[int | float]:
    number: Callable[[Decimal], int | float] = int if setting in _WHOLE else float
    if re.fullmatch(_NUMBER, piece):
        return [number(_whole(setting, piece))]
    found = _RANGE.fullmatch(piece)
    if found is None:
        raise KnownError(
            f"{piece[:40]!r} is no value for {named(setting)}",
            "Write numbers with commas between them, or a range such as 1-4 or 10-40:10.",
        )
    low, high = _whole(setting, found[1]), _whole(setting, found[2])
    step = abs(_whole(setting, found[3] or "1"))
    if step == 0:
        raise KnownError(f"The range {piece[:40]} has steps of nothing", "Write what to go on by behind the colon.")
    count = int(abs(high - low) / step) + 1
    if count > CELLS_MAX:
        raise _too_many(count)
    return [number(low + (step if high >= low else -step) * place) for place in range(count)]


def _whole(setting: str, text: str) -> Decimal:
    value = Decimal(text)
    if setting in _WHOLE and value != value.to_integral_value():
        raise KnownError(f"{text} is no value for {named(setting)}", "Use whole numbers.")
    return value


def _too_many(count: int) -> KnownError:
    return KnownError(f"{count} values are more than a grid holds", f"Use at most {CELLS_MAX} pictures in all.")
