"""Asking the hub: what a repository holds, under what licence, and the bytes of its files.

huggingface_hub's own download resumes and caches, but it cannot be paused, keeps half files where nobody looks for
them, may go through another protocol (xet), and does nothing once HF_HUB_OFFLINE is set, which is a switch for the
whole process: turning it off for a download would open the network to every library in it. So this module speaks the
hub's protocol itself, with requests, and takes from huggingface_hub where a file lies and how a client names itself.
Every request is made because a person asked for a model; nothing else in the program uses a network.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop import __version__
from desktop.errors import KnownError
from desktop.library import pipeline_files
from desktop.library.catalogue import Licence
from desktop.library.hub_errors import nonsense, raise_for, translated
from desktop.library.pipeline_files import INDEX, SMALL_BYTES, RemoteFile
from desktop.library.wanted import Wanted, folded, plain

if TYPE_CHECKING:
    import requests

ENDPOINT = "https://huggingface.co"
_CONNECT_S, _READ_S = 10.0, 30.0
_ANSWER_MAX = 50 * 2**20  # bytes of a listing; the largest have some MB
_FILES_MAX = 50_000
_LINKS = {
    "apache-2.0": ("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0"),
    "mit": ("MIT", "https://opensource.org/license/mit"),
    "creativeml-openrail-m": (
        "CreativeML Open RAIL-M",
        "https://huggingface.co/spaces/CompVis/stable-diffusion-license",
    ),
    "openrail++": (
        "CreativeML Open RAIL++-M",
        "https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0/blob/main/LICENSE.md",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What can be fetched, and on what terms. revision: a commit, so that the files cannot change on the way.

    name: what the model will be called here: a folder, or where is_file a single file. link: its page.
    """

    repo: str
    revision: str
    name: str
    title: str
    licence: Licence
    link: str
    gated: bool
    files: tuple[RemoteFile, ...]
    is_file: bool

    @property
    def bytes(self) -> int:
        return sum(f.bytes for f in self.files)


