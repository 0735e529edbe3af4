"""A hub of Hugging Face's on this machine: as much of its API as a data set's download asks for."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


class Hub(ThreadingHTTPServer):
    """Files by data set: name → {path: bytes}; ``asked`` has the paths of all requests."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked, self.private = {}, [], set()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = unquote(self.path.partition("?")[0])
        self.server.asked.append(path)
        for name, files in self.server.files.items():
            if name in self.server.private and name in path:
                return self.answer(401, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "access is restricted"})
            if path.startswith(f"/api/datasets/{name}"):
                listed = [{"rfilename": each} for each in files]
                if "/tree/" in path:
                    listed = [
                        {"type": "file", "path": each, "size": len(data), "oid": "0" * 40}
                        for each, data in files.items()
                    ]
                    return self.answer(200, json.dumps(listed).encode())
                return self.answer(200, json.dumps({"id": name, "sha": COMMIT, "siblings": listed}).encode())
            if path.startswith(f"/datasets/{name}/resolve/"):
                return self.file(files.get(path.split("/resolve/")[1].partition("/")[2]))
        return self.answer(404, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "no such repository"})

    def file(self, data):
        """A file, or a span of it."""
        if data is None:
            return self.answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        etag = hashlib.sha1(data).hexdigest()  # noqa: S324 (as git names blobs)
        if "Range" in self.headers:
            start, _, stop = self.headers["Range"].removeprefix("bytes=").partition("-")
            return self.answer(206, data[int(start) : int(stop) + 1], {"X-Repo-Commit": COMMIT})
        return self.answer(200, data, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

    def do_POST(self):
        """What is known of some paths."""
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["paths"]
        path = unquote(self.path.partition("?")[0])
        files = next((files for name, files in self.server.files.items() if name in path), {})
        known = [
            {"type": "file", "path": each, "size": len(files[each]), "oid": hashlib.sha1(files[each]).hexdigest()}  # noqa: S324
            for each in wanted
            if each in files
        ]
        return self.answer(200, json.dumps(known).encode())

    do_HEAD = do_GET  # noqa: N815 (as http.server calls it)

    def answer(self, status, data, headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@pytest.fixture
def hub(hub_cache, monkeypatch):
    """A hub that the library asks, before an empty cache."""
    import huggingface_hub.constants
    import huggingface_hub.hf_api

    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.address)
    monkeypatch.setattr(
        huggingface_hub.constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        server.address + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr(huggingface_hub.hf_api.api, "endpoint", server.address)
    yield server
    server.shutdown()
    server.server_close()
