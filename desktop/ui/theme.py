"""The look of the window: colours, measures, type, and how they reach every widget.

`apply(app, mode)` sets the Fusion style, a palette, a font and one stylesheet, all made from the same tokens,
and can be called again at any time. Widgets that paint by hand ask `tokens()` while painting, so they need no
signal: a change of theme repaints them.
"""

import os
from dataclasses import dataclass, fields
from typing import Literal

from PySide6.QtCore import QEasingCurve, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from desktop.settings import RESOURCES

Mode = Literal["system", "dark", "light"]

# Every distance in the window is one of these, in device-independent pixels.
S4, S8, S12, S16, S24, S32 = 4, 8, 12, 16, 24, 32
CONTROL = 32  # height of a control
BUTTON = 40  # height of the Generate button
BAR = 44  # height of the top bar
RADIUS = 6
TEXT_PX, CAPTION_PX, HEADING_PX, TITLE_PX = 13, 11, 16, 22
MOTION_MS = 150
STYLE = "fusion"  # Qt's own, the same on every system
MEDIUM, SEMIBOLD = QFont.Weight.Medium, QFont.Weight.DemiBold


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """One palette, as #rrggbb. Text on its ground is at least 4.5 to 1; tests/ui/test_theme.py measures it.

    accent: the lamp's red, for what is drawn (bars, marks). accent_fill: the same red a little deeper, for a
    button with on_accent written on it: white on #e5484d is only 3.9 to 1. accent_text: for words on ground,
    panel or raised. focus: the ring of the focused control; not the accent, as a red frame reads as an error.
    mat: what lies around a picture. faint: disabled controls only.
    """

    dark: bool
    ground: str
    panel: str
    raised: str
    hover: str
    line: str
    line_strong: str
    text: str
    quiet: str
    faint: str
    accent: str
    accent_fill: str
    accent_hover: str
    accent_pressed: str
    accent_text: str
    on_accent: str
    selection: str
    focus: str
    success: str
    warning: str
    mat: str


DARK = Tokens(
    dark=True,
    ground="#161413",
    panel="#1e1b1a",
    raised="#292524",
    hover="#332e2c",
    line="#3a3533",
    line_strong="#4f4845",
    text="#ece7e4",
    quiet="#a8a09b",
    faint="#6d6560",
    accent="#e5484d",
    accent_fill="#d33b41",
    accent_hover="#c6343a",
    accent_pressed="#ad2d33",
    accent_text="#ff8a8c",
    on_accent="#ffffff",
    selection="#47282a",
    focus="#c9c0ba",
    success="#46a758",
    warning="#ffb224",
    mat="#161413",
)

LIGHT = Tokens(
    dark=False,
    ground="#f7f5f4",
    panel="#ffffff",
    raised="#f0edeb",
    hover="#e8e3e0",
    line="#d9d3cf",
    line_strong="#bdb5b0",
    text="#1c1917",
    quiet="#6b635e",
    faint="#a59d98",
    accent="#cd2b31",
    accent_fill="#cd2b31",
    accent_hover="#c2272d",
    accent_pressed="#aa2429",
    accent_text="#b3202a",
    on_accent="#ffffff",
    selection="#fbdfdf",
    focus="#57504b",
    success="#2b7a3d",
    warning="#8a5a00",
    mat="#e9e5e2",
)

_current: Tokens = DARK
_mode: Mode = "system"
_follows: QApplication | None = None


def tokens() -> Tokens:
    """The palette in force. Ask for it while painting; do not keep it."""
    return _current


def color(token: str, alpha: float = 1.0) -> QColor:
    """A token as a colour, such as color("accent"). alpha: 0 to 1."""
    result = QColor(getattr(_current, token))
    result.setAlphaF(alpha)
    return result


def apply(app: QApplication, mode: Mode = "system") -> None:
    """Give the whole application its look; "system" follows the desktop's own colour scheme, also later."""
    global _mode
    prepare(app)
    if _mode == mode and app.styleSheet():
        return
    _mode = mode
    hints = QGuiApplication.styleHints()
    # Tell the platform too, so that title bars and its own dialogs match.
    schemes = {"dark": Qt.ColorScheme.Dark, "light": Qt.ColorScheme.Light}
    if hasattr(hints, "setColorScheme"):  # Qt 6.8 and later
        hints.setColorScheme(schemes.get(mode, Qt.ColorScheme.Unknown))
    _use(app)


