import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFontMetrics, QIcon, QPalette
from PySide6.QtWidgets import QLabel, QLineEdit

from desktop.settings import RESOURCES
from desktop.ui import icons, theme


@pytest.fixture
def apply(qapp):
    yield lambda mode: theme.apply(qapp, mode)
    theme.apply(qapp, "dark")


def luminance(color):
    """WCAG 2.2, relative luminance."""
    linear = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
        for c in (QColor(color).redF(), QColor(color).greenF(), QColor(color).blueF())
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tokens", [theme.DARK, theme.LIGHT], ids=["dark", "light"])
def test_all_text_can_be_read(tokens):
    grounds = ("ground", "panel", "raised", "selection", "hover", "mat")
    pairs = [(text, ground) for text in ("text", "quiet") for ground in grounds]
    pairs += [("accent_text", ground) for ground in ("ground", "panel", "raised")]
    pairs += [("on_accent", ground) for ground in ("accent_fill", "accent_hover", "accent_pressed")]
    pairs += [("success", "panel"), ("warning", "panel")]
    poor = {
        pair: round(ratio, 2)
        for pair in pairs
        if (ratio := contrast(getattr(tokens, pair[0]), getattr(tokens, pair[1]))) < 4.5
    }
    assert poor == {}


@pytest.mark.parametrize("tokens", [theme.DARK, theme.LIGHT], ids=["dark", "light"])
def test_the_focus_can_be_seen(tokens):
    for ground in ("ground", "panel", "raised"):
        assert contrast(tokens.focus, getattr(tokens, ground)) >= 3


def test_the_theme_can_be_changed_while_running(apply, qapp):
    apply("light")
    assert not theme.tokens().dark
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(theme.LIGHT.ground)
    apply("dark")
    assert theme.tokens().dark
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(theme.DARK.ground)


def test_a_desktop_of_unknown_colours_gets_the_darkroom(apply, qapp):
    qapp.styleHints().unsetColorScheme()
    apply("light")
    apply("system")
    assert theme.tokens().dark


def test_the_window_is_written_in_inter(apply, qapp):
    apply("dark")
    assert qapp.font().family() == "Inter"
    assert qapp.font().pixelSize() == theme.TEXT_PX


def test_counters_do_not_dance(apply, qtbot):
    apply("dark")
    field = QLineEdit()
    qtbot.addWidget(field)
    theme.use_tabular_figures(field)
    field.show()
    metrics = QFontMetrics(field.font())
    assert metrics.horizontalAdvance("11111") == metrics.horizontalAdvance("88888")


def test_an_icon_follows_the_theme(apply, qtbot):
    apply("dark")
    icon = icons.icon("stop")
    assert middle(icon) == QColor(theme.DARK.text)
    apply("light")
    assert middle(icon) == QColor(theme.LIGHT.text)
    assert middle(icon, QIcon.Mode.Disabled) == QColor(theme.LIGHT.faint)
    assert middle(QIcon(icon)) == QColor(theme.LIGHT.text)


def test_an_icon_is_sharp_on_a_dense_screen(apply):
    apply("dark")
    pixmap = icons.icon("lock").pixmap(QSize(16, 16), 2.0)
    assert (pixmap.width(), pixmap.height(), pixmap.devicePixelRatio()) == (32, 32, 2.0)


def middle(icon, mode=QIcon.Mode.Normal):
    return icon.pixmap(QSize(16, 16), 1.0, mode).toImage().pixelColor(8, 8)


def test_every_icon_that_is_named_is_there_and_no_other():
    import re
    from pathlib import Path

    ui = Path(icons.__file__).parent
    sources = "\n".join(path.read_text(encoding="utf-8") for path in ui.glob("*.py"))
    there = {path.stem for path in (RESOURCES / "icons").glob("*.svg")}
    unused = {name for name in there if f'"{name}"' not in sources}
    assert unused == set()
    named = set(re.findall(r'icons\.(?:icon|pixmap)\(\s*"([a-z0-9-]+)"', sources))
    assert named <= there


def test_a_kind_can_change_after_the_widget_was_shown(apply, qtbot):
    apply("dark")
    label = QLabel("text")
    qtbot.addWidget(label)
    label.show()
    before = label.fontMetrics().height()
    theme.set_kind(label, "title")
    assert label.fontMetrics().height() > before
