"""How late a 5 ms timer on the GUI thread is, over start, import, model load and a generation."""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time

INTERVAL_MS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--count", type=int, default=3, help="pictures to generate")
    arguments = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from desktop.ui import quick_imports

    quick_imports.install()
    from PySide6.QtCore import QObject, Qt, QTimer

    from desktop.__main__ import main as safelight

    class Heart(QObject):
        """Remembers when each beat came, and what the program was doing then."""

        def __init__(self) -> None:
            super().__init__()
            self.beats: list[tuple[float, str]] = []
            self.doing = "import"
            self.timer = QTimer(self)
            self.timer.setTimerType(Qt.TimerType.PreciseTimer)
            self.timer.setInterval(INTERVAL_MS)
            self.timer.timeout.connect(self.beat)
            self.timer.start()
            self.beat()

        def beat(self) -> None:
            self.beats.append((time.perf_counter(), self.doing))

    kept = {}

    def on_window(running) -> None:
        heart = kept["heart"] = Heart()
        panel = running.window.create_page.panel
        left = arguments.count

        def on_phase(event) -> None:
            heart.doing = {"importing": "import", "loading": "load"}.get(event.phase, "generate")

        def on_saved(event) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                QTimer.singleShot(200, running.window.close)

        running.bridge.phase.connect(on_phase)
        running.bridge.saved.connect(on_saved)
        running.bridge.failed.connect(lambda event: sys.exit(f"failed: {event.message} {event.details}"))

        def begin() -> None:
            if panel.model is None:  # the models come right after the first paint
                QTimer.singleShot(10, begin)
                return
            panel.steps.set_value(arguments.steps)
            panel.count.set_value(arguments.count)
            panel.prompt.setPlainText("a red apple")
            panel.submit()

        begin()

    with tempfile.TemporaryDirectory() as folder:
        safelight(["--data", folder], on_window=on_window)
    beats = kept["heart"].beats
    gaps = [(b - a, what) for (a, _), (b, what) in itertools.pairwise(beats)]
    print(f"{len(gaps)} beats of {INTERVAL_MS} ms over {beats[-1][0] - beats[0][0]:.1f} s; lateness in ms:")
    for what in ("import", "load", "generate", "all"):
        late = sorted(max(0.0, gap * 1000 - INTERVAL_MS) for gap, doing in gaps if what in (doing, "all"))
        if len(late) > 1:
            worst = ", ".join(f"{value:.0f}" for value in late[:-6:-1])
            p99 = statistics.quantiles(late, n=100)[98]
            print(f"{what:<10} median {statistics.median(late):6.1f}  99th percentile {p99:6.1f}  worst {worst}")


if __name__ == "__main__":
    main()
