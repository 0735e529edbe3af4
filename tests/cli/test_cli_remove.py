import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from model_factory import write_records
from pair_worlds import SUBSETS, PairWorld
from typer.testing import CliRunner

from memometer.cli.main import app
from memometer.data.records import load_records
from memometer.data.removal import choose_removals, leave_out, load_scores
from memometer.errors import InputError
from memometer.training import TrainConfig, train


def scores_table(n=9, seed=0):
    """Candidates and others in mixed order, with a tie and a candidate without a score."""
    rng = np.random.default_rng(seed)
    values = rng.permutation(n).astype(float)
    values[1] = values[0]
    table = {
        "record_id": [f"r{row}" for row in range(n)] + ["other"],
        "subset": ["candidates"] * n + ["shared"],
        "clipmem": pa.array([*values[:-1], None, 99.0], pa.float64()),
        "similarity_target": pa.array([*(-values[:-1]), None, -99.0], pa.float64()),
    }
    return pa.table(table).take(pa.array(rng.permutation(n + 1)))


def test_the_most_memorized_come_first_and_ties_go_to_the_smaller_id():
    table = scores_table()
    rows = [row for row in table.to_pylist() if row["subset"] == "candidates" and row["clipmem"] is not None]
    for by, key in (("clipmem", "clipmem"), ("similarity", "similarity_target")):
        sign = -1 if by == "clipmem" else 1
        expected = sorted(rows, key=lambda row: (sign * row[key], row["record_id"]))
        chosen = choose_removals(table, most=5, by=by).to_pylist()
        assert [row["record_id"] for row in chosen] == [row["record_id"] for row in expected[:5]]
        assert [row["score"] for row in chosen] == [row[key] for row in expected[:5]]
        assert [row["rank"] for row in chosen] == [1, 2, 3, 4, 5]


def test_the_random_control_is_seeded_by_id_and_takes_records_without_a_score_too():
    table = scores_table()
    first = choose_removals(table, most=9, by="random", seed=1)
    again = choose_removals(table.take(pa.array(range(9, -1, -1))), most=9, by="random", seed=1)
    assert first.equals(again)
    assert set(first["record_id"].to_pylist()) == {f"r{row}" for row in range(9)}
    other = choose_removals(table, most=9, by="random", seed=2)
    assert other["record_id"].to_pylist() != first["record_id"].to_pylist()


def test_random_draws_are_uniform():
    table = pa.table({"record_id": [f"r{row}" for row in range(10)]})
    firsts = [choose_removals(table, most=1, by="random", seed=seed)["record_id"][0].as_py() for seed in range(500)]
    counts = [firsts.count(f"r{row}") for row in range(10)]
    assert min(counts) > 25  # 50 each expected, ±6.7
    assert max(counts) < 80


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"most": 9}, "9 records are to be removed, but only 8 of them have a score"),
        ({"most": 0}, "expected 1 or more"),
        ({"most": 1, "by": "size"}, "expected one of clipmem, similarity, random"),
        ({"most": 1, "subset": "test"}, "no record is in the subset 'test'; the subsets are candidates, shared"),
    ],
)
def test_wrong_options_are_sentences(options, words):
    with pytest.raises(InputError, match=words):
        choose_removals(scores_table(), **options)


def test_scores_that_cannot_be_used_are_sentences(tmp_path):
    with pytest.raises(InputError, match="no scores at"):
        load_scores(tmp_path)
    (tmp_path / "samples.parquet").write_bytes(b"no table")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        load_scores(tmp_path)
    pq.write_table(pa.table({"name": ["x"]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="has no column record_id, only name"):
        load_scores(tmp_path / "other.parquet")
    with pytest.raises(InputError, match="no column 'clipmem', which --by clipmem ranks by"):
        choose_removals(pa.table({"record_id": ["x"]}), most=1)


def test_records_are_left_out_in_their_order(tmp_path):
    records = load_records(write_records(tmp_path / "records", n=5))
    path = tmp_path / "ids.parquet"
    pq.write_table(pa.table({"record_id": ["r0003", "r0001"]}), path)
    assert leave_out(records, None) is records
    assert leave_out(records, path).record_ids.to_pylist() == ["r0000", "r0002", "r0004"]
    pq.write_table(pa.table({"record_id": ["r0003", "x", "y", "x"]}), path)
    with pytest.raises(InputError, match=r"2 of the 3 records named in .* not among the 5 to train on, e\.g\. x, y"):
        leave_out(records, path)
    pq.write_table(pa.table({"record_id": records.record_ids}), path)
    with pytest.raises(InputError, match="names all 5 records to train on; nothing is left"):
        leave_out(records, path)


def test_a_training_without_some_records_is_that_of_the_rest(tmp_path):
    folder = write_records(tmp_path / "records", n=12)
    rest = write_records(tmp_path / "rest", n=10)  # the same records but for the last two
    path = tmp_path / "ids.parquet"
    pq.write_table(pa.table({"record_id": ["r0010", "r0011"]}), path)
    options = {"model": "tiny", "epochs": 1, "batch_size": 5, "device": "cpu"}
    less = train(TrainConfig(records=folder, without=path, out=tmp_path / "less", **options)).manifest
    few = train(TrainConfig(records=rest, out=tmp_path / "few", **options)).manifest
    assert less["records"]["without"] == {"path": str(path), "n": 2}
    assert less["records"]["n"] == 10
    assert less["model"]["weights_hash"] == few["model"]["weights_hash"]
    assert less["key"] == few["key"]  # by content: the same records, however they were left out
    assert few["records"]["without"] is None
    pq.write_table(pa.table({"record_id": ["r0000", "r0011"]}), path)
    with pytest.raises(InputError, match="holds another model"):
        train(TrainConfig(records=folder, without=path, out=tmp_path / "less", **options))


def test_the_commands_end_to_end(tmp_path):
    world = PairWorld(tmp_path, known=0.5, models=("f1", "f2", "g1"))
    run = CliRunner()
    roles = [word for name, role in SUBSETS.items() for word in (f"--{name}", role)]
    models = ["--target", world.spec("f1"), "--target", world.spec("f2"), "--reference", world.spec("g1")]
    place = ["--records", str(tmp_path / "records"), "--out", str(tmp_path / "run")]
    audited = run.invoke(app, ["audit", "clipmem", *models, *place, *roles, "--json"])
    assert audited.exit_code == 0, audited.output
    summary = json.loads(audited.stdout)
    assert summary["targets"] == [world.spec("f1"), world.spec("f2")]
    assert (tmp_path / "run" / "report.html").is_file()
    ids = tmp_path / "ids.parquet"
    command = ["remove", "--scores", str(tmp_path / "run"), "--most", "3", "--out", str(ids)]
    removed = run.invoke(app, command)
    assert removed.exit_code == 0, removed.output
    assert "3 records by clipmem" in removed.stdout
    samples = pq.read_table(tmp_path / "run" / "samples.parquet")
    expected = samples.filter(samples["rank"].is_valid()).sort_by("rank").slice(0, 3)
    chosen = pq.read_table(ids)
    assert chosen["record_id"].to_pylist() == expected["record_id"].to_pylist()
    assert chosen["score"].to_pylist() == expected["clipmem"].to_pylist()
    again = run.invoke(app, command)
    assert isinstance(again.exception, InputError)
    assert "give another --out, or --overwrite" in str(again.exception)
    other = run.invoke(app, [*command, "--by", "similarity", "--overwrite", "--json"])
    assert [row["rank"] for row in json.loads(other.stdout)] == [1, 2, 3]
