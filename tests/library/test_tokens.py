"""The access token: in the system's keyring, or in memory, and in no file."""

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring

from desktop.errors import KnownError
from desktop.library.tokens import Tokens


class Ring(KeyringBackend):
    """A keyring as a system has one, in memory."""

    priority = 5

    def __init__(self, broken=False):
        super().__init__()
        self.kept, self.broken = {}, broken

    def get_password(self, service, username):
        if self.broken:
            raise RuntimeError("locked")
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        if self.broken:
            raise RuntimeError("locked")
        self.kept[service, username] = password

    def delete_password(self, service, username):
        del self.kept[service, username]


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


def test_a_token_is_kept_in_the_keyring_and_found_by_the_next_run():
    ring = Ring()
    keyring.set_keyring(ring)
    assert Tokens().keep(" hf_secret\n") == ""
    assert list(ring.kept.values()) == ["hf_secret"]
    again = Tokens()
    assert again.get() == "hf_secret"
    again.forget()
    assert (again.get(), ring.kept) == ("", {})
    assert Tokens().get() == ""


@pytest.mark.parametrize("ring", [NoKeyring(), Ring(broken=True)])
def test_without_a_keyring_a_token_serves_until_the_end_and_that_is_said(ring):
    keyring.set_keyring(ring)
    tokens = Tokens()
    assert tokens.get() == ""
    assert "forgotten when Safelight closes" in tokens.keep("hf_secret")
    assert tokens.get() == "hf_secret"
    assert Tokens().get() == ""


def test_the_environment_is_heard_first(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_given")
    keyring.set_keyring(Ring())
    assert Tokens().get() == "hf_given"


@pytest.mark.parametrize("text", ["", "two words", "hf_\n1", "ünicode", "x" * 2000])
def test_what_is_no_token_is_refused(text):
    with pytest.raises(KnownError, match="no access token"):
        Tokens().keep(text)
