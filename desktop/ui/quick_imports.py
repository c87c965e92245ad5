"""Imports at their usual speed beside PySide."""

import sys


def install() -> None:
    """Keep PySide from reading the source of every module that is imported after it.

    It does so to find out whether a module may ask for `from __feature__ import snake_case`, which none here does.
    Reading costs half a millisecond a module, and torch and diffusers bring some thousand. What is replaced is
    private to PySide; where it has another name, imports are slow and nothing else changes.
    """
    import PySide6.QtCore  # noqa: F401 - brings the module below

    feature = sys.modules.get("shibokensupport.feature")
    if hasattr(feature, "_mod_uses_pyside"):
        feature._mod_uses_pyside = lambda module: False
