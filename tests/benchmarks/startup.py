"""Time from process start to the visible window, beside a bare PySide6 window, in turns."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

_BARE = """
import time
from PySide6.QtWidgets import QApplication, QMainWindow
application = QApplication([])
window = QMainWindow()
window.show()
application.processEvents()
print(time.time())
"""

_OURS = """
import os, sys, time
from desktop.__main__ import main
def on_window(running):
    print(time.time(), flush=True)
    os._exit(0)
main(["--data", sys.argv[1]], on_window=on_window)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=15)
    arguments = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as folder:
        pairs = [(run(_OURS, folder), run(_BARE, folder)) for _ in range(arguments.turns + 1)][1:]
    ratios = [ours / bare for ours, bare in pairs]
    print(f"{arguments.turns} turns on {os.environ['QT_QPA_PLATFORM']}")
    print(f"Safelight    median {statistics.median(ours for ours, _ in pairs):.3f} s")
    print(f"bare window  median {statistics.median(bare for _, bare in pairs):.3f} s")
    print(f"ratio        median {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")


def run(code: str, folder: str) -> float:
    """Seconds from starting the interpreter until the window has been painted."""
    (Path(folder) / "starting").unlink(missing_ok=True)  # the last turn was ended in the middle
    began = time.time()
    done = subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1]) - began


if __name__ == "__main__":
    main()
