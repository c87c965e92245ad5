"""The check that every test leaves nothing behind, checked itself."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LEAKS = {
    "thread": """
import threading
def test_it():
    threading.Thread(target=lambda: threading.Event().wait(20), name="left", daemon=True).start()
""",
    "timer": """
from PySide6.QtCore import QTimer
def test_it(qapp):
    global timer
    timer = QTimer()
    timer.start(1000)
""",
    "widget": """
from PySide6.QtWidgets import QWidget
def test_it(qapp):
    global widget
    widget = QWidget()
    widget.show()
""",
    "qt warning": """
from PySide6.QtCore import qWarning
def test_it(qapp):
    qWarning("something is off")
""",
    "python warning": """
import warnings
def test_it():
    warnings.warn("something is off")
""",
}
CLEAN = """
from PySide6.QtWidgets import QWidget
def test_it(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.show()
"""


def _pytest(folder, code):
    root = Path(__file__).parent.parent
    shutil.copy(root / "tests" / "conftest.py", folder / "conftest.py")
    shutil.copy(root / "pyproject.toml", folder / "pyproject.toml")
    (folder / "test_inner.py").write_text(code)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "test_inner.py", "-p", "no:cacheprovider"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("leak", LEAKS)
def test_a_test_that_leaves_something_behind_fails(tmp_path, leak):
    done = _pytest(tmp_path, LEAKS[leak])
    assert done.returncode == 1, done.stdout + done.stderr


def test_a_clean_test_passes(tmp_path):
    done = _pytest(tmp_path, CLEAN)
    assert done.returncode == 0, done.stdout + done.stderr
