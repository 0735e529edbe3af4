"""Finished runs and trainings in trackers, read back with the trackers' own libraries."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from clip_training import run, write_world
from file_digests import file_digest
from model_factory import write_records
from sweep_factory import sweep
from typer.testing import CliRunner
from worlds import VectorWorld

from memometer import audit_vl_dejavu, log_run
from memometer.cli.main import app
from memometer.errors import InputError, JobError
from memometer.exports.numbers import headline, numbers_of
from memometer.loggers.entry import MOST_POINTS, _curves
from memometer.loggers.trackers import TRACKERS
from memometer.runs.loading import load_run

MISSING = [name for row in TRACKERS.values() for name in row.libraries if find_spec(name) is None]

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} is missing: pip install 'memometer[dev]'"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),  # of their own imports
]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch, tmp_path):
    """A user's environment decides where to; a test's has nothing of it."""
    for name in ("WANDB_MODE", "WANDB_PROJECT", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def model(world, tmp_path_factory):
    return run(world, tmp_path_factory.mktemp("models") / "a").folder


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audits")
    return audit_vl_dejavu(
        **VectorWorld(folder / "world", seed=1, plant=0.5).options, k=3, sweep=(), out=folder / "first"
    ).folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """MLflow takes ten seconds to make a database: one for all tests of this file."""
    return tmp_path_factory.mktemp("trackers")


class Read:
    """What a tracker holds of one run.

    Attributes:
        name: of the run.
        config: the options, as text.
        numbers: the last value of each metric.
        curves: metric → (step, value).
        text: its description.
    """

    def __init__(self, name, config, numbers, curves, text):
        self.name, self.numbers, self.curves, self.text = name, numbers, curves, text
        self.config = {key: str(value) for key, value in config.items()}


def events_of(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0}).Reload()


def from_tensorboard(logged):
    from tensorboard.plugins.hparams import plugin_data_pb2

    events = events_of(logged.where)
    scalars = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    content = events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    values = {key: getattr(value, value.WhichOneof("kind")) for key, value in start.items()}
    config = {key: f"{value:g}" if isinstance(value, float) else value for key, value in values.items()}
    (text,) = (tensor.tensor_proto.string_val[0].decode() for tensor in events.Tensors("memometer/text_summary"))
    curves = {tag: points for tag, points in scalars.items() if tag.startswith("training/")}
    numbers = {tag: points[-1][1] for tag, points in scalars.items() if tag not in curves}
    return Read(logged.where.rsplit("/", 1)[1].rsplit("-", 1)[0], config, numbers, curves, text)


def from_mlflow(logged):
    from mlflow import MlflowClient

    uri, _, run_id = logged.where.partition(", run ")
    client = MlflowClient(tracking_uri=uri)
    found = client.get_run(run_id)
    assert found.info.status == "FINISHED"
    assert client.get_experiment(found.info.experiment_id).name == "memometer"
    curves = {
        name: [(each.step, each.value) for each in client.get_metric_history(run_id, name)]
        for name in found.data.metrics
        if name.startswith("training/")
    }
    numbers = {name: value for name, value in found.data.metrics.items() if name not in curves}
    tags = found.data.tags
    return Read(found.info.run_name, found.data.params, numbers, curves, tags["mlflow.note.content"])


def from_wandb(logged):
    (path,) = Path(logged.where).glob("run-*.wandb")
    command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", str(path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    records = [json.loads(line) for line in lines]
    (run,) = (each["run"] for each in records if "run" in each)

    curves, numbers = {}, {}
    for each in records:
        row = each.get("history", {}).get("item", {})
        for name in (name for name in row if name.startswith("training/")):
            curves.setdefault(name, []).append((row["_step"], row[name]))
        numbers |= each.get("summary", {}).get("update", {})
    return Read(
        run["display_name"],
        run["config"]["update"],
        {name: value for name, value in numbers.items() if not name.startswith(("_", "training/"))},
        curves,
        run["notes"],
    )


READERS = {"tensorboard": from_tensorboard, "mlflow": from_mlflow, "wandb": from_wandb}


def digests(folder):
    return {path.relative_to(folder): file_digest(path) for path in folder.rglob("*") if path.is_file()}


def test_the_table_and_the_readers_name_the_same():
    assert READERS.keys() == TRACKERS.keys()


@pytest.mark.parametrize("tracker", TRACKERS)
def test_an_audit_is_there_with_its_numbers_ends_options_and_words(tracker, audited, place):
    before = digests(audited)
    logged = log_run(audited, to=f"{tracker}:{place / tracker}")
    assert logged.new
    assert digests(audited) == before
    found, wanted = READERS[tracker](logged), load_run(audited)
    assert found.name == "first"
    for name, number in headline(wanted).items():
        for suffix, value in {"": number.value, "_low": number.low, "_high": number.high, "_n": number.n}.items():
            assert (found.numbers[f"{name}{suffix}"] if value is not None else None) == pytest.approx(value), name
    assert found.config["k"] == "3"
    assert found.config["reference"] == wanted.config["reference"]
    assert "balanced recall gap" in found.text
    assert all(note in found.text for note in wanted.summary.notes)
    assert str(audited) in found.text


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_training_is_there_with_its_curves(tracker, model, place):
    found = READERS[tracker](log_run(model, to=f"{tracker}:{place / tracker}"))
    metrics = pq.read_table(model / "metrics.parquet").to_pylist()
    steps, losses = zip(*found.curves["training/loss"], strict=True)
    assert list(steps) == [row["step"] for row in metrics]
    assert list(losses) == pytest.approx([row["loss"] for row in metrics], rel=1e-6)
    assert found.numbers["loss"] == pytest.approx(json.loads((model / "manifest.json").read_text())["loss"])
    assert found.config["batch_size"] == "8"


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_run_is_logged_once(tracker, audited, place):
    first = log_run(audited, to=f"{tracker}:{place / tracker}")
    before = digests(place / tracker) if tracker != "mlflow" else first.where
    again = log_run(audited, to=f"{tracker}:{place / tracker}")
    assert (again.where, again.new) == (first.where, False)
    assert (digests(place / tracker) if tracker != "mlflow" else again.where) == before


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep whose settings have odd names."""
    folder = tmp_path_factory.mktemp("sweeps")
    records = write_records(folder / "records", n=9, roles=("a", "b", "public"))
    values = {"default": [(0.1, 0.5), (0.12, 0.51)], "<b>né: 5 %</b>": [(0.04, 0.5), (0.05, 0.5)]}
    return sweep(folder / "made", records, values).save(folder / "a sweep").folder


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_sweep_with_odd_names_is_there(tracker, swept, place):
    found = READERS[tracker](log_run(swept, to=f"{tracker}:{place / tracker}"))
    numbers = dict(numbers_of(load_run(swept).summary))
    assert numbers
    assert len([name for name in found.numbers if name.endswith("_n")]) == len(numbers)
    assert found.config["train.model"] == "tiny"


