"""Fetching models from a hub on loopback, on good days and bad ones."""

import json
import os
import queue
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.errors import KnownError
from desktop.library import fetch
from desktop.library.download import State
from desktop.library.downloads import Downloads
from desktop.library.library import Library
from desktop.library.stop import Stop, Stopped
from desktop.library.tokens import Tokens
from tests.library.hub_server import COMMIT, Fault, Repo
from tests.models import STARTER, write_stable_diffusion

REPO = "someone/tiny-sd"
UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The files of a small real pipeline, by name."""
    folder = write_stable_diffusion(tmp_path_factory.mktemp("tiny") / "tiny")
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


class NoTokens(Tokens):
    """Keeps one in memory; knows no keyring."""

    def __init__(self, token=""):
        super().__init__()
        self._here = token


class Told:
    """What was told, as it comes."""

    def __init__(self):
        self.all = []
        self._queue = queue.Queue()

    def __call__(self, download):
        self.all.append(download)
        self._queue.put(download)

    def until(self, *states):
        while True:
            download = self._queue.get(timeout=30)
            if download.state in states:
                return download


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def library(tmp_path):
    return Library(builtin=STARTER, models=tmp_path / "models", added=tmp_path / "models.json")


@pytest.fixture
def start(tmp_path, told, library):
    """Downloads as a program has them; every one is closed in the end."""
    made = []

    def start(token="", waits_s=(0.0, 0.0)):
        downloads = Downloads(
            tmp_path / "models", check=library.check, tell=told, tokens=NoTokens(token), waits_s=waits_s
        )
        made.append(downloads)
        return downloads

    yield start
    for downloads in made:
        assert downloads.close()


def ready(library):
    return [info.name for info in library.list() if not info.builtin]


def test_a_pipeline_is_fetched_verified_and_ready(hub_server, tiny, start, told, library, tmp_path):
    hub_server.repos[REPO] = Repo(tiny, card={"license": "apache-2.0"})
    downloads = start()
    (offer,) = downloads.look(REPO)
    assert offer.licence.name == "Apache-2.0"
    assert offer.revision == COMMIT
    assert hub_server.fetched(".safetensors") == 0  # looking costs nothing
    downloads.get([offer])
    done = told.until(State.DONE, State.FAILED)
    assert (done.state, done.message) == (State.DONE, "")
    assert done.done_bytes == done.total_bytes == offer.bytes
    assert ready(library) == ["tiny-sd"]
    assert library.check_all()["tiny-sd"] is None
    for file in offer.files:
        assert (tmp_path / "models" / "tiny-sd" / file.name).read_bytes() == tiny[file.name]
    assert not (tmp_path / "models" / ".partial").exists()
    assert json.loads((tmp_path / "models" / "tiny-sd" / "hub.json").read_text())["repo"] == REPO
    assert downloads.have(offer) == tmp_path / "models" / "tiny-sd"
    assert downloads.repos_here() == {REPO}
    assert downloads.get([offer]) == ()  # nothing is fetched twice
    assert all(a.done_bytes <= b.done_bytes for a, b in zip(told.all, told.all[1:], strict=False))


def test_a_connection_that_drops_is_taken_up_where_it_broke(hub_server, tiny, start, told, library):
    hub_server.repos[REPO] = Repo(tiny)
    hub_server.faults[UNET] = [Fault("drop", after=1000), Fault("drop", after=500), Fault("drop", after=0)]
    downloads = start()
    downloads.get(downloads.look(REPO))
    assert told.until(State.DONE, State.FAILED).state is State.DONE
    assert hub_server.sent[UNET] == len(tiny[UNET])  # no byte came twice
    ranges = [seen[2] for seen in hub_server.seen if seen[1].endswith(UNET) and seen[1].startswith("/store")]
    assert ranges == [None, "bytes=1000-", "bytes=1500-", "bytes=1500-"]
    assert ready(library) == ["tiny-sd"]


def test_a_connection_that_never_holds_is_given_up_and_gone_on_with_later(hub_server, tiny, start, told, library):
    hub_server.repos[REPO] = Repo(tiny)
    hub_server.faults[UNET] = [Fault("drop", after=1000), *[Fault("drop")] * 3]
    downloads = start()
    (key,) = downloads.get(downloads.look(REPO))
    failed = told.until(State.FAILED)
    assert failed.message == "The connection to the hub broke"
    assert failed.hint
    assert ready(library) == []
    downloads.resume(key)
    assert told.until(State.DONE, State.FAILED).state is State.DONE
    assert hub_server.sent[UNET] == len(tiny[UNET])


def test_a_hub_that_knows_no_ranges_sends_it_from_the_beginning(hub_server, tiny, start, told, library):
    hub_server.repos[REPO] = Repo(tiny)
    hub_server.faults[UNET] = [Fault("drop", after=1000), Fault("whole")]
    downloads = start()
    downloads.get(downloads.look(REPO))
    done = told.until(State.DONE, State.FAILED)
    assert (done.state, done.done_bytes) == (State.DONE, done.total_bytes)
    assert ready(library) == ["tiny-sd"]


@pytest.mark.parametrize("name", [UNET, "unet/config.json"])
def test_a_file_with_a_wrong_fingerprint_is_deleted_and_said(hub_server, tiny, start, told, library, tmp_path, name):
    hub_server.repos[REPO] = Repo(tiny)
    hub_server.faults[name] = [Fault("corrupt", after=50)]
    downloads = start()
    (key,) = downloads.get(downloads.look(REPO))
    failed = told.until(State.FAILED)
    assert failed.message.startswith(f"{name} arrived damaged")
    assert "deleted" in failed.hint
    left = [p.name for p in (tmp_path / "models" / ".partial" / key / "parts").rglob("*") if p.is_file()]
    assert left == []
    assert ready(library) == []
    downloads.resume(key)
    assert told.until(State.DONE, State.FAILED).state is State.DONE
    assert ready(library) == ["tiny-sd"]


def test_a_pause_takes_effect_while_the_hub_says_nothing(hub_server, tiny, start, told, library):
    hub_server.repos[REPO] = Repo(tiny)
    hub_server.faults[UNET] = [Fault("hold", after=2000)]
    downloads = start()
    (key,) = downloads.get(downloads.look(REPO))
    assert hub_server.held.wait(30)
    downloads.pause(key)
    paused = told.until(State.PAUSED)
    assert not hub_server.release.is_set()  # it did not wait for the hub
    assert paused.done_bytes < paused.total_bytes
    assert ready(library) == []
    downloads.resume(key)
    assert told.until(State.DONE, State.FAILED).state is State.DONE
    hub_server.release.set()


def test_what_is_removed_leaves_nothing(hub_server, tiny, start, told, tmp_path):
    hub_server.repos[REPO] = Repo(tiny)
    hub_server.faults[UNET] = [Fault("hold", after=2000)]
    downloads = start()
    (key,) = downloads.get(downloads.look(REPO))
    assert hub_server.held.wait(30)
    downloads.remove(key)
    told.until(State.REMOVED)
    assert downloads.all() == ()
    assert not (tmp_path / "models" / ".partial" / key).exists()
    assert downloads.reopen() == ()


def test_downloads_wait_for_one_another_and_a_waiting_one_can_be_paused(hub_server, tiny, start, told, library):
    hub_server.repos[REPO] = Repo(tiny)
    hub_server.repos["someone/second"] = Repo(tiny)
    hub_server.faults[UNET] = [Fault("hold", after=2000)]
    downloads = start()
    (first,) = downloads.get(downloads.look(REPO))
    assert hub_server.held.wait(30)
    (second,) = downloads.get(downloads.look("someone/second"))
    assert {d.key: d.state for d in downloads.all()} == {first: State.FETCHING, second: State.WAITING}
    downloads.pause(second)
    assert told.until(State.PAUSED).key == second
    hub_server.release.set()
    assert told.until(State.DONE).key == first
    downloads.resume(second)
    assert told.until(State.DONE).key == second
    assert sorted(ready(library)) == ["second", "tiny-sd"]


def test_closing_the_program_pauses_and_the_next_one_goes_on(hub_server, tiny, start, told, library):
    hub_server.repos[REPO] = Repo(tiny)
    hub_server.faults[UNET] = [Fault("hold", after=2000)]
    first = start()
    first.get(first.look(REPO))
    assert hub_server.held.wait(30)
    assert first.close()
    again = start()
    (left,) = again.reopen()
    assert (left.state, left.title) == (State.PAUSED, "tiny-sd")
    assert 0 < left.done_bytes < left.total_bytes
    again.resume(left.key)
    assert told.until(State.DONE, State.FAILED).state is State.DONE
    assert hub_server.fetched("unet/config.json") == len(tiny["unet/config.json"])
    assert ready(library) == ["tiny-sd"]


CHILD = """
import sys
from pathlib import Path
from desktop.library.downloads import Downloads
from desktop.library.tokens import Tokens
class NoTokens(Tokens):
    def get(self): return ""
