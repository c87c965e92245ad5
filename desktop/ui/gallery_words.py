"""The words that the gallery and the history write for times and pictures."""

import time

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale

from desktop.messages import PictureRecord

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
    parts.append(ago(record.created_at))
    return ", ".join(parts)
