"""The one stylesheet of the window, written from the theme's tokens. theme.set_kind names the kinds."""

from dataclasses import asdict
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop.ui.theme import Tokens

_SHEET = """
* { outline: none; }
QMainWindow, QDialog { background: $ground; }
QToolTip { background: $raised; color: $text; border: 1px solid $line_strong; padding: 6px 8px;
  font-size: 12px; }

QLabel { background: transparent; }
QLabel[kind="quiet"] { color: $quiet; }
QLabel[kind="caption"] { color: $quiet; font-size: 11px; }
QLabel[kind="section"] { color: $text; font-weight: 600; }
QLabel[kind="heading"] { font-size: 16px; font-weight: 600; }
QLabel[kind="title"] { font-size: 22px; font-weight: 600; }
QLabel[kind="error"] { color: $accent_text; font-size: 12px; }
QLabel[kind="key"] { background: $raised; border: 1px solid $line_strong; border-radius: 4px;
  padding: 1px 6px; font-size: 11px; font-weight: 500; }
QLabel[kind="badge"] { background: $selection; color: $text; border-radius: 4px; padding: 2px 8px;
  font-size: 11px; font-weight: 500; }
QLabel[kind="good"] { color: $success; font-weight: 500; }
QLabel[kind="fair"] { color: $warning; font-weight: 500; }
QLabel:disabled { color: $faint; }

QFrame[kind="panel"] { background: $panel; border: none; }
QFrame[kind="bar"] { background: $panel; border: none; border-bottom: 1px solid $line; }
QFrame[kind="left"] { background: $panel; border: none; border-right: 1px solid $line; }
QFrame[kind="foot"] { background: $ground; border: none; border-top: 1px solid $line; }
QFrame[kind="right"] { background: $panel; border: none; border-left: 1px solid $line; }
QFrame[kind="card"] { background: $panel; border: 1px solid $line; border-radius: 6px; }
QFrame[kind="raised"] { background: $raised; border: 1px solid $line_strong; border-radius: 6px; }
QFrame[kind="message"] { background: $raised; border: 1px solid $line_strong; border-left: 3px solid $accent;
  border-top-right-radius: 6px; border-bottom-right-radius: 6px; }
QFrame[kind="banner"] { background: $raised; border: none; border-bottom: 1px solid $line_strong;
  border-left: 3px solid $accent; }
QFrame[kind="line"] { background: $line; border: none; max-height: 1px; min-height: 1px; }

QPushButton, QComboBox, QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox {
  background: $raised; border: 1px solid $line; border-radius: 6px; }
QPushButton, QComboBox { min-height: 30px; padding: 0 12px; }
QPushButton:hover, QComboBox:hover { background: $hover; border-color: $line_strong; }
QPushButton:pressed { background: $line; }
QPushButton:focus, QComboBox:focus { border: 1px solid $focus; }
QPushButton:disabled, QComboBox:disabled { color: $faint; background: transparent; border-color: $line; }
QPushButton:checked { background: $selection; border-color: $accent; }
QPushButton:checked:focus { border-color: $focus; }

QPushButton[kind="accent"] { background: $accent_fill; color: $on_accent; border: 2px solid
  $accent_fill;
  font-size: 14px; font-weight: 600; min-height: 36px; }
QPushButton[kind="accent"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[kind="accent"]:pressed { background: $accent_pressed; border-color: $accent_pressed; }
QPushButton[kind="accent"]:focus { border: 2px solid $focus; }
QPushButton[kind="accent"]:disabled { background: $raised; border-color: $line; color: $faint; }
QPushButton[kind="primary"] { background: $accent_fill; color: $on_accent; border-color: $accent_fill;
  font-weight: 600; }
QPushButton[kind="primary"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[kind="primary"]:pressed { background: $accent_pressed; border-color: $accent_pressed; }
QPushButton[kind="primary"]:focus { border-color: $focus; }
QPushButton[kind="primary"]:disabled { background: $raised; border-color: $line; color: $faint; }
QPushButton[kind="tall"] { min-height: 38px; font-weight: 500; }
QPushButton[kind="quiet"] { background: transparent; border: 1px solid transparent; color: $quiet;
  padding: 0 8px; }
QPushButton[kind="quiet"]:hover { background: $hover; color: $text; }
QPushButton[kind="quiet"]:focus { border: 1px solid $focus; color: $text; }
QPushButton[kind="link"] { background: transparent; border: 1px solid transparent; color:
  $accent_text; padding: 0 4px;
  min-height: 24px; font-weight: 500; }
QPushButton[kind="link"]:hover { text-decoration: underline; }
QPushButton[kind="link"]:focus { border: 1px solid $focus; }
QPushButton[kind="cite"] { background: transparent; border: 1px solid transparent; padding: 0; min-height: 24px;
  text-decoration: underline; text-align: left; }
QPushButton[kind="cite"]:hover { color: $accent_text; }
QPushButton[kind="cite"]:focus { border: 1px solid $focus; }
QPushButton[kind="chip"] { background: $raised; border: 1px solid $line; border-radius: 15px;
  min-height: 28px; padding: 0 14px; }
QPushButton[kind="chip"]:hover { border-color: $line_strong; background: $hover; }
QPushButton[kind="chip"]:checked { background: $selection; border-color: $accent; }
QPushButton[kind="chip"]:focus { border-color: $focus; }
QPushButton[kind="chip"]:disabled { color: $faint; background: transparent; }

QToolButton { background: transparent; border: 1px solid transparent; border-radius: 6px; padding:
  0; color: $text; }
QToolButton:hover { background: $hover; }
QToolButton:pressed { background: $line; }
QToolButton:checked { background: $raised; }
QToolButton:focus { border-color: $focus; }
QToolButton:disabled { color: $faint; }
QToolButton::menu-indicator { image: none; width: 0; }
QToolButton[kind="plain"] { background: $raised; border-color: $line; }
QToolButton[kind="plain"]:hover { background: $hover; border-color: $line_strong; }
QToolButton[kind="plain"]:checked { background: $selection; border-color: $accent; }
QToolButton[kind="plain"]:focus { border-color: $focus; }
QToolButton[kind="segment"] { color: $quiet; background: transparent; border: 1px solid transparent;
  padding: 0 8px; min-height: 22px; }
QToolButton[kind="segment"]:hover { color: $text; }
QToolButton[kind="segment"]:checked { color: $text; background: $hover; border-color: $line_strong; }
QToolButton[kind="segment"]:focus { border-color: $focus; }
QToolButton[kind="tab"] { color: $quiet; border-radius: 0; border: none; border-bottom: 2px solid
  transparent;
  border-top: 2px solid transparent; padding: 0 12px; font-weight: 500; }
QToolButton[kind="tab"]:hover { color: $text; background: transparent; }
QToolButton[kind="tab"]:checked { color: $text; background: transparent; border-bottom: 2px solid
  $accent; }
QToolButton[kind="tab"]:focus { color: $text; background: $hover; border-top: 2px solid $focus; }

QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox { color: $text;
  selection-background-color: $accent_fill;
  selection-color: $on_accent; placeholder-text-color: $quiet; }
QLineEdit, QSpinBox, QDoubleSpinBox { min-height: 30px; padding: 0 8px; }
QPlainTextEdit, QTextEdit { padding: 4px 4px; }
QLineEdit:hover, QPlainTextEdit:hover, QTextEdit:hover { border-color: $line_strong; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus {
  border: 1px solid $focus; }
QLineEdit[wrong="true"], QPlainTextEdit[wrong="true"] { border-color: $accent; }
QLineEdit[passive="true"] { color: $quiet; }
QLineEdit:disabled, QPlainTextEdit:disabled { color: $faint; background: transparent; }

QComboBox { padding: 0 2px 0 10px; combobox-popup: 0; }
QComboBox::drop-down { border: none; width: 28px; }
QComboBox::down-arrow { image: none; width: 0; height: 0; }
QComboBox[kind="bare"] { background: transparent; border-color: transparent; }
QComboBox[kind="bare"]:hover { background: $hover; }
QComboBox[kind="bare"]:focus { border-color: $focus; }
QComboBox QAbstractItemView { background: $raised; border: 1px solid $line_strong; padding: 4px;
  outline: none; }
QComboBox QAbstractItemView::item { min-height: 28px; padding: 0 8px; border-radius: 4px; }
QComboBox QAbstractItemView::item:selected { background: $selection; color: $text; }

QMenu { background: $raised; border: 1px solid $line_strong; padding: 4px; }
QMenu::item { padding: 6px 24px 6px 12px; border-radius: 4px; min-height: 18px; }
QMenu::icon { padding-left: 8px; }
QMenu::item:selected { background: $selection; color: $text; }
QMenu::item:disabled { color: $faint; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }

QSlider { background: transparent; border: none; }

QScrollArea { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; border: none; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; border: none; }
QScrollBar::handle { background: $line_strong; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::handle:hover { background: $quiet; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; border: none; background: none; }
QScrollBar::add-page, QScrollBar::sub-page { background: none; }

QAbstractItemView { background: transparent; border: none; outline: none;
  selection-background-color: $selection; selection-color: $text; }
QListView::item { border-radius: 6px; }
QListView::item:hover { background: $hover; }
QListView::item:selected { background: $selection; color: $text; }

QTableView, QTableCornerButton::section { background: transparent; border: none; }
QHeaderView { background: transparent; border: none; }
QHeaderView::section { background: transparent; border: none; color: $quiet; font-size: 12px; padding: 0 8px 0 4px; }

QProgressBar { background: $line; border: none; border-radius: 2px; min-height: 4px; max-height: 4px; }
QProgressBar::chunk { background: $accent; border-radius: 2px; }

QSplitter::handle { background: $line; }
QSplitter::handle:vertical { height: 1px; }
QSplitter::handle:horizontal { width: 1px; }
"""


def sheet(tokens: "Tokens") -> str:
    """The stylesheet for one palette."""
    return Template(_SHEET).substitute(asdict(tokens))