if len(sys.argv) > 3:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
import threading
ended = threading.Event()
def tell(download):
    print(download.state.value, download.done_bytes, download.message, flush=True)
    if download.ended:
        ended.set()
downloads = Downloads(Path(sys.argv[1]), check=lambda folder: None, tell=tell, tokens=NoTokens())
downloads.get(downloads.look(sys.argv[2]))
ended.wait()
downloads.close()
"""


def _child(tmp_path, *more):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / "models"), REPO, *more],
        cwd=Path(__file__).parent.parent.parent,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_after_a_kill_no_byte_is_fetched_again(hub_server, tiny, start, told, library, tmp_path):
    hub_server.repos[REPO] = Repo(tiny)
    hub_server.faults[UNET] = [Fault("hold", after=5000)]
    with _child(tmp_path) as child:
        assert hub_server.held.wait(60)
        part = next((tmp_path / "models" / ".partial").glob("*/parts")) / f"{UNET}.part"
        while part.stat().st_size < 5000:
            assert child.poll() is None
        os.kill(child.pid, signal.SIGKILL)
    size = part.stat().st_size
    downloads = start()
    (left,) = downloads.reopen()
    assert left.done_bytes >= size
    assert ready(library) == []
    hub_server.seen.clear()
    downloads.resume(left.key)
    assert told.until(State.DONE, State.FAILED).state is State.DONE
    assert [seen[1:3] for seen in hub_server.seen if seen[1].startswith("/store")] == [
        (f"/store/{REPO}/{UNET}", f"bytes={size}-")  # all other weights were there, verified
    ]
    assert ready(library) == ["tiny-sd"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_disk_that_takes_no_more_is_told_and_what_came_is_kept(hub_server, tiny, start, told, library, tmp_path):
    hub_server.repos[REPO] = Repo(tiny)
    with _child(tmp_path, str(max(map(len, tiny.values())) - 100)) as child:
        out, _ = child.communicate(timeout=60)
    assert "failed" in out
    assert "takes no file of this size" in out
    assert ready(library) == []
    downloads = start()
    (left,) = downloads.reopen()
    assert left.done_bytes > 0
    downloads.resume(left.key)
    assert told.until(State.DONE, State.FAILED).state is State.DONE


def test_a_full_disk_is_told_in_a_sentence(hub_server, tiny, start, told, library, monkeypatch):
    hub_server.repos[REPO] = Repo(tiny)
    room = [40_000]

    def write(handle, piece):
        if room[0] < len(piece):
            raise OSError(28, "No space left on device")
        room[0] -= len(piece)
        return os.write(handle, piece)

    monkeypatch.setattr(fetch, "write", write)
    downloads = start()
    (key,) = downloads.get(downloads.look(REPO))
    failed = told.until(State.FAILED, State.DONE)
    assert failed.message.startswith("The disk is full where ")
    assert ready(library) == []
    room[0] = 10**9
    downloads.resume(key)
    assert told.until(State.DONE, State.FAILED).state is State.DONE


def test_without_room_nothing_is_begun(hub_server, tiny, start, tmp_path, monkeypatch):
    import shutil

    hub_server.repos[REPO] = Repo(tiny)
    usage = shutil.disk_usage(tmp_path)._replace(free=200_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    downloads = start()
    offers = downloads.look(REPO)
    with pytest.raises(KnownError, match=r"There is no room for tiny-sd: it needs 0\.2 GB, and 0\.2 GB are free"):
        downloads.get(offers)
    assert not (tmp_path / "models" / ".partial").exists()


def test_a_hub_that_asks_to_wait_is_waited_for(hub_server, tiny, start, told, library):
    hub_server.repos[REPO] = Repo(tiny)
    hub_server.faults[UNET] = [Fault("status", status=429, headers={"Retry-After": "1"})]
    downloads = start()
    downloads.get(downloads.look(REPO))
    assert told.until(State.DONE, State.FAILED).state is State.DONE
    (waited,) = (d for d in told.all if d.message)
    assert waited.state is State.WAITING
    assert waited.message.startswith("The hub asks to wait")
    assert ready(library) == ["tiny-sd"]


def test_a_single_file_is_fetched_under_its_own_name(hub_server, tiny, start, told, tmp_path):
    hub_server.repos["someone/files"] = Repo({"a/one.safetensors": tiny[UNET], "two.safetensors": b"x"})
    downloads = start()
    downloads.get(downloads.look("someone/files/a/one.safetensors"))
    done = told.until(State.DONE, State.FAILED)
    assert (done.state, done.path) == (State.DONE, str(tmp_path / "models" / "one.safetensors"))
    assert Path(done.path).read_bytes() == tiny[UNET]


def test_a_file_that_is_whole_and_no_weights_never_shows(hub_server, start, told, tmp_path):
    hub_server.repos["someone/files"] = Repo({"two.safetensors": b"<html>no weights</html>"})
    downloads = start()
    downloads.get(downloads.look("someone/files"))
    assert told.until(State.DONE, State.FAILED).state is State.FAILED
    assert not (tmp_path / "models" / "two.safetensors").exists()


def test_what_stands_in_the_way_of_a_whole_models_use_is_told(hub_server, tiny, start, told, tmp_path):
    def refuse(folder):
        assert folder == tmp_path / "models" / "tiny-sd"
        raise KnownError("The prior of this model is missing", "Get it too.")

    hub_server.repos[REPO] = Repo(tiny)
    downloads = start()
    downloads._check = refuse
    downloads.get(downloads.look(REPO))
    done = told.until(State.DONE, State.FAILED)
    assert (done.state, done.message) == (State.DONE, "The prior of this model is missing")


def test_a_family_nobody_here_knows_is_refused_before_anything_is_fetched(hub_server, tiny, start):
    index = {"_class_name": "MusicPipeline", "unet": ["diffusers", "UNet1DModel"]}
    hub_server.repos[REPO] = Repo(tiny | {"model_index.json": json.dumps(index).encode()})
    with pytest.raises(KnownError, match="does not know the model family MusicPipeline"):
        start().look(REPO)


def test_weights_that_are_none_never_show(hub_server, tiny, start, told, library, tmp_path):
    hub_server.repos[REPO] = Repo(tiny | {UNET: b"not weights at all"})
    downloads = start()
    downloads.get(downloads.look(REPO))
    failed = told.until(State.DONE, State.FAILED)
    assert failed.state is State.FAILED
    assert failed.message
    assert ready(library) == []
    assert not (tmp_path / "models" / "tiny-sd").exists()


def test_what_another_model_has_already_is_not_fetched_again(hub_server, tiny, start, told, library):
    hub_server.repos[REPO] = Repo(tiny)
    hub_server.repos["someone/relative"] = Repo(tiny | {UNET: tiny[UNET][:-4] + b"ABCD"})
    downloads = start()
    downloads.get(downloads.look(REPO))
    assert told.until(State.DONE, State.FAILED).state is State.DONE
    hub_server.sent.clear()
    downloads.get(downloads.look("someone/relative"))
    done = told.until(State.DONE, State.FAILED)
    assert (done.state, done.done_bytes) == (State.DONE, done.total_bytes)
    assert {name for name in hub_server.sent if name.endswith(".safetensors")} == {UNET}
    assert sorted(ready(library)) == ["relative", "tiny-sd"]


def test_bytes_that_were_changed_here_are_not_taken_for_the_same(hub_server, tiny, start, told, tmp_path):
    hub_server.repos[REPO] = Repo(tiny)
    hub_server.repos["someone/relative"] = Repo(tiny)
    downloads = start()
    downloads.get(downloads.look(REPO))
    assert told.until(State.DONE, State.FAILED).state is State.DONE
    (tmp_path / "models" / "tiny-sd" / VAE).write_bytes(b"?" * len(tiny[VAE]))
    hub_server.sent.clear()
    downloads.get(downloads.look("someone/relative"))
    done = told.until(State.DONE, State.FAILED)
    assert (done.state, done.done_bytes) == (State.DONE, done.total_bytes)
    assert {name for name in hub_server.sent if name.endswith(".safetensors")} == {VAE}
    assert (tmp_path / "models" / "relative" / VAE).read_bytes() == tiny[VAE]
    assert (tmp_path / "models" / "tiny-sd" / VAE).exists()


def test_two_programs_never_fetch_one_model_at_once(hub_server, tiny, start, told):
    hub_server.repos[REPO] = Repo(tiny)
    hub_server.faults[UNET] = [Fault("hold", after=2000)]
    first, second = start(), start()
    first.get(first.look(REPO))
    assert hub_server.held.wait(30)
    second.get(second.look(REPO))
    assert "Another Safelight" in told.until(State.FAILED).message
    hub_server.release.set()
    assert told.until(State.DONE).state is State.DONE


def test_a_token_that_is_refused_on_the_way_is_asked_for(hub_server, tiny, start, told):
    hub_server.repos[REPO] = Repo(tiny)
    downloads = start(token="hf_right")
    offers = downloads.look(REPO)
    hub_server.token = "hf_other"
    downloads.get(offers)
    failed = told.until(State.FAILED)
    assert failed.needs_token
    assert failed.message == "The hub does not accept the access token"


def test_a_hub_that_falls_silent_is_asked_again(hub_server, tiny, start, told, library, monkeypatch):
    monkeypatch.setattr("desktop.library.hub._READ_S", 0.3)
    hub_server.repos[REPO] = Repo(tiny)
    hub_server.faults[UNET] = [Fault("hold", after=2000)]
    downloads = start()
    downloads.get(downloads.look(REPO))
    assert told.until(State.DONE, State.FAILED).state is State.DONE
    assert not hub_server.release.is_set()
    assert "The hub sends nothing any more" in {d.message for d in told.all}
    ranges = [seen[2] for seen in hub_server.seen if seen[1].startswith("/store") and seen[1].endswith(UNET)]
    assert ranges == [None, "bytes=2000-"]
    assert ready(library) == ["tiny-sd"]


def test_bytes_that_come_slowly_are_counted_and_the_time_left_is_told(tmp_path, monkeypatch):
    from desktop.library import download_item as module
    from desktop.library import partial as partials
    from tests.library.test_partial import offer

    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    item = module.Item(partials.begin(tmp_path, offer("a" * 100)))
    item.begin(0)
    assert (item.told().bytes_per_s, item.told().seconds_left) == (None, None)
    for _ in range(20):
        now[0] += 1.0
        item.add(2)
    told = item.told()
    assert (told.done_bytes, told.total_bytes) == (40, 100)
    assert told.bytes_per_s == pytest.approx(2.0, rel=0.2)
    assert told.seconds_left == pytest.approx(30.0, rel=0.2)
    item.pause(again=False)
    assert item.told().bytes_per_s is None


def test_a_folder_nobody_can_write_to_is_told(hub_server, tiny, start, tmp_path):
    hub_server.repos[REPO] = Repo(tiny)
    (tmp_path / "models").write_text("in the way")
    downloads = start()
    offers = downloads.look(REPO)
    with pytest.raises(KnownError) as caught:
        downloads.get(offers)
    assert caught.value.hint


def test_notes_that_are_damaged_are_shown_and_can_be_removed(start, told, tmp_path):
    folder = tmp_path / "models" / ".partial" / "broken"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{")
    downloads = start()
    (left,) = downloads.reopen()
    assert (left.key, left.state) == ("broken", State.FAILED)
    downloads.resume("broken")  # which cannot be
    downloads.remove("broken")
    told.until(State.REMOVED)
    assert not folder.exists()


def test_what_has_arrived_needs_no_room_again(hub_server, tiny, start, told, monkeypatch, tmp_path):
    import shutil

    hub_server.repos[REPO] = Repo(tiny)
    hub_server.faults[UNET] = [Fault("drop", after=len(tiny[UNET]) - 10), *[Fault("drop")] * 3]
    downloads = start()
    offers = downloads.look(REPO)
    downloads.get(offers)
    assert told.until(State.FAILED, State.DONE).state is State.FAILED
    usage = shutil.disk_usage(tmp_path)._replace(free=200_000_000 + 10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    downloads.get(offers)
    assert told.until(State.FAILED, State.DONE).state is State.DONE


def test_a_single_file_half_there_never_shows_and_is_listed_once_whole(hub_server, tiny, start, told, library):
    hub_server.repos["someone/files"] = Repo({"one.safetensors": tiny[UNET]})
    hub_server.faults["one.safetensors"] = [Fault("hold", after=len(tiny[UNET]) - 1)]
    before = library.check_all().keys()
    downloads = start()
    (key,) = downloads.get(downloads.look("someone/files"))
    assert hub_server.held.wait(30)
    assert library.check_all().keys() == before
    downloads.pause(key)
    told.until(State.PAUSED)
    assert library.check_all().keys() == before
    downloads.resume(key)
    assert told.until(State.DONE, State.FAILED).state is State.DONE
    hub_server.release.set()


def test_another_file_of_the_same_name_and_size_is_another_file(hub_server, tiny, start, told, tmp_path):
    other = tiny[UNET][:-4] + b"ABCD"
    hub_server.repos["one/files"] = Repo({"style.safetensors": tiny[UNET]})
    hub_server.repos["two/files"] = Repo({"style.safetensors": other}, lfs=False)
    downloads = start()
    for repo, place in (("one/files", "style.safetensors"), ("two/files", "style-2.safetensors")):
        (offer,) = downloads.look(repo)
        assert downloads.have(offer) is None
        downloads.get([offer])
        done = told.until(State.DONE, State.FAILED)
        assert (done.state, done.path) == (State.DONE, str(tmp_path / "models" / place))
        assert downloads.have(offer) == tmp_path / "models" / place
    assert (tmp_path / "models" / "style.safetensors").read_bytes() == tiny[UNET]
    assert (tmp_path / "models" / "style-2.safetensors").read_bytes() == other


class AfterAWhile(Stop):
    """Is set when it has been asked so often."""

    def __init__(self, times):
        super().__init__()
        self.left = times

    @property
    def is_set(self):
        self.left -= 1
        return self.left < 0


def test_comparing_a_file_that_is_here_already_can_be_stopped_between_two_pieces(hub_server, start, tmp_path):
    content = bytes(5 << 20)
    hub_server.repos["someone/files"] = Repo({"large.safetensors": content})
    (tmp_path / "models").mkdir(exist_ok=True)
    (tmp_path / "models" / "large.safetensors").write_bytes(content)
    downloads = start()
    (offer,) = downloads.look("someone/files")
    for ask in (lambda stop: downloads.have(offer, stop), lambda stop: downloads.get([offer], stop)):
        stop = AfterAWhile(times=2)
        with pytest.raises(Stopped):
            ask(stop)
        assert stop.left == -1, "it goes on after it was stopped"
    assert downloads.all() == ()
    assert downloads.have(offer) == tmp_path / "models" / "large.safetensors"


@pytest.mark.parametrize("asked", [1, 2, 3])
def test_a_file_that_the_disk_refuses_to_tell_of_is_passed_over(hub_server, start, tmp_path, monkeypatch, asked):
    hub_server.repos["someone/files"] = Repo({"large.safetensors": b"content"})
    path = tmp_path / "models" / "large.safetensors"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"content")
    downloads = start()
    (offer,) = downloads.look("someone/files")
    stat, left = Path.stat, [None] * asked

    def refuse(self, **options):
        if self == path:
            left.pop()
            if not left:
                raise PermissionError(13, "Permission denied", str(path))
        return stat(self, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    assert downloads.have(offer) is None


def test_a_fetched_model_that_lost_a_file_gets_it_back_in_its_place(hub_server, tiny, start, told, library, tmp_path):
    hub_server.repos[REPO] = Repo(tiny)
    downloads = start()
    (offer,) = downloads.look(REPO)
    downloads.get([offer])
    assert told.until(State.DONE, State.FAILED).state is State.DONE
    folder = tmp_path / "models" / "tiny-sd"
    (folder / UNET).unlink()
    (folder / "safelight.json").write_text('{"steps": 3}')  # the user's own
    assert downloads.have(offer) is None
    hub_server.sent.clear()
    downloads.get([offer])
    done = told.until(State.DONE, State.FAILED)
    assert (done.state, done.path) == (State.DONE, str(folder))
    assert {name for name in hub_server.sent if name.endswith(".safetensors")} == {UNET}
    assert library.check_all() == {"starter": None, "tiny-sd": None}
    assert library.resolve("tiny-sd").steps == 3
    assert not (tmp_path / "models" / ".partial").exists()
