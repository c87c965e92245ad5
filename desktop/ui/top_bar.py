"""The bar at the top: pages on the left; model, device and menu on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from desktop.ui import icons, theme
from desktop.ui.chooser import Chooser
from desktop.ui.elided_label import ElidedLabel
from desktop.ui.icon_label import IconLabel
from desktop.ui.tips import plain_tip

if TYPE_CHECKING:
    from desktop.messages import ModelInfo, PlanChosen

_MODEL_MIN, _DEVICE_MIN = 160, 112  # widths; longer words end in an ellipsis in a small window


class TopBar(QFrame):
    """Signals: page_chosen(index), model_chosen(name), theme_chosen(mode), side_toggled(shown),
    keys_wanted(), data_wanted(), log_wanted(), report_wanted(), about_wanted(), quit_wanted(),
    settings_wanted()."""

    page_chosen = Signal(int)
    model_chosen = Signal(str)
    theme_chosen = Signal(str)
    side_toggled = Signal(bool)
    keys_wanted = Signal()
    data_wanted = Signal()
    log_wanted = Signal()
    report_wanted = Signal()
    about_wanted = Signal()
    settings_wanted = Signal()
    quit_wanted = Signal()

    def __init__(self, pages: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_kind(self, "bar")
        self.setFixedHeight(theme.BAR)
        mark = IconLabel("aperture", 20, "accent", self)
        name = QLabel("Safelight", self)
        name.setFont(theme.font(15, theme.SEMIBOLD))
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S16, 0, theme.S8, 1)
        row.setSpacing(theme.S8)
        row.addWidget(mark)
        row.addWidget(name)
        row.addSpacing(theme.S16)
        self._tabs = QButtonGroup(self)
        self._tabs.setExclusive(True)
        for index, page in enumerate(pages):
            tab = QToolButton(self)
            theme.set_kind(tab, "tab")
            tab.setText(page)
            tab.setCheckable(True)
            tab.setFixedHeight(theme.BAR - 1)
            tab.setToolTip(f"{page} (Ctrl+{index + 1})")
            self._tabs.addButton(tab, index)
            row.addWidget(tab)
        self._tabs.idClicked.connect(self.page_chosen)
        row.addStretch(1)
        self.model = _ModelChooser(self.tr("Model"), self)
        theme.set_kind(self.model, "bare")
        self.model.setToolTip(self.tr("Model: decides what can be drawn, and how large"))
        self.model.activated.connect(self._on_model)
        row.addWidget(self.model)
        self._device = ElidedLabel(self)
        self._device.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        theme.set_kind(self._device, "quiet")
        self._device.setAccessibleName(self.tr("Device"))
        self._plan = self.tr("Where the pictures are computed")
        self.set_device(self.tr("Starting…"))
        row.addWidget(self._device)
        row.addSpacing(theme.S8)
        self.side = self._button("panel-right", self.tr("Show or hide history and queue (Ctrl+B)"))
        self.side.setCheckable(True)
        self.side.toggled.connect(self.side_toggled)
        row.addWidget(self.side)
        self._menu_button = self._button("ellipsis", self.tr("Menu"))
        self._menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self._themes = QActionGroup(self)
        self._build_menu()
        self._menu_button.setMenu(self._menu)
        row.addWidget(self._menu_button)

    def _button(self, icon: str, name: str) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icons.icon(icon))
        button.setFixedSize(theme.CONTROL, theme.CONTROL)
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return button

    def _build_menu(self) -> None:
        for mode, icon, text in (
            ("system", "sun-moon", self.tr("Look like the system")),
            ("dark", "moon", self.tr("Dark")),
            ("light", "sun", self.tr("Light")),
        ):
            action = self._menu.addAction(icons.icon(icon), text)
            action.setData(mode)
            action.setCheckable(True)
            self._themes.addAction(action)
        self._themes.triggered.connect(self._on_theme)
        self._menu.addSeparator()
        for icon, text, signal in (
            ("settings", self.tr("Settings…\tCtrl+,"), self.settings_wanted),
            ("keyboard", self.tr("Keys\t?"), self.keys_wanted),
            ("folder-open", self.tr("Open the data folder"), self.data_wanted),
            ("file-text", self.tr("Open the log"), self.log_wanted),
            ("bug", self.tr("Save a report…"), self.report_wanted),
            ("info", self.tr("About Safelight"), self.about_wanted),
        ):
            self._menu.addAction(icons.icon(icon), text).triggered.connect(signal)
        self._menu.addSeparator()
        self._menu.addAction(self.tr("Quit\tCtrl+Q")).triggered.connect(self.quit_wanted)

    def tab(self, index: int) -> QAbstractButton:
        return self._tabs.button(index)

    def set_page(self, index: int) -> None:
        self._tabs.button(index).setChecked(True)

    def set_models(self, models: tuple[ModelInfo, ...], current: str) -> None:
        self.model.blockSignals(True)
        self.model.clear()
        for model in models:
            self.model.addItem(model.title, model.name)
            self.model.setItemData(self.model.count() - 1, plain_tip(model.note), Qt.ItemDataRole.ToolTipRole)
        self.model.setCurrentIndex(self.model.findData(current))
        self.model.blockSignals(False)
        self.model.updateGeometry()  # the chooser's own answer to a new index was blocked as well

    def set_device(self, text: str) -> None:
        self._device.setText(text)
        self._device.setMinimumWidth(min(_DEVICE_MIN, self._device.sizeHint().width()))
        self._device.setToolTip(f"{text}\n{self._plan}")

    @Slot(object)
    def set_plan(self, event: PlanChosen) -> None:
        """How the model is spread over the memory, for whoever points at the device."""
        self._plan = event.text
        self.set_device(self._device.text())

    @property
    def theme(self) -> str:
        """The mode that is chosen."""
        return next((action.data() for action in self._themes.actions() if action.isChecked()), "system")

    def set_theme(self, mode: str) -> None:
        for action in self._themes.actions():
            chosen = action.data() == mode
            action.setChecked(chosen)
            words = action.text().partition("\t")[0]
            action.setText(f"{words}\t✓" if chosen else words)  # where an icon stands, Qt draws no tick

    def set_model(self, name: str) -> None:
        self.model.setCurrentIndex(self.model.findData(name))

    def set_side(self, shown: bool, *, possible: bool, offered: bool) -> None:
        """The button for the right side: whether that is shown, has room, and belongs to this page at all."""
        self.side.blockSignals(True)
        self.side.setChecked(shown)
        self.side.blockSignals(False)
        self.side.setEnabled(possible)
        self.side.setVisible(offered)

    @Slot(int)
    def _on_model(self, index: int) -> None:
        self.model_chosen.emit(self.model.itemData(index))

    @Slot(QAction)
    def _on_theme(self, action: QAction) -> None:
        self.set_theme(action.data())
        self.theme_chosen.emit(action.data())


class _ModelChooser(Chooser):
    """As wide as the title that is shown, so that it stands beside the device."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(name, parent)
        self.currentIndexChanged.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        words = self.fontMetrics().horizontalAdvance(self.currentText())
        return QSize(min(280, words + 44), theme.CONTROL)

    def minimumSizeHint(self) -> QSize:
        return QSize(min(_MODEL_MIN, self.sizeHint().width()), theme.CONTROL)

    def showPopup(self) -> None:
        widest = max((self.fontMetrics().horizontalAdvance(self.itemText(i)) for i in range(self.count())), default=0)
        self.view().setMinimumWidth(widest + 40)
        super().showPopup()
