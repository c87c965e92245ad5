"""The words of a prompt under the picture they made; the one in hand shows what it drew."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal, Slot
from PySide6.QtGui import QImage, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.messages import AttentionSeen, WordHeat
from desktop.ui import icons, theme
from desktop.ui.flow import Flow
from desktop.ui.heat_picture import HeatPicture

PAPER = "https://arxiv.org/abs/2210.04885"
_ROWS_MAX = 3  # of words; more of them scroll


class AttentionView(QWidget):
    """Lies over the preview. Signals: closed(), link_wanted(address).

    picture: the preview's own; full: the size of the finished one. Left and Right go from word to word, Esc closes.
    """

    closed = Signal()
    link_wanted = Signal(str)

    def __init__(
        self, seen: AttentionSeen, picture: Callable[[], QImage], full: QSize, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.seen = seen
        self.setAccessibleName(self.tr("What each word drew"))
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.picture = HeatPicture(picture, full, self)
        self.words: list[QPushButton] = []
        self._heats: dict[QPushButton, WordHeat] = {}
        self._group = QButtonGroup(self)
        self._figure = QLabel(self)
        theme.set_kind(self._figure, "quiet")
        theme.use_tabular_figures(self._figure)
        self._figure.setAccessibleName(self.tr("Share of the attention"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, theme.S8)
        column.setSpacing(theme.S8)
        column.addWidget(self.picture, 1)
        column.addWidget(self._make_words())
        column.addLayout(self._make_foot())
        self._group.buttonToggled.connect(self._on_toggled)
        first = max(self.words, key=lambda chip: len(chip.text()), default=None)  # most likely the thing itself
        if first is not None:
            first.setChecked(True)

    @property
    def word(self) -> WordHeat | None:
        """The word that is chosen."""
        return self._heats.get(self._group.checkedButton())

    @property
    def figure(self) -> str:
        return self._figure.text()

    def take_focus(self) -> None:
        (self._group.checkedButton() or self).setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme.color("mat"))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Enter:
            self._show(self._heats[watched])
        elif event.type() == QEvent.Type.Leave:
            self._show(self.word)
        return False

    def _make_words(self) -> QScrollArea:
        page = QWidget()
        flow = Flow(page)
        for heat in self.seen.words:
            chip = self._chip(heat.word, page)
            chip.setCheckable(True)
            chip.installEventFilter(self)
            self._group.addButton(chip)
            self._heats[chip] = heat
            self.words.append(chip)
            flow.addWidget(chip)
        for word in self.seen.unread:
            chip = self._chip(word, page)
            chip.setEnabled(False)
            chip.setToolTip(self.tr("The model does not read so far: its text encoder has no room for more words."))
            flow.addWidget(chip)
        self._area = _Words(page, flow, self)
        self._area.setAccessibleName(self.tr("Words of the prompt"))
        return self._area

    def _chip(self, word: str, parent: QWidget) -> QPushButton:
        short = word if len(word) <= 40 else word[:39] + "…"
        chip = QPushButton(short.replace("&", "&&"), parent)
        chip.setAccessibleName(word)
        theme.set_kind(chip, "chip")
        chip.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        return chip

    def _make_foot(self) -> QHBoxLayout:
        text = self.tr("Where each word was heard: cross-attention, on average")
        label = QLabel(text, self)
        label.setToolTip(
            self.tr(
                "In every layer and at every step each place of the picture turns to some words more than to others.\n"
                "This is the mean over heads, layers and steps; each word is shown from its weakest to its strongest."
            )
        )
        if not self.seen.identical:
            label.setText(self.tr("{0}. Made again, the picture came out a little different.").format(text))
        label.setWordWrap(True)
        theme.set_kind(label, "quiet")
        paper = QPushButton(self.tr("DAAM, Tang et al. 2022"), self)
        theme.set_kind(paper, "cite")
        paper.setToolTip(PAPER)
        paper.clicked.connect(self._on_paper)
        close = QToolButton(self)
        close.setIcon(icons.icon("x"))
        close.setFixedSize(theme.CONTROL, theme.CONTROL)
        close.setAccessibleName(self.tr("Close"))
        close.setToolTip(self.tr("Show the picture alone again (Esc)"))
        close.clicked.connect(self.closed)
        self.close_button = close
        row = QHBoxLayout()
        row.setContentsMargins(theme.S24, 0, theme.S16, 0)
        row.setSpacing(theme.S8)
        row.addWidget(label, 1)
        row.addWidget(paper)
        row.addSpacing(theme.S8)
        row.addWidget(self._figure)
        row.addWidget(close)
        return row

    def _show(self, heat: WordHeat | None) -> None:
        self.picture.show_heat(heat)
        if heat is None:
            self._figure.clear()
            return
        text = self.tr("up to {0} % of the attention").format(f"{100 * heat.high:.1f}")
        self._figure.setText(text)
        self._figure.setToolTip(
            self.tr("At its strongest place “{0}” had {1} % of the attention, at its weakest {2} %.").format(
                heat.word, f"{100 * heat.high:.1f}", f"{100 * heat.low:.1f}"
            )
        )
        self.setAccessibleDescription(f"{heat.word}: {text}")

    @Slot(object, bool)
    def _on_toggled(self, chip: QPushButton, checked: bool) -> None:
        if checked:
            self._show(self._heats[chip])
            self._area.ensureWidgetVisible(chip, 0, 0)

    @Slot()
    def _on_paper(self) -> None:
        self.link_wanted.emit(PAPER)


class _Words(QScrollArea):
    """As high as its words need, up to _ROWS_MAX rows."""

    def __init__(self, page: QWidget, flow: Flow, parent: QWidget) -> None:
        super().__init__(parent)
        self._flow = flow
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setViewportMargins(theme.S24, 0, theme.S24, 0)
        self.viewport().setAutoFillBackground(False)
        page.setAutoFillBackground(False)

    def resizeEvent(self, event: QEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        width = self.viewport().width()
        row = self._flow.minimumSize().height()
        most = _ROWS_MAX * row + (_ROWS_MAX - 1) * self._flow.spacing()
        self.setFixedHeight(max(1, min(self._flow.heightForWidth(width), most)))
