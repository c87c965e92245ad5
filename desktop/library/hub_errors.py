"""What can go wrong with the hub, in the user's words."""

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from desktop.errors import KnownError

if TYPE_CHECKING:
    import requests


class HubError(KnownError):
    """Something about the hub that the user can mend.

    needs_token: an access token may help. link: the page where something can be done, "" where there is none.
    """

    def __init__(self, message: str, hint: str = "", *, needs_token: bool = False, link: str = "") -> None:
        super().__init__(message, hint)
        self.needs_token = needs_token
        self.link = link


class Unreachable(HubError):
    """No connection, or one that broke: trying again may help. after_s: what the hub asked to wait."""

    def __init__(self, message: str, hint: str = "", *, after_s: float | None = None) -> None:
        super().__init__(message, hint)
        self.after_s = after_s


@contextlib.contextmanager
def translated(repo: str) -> Iterator[None]:
    """What requests raises, in the user's words."""
    import requests

    try:
        yield
    except requests.exceptions.TooManyRedirects as error:
        raise nonsense(repo) from error
    except requests.exceptions.SSLError as error:
        raise Unreachable(
            "The hub's certificate cannot be trusted", "Check the clock and the proxy of this computer."
        ) from error
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise Unreachable(
            "No connection to the hub", "Check the network and try again; what you have works without one."
        ) from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise Unreachable("The connection to the hub broke", "Try again.") from error
    except requests.exceptions.RequestException as error:  # an address or a proxy nobody can use
        raise HubError(
            f"The hub cannot be asked ({type(error).__name__})", "Check HF_ENDPOINT and the proxy's settings."
        ) from error


def raise_for(response: "requests.Response", repo: str, endpoint: str, *, has_token: bool) -> None:
    status, code = response.status_code, response.headers.get("X-Error-Code", "")
    page = f"{endpoint}/{repo}"
    if status in (200, 206, 416):
        return
    if code == "GatedRepo" or (status == 403 and not code):
        raise HubError(
            f"The makers of {repo} want their terms accepted before it is fetched",
            f"Accept them at {page}, then give an access token from {endpoint}/settings/tokens.",
            needs_token=True,
            link=page,
        )
    if status == 401 and has_token and code != "RepoNotFound":
        raise HubError(
            "The hub does not accept the access token",
            f"Make a new one at {endpoint}/settings/tokens and give it here.",
            needs_token=True,
            link=f"{endpoint}/settings/tokens",
        )
    if status == 401 or code == "RepoNotFound":  # the hub does not say which, so that nobody can find out
        raise HubError(
            f"There is no model {repo} on the hub, or it is private",
            "Check its name; for a private one give an access token.",
            needs_token=True,
        )
    if code == "RevisionNotFound":
        raise HubError(f"{repo} has no such revision", "Leave the part after the @ away.")
    if status == 403:
        raise HubError(f"The hub refuses to give {repo}", f"Look at {page} for the reason.", needs_token=True)
    if status in (404, 410):
        raise HubError(f"There is nothing of that name in {repo} on the hub", "Check its name.")
    if status == 429:
        raise Unreachable(
            "The hub asks to wait: too many requests came from here",
            "Try again in some minutes; an access token raises the limit.",
            after_s=_retry_after(response.headers.get("Retry-After", "")),
        )
    if status >= 500:
        raise Unreachable(
            f"The hub is in trouble itself (status {status})",
            "Try again later.",
            after_s=_retry_after(response.headers.get("Retry-After", "")),
        )
    raise HubError(f"The hub answered with status {status}", "Try again later.")


def _retry_after(text: str) -> float | None:
    """Seconds, from either form of the header."""
    if text.isascii() and text.isdigit():
        return float(text[:6])
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def nonsense(repo: str) -> HubError:
    return HubError(f"The hub's answer about {repo} makes no sense", "Try again later, or another model.")