def test_the_command_logs_and_says_where(audited, tmp_path):
    done = CliRunner().invoke(app, ["log", str(audited), "--to", f"tensorboard:{tmp_path / 'tb'}", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["new"]
    assert from_tensorboard(log_run(audited, to=f"tensorboard:{tmp_path / 'tb'}")).name == "first"


def test_default_places_are_here_and_nothing_goes_out(audited, tmp_path):
    assert log_run(audited, to="tensorboard").where.startswith("tensorboard/first-")
    logged = log_run(audited, to="wandb")
    assert logged.where.startswith("wandb/offline-run-")
    assert not list((tmp_path / logged.where).rglob("requirements.txt"))
    assert not list((tmp_path / logged.where).rglob("wandb-metadata.json"))


def test_the_environment_names_the_server_and_the_experiment(audited, place, monkeypatch):
    from mlflow import MlflowClient

    uri = f"sqlite:///{place / 'mlflow' / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    logged = log_run(load_run(audited), to="mlflow")
    client = MlflowClient(tracking_uri=uri)
    found = client.get_run(logged.where.rpartition(" ")[2])
    assert client.get_experiment(found.info.experiment_id).name == "mine"


TRAIN = ("--epochs", "1", "--batch-size", "8", "--device", "cpu", "--role", "a")


def test_a_training_logs_itself_and_its_folder_is_as_without(world, tmp_path):
    """The option is in no key: the same training without it is done already."""
    out, model = tmp_path / "a", str(world / "tiny.json")
    words = ["train", "--records", str(world / "records"), "--model", model, "--out", str(out), *TRAIN]
    places = ["--log-to", f"tensorboard:{tmp_path / 'tb'}", "--log-to", f"wandb:{tmp_path / 'wb'}"]
    done = CliRunner().invoke(app, [*words, *places])
    assert done.exit_code == 0, done.output
    (events,) = (tmp_path / "tb").iterdir()
    assert events_of(events).Scalars("training/loss")
    assert len(list((tmp_path / "wb" / "wandb").glob("offline-run-*"))) == 1
    before = digests(out)
    done = CliRunner().invoke(app, words)
    assert "holds this model already" in done.stderr
    assert digests(out) == before
    assert "log_to" not in (out / "manifest.json").read_text()


def test_an_audit_that_is_done_is_logged_without_being_done_again(tmp_path):
    world = VectorWorld(tmp_path / "world", n=4, m=20)
    given = {name: value for name, value in world.options.items() if value is not None}
    words = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    words = ["audit", "vl-dejavu", *words, "--k", "3", "--sweep", "3", "--out", str(tmp_path / "run")]
    assert CliRunner().invoke(app, words).exit_code == 0
    before = digests(tmp_path / "run")
    places = ["--log-to", f"tensorboard:{tmp_path / 'tb'}"]
    for said in ("run is logged to", "run was logged before to"):
        done = CliRunner().invoke(app, [*words, *places])
        assert "holds this audit already" in done.stderr
        assert said in done.stderr
    assert digests(tmp_path / "run") == before


def test_a_tracker_that_fails_costs_nothing_of_the_result(world, tmp_path):
    """Nor does it keep another from being told."""
    out = tmp_path / "a"
    (tmp_path / "file").write_text("a file, not a folder")
    words = ["train", "--records", world / "records", "--model", world / "tiny.json", "--out", out, *TRAIN]
    places = ["--log-to", f"tensorboard:{tmp_path / 'file'}", "--log-to", f"tensorboard:{tmp_path / 'tb'}"]
    done = CliRunner().invoke(app, [str(word) for word in [*words, *places]])
    assert isinstance(done.exception, JobError)
    assert f"a could not be logged to tensorboard:{tmp_path / 'file'}" in str(done.exception)
    assert f"'memometer log {out} --to tensorboard:{tmp_path / 'file'}'" in str(done.exception)
    assert "the model: open_clip:" in done.stdout
    assert len(list((tmp_path / "tb").iterdir())) == 1
    assert log_run(out, to=f"tensorboard:{tmp_path / 'other'}").new


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("neptune", "no tracker 'neptune' is known; expected one of wandb, mlflow, tensorboard, or TRACKER:PLACE"),
        ("mlflow:", "'mlflow:' names no place; expected mlflow:PLACE, or mlflow for MLFLOW_TRACKING_URI"),
        ("", "no tracker '' is known"),
    ],
)
def test_what_is_wrong_with_a_place_is_said_before_the_work(to, words, world, tmp_path):
    out = tmp_path / "a"
    done = CliRunner().invoke(
        app, ["train", "--records", str(world / "records"), "--out", str(out), *TRAIN, "--log-to", to]
    )
    assert isinstance(done.exception, InputError)
    assert words in str(done.exception)
    assert not out.exists()


