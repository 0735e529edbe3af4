"""Sources in Google's store, through gcsfs: a real server of its protocol on this machine."""

import fsspec
import pyarrow as pa
import pytest
from import_sources import Imported, image_cells, picture, stored_bytes, write, write_rows, write_samples
from object_store import forget

from memometer.data import import_records
from memometer.data.checking import verify_records
from memometer.data.images import read_image_bytes
from memometer.data.records import load_records
from memometer.errors import SourceError

N = 7


@pytest.fixture
def put(monkeypatch):
    """Puts an object into a bucket of an empty server, the only one that fsspec knows."""
    from gcp_storage_emulator.server import create_server

    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # memometer does it, and here fsspec comes first
    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="photographs")
    server.start()
    port = server._api._httpd.server_address[1]
    monkeypatch.setitem(fsspec.config.conf, "gs", {"endpoint_url": f"http://127.0.0.1:{port}", "token": "anon"})
    forget()
    yield lambda key, data: fsspec.filesystem("gs", use_listings_cache=False).pipe(f"photographs/{key}", data)
    forget()
    server.stop()


def test_shards_tables_and_folders(put, tmp_path):
    shard = write_samples(tmp_path / "0.tar", range(N))
    cells = pa.table({"image": image_cells(range(N)), "caption": [f"c{n}" for n in range(N)]})
    put("shards/0.tar", shard.read_bytes())
    for kind in ("parquet", "arrow"):
        put(f"{kind}/t.{kind}", write_rows(tmp_path / f"t.{kind}", cells).read_bytes())
    folder = write(tmp_path / "set", {f"{n}.png": picture(n) for n in range(N)} | {f"{n}.txt": "a" for n in range(N)})
    for path in sorted(folder.iterdir()):
        put(f"set/{path.name}", path.read_bytes())
    for place in ("shards/", "shards/*.tar", "parquet/", "arrow/t.arrow", "set/"):
        out = tmp_path / "out" / place.strip("/").replace("/", "-")
        found = Imported(f"gs://photographs/{place}", out)
        assert found.rows[0]["image_path"].startswith("gs://photographs/")
        assert stored_bytes(out) == [picture(n) for n in range(N)]
        assert verify_records(out).images == {"same": N}


def test_what_changed_and_what_is_not_there(put, tmp_path):
    put("0.tar", write_samples(tmp_path / "0.tar", range(N)).read_bytes())
    Imported("gs://photographs/0.tar", tmp_path / "out")
    put("0.tar", write_samples(tmp_path / "1.tar", range(50, 50 + N)).read_bytes())
    forget()
    with pytest.raises(Exception, match="changed since the import: gs://"):
        read_image_bytes(next(load_records(tmp_path / "out").image_refs()))
    for place in ("photographs/nothing/", "photographs/1.tar", "no-such-bucket/set/"):
        with pytest.raises(SourceError, match="there is nothing at gs://"):
            import_records(f"gs://{place}", tmp_path / "other")
