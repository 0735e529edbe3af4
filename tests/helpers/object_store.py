"""A real S3 server on this machine, and one before it that fails, refuses or stalls as a test asks."""

import contextlib
import http.client
import itertools
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

BUCKET = "photographs"
KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}


class Between(ThreadingHTTPServer):
    """Hands requests on to the server behind it.

    Attributes:
        behind: its port.
        fail_every: every how many-th request for an object's bytes fails; 0 for none.
        fail_any: every how many-th request of any kind fails.
        lose_every: every how many-th request that writes is done and its answer lost.
        refuse: paths that are refused.
        stall: paths that get no answer.
        cut_every: every how many-th answer ends early.
        hold: (command, path) → whether a request waits for ever; ``held`` is then set.
        seen: the command and path of every request.
        spans: the ranges that were asked for, by path.
    """

    daemon_threads = True

    def __init__(self, behind):
        super().__init__(("127.0.0.1", 0), Handler)
        self.behind, self.fail_every, self.cut_every, self.fail_any, self.lose_every = behind, 0, 0, 0, 0
        self.hold = None
        self.refuse, self.stall, self.spans, self.failed = set(), set(), {}, 0
        self.numbers, self.of_all, self.writes = itertools.count(1), itertools.count(1), itertools.count(1)
        self.ending, self.held, self.seen = threading.Event(), threading.Event(), []

    def handle_error(self, request, client_address):
        """A client that has gone is no error here."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        path = self.path.partition("?")[0]
        if any(path.startswith(each) for each in server.stall):
            server.ending.wait(30)
            self.close_connection = True
            return None
        if any(path.startswith(each) for each in server.refuse):
            return self.answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
        body = self.body()
        number = next(server.of_all)
        server.seen.append((self.command, self.path))
        if server.hold and server.hold(self.command, self.path):
            server.held.set()
            server.ending.wait(30)
        if server.fail_any and number % server.fail_any == 0:
            server.failed += 1
            return self.answer(503, b"<Error><Code>ServiceUnavailable</Code><Message>busy</Message></Error>")
        number = 0
        if self.command == "GET" and "Range" in self.headers:
            server.spans.setdefault(path, []).append(self.headers["Range"])
            number = next(server.numbers)
            if server.fail_every and number % server.fail_every == 0:
                server.failed += 1
                return self.answer(503, b"<Error><Code>ServiceUnavailable</Code><Message>busy</Message></Error>")
        connection = http.client.HTTPConnection("127.0.0.1", server.behind, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        connection.request(self.command, self.path, body=body, headers=headers)
        answer = connection.getresponse()
        data = answer.read()
        if body is not None and server.lose_every and next(server.writes) % server.lose_every == 0:
            server.failed += 1
            return self.answer(503, b"<Error><Code>ServiceUnavailable</Code><Message>busy</Message></Error>")
        cut = number and server.cut_every and number % server.cut_every == 0
        server.failed += bool(cut)
        return self.answer(answer.status, data, dict(answer.getheaders()), cut=cut)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 (as http.server calls it)

    def body(self):
        """What is to be written; None where nothing is."""
        if self.command not in {"PUT", "POST"}:
            return None
        assert "chunked" not in self.headers.get("Transfer-Encoding", "")
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, data, headers=(), *, cut=False):
        self.send_response(status)
        dropped = {"connection", "transfer-encoding", "server", "date"} | ({"content-length"} if data else set())
        for name, value in dict(headers).items():
            if name.lower() not in dropped:
                self.send_header(name, value)
        if data:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
        self.close_connection = cut


@pytest.fixture(scope="session")
def s3_server():
    """The port of a server with one bucket."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def store(s3_server, monkeypatch, tmp_path_factory):
    """The server before an empty bucket, with ``put(key, bytes)``; the only store that fsspec knows here."""
    import boto3
    import fsspec

    from memometer.storage import requests

    between = Between(s3_server)
    thread = threading.Thread(target=between.serve_forever, daemon=True)
    thread.start()
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{s3_server}", **KEYS)
    client.create_bucket(Bucket=BUCKET)
    between.put = lambda key, data: client.put_object(Bucket=BUCKET, Key=key, Body=data)
    between.get = lambda key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    between.names = lambda: [e["Key"] for e in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    between.uploads = lambda: client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    between.delete = lambda key: client.delete_object(Bucket=BUCKET, Key=key)
    options = {
        "endpoint_url": f"http://127.0.0.1:{between.server_address[1]}",
        "key": "testing",
        "secret": "testing",
        "client_kwargs": {"region_name": "us-east-1"},
        "config_kwargs": {"read_timeout": 1, "connect_timeout": 1},
    }
    monkeypatch.setitem(fsspec.config.conf, "s3", options)
    monkeypatch.setattr(requests, "FIRST_PAUSE", 0.01)
    monkeypatch.setenv("MEMOMETER_CACHE", str(tmp_path_factory.mktemp("cache")))
    forget()
    yield between
    between.ending.set()
    between.shutdown()
    between.server_close()
    with contextlib.suppress(client.exceptions.NoSuchBucket):
        listed = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        for each in listed:
            client.delete_object(Bucket=BUCKET, Key=each["Key"])
    forget()


def forget():
    """What a process remembers of stores."""
    from memometer.data import arrow_tables, images
    from memometer.storage import cache, paths, reading, requests

    requests._filesystem.cache_clear()
    requests._tries = 0
    reading._stored.cache_clear()
    reading._listed.clear()
    reading._last.clear()
    cache._seen.clear()
    cache._added.clear()
    paths._tried.clear()
    images._read_group.cache_clear()
    images._group_starts.cache_clear()
    arrow_tables._listed.cache_clear()
    arrow_tables._read_batch.cache_clear()
