"""Folders that a command may replace: it removes what it wrote, and nothing else."""

import pytest

from memometer.errors import InputError
from memometer.replacing import list_written, make_room


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    list_written(folder, "a view", [name.split("/")[0] for name in names])


def left(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_an_earlier_one_goes_and_what_a_user_put_beside_it_stays(tmp_path):
    folder = tmp_path / "out"
    make_room(folder, "a view", overwrite=False)
    write(folder, "index.html", "runs/000/report.html", "runs/001/report.html")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds a view; give another --out, or --overwrite to replace it"):
        make_room(folder, "a view", overwrite=False)
    make_room(folder, "a view", overwrite=True)
    assert left(folder) == [".memometer-view", "notes.txt"]


def test_another_kind_of_folder_is_refused(tmp_path):
    make_room(tmp_path, "a view", overwrite=False)
    write(tmp_path, "index.html")
    with pytest.raises(InputError, match="holds files that are no export"):
        make_room(tmp_path, "an export", overwrite=True)
    assert left(tmp_path) == [".memometer-view", "index.html"]


@pytest.mark.parametrize("name", ["../precious", "{}/precious", ".", "", "link/precious"])
def test_a_list_that_names_what_is_not_in_the_folder_removes_nothing(tmp_path, name):
    (tmp_path / "precious").write_text("precious")
    folder = tmp_path / "out"
    make_room(folder, "a view", overwrite=False)
    (folder / "link").symlink_to(tmp_path)
    (folder / "kept").write_text("x")
    list_written(folder, "a view", [name.format(tmp_path)])
    make_room(folder, "a view", overwrite=True)
    assert (tmp_path / "precious").read_text() == "precious"
    assert (folder / "kept").exists()
