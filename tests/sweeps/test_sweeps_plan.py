import shutil

import pytest
from model_factory import write_records

from memometer.errors import InputError
from memometer.sweeps.config import load_sweep_file
from memometer.sweeps.plan import parse_shard, plan_cells, shard_of

TOML = """
seeds = [0, 1]
[data]
records = "records"
[train]
model = "tiny"
epochs = 2
[settings.default]
[settings."weight decay 0.3"]
weight_decay = 0.3
[utility]
retrieval = true
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with records of three roles, and a file of class names."""
    folder = tmp_path_factory.mktemp("plan")
    write_records(folder / "records", n=12, roles=("a", "b", "public"))
    (folder / "classes.txt").write_text("dog\ncat\n")
    return folder


def planned(world, text=TOML, *, name="sweep.toml", out=None):
    path = world / name
    path.write_text(text)
    return plan_cells(load_sweep_file(path), out=out or world / "out", folder=world)


def keys(plan):
    return {cell.name: cell.key for cell in plan.cells}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("retrieval = true", "retreival = true", "unknown key 'utility.retreival'; did you mean 'retrieval'?"),
        ("[settings.default]", "[setings.default]", "unknown key 'setings'; did you mean 'settings'?"),
        (
            "weight_decay",
            "weigth_decay",
            "has the unknown option 'weigth_decay'; did you mean 'weight_decay'",
        ),
        ("epochs = 2", "epoch = 2", "setting 'default' has the unknown option 'epoch'; did you mean 'epochs'?"),
        ("epochs = 2", "epochs = 0", "setting 'default': epochs = 0; expected 1 or more"),
        ("epochs = 2", "seed = 2", "has the option 'seed', which the sweep itself sets"),
        ("seeds = [0, 1]", "seeds = [1, 1]", "seeds = [1, 1]: expected distinct whole numbers"),
        ("seeds = [0, 1]", "seeds = []", "seeds = []; expected a list of 1 or more"),
        ("seeds = [0, 1]", "", "'seeds' is missing"),
        ("retrieval = true", "", "[utility] asks for nothing"),
        ("seeds = [0, 1]", "seeds = 0, 1", "is not TOML"),
        ('"tiny"', '"tinny"', "there is no model 'tinny' to train"),
        (
            "retrieval = true",
            'zero_shot = "klasses.txt"',
            "the zero_shot of [utility]; paths in a sweep file",
        ),
        ('records = "records"', 'records = "records"\nrole = "c"', "has the role 'c': its roles are a, b, public"),
        ("weight decay 0.3", "Default", "the settings 'default' and 'Default' would share the folder"),
        ("[utility]", '[clipmem]\ncandidates = "a"\nexternal = "b"\n[utility]', "names neither shared nor independent"),
        (
            "[utility]",
            '[clipmem]\ncandidates = "a"\nexternal = "b"\nshared = "s"\naugment = "nonsense"\n[utility]',
            "clipmem.augment = 'nonsense'; expected clip, ssl, crop or none",
        ),
        (
            "[utility]",
            "[clipmem]\ncandidates='a'\nexternal='b'\nshared='s'\nnegatives='none'\nnegatives_role='c'\n[utility]",
            "[clipmem] without negatives, their role 'c' has no use",
        ),
        ("[utility]", "[audit]\nk = 5000\n[utility]", "audit.k = 5000; expected 1 … 1024"),
        ("[utility]", "[audit]\nserach = 't2t'\n[utility]", "unknown key 'audit.serach'; did you mean 'search'?"),
        ("[utility]", "[audit]\nreplicates = 1\n[utility]", "audit.replicates = 1; expected 2 or more"),
        (
            "retrieval = true",
            "retrieval = true\ntemplates = 'x.txt'",
            "[utility] templates have no use without classes",
        ),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(world, old, new, sentence):
    assert old in TOML
    with pytest.raises(InputError) as error:
        planned(world, TOML.replace(old, new))
    assert sentence in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read the sweep file .*none.toml: No such file"):
        load_sweep_file(tmp_path / "none.toml")


def test_cells_are_settings_by_seeds_and_their_folders_are_readable(world):
    plan = planned(world)
    assert [(cell.seed, cell.setting) for cell in plan.cells] == [
        (0, "default"), (0, "weight decay 0.3"), (1, "default"), (1, "weight decay 0.3"),
    ]  # fmt: skip
    assert plan.cells[3].folder == world / "out" / "cells" / "weight-decay-0.3" / "seed-1"
    assert len(set(keys(plan).values())) == 4
    config = plan.cells[3].training("b", records=plan.records.folder, role="b", device="cpu", workers=0)
    assert (config.weight_decay, config.seed, config.epochs, config.out.name) == (0.3, 1, 2, "b")


