"""Small fakes of what the Models page needs of the downloads."""

from desktop.errors import KnownError
from desktop.library.catalogue import Licence
from desktop.library.download import Download, State
from desktop.library.hub import Offer
from desktop.library.hub_errors import HubError, Unreachable
from desktop.library.pipeline_files import RemoteFile
from desktop.library.stop import Stopped

LICENCE = Licence(name="Apache-2.0", link="https://www.apache.org/licenses/LICENSE-2.0")
GB = 10**9


def offer(repo="someone/model", count=2 * GB, **more):
    fields = {
        "revision": "abc",
        "name": "model",
        "title": repo.partition("/")[2],
        "licence": LICENCE,
        "link": f"https://hub/{repo}",
        "gated": False,
        "files": (RemoteFile(name="unet/diffusion_pytorch_model.safetensors", bytes=count),),
        "is_file": False,
    }
    return Offer(repo=repo, **(fields | more))


def download(state=State.FETCHING, key="model", **more):
    fields = {
        "repo": "someone/model",
        "name": "model",
        "title": "A model",
        "licence": LICENCE,
        "link": "https://hub/someone/model",
        "done_bytes": GB,
        "total_bytes": 4 * GB,
    }
    return Download(key=key, state=state, **(fields | more))


class FakeDownloads:
    """Answers by the name asked for; writes down what it is told.

    "offline" cannot be reached, "gated" wants a token until it has one, "bug" breaks; anything else is there.
    """

    def __init__(self, *left, here=()):
        self.left, self.here = left, frozenset(here)
        self.asked, self.got, self.told, self.tokens = [], [], [], []
        self.note = ""
        self.full = False
        self.slow = False  # whether what reads the disk goes on until it is stopped
        self.stopped = []

    def look(self, text):
        self.asked.append(text)
        if text == "offline":
            raise Unreachable("No connection to the hub", "What you have works without one.")
        if text == "gated" and not self.tokens:
            raise HubError("Terms to accept", "Accept them.", needs_token=True, link="https://hub/gated")
        if text == "bug":
            raise ZeroDivisionError("by accident")
        return (offer(f"someone/{text.replace('/', '-')}"),)

    def get(self, offers, stop):
        self._read("get", stop)
        if self.full:
            raise KnownError("There is no room for it", "Free some space.")
        self.got.append(tuple(o.repo for o in offers))
        return tuple(o.name for o in offers)

    def reopen(self, stop):
        self._read("reopen", stop)
        return self.left

    def _read(self, what, stop):
        if self.slow and stop.wait(30):
            self.stopped.append(what)
            raise Stopped

    def repos_here(self):
        return self.here

    def keep_token(self, token):
        self.tokens.append(token)
        return self.note

    def pause(self, key):
        self.told.append(("pause", key))

    def resume(self, key):
        self.told.append(("resume", key))

    def remove(self, key):
        self.told.append(("remove", key))
