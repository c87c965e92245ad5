"""What can go wrong in a way the user can mend."""


class KnownError(Exception):
    """Something the user can understand and act on.

    message: one sentence, no trailing full stop needed, that says what is wrong, in the user's words.
    hint: one sentence that says what to do now; may be empty.
    Anything that is raised and is not a KnownError is a bug of the program.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}".rstrip() if self.hint else self.message
