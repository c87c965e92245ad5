"""Where the program starts: the arguments decide between the window and a command."""

import sys


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 0 done, 2 what the user can mend, 130 interrupted, 1 a bug."""
    from desktop import arguments
    from desktop.errors import KnownError

    parsed = arguments.parse(sys.argv[1:] if argv is None else argv)
    try:
        if parsed.command is None:
            from desktop import app

            return app.main(data=parsed.data)
        from desktop import cli

        return cli.main(parsed)
    except KnownError as error:
        print(f"safelight: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
