"""A small hub on loopback: the listing, the addresses, the redirects and the bad days of the real one."""

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".gguf", ".bin", ".ckpt")  # what the hub keeps apart from git


@dataclass
class Repo:
    """files: name to content. listed: name to a name or a size the listing should lie about."""

    files: dict[str, bytes]
    card: dict = field(default_factory=dict)
    tags: list = field(default_factory=list)
    gated: object = False
    private: bool = False
    wrong_hash: set = field(default_factory=set)
    lfs: bool = True


@dataclass
class Fault:
    """What happens to one request for a file. after: bytes that are sent well before it."""

    kind: str  # "drop", "corrupt", "status", "hold", "whole"
    after: int = 0
    status: int = 500
    headers: dict = field(default_factory=dict)


class HubServer:
    """Attributes: repos, faults (name of a file, or "listing", to faults, used up in turn), token (what is accepted),
    seen (method, path, range, authorization), sent (name of a file to bytes sent), held (set while a reply hangs),
    release (set it to let a held reply go on)."""

    def __init__(self):
        self.repos, self.faults = {}, {}
        self.token = "hf_right"
        self.seen, self.sent = [], {}
        self.held, self.release = threading.Event(), threading.Event()
        outer = self

        class Handler(_Handler):
            hub = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="hub-server")
        self._thread.start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def store(self):
        """Where large files are: the same machine under another name, as it is with the real hub."""
        return f"http://localhost:{self._server.server_port}"

    def close(self):
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fault(self, name):
        waiting = self.faults.get(name, [])
        return waiting.pop(0) if waiting else None

    def fetched(self, ending):
        """Bytes sent of files whose names end so."""
        return sum(count for name, count in self.sent.items() if name.endswith(ending))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        self._answer()

    def _answer(self):
        url = urlsplit(self.path)
        self.hub.seen.append((self.command, self.path, self.headers.get("Range"), self.headers.get("Authorization")))
        parts = [unquote(p) for p in url.path.strip("/").split("/")]
        if parts[0] == "api":
            self._listing("/".join(parts[2:4]), parse_qs(url.query))
        elif parts[0] == "store":
            self._bytes("/".join(parts[1:3]), "/".join(parts[3:]))
        else:
            self._resolve("/".join(parts[:2]), "/".join(parts[4:]))

    def _repo(self, name):
        """The repository, once whoever asks may see it."""
        repo = self.hub.repos.get(name)
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if given and given != self.hub.token:
            self._status(401, {"X-Error-Message": "Invalid credentials"})
        elif repo is None or (repo.private and not given):
            self._status(401 if not given else 404, {"X-Error-Code": "RepoNotFound"})
        else:
            return repo
        return None

    def _listing(self, name, query):
        if fault := self.hub.fault("listing"):
            return self._status(fault.status, fault.headers)
        repo = self._repo(name)
        if repo is None:
            return None
        siblings = []
        for file, content in repo.files.items():
            entry = {"rfilename": file}
            if query.get("blobs") == ["true"]:
                sha256 = hashlib.sha256(content).hexdigest()
                entry |= {
                    "size": len(content),
                    "blobId": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(),
                }
                if file in repo.wrong_hash:
                    sha256 = "0" * 64
                if repo.lfs and file.endswith(LARGE):
                    entry["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
            siblings.append(entry)
        body = {"id": name, "sha": COMMIT, "gated": repo.gated, "cardData": repo.card, "tags": repo.tags}
        return self._send(json.dumps(body | {"siblings": siblings}).encode(), {"Content-Type": "application/json"})

    def _resolve(self, name, file):
        repo = self._repo(name)
        if repo is None:
            return None
        if repo.gated and not self.headers.get("Authorization"):
            return self._status(401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
        if repo.gated == "refused":
            return self._status(403, {"X-Error-Code": "GatedRepo"})
        if file not in repo.files:
            return self._status(404, {"X-Error-Code": "EntryNotFound"})
        content = repo.files[file]
        told = {"X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if file.endswith(LARGE):
            told |= {"X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Linked-Size": str(len(content))}
            return self._status(302, told | {"Location": f"{self.hub.store}/store/{name}/{file}"})
        return self._bytes(name, file, told)

    def _bytes(self, name, file, told=None):
        content = self.hub.repos[name].files[file]
        fault = self.hub.fault(file)
        if fault and fault.kind == "status":
            return self._status(fault.status, fault.headers)
        start, wanted = 0, self.headers.get("Range")
        if wanted and not (fault and fault.kind == "whole"):
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            if start >= len(content):
                return self._status(416, {"Content-Range": f"bytes */{len(content)}"})
        body = content[start:]
        if fault and fault.kind == "corrupt":
            body = body[: fault.after] + bytes([body[fault.after] ^ 1]) + body[fault.after + 1 :]
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"'} | (told or {})
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self._send(body, headers, 206 if start else 200, file, fault)

    def _send(self, body, headers, status=200, file="", fault=None):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        try:
            if fault and fault.kind in ("drop", "hold"):
                self._write(body[: fault.after], file)
                if fault.kind == "drop":
                    self.close_connection = True
                    self.connection.close()
                    return
                self.hub.held.set()
                self.hub.release.wait(30)
                body = body[fault.after :]
            self._write(body, file)
        except OSError:  # the other side has gone
            self.close_connection = True

    def _write(self, body, file):
        self.wfile.write(body)
        self.wfile.flush()
        if file:
            self.hub.sent[file] = self.hub.sent.get(file, 0) + len(body)

    def _status(self, status, headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", "0")
        self.end_headers()
