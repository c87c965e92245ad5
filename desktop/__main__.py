"""Where the program starts: the arguments decide between the window and a command."""

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from desktop.app import App


def main(argv: list[str] | None = None, on_window: "Callable[[App], None] | None" = None) -> int:
    """Returns the exit status: 0 done, 2 what the user can mend, 130 interrupted, 1 a bug.

    on_window: called once the window has been painted.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # a prompt may hold letters that the terminal has no code for
            stream.reconfigure(errors="backslashreplace")
    try:
        from desktop.errors import KnownError
        from desktop.window_words import data_folder

        words = sys.argv[1:] if argv is None else argv
        try:
            plain = data_folder(words)
            if plain is not None:
                return _open_window(plain[0], None, on_window)
            from desktop import arguments

            return _run(arguments.parse(words), on_window)
        except KnownError as error:
            if sys.stderr is not None:
                from desktop.console import say

                say(str(error))
            return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has seen enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(parsed: "argparse.Namespace", on_window: "Callable[[App], None] | None") -> int:
    if parsed.self_check:
        from desktop import self_check

        return self_check.main()
    if parsed.command is None:
        return _open_window(parsed.data, parsed.opened, on_window)
    from desktop import cli

    return cli.main(parsed)


def _open_window(data: str | None, opened: str | None, on_window: "Callable[[App], None] | None") -> int:
    # Nothing made before the window is garbage, and looking for some takes a tenth of the time to it.
    gc.disable()
    from desktop.ui import quick_imports

    quick_imports.install()
    from desktop import program

    return program.main(data=data, on_window=on_window, opened=opened)


if __name__ == "__main__":
    sys.exit(main())