class Hub:
    """One hub. Every call waits for it, so none is made on the GUI thread.

    token: asked before each request; gives "" where there is none. knows: whether a model of this model_index.json
    can be used once it is here.
    """

    def __init__(
        self, token: Callable[[], str] = lambda: "", knows: Callable[[Mapping[str, Any]], bool] = lambda index: True
    ) -> None:
        self._token = token
        self._knows = knows

    @property
    def endpoint(self) -> str:
        return (os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")

    def look(self, wanted: Wanted) -> Offer:
        """What a repository offers. Raises HubError, and KnownError where it holds nothing of use."""
        from urllib.parse import quote

        repo = wanted.repo
        answer = self._json(
            f"{self.endpoint}/api/models/{repo}/revision/{quote(wanted.revision, safe='')}?blobs=true", repo
        )
        revision = answer.get("sha")
        if not isinstance(revision, str) or not (revision.isascii() and revision.isalnum()):
            raise nonsense(repo)
        files = _files(answer, repo)
        is_file = False
        if wanted.file:
            chosen, is_file = pipeline_files.for_one_file(files, wanted.file), True
        elif any(f.name == INDEX for f in files):
            index = self._json(self.address(repo, revision, INDEX), repo)
            if not self._knows(index):
                raise KnownError(
                    f"Safelight does not know the model family {plain(index.get('_class_name'))} of {repo}",
                    "Choose another model; those of the catalogue all run.",
                )
            chosen = pipeline_files.for_pipeline(files, index)
        elif pipeline_files.is_one_part(files):
            chosen = pipeline_files.for_one_part(files)
        else:
            chosen, is_file = pipeline_files.for_one_file(files, ""), True
        title = repo.partition("/")[2]
        return Offer(
            repo=repo,
            revision=revision,
            name=chosen[0].name.rpartition("/")[2] if is_file else title,
            title=title,
            licence=self._licence(answer, repo),
            link=f"{self.endpoint}/{repo}",
            gated=answer.get("gated") not in (None, False),
            files=chosen,
            is_file=is_file,
        )

    def address(self, repo: str, revision: str, file: str) -> str:
        from huggingface_hub import hf_hub_url

        # Its own endpoint is read once, when it is imported; handing ours in replaces it.
        return hf_hub_url(repo, file, revision=revision, endpoint=self.endpoint)

    @contextlib.contextmanager
    def open(self, repo: str, revision: str, file: str, start: int) -> Iterator["requests.Response"]:
        """The bytes of a file from start on, as a response to read from. Raises HubError."""
        headers = {"Accept-Encoding": "identity"}  # a Range counts bytes as they are
        if start:
            headers["Range"] = f"bytes={start}-"
        with self._get(self.address(repo, revision, file), repo, headers) as response:
            yield response

    def _json(self, url: str, repo: str) -> dict[str, Any]:
        import json

        with self._get(url, repo, {}) as response, translated(repo):
            limit = SMALL_BYTES if url.endswith(INDEX) else _ANSWER_MAX
            data = b""
            for piece in response.iter_content(1 << 16):
                data += piece
                if len(data) > limit:
                    raise nonsense(repo)
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise nonsense(repo) from error
        if not isinstance(answer, dict):
            raise nonsense(repo)
        return answer

    @contextlib.contextmanager
    def _get(self, url: str, repo: str, headers: Mapping[str, str]) -> Iterator["requests.Response"]:
        import requests
        from huggingface_hub.utils import build_hf_headers

        token = self._token()
        ours = build_hf_headers(token=token or False, library_name="safelight", library_version=__version__)
        with requests.Session() as session:
            # urllib3 closes what it keeps open only once nothing holds it any more, a traceback for example.
            session.headers["Connection"] = "close"
            session.auth = _leave_alone  # else ~/.netrc would take the place of the token
            with translated(repo):
                response = session.get(url, headers={**ours, **headers}, stream=True, timeout=(_CONNECT_S, _READ_S))
            with response:
                raise_for(response, repo, self.endpoint, has_token=bool(token))
                yield response

    def _licence(self, answer: Mapping[str, Any], repo: str) -> Licence:
        card = answer.get("cardData")
        card = card if isinstance(card, dict) else {}
        tags = answer.get("tags")
        tagged = (
            [t[8:] for t in tags if isinstance(t, str) and t.startswith("license:")] if isinstance(tags, list) else []
        )
        code = next((v for v in (card.get("license"), *tagged) if isinstance(v, str) and v), "")
        name, link = _LINKS.get(code, (code, ""))
        if isinstance(card.get("license_name"), str):
            name = card["license_name"]
        given = card.get("license_link")
        if isinstance(given, str) and given:
            page = f"{self.endpoint}/{repo}"
            link = given if given.startswith("https://") else f"{page}/blob/main/{given}"
            if "://" in given and not given.startswith("https://"):
                link = page
        name, link = plain(name), "".join(filter(str.isprintable, link[:1000]))
        return Licence(name=name, link=link or (f"{self.endpoint}/{repo}" if name else ""))


def _leave_alone(request: Any) -> Any:
    return request


def _files(answer: Mapping[str, Any], repo: str) -> tuple[RemoteFile, ...]:
    siblings = answer.get("siblings")
    if not isinstance(siblings, list) or len(siblings) > _FILES_MAX:
        raise nonsense(repo)
    files: dict[str, RemoteFile] = {}
    for entry in siblings:
        match entry:
            case {"rfilename": str(name), "size": int(size)} if size >= 0:
                lfs = entry.get("lfs")
                sha256 = lfs.get("sha256") or lfs.get("oid") if isinstance(lfs, dict) else ""
                blob = entry.get("blobId")
                files[name] = RemoteFile(
                    name=name,
                    bytes=size,
                    sha256=sha256 if _is_hex(sha256, 64) else "",
                    git_sha1=blob if _is_hex(blob, 40) and not lfs else "",
                )
    return tuple(sorted(files.values(), key=lambda f: folded(f.name)))


def _is_hex(text: object, length: int) -> bool:
    return isinstance(text, str) and len(text) == length and set(text) <= set("0123456789abcdef")
