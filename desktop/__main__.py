"""Where the program starts: the arguments decide between the window and a command."""

import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop.app import App


def main(argv: list[str] | None = None, on_window: "Callable[[App], None] | None" = None) -> int:
    """Returns the exit status: 0 done, 2 what the user can mend, 130 interrupted, 1 a bug.

    on_window: called once the window has been painted.
    """
    from desktop import arguments
    from desktop.errors import KnownError

    parsed = arguments.parse(sys.argv[1:] if argv is None else argv)
    try:
        if parsed.command is None:
            # Nothing made before the window is garbage, and looking for some takes a tenth of the time to it.
            gc.disable()
            from desktop import app

            return app.main(data=parsed.data, on_window=on_window)
        from desktop import cli

        return cli.main(parsed)
    except KnownError as error:
        print(f"safelight: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
