"""Where memory is short, no image and no file is taken for damaged: the command stops with a sentence."""

import io
import resource
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from import_sources import write_pictures
from pictures import python
from PIL import Image, ImageFile

from memometer import memory
from memometer.data import images
from memometer.data.images import ImageRef, UnreadableImageError, decode_image, open_image
from memometer.errors import DamagedError
from memometer.memory import memory_ended, memory_is_short
from memometer.tables import readable

LIMITED = """
import resource, sys
from pathlib import Path
from memometer.cli.start import main

def run(source):
    words = ("--caption-template", "a photo", "--workers", "0", "--out", f"{source}-records")
    sys.argv = ["memometer", "data", "import", source, *words]
    try:
        main()
    except SystemExit as end:
        return end.code
    return 0

assert run(sys.argv[1]) == 0  # everything is loaded
pages = int(Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (160 << 20),) * 2)
sys.exit(run(sys.argv[-1]))
"""


def test_an_import_of_a_large_image_under_a_limit_is_a_sentence_and_no_reject(tmp_path):
    write_pictures(tmp_path / "small", ["0.png"])
    write_pictures(tmp_path / "large", ["0.png"])
    Image.new("RGB", (8000, 8000), (3, 4, 5)).save(tmp_path / "large" / "1.png", compress_level=1)  # 192 MB as pixels
    code = LIMITED.replace("sys.argv[-1]", repr(str(tmp_path / "large")))
    done = subprocess.run(python("-c", code, tmp_path / "small"), capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    for words in ("memory ran out (decoding an image of", "ulimit -v", "again: it goes on where it was"):
        assert words in line
    assert not (tmp_path / "large-records" / "rejects.parquet").exists()


def short(*_):
    raise OSError(12, "Cannot allocate memory")


@pytest.fixture
def without_memory(monkeypatch):
    monkeypatch.setattr(memory.mmap, "mmap", short)


def png():
    buffer = io.BytesIO()
    Image.effect_noise((40, 40), 90).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


# Pillow's decoders say so in an OSError.
@pytest.mark.parametrize("error", [MemoryError(), OSError("out of memory error when reading image file")])
def test_what_asks_for_too_much_is_damaged_only_where_there_is_plenty(monkeypatch, error):
    def load(_self):
        raise error

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(UnreadableImageError, match="damaged image"):
        decode_image(png())
    monkeypatch.setattr(memory.mmap, "mmap", short)
    with pytest.raises(MemoryError, match="decoding an image of"):
        decode_image(png())


def test_a_file_that_is_truly_damaged_is_so_without_memory_too(without_memory):
    with pytest.raises(UnreadableImageError, match="damaged image"):
        decode_image(png()[: len(png()) // 2])


@pytest.mark.parametrize("error", [pa.ArrowMemoryError("malloc of size 9 failed"), OSError(12, "x")])
def test_a_table_is_damaged_only_where_there_is_memory(tmp_path, error, without_memory):
    with pytest.raises(type(error)), readable(tmp_path / "a.parquet"):
        raise error
    with pytest.raises(DamagedError, match="cannot be read as Parquet"), readable(tmp_path / "a.parquet"):
        raise pa.ArrowInvalid("no magic")


def test_too_many_open_files_are_no_fault_of_an_image(tmp_path):
    table = pa.table({"image": [png()]})
    pq.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "a.png").write_bytes(png())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for ref in (ImageRef(str(tmp_path / "a.png")), ImageRef(str(tmp_path / "a.parquet"), row=0, column="image")):
        images._group_starts.cache_clear()
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            with pytest.raises(OSError, match=r"[Tt]oo many open files"):
                open_image(ref)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert np.asarray(open_image(ref)).shape == (40, 40, 3)


def test_errors_that_say_something_else_are_of_something_else(without_memory):
    assert not memory_ended(ValueError("no such thing"))
    assert not memory_is_short(OSError(2, "No such file or directory"))
    assert memory_is_short(RuntimeError("Failed to launch worker thread: Resource temporarily unavailable"))
