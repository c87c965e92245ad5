"""What runs first in the installed application."""

import os
import sys


def main() -> int:
    if "--multiprocessing-fork" in sys.argv or sys.argv[-2:-1] == ["-c"]:
        # A library made a process of its own out of this program; where none did, this import would cost time.
        import multiprocessing

        multiprocessing.freeze_support()
    # Programs that are opened from here, a file manager say, are not to look for their libraries in the bundle.
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        before = os.environ.pop(f"{name}_ORIG", None)
        if before is not None:
            os.environ[name] = before
        elif getattr(sys, "frozen", False):
            os.environ.pop(name, None)
    from desktop.__main__ import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