@pytest.mark.parametrize("n", [1, 2, 3, 5, 40])
def test_shards_partition_the_cells(world, n):
    cells = planned(world, TOML.replace("[0, 1]", "[0, 1, 2, 3]")).cells
    shares = [shard_of(cells, (i, n)) for i in range(n)]
    assert sorted(cell.name for share in shares for cell in share) == sorted(cell.name for cell in cells)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("text", ["2", "2/2", "-1/2", "a/b", "0/0", "1/2/3"])
def test_a_wrong_shard_is_told(text):
    with pytest.raises(InputError, match="expected i/n with i from 0 to n"):
        parse_shard(text)


def test_files_of_further_measures_count_by_their_content(world, tmp_path):
    def found(text, place):
        (place / "words.tsv").write_text(text)
        further = "[measures.vl-dejavu]\nk = 2\nvocabulary = 'words.tsv'\n[measures.unitmem]\ncontrol_role = 'public'\n"
        path = place / "further.toml"
        path.write_text(TOML.replace("[utility]", f"{further}[utility]").replace('"records"', f'"{world / "records"}"'))
        config = load_sweep_file(path)
        assert config.measures["vl-dejavu"]["vocabulary"] == place / "words.tsv"
        return keys(plan_cells(config, out=tmp_path / "out"))

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = found("dog\tdog\n", tmp_path / "a")
    assert found("dog\tdog\n", tmp_path / "b") == first
    assert not set(found("cat\tcat\n", tmp_path / "b").values()) & set(first.values())
    assert not set(keys(planned(world)).values()) & set(first.values())
    (tmp_path / "b" / "words.tsv").unlink()
    with pytest.raises(
        InputError, match=r"the vocabulary of \[measures.vl-dejavu\]; paths in a sweep file are relative"
    ):
        plan_cells(load_sweep_file(tmp_path / "b" / "further.toml"), out=tmp_path / "out")


def test_keys_know_neither_paths_nor_names(world, tmp_path):
    first = keys(planned(world))
    shutil.copytree(world / "records", tmp_path / "elsewhere" / "records")
    moved = planned(tmp_path / "elsewhere", TOML.replace("weight decay 0.3", "other name"), out=tmp_path / "out")
    assert list(keys(moved).values()) == list(first.values())


def test_keys_know_content(world, tmp_path):
    first = keys(planned(world))
    changed = {
        "options": TOML.replace("0.3\n[utility]", "0.4\n[utility]"),
        "deduplicate": TOML.replace("0.3\n[utility]", "0.3\ndeduplicate = true\n[utility]"),
        "early stop": TOML.replace("0.3\n[utility]", '0.3\nearly_stop = "public"\n[utility]'),
        "epochs": TOML.replace("epochs = 2", "epochs = 3"),
        "audit": TOML.replace("[utility]", "[audit]\nk = 3\n[utility]"),
        "utility": TOML.replace("retrieval = true", "retrieval = true\ncaptions = 2"),
    }
    for name, text in changed.items():
        second = keys(planned(world, text))
        same = 2 if name in ("options", "deduplicate", "early stop") else 0  # the cells of the default setting
        assert sum(second[cell] == first[cell] for cell in first) == same, name
    zero_shot = TOML.replace("retrieval = true", 'zero_shot = "classes.txt"')
    before = keys(planned(world, zero_shot))
    (world / "classes.txt").write_text("dog\nfrog\n")
    assert not set(before.values()) & set(keys(planned(world, zero_shot)).values())
    write_records(tmp_path / "records", n=15, roles=("a", "b", "public"))
    assert not set(first.values()) & set(keys(planned(tmp_path)).values())


def test_a_list_of_records_to_leave_out_enters_the_key_by_its_content(world):
    text = TOML.replace("weight_decay = 0.3", 'without = "gone.parquet"')
    with pytest.raises(InputError, match=r"there is no .*gone.parquet, the without of setting"):
        planned(world, text)
    (world / "gone.parquet").write_bytes(b"one")
    first = keys(planned(world, text))
    (world / "gone.parquet").write_bytes(b"two")
    second = keys(planned(world, text))
    assert [first[name] == second[name] for name in first] == [True, False, True, False]
