"""The access token for the hub, in the system's own keyring; never in a file of ours."""

import contextlib
import os
import threading
from typing import Any

from desktop.errors import KnownError

_SERVICE, _USER = "safelight", "model hub"


class Tokens:
    """Every call may wait for the system, so none is made on the GUI thread.

    Where the system has no keyring, a token is used until the program ends.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._here: str | None = None  # "" once nothing was found

    def get(self) -> str:
        """The user's token: given here, from HF_TOKEN, from the keyring, or from the hub's own program; else ""."""
        with self._lock:
            if self._here is None:
                self._here = os.environ.get("HF_TOKEN", "").strip() or _from_keyring() or _from_hub_program()
            return self._here

    def keep(self, token: str) -> str:
        """Use this token from now on. Returns a sentence where it cannot be kept, else "". Raises KnownError."""
        token = token.strip()
        if not token or len(token) > 1000 or not token.isascii() or not token.isprintable() or " " in token:
            raise KnownError("This is no access token", "Copy it again; the hub's begin with hf_.")
        with self._lock:
            self._here = token
        if (keyring := _keyring()) is not None:
            with contextlib.suppress(Exception):  # each system's keyring raises errors of its own
                keyring.set_password(_SERVICE, _USER, token)
                return ""
        return "This system has no keyring that can be used, so the token is forgotten when Safelight closes."

    def forget(self) -> None:
        """Use no token from now on, and have none kept."""
        with self._lock:
            self._here = ""
        if (keyring := _keyring()) is not None:
            with contextlib.suppress(Exception):
                keyring.delete_password(_SERVICE, _USER)


def _keyring() -> Any:
    """The system's keyring; None where there is none, or only one that would write the token into a plain file."""
    import keyring

    with contextlib.suppress(Exception):
        backend = keyring.get_keyring()
        if backend.priority >= 1 and not type(backend).__module__.startswith(("keyring.backends.fail", "keyrings.alt")):
            return backend
    return None


def _from_keyring() -> str:
    if (keyring := _keyring()) is not None:
        with contextlib.suppress(Exception):
            return keyring.get_password(_SERVICE, _USER) or ""
    return ""


def _from_hub_program() -> str:
    """Somebody who works with the hub on this machine has signed in there already."""
    import huggingface_hub

    with contextlib.suppress(Exception):
        return huggingface_hub.get_token() or ""
    return ""
