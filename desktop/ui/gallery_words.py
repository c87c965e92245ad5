"""The words that the gallery and the history write for times and pictures."""

import time

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale

from desktop.messages import GenerationRequest, Kin, PictureRecord

MINUTE, HOUR, DAY = 60, 3600, 86400  # seconds


def _tr(text: str) -> str:
    return QCoreApplication.translate("gallery", text)


def ago(moment: float, now: float | None = None) -> str:
    """Such as "just now", "5 min ago", "yesterday" or "3 Nov". moment, now: seconds since 1970."""
    now = time.time() if now is None else now
    past = max(0.0, now - moment)
    if past < MINUTE:
        return _tr("just now")
    if past < HOUR:
        return _tr("{0} min ago").format(int(past // MINUTE))
    days = time.localtime(now).tm_yday - time.localtime(moment).tm_yday  # calendar days, not 24 hours
    if past < DAY and days == 0:
        return _tr("{0} h ago").format(int(past // HOUR))
    if past < 2 * DAY and days in (1, -364, -365):
        return _tr("yesterday")
    if past < 7 * DAY:
        return _tr("{0} days ago").format(max(2, round(past / DAY)))
    same_year = time.localtime(now).tm_year == time.localtime(moment).tm_year
    stamp = QDateTime.fromSecsSinceEpoch(int(moment))
    return QLocale().toString(stamp, "d MMM" if same_year else "d MMM yyyy")


def moment(seconds: float) -> str:
    """Date and time, such as "23 Nov 2026, 14:05"."""
    return QLocale().toString(QDateTime.fromSecsSinceEpoch(int(seconds)), "d MMM yyyy, HH:mm")


def shortened(text: str, limit: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def spoken(record: PictureRecord) -> str:
    """What a screen reader says for a picture."""
    parts = [shortened(record.request.prompt, 200)]
    if record.rating:
        parts.append(_tr("1 star") if record.rating == 1 else _tr("{0} stars").format(record.rating))
    if record.request.branch is not None:
        parts.append(_tr("a branch from step {0}").format(record.request.branch.step))
    parts.append(ago(record.created_at))
    return ", ".join(parts)


def kin(one: Kin) -> tuple[str, str]:
    """Two lines for a picture of a tree: how it came of the one above, and what it was to show."""
    request = one.request
    prompt = shortened(request.prompt, 200)
    if request.branch is None:
        first = _tr("{0} steps, seed {1}").format(request.steps, request.seed)
        return (prompt, first) if one.record is not None else (_tr("Deleted"), prompt)
    first = _tr("Step {0}: {1}").format(request.branch.step, changed(request))
    if one.record is None:
        first = _tr("{0} (deleted)").format(first)
    return first, prompt


def changed(request: GenerationRequest) -> str:
    """What a branch has of its own, such as "prompt, seed"."""
    names = {
        "prompt": _tr("prompt"),
        "negative_prompt": _tr("negative prompt"),
        "guidance_scale": _tr("guidance"),
        "scheduler": _tr("scheduler"),
        "seed": _tr("seed"),
    }
    trunk = request.branch.trunk
    told = [word for name, word in names.items() if getattr(request, name) != getattr(trunk, name)]
    return ", ".join(told) or _tr("no change")
