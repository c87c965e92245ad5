"""The three rules that hold the house up, each checked in a fresh interpreter."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

_IMPORT_ALL = """
import importlib, pkgutil, sys
package, *forbidden = sys.argv[1:]
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in forbidden:
            raise AssertionError(f"{package} imports {name}")
sys.meta_path.insert(0, Wall())
outer = importlib.import_module(package)
names = [package] + [m.name for m in pkgutil.walk_packages(outer.__path__, package + ".")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""

QT = ["PySide6", "shiboken6", "qasync"]
TORCH = ["torch", "diffusers", "transformers"]


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("desktop.engine", QT),
        ("desktop.library", QT + TORCH),
        ("desktop.store", QT + TORCH),
        ("desktop.training", QT),
        ("desktop.ui", [*TORCH, "numpy"]),
    ],
)
def test_a_layer_imports_nothing_it_must_not_know(package, forbidden):
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL, package, *forbidden], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1


@pytest.mark.parametrize("module", ["desktop.engine.engine", "desktop.studio", "desktop.arguments"])
def test_the_engine_is_there_before_torch_is(module):
    code = f"import {module}, sys; assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_window_is_painted_before_anything_slow_is_imported(tmp_path):
    """Each of these takes a twentieth of the time to the window or more."""
    code = """
import os, sys
from desktop.__main__ import main
def on_window(app):
    assert app.window.isVisible()
    print([name for name in sys.argv[2:] if name in sys.modules], flush=True)
    os._exit(0)
main(["--data", sys.argv[1]], on_window=on_window)
"""
    slow = ["torch", "numpy", "PIL", "asyncio", "sqlite3", "desktop.messages", "desktop.arguments", "desktop.grids"]
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), *slow], cwd=ROOT, capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == "[]", done.stderr
