"""A Hugging Face Hub on loopback: repositories in memory, the calls that pushing makes, and faults on demand.

Protocol, as huggingface_hub speaks it: create a repository, ask how each file is to be sent (`preupload`), send large
ones by git-lfs's batch API (https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md), whole or in parts, and
commit with one line of JSON per file. What is sent is checked as the Hub checks it: hashes, the token, the YAML head.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

TOKEN = "hf_secret_of_the_test"
LARGE = (".safetensors", ".parquet", ".png", "tokenizer.json")
KNOWN_LICENSES = {"apache-2.0", "mit", "other"}


@dataclass
class Fault:
    """Answer requests of `method` whose path matches `path` with `status`, `times` times (-1: always)."""

    method: str
    path: str
    status: int
    times: int = -1
    message: str = ""
    hang_up: bool = False


@dataclass
class Repository:
    """Files by branch and path; `commits` are the messages in order."""

    private: bool
    branches: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"main": {}})
    commits: list[str] = field(default_factory=list)
    heads: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, bytes]:
        return self.branches["main"]

    def sha(self, branch: str) -> str:
        return self.heads.get(branch, "0" * 40)


class FakeHub:
    """Use as a context manager; `endpoint` is its URL. `requests` are "METHOD path" in order."""

    def __init__(self, *, part_bytes: int | None = None) -> None:
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.ignored: str | None = None
        self.part_bytes = part_bytes
        self.lock = threading.RLock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> FakeHub:
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()

    def count(self, start: str) -> int:
        return sum(request.startswith(start) for request in self.requests)

    def fault_for(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.method == method and re.search(fault.path, path) and fault.times:
                fault.times -= 1
                return fault
        return None


def git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def oid(path: str, data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if path.endswith(LARGE) else git_hash(data)


class Reply(Exception):
    """Ends a request with a status and a JSON body."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else self._chunks()
            path = unquote(urlsplit(self.path).path)
            try:
                with hub.lock:
                    hub.requests.append(f"{self.command} {path}")
                    fault = hub.fault_for(self.command, path)
                    if fault and fault.hang_up:
                        self.close_connection = True
                        return
                    if fault:
                        raise Reply(fault.status, {"error": fault.message})
                    query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
                    token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                    _Calls(hub, token).serve(self.command, path, body, query)
            except Reply as reply:
                self._reply(reply)

        do_GET = do_POST = do_PUT = _serve

        def _chunks(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return b""
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data

        def _reply(self, reply: Reply) -> None:
            data = json.dumps(reply.body).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

    return Handler


KIND = "(?P<kind>models|datasets)"
REPO = "(?P<repo>[^/]+/[^/]+)"


class _Calls:
    """The calls, one method each; every one ends in a Reply."""

    def __init__(self, hub: FakeHub, token: str) -> None:
        self.hub, self.token = hub, token

    def serve(self, method: str, path: str, body: bytes, query: dict[str, str]) -> None:
        routes: list[tuple[str, str, Callable[..., None]]] = [
            ("PUT", r"/large/(?P<sha>\w+)", self.put),
            ("PUT", r"/large/(?P<sha>\w+)/(?P<part>\d+)", self.put_part),
            ("POST", r"/large/(?P<sha>\w+)", self.join),
            ("POST", "/api/repos/create", self.create),
            ("POST", "/api/validate-yaml", self.validate),
            ("GET", f"/api/{KIND}/{REPO}", self.info),
            ("GET", f"/api/{KIND}/{REPO}/revision/(?P<branch>.+)", self.info),
            ("GET", f"/api/{KIND}/{REPO}/tree/(?P<branch>.+)", self.tree),
            ("POST", f"/api/{KIND}/{REPO}/branch/(?P<branch>.+)", self.branch),
            ("POST", f"/api/{KIND}/{REPO}/preupload/(?P<branch>.+)", self.preupload),
            ("POST", f"/api/{KIND}/{REPO}/commit/(?P<branch>.+)", self.commit),
            ("POST", f"/(?:(?P<kind>datasets)/)?{REPO}.git/info/lfs/objects/batch", self.batch),
        ]
        for verb, pattern, call in routes:
            found = re.fullmatch(pattern, path)
            if verb == method and found:
                if not path.startswith("/large/") and self.token != TOKEN:
                    raise Reply(
                        401,
                        {"error": "Invalid username or password."},
                        {"X-Error-Message": "Invalid credentials in Authorization header"},
                    )
                call(body, **found.groupdict())
        raise Reply(404, {"error": f"no such call: {method} {path}"})

    def _repository(self, kind: str | None, repo: str) -> Repository:
        name = f"datasets/{repo}" if kind == "datasets" else repo
        if name not in self.hub.repositories:
            raise Reply(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        return self.hub.repositories[name]

    def _files(self, kind: str | None, repo: str, branch: str) -> dict[str, bytes]:
        branches = self._repository(kind, repo).branches
        if branch not in branches:
            raise Reply(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
        return branches[branch]

    def create(self, body: bytes) -> None:
        asked = json.loads(body)
        if asked["organization"] != "me":
            raise Reply(403, {"error": f"You don't have the rights to create under {asked['organization']}"})
        name = f"{asked['organization']}/{asked['name']}"
        name = f"datasets/{name}" if asked.get("type") == "dataset" else name
        url = f"{self.hub.endpoint}/{name}"
        if name in self.hub.repositories:
            raise Reply(409, {"error": "You already created this repo", "url": url})
        self.hub.repositories[name] = Repository(private=asked.get("visibility") == "private")
        raise Reply(200, {"url": url})

    def validate(self, body: bytes) -> None:
        head = re.match(r"---\n(.*?)\n---\n", json.loads(body)["content"], re.DOTALL)
        assert head
        license_ = yaml.safe_load(head[1]).get("license")
        if license_ is not None and license_ not in KNOWN_LICENSES:
            raise Reply(400, {"errors": [{"message": f'"license" must be one of {sorted(KNOWN_LICENSES)}'}]})
        raise Reply(200, {"errors": [], "warnings": []})

    def info(self, body: bytes, kind: str, repo: str, branch: str = "main") -> None:
        self._files(kind, repo, branch)
        repository = self._repository(kind, repo)
        raise Reply(
            200, {"id": repo, "sha": repository.sha(branch), "private": repository.private, "tags": []}
        )

    def tree(self, body: bytes, kind: str, repo: str, branch: str) -> None:
        files = self._files(kind, repo, branch)
        rows = [{"type": "file", "path": p, "size": len(d), "oid": git_hash(d)} for p, d in files.items()]
        raise Reply(200, rows)

    def branch(self, body: bytes, kind: str, repo: str, branch: str) -> None:
        repository = self._repository(kind, repo)
        if branch in repository.branches:
            raise Reply(409, {"error": "Reference already exists"})
        repository.branches[branch] = dict(repository.files)
        raise Reply(201, {})

    def preupload(self, body: bytes, kind: str, repo: str, branch: str) -> None:
        there = self._files(kind, repo, branch)
        rows = []
        for file in json.loads(body)["files"]:
            path = file["path"]
            row = {"path": path, "uploadMode": "lfs" if path.endswith(LARGE) else "regular"}
            row["shouldIgnore"] = bool(self.hub.ignored and re.fullmatch(self.hub.ignored, path))
            rows.append(row | ({"oid": oid(path, there[path])} if path in there else {}))
        raise Reply(200, {"files": rows})

    def batch(self, body: bytes, kind: str | None, repo: str) -> None:
        self._repository(kind, repo)
        rows = []
        for wanted in json.loads(body)["objects"]:
            row = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in self.hub.large:
                row["actions"] = {"upload": self._upload(wanted["oid"], wanted["size"])}
            rows.append(row)
        raise Reply(200, {"transfer": "basic", "objects": rows})

    def _upload(self, sha: str, size: int) -> dict[str, Any]:
        href, part = f"{self.hub.endpoint}/large/{sha}", self.hub.part_bytes
        if part is None or size <= part:
            return {"href": href, "header": {}}
        count = -(-size // part)
        urls = {f"{n:05d}": f"{href}/{n}" for n in range(1, count + 1)}
        return {"href": href, "header": {"chunk_size": str(part), **urls}}

    def put(self, body: bytes, sha: str) -> None:
        if hashlib.sha256(body).hexdigest() != sha:
            raise Reply(400, {"error": "checksum"})
        self.hub.large[sha] = body
        raise Reply(200, {})

    def put_part(self, body: bytes, sha: str, part: str) -> None:
        self.hub.parts.setdefault(sha, {})[int(part)] = body
        raise Reply(200, {}, {"ETag": hashlib.md5(body).hexdigest()})

    def join(self, body: bytes, sha: str) -> None:
        parts = self.hub.parts.pop(sha)
        assert [row["partNumber"] for row in json.loads(body)["parts"]] == sorted(parts)
        self.put(b"".join(parts[number] for number in sorted(parts)), sha)

    def commit(self, body: bytes, kind: str, repo: str, branch: str) -> None:
        files, repository = self._files(kind, repo, branch), self._repository(kind, repo)
        lines = [json.loads(line) for line in body.splitlines()]
        assert lines[0]["key"] == "header"
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.large[value["oid"]]
            else:
                assert line["key"] == "deletedFile"
                del files[value["path"]]
        repository.commits.append(lines[0]["value"]["summary"])
        sha = f"{len(repository.commits):040x}"
        repository.heads[branch] = sha
        prefix = "datasets/" if kind == "datasets" else ""
        raise Reply(
            200,
            {
                "commitUrl": f"{self.hub.endpoint}/{prefix}{repo}/commit/{sha}",
                "commitOid": sha,
                "success": True,
            },
        )