def prepare(app: QApplication) -> None:
    """Style and font only. Widgets made before the stylesheet is there cost a third of what they cost after it,
    so a window is built between this and apply.
    """
    global _follows
    if _follows is not app:
        _follows = app
        if os.environ.get("QT_STYLE_OVERRIDE") != STYLE:  # the call costs 15 ms: it brings QStyle's enums to Python
            app.setStyle(STYLE)
        _load_font(app)
        QGuiApplication.styleHints().colorSchemeChanged.connect(_on_scheme_changed)


def _on_scheme_changed() -> None:
    app = QApplication.instance()
    if _mode == "system" and isinstance(app, QApplication):
        _use(app)


def _use(app: QApplication) -> None:
    global _current
    from desktop.ui.stylesheet import sheet

    if _mode == "system":
        scheme = QGuiApplication.styleHints().colorScheme()
        _current = LIGHT if scheme == Qt.ColorScheme.Light else DARK  # not known: the darkroom
    else:
        _current = LIGHT if _mode == "light" else DARK
    app.setPalette(_palette(_current))
    app.setStyleSheet(sheet(_current))


def _palette(t: Tokens) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    every = {
        role.Window: t.ground,
        role.WindowText: t.text,
        role.Base: t.panel,
        role.AlternateBase: t.raised,
        role.Text: t.text,
        role.PlaceholderText: t.quiet,
        role.Button: t.raised,
        role.ButtonText: t.text,
        role.BrightText: t.accent_text,
        role.ToolTipBase: t.raised,
        role.ToolTipText: t.text,
        role.Highlight: t.selection,
        role.HighlightedText: t.text,
        role.Link: t.accent_text,
        role.LinkVisited: t.accent_text,
        role.Light: t.hover,
        role.Midlight: t.raised,
        role.Mid: t.line,
        role.Dark: t.line,
        role.Shadow: t.line,
        role.Accent: t.accent,
    }
    for key, value in every.items():
        palette.setColor(key, QColor(value))
    for key in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, key, QColor(t.faint))
    return palette


def _load_font(app: QApplication) -> None:
    family = ""
    for weight in ("Regular", "Medium", "SemiBold"):
        number = QFontDatabase.addApplicationFont(str(RESOURCES / "fonts" / f"Inter-{weight}.ttf"))
        families = QFontDatabase.applicationFontFamilies(number) if number >= 0 else []
        family = family or (families[0] if families else "")
    font = QFont(family) if family else app.font()
    font.setPixelSize(TEXT_PX)
    app.setFont(font)


def font(pixels: int = TEXT_PX, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The window's font, for painting by hand."""
    result = QFont(QApplication.font())
    result.setPixelSize(pixels)
    result.setWeight(weight)
    return result


def use_tabular_figures(widget: QWidget) -> None:
    """Give a widget digits of one width, so that its numbers do not dance.

    Not for the whole window: Inter widens the hyphen along with the digits.
    """
    font = QFont(widget.font())
    font.setFeature(QFont.Tag("tnum"), 1)
    widget.setFont(font)


def set_kind(widget: QWidget, kind: str) -> None:
    """Choose one of the stylesheet's variants for a widget.

    QPushButton: accent, primary, tall, quiet, link, cite, chip, fold. QToolButton: plain (framed), segment, tab; bare.
    QLabel: quiet, caption, section, heading, title, error, key, badge, good, fair. QComboBox: bare.
    QFrame: panel, bar, left, right, card, raised, message, line.
    """
    if widget.property("kind") == kind:
        return
    widget.setProperty("kind", kind)
    if widget.testAttribute(Qt.WidgetAttribute.WA_WState_Polished):  # it was shown with the old kind
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def motion_ms() -> int:
    """How long something takes to appear or move; 0 where the system asks for less motion."""
    hints = QGuiApplication.styleHints()
    if hasattr(hints, "accessibility"):
        accessibility = hints.accessibility()
        wish = getattr(accessibility, "motionPreference", None)  # Qt 6.12
        if wish is not None and "Reduc" in wish().name:
            return 0
    return MOTION_MS


EASE = QEasingCurve.Type.OutCubic
TOKEN_NAMES = tuple(f.name for f in fields(Tokens) if f.name != "dark")
