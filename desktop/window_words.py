"""What is typed to open the window with nothing else, told apart without the parser, whose import delays the window."""


def data_folder(argv: list[str]) -> tuple[str | None] | None:
    """(what --data gives or None) where the words ask for nothing but the window; None where they say more."""
    match argv:
        case []:
            return (None,)
        case ["--data", folder] if not folder.startswith("-"):
            return (folder,)
        case [word] if word.startswith("--data=") and word != "--data=":
            return (word.removeprefix("--data="),)
    return None