def test_a_missing_library_is_said_with_its_extra(monkeypatch, audited):
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.setattr("memometer.loggers.trackers.find_spec", lambda name: None if name == "wandb" else True)
    with pytest.raises(InputError, match=re.escape("needs wandb; install it with pip install 'memometer[wandb]'")):
        log_run(audited, to="wandb")


def test_what_is_no_run_is_said(tmp_path):
    with pytest.raises(InputError, match="holds no finished run and no finished training"):
        log_run(tmp_path, to="tensorboard")


def test_a_server_that_refuses_is_a_sentence_soon(audited):
    with pytest.raises(JobError, match=r"could not be logged to mlflow:http://127\.0\.0\.1:9"):
        log_run(audited, to="mlflow:http://127.0.0.1:9")


def test_long_curves_keep_their_ends():
    import pyarrow as pa

    n = 3 * MOST_POINTS + 7
    table = pa.table({"step": range(1, n + 1), "epoch": [1] * n, "loss": [float(i) for i in range(n)]})
    curve = _curves(table)["loss"]
    assert len(curve.steps) == len(set(curve.steps)) == MOST_POINTS
    assert (curve.steps[0], curve.steps[-1], curve.values[-1]) == (1, n, float(n - 1))


def test_undefined_values_are_no_points():
    import pyarrow as pa

    table = pa.table({"step": [1, 2, 3], "held_out_loss": [None, float("nan"), 0.5], "none": [None, None, None]})
    assert _curves(table) == {"held_out_loss": ([3], [0.5])}


def test_the_command_line_loads_no_tracker():
    code = "import sys; from memometer.cli.main import assemble; assemble(['train', '--help']); "
    code += "import memometer.loggers.trackers; print(sorted({'wandb', 'mlflow', 'tensorboard'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_run_of_ones_own_goes_on(audited, tmp_path):
    """Who has a run of W&B open in a notebook keeps it."""
    import wandb

    with wandb.init(mode="offline", dir=str(tmp_path), settings=wandb.Settings(silent=True)) as own:
        log_run(audited, to=f"wandb:{tmp_path / 'wb'}")
        assert wandb.run is own
        own.log({"x": 1})
