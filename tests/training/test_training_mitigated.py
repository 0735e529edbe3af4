"""Trainings with mitigations end to end: what reaches the model, its key and its manifest; bad input."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import warm_processes
from clip_training import STEPS, digest, flags, metrics, options, run, run_until, write_world
from commands import invoke
from model_factory import noise_image, rewritten, tiny_architecture
from safetensors.torch import load_file

from memometer.cli.train import command
from memometer.data.bundles import without_duplicates
from memometer.data.images import open_image
from memometer.data.records import load_records
from memometer.embeddings import load_encoder
from memometer.encoders.architectures import build_model, build_tokenizer
from memometer.encoders.forward import normalised
from memometer.encoders.preprocessing import image_preprocess
from memometer.errors import InputError, JobError
from memometer.files import hash_file
from memometer.training import early_stopping
from memometer.training.clip import RawText
from memometer.training.folder import ModelFolder, TrainState
from memometer.training.mitigations.base import Mitigation
from memometer.training.mitigations.caption_sampling import CaptionSampling
from memometer.training.mitigations.image_variants import load_variants
from memometer.training.mitigations.losses import clip_loss
from memometer.training.mitigations.text_mask import TextMask
from memometer.training.models import preprocess_config
from memometer.training.samples import TrainingSamples

ALL = {"text_mask": 0.3, "caption_sampling": True, "text_noise": 0.15, "flip": 0.5, "color_jitter": 0.3}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Records of three roles and a tiny model's config."""
    return write_world(tmp_path_factory.mktemp("world"), roles=("a", "b", "held"))


@pytest.fixture(scope="module")
def plain(world):
    return run(world, world / "plain")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"text_mask": 0.5}, ["TextMask(rate=0.5)"]),
        ({"caption_sampling": True}, ["CaptionSampling()"]),
        ({"text_noise": 0.15}, ["TextNoise(std=0.15)"]),
        ({"text_noise": 0.15, "text_noise_at": "raw"}, ["RawTextNoise(std=0.15)"]),
        ({"flip": 0.5, "color_jitter": 0.4}, ["ImageStrength(flip=0.5, color_jitter=0.4)"]),
        ({"label_smoothing": 0.1}, ["LabelSmoothing(amount=0.1)"]),
        ({"loss": "siglip"}, ["SigLip()"]),
    ],
)
def test_a_mitigation_changes_the_model_and_stands_in_the_manifest(world, plain, tmp_path, changes, named):
    trained = run(world, tmp_path / "m", **changes)
    assert trained.manifest["mitigations"] == named
    assert trained.manifest["key"] != plain.manifest["key"]
    assert digest(trained.folder) != digest(plain.folder)
    assert load_encoder(trained.spec).encode_texts(["x"]).shape == (1, 16)


def test_mitigations_together_survive_a_stop(world, tmp_path, monkeypatch):
    changes = {**ALL, "label_smoothing": 0.1, "early_stop": "held", "text_noise_at": "raw"}
    whole = run(world, tmp_path / "whole", workers=1, **changes)
    run_until(2, lambda: run(world, tmp_path / "m", **changes), monkeypatch=monkeypatch)
    again = run(world, tmp_path / "m", **changes)
    assert digest(again.folder) == digest(whole.folder)
    assert again.manifest["early_stop"] == whole.manifest["early_stop"]
    assert held_out_losses(again.folder) == held_out_losses(whole.folder)
    assert [last for *_, last in held_out_losses(again.folder)] == again.manifest["early_stop"]["losses"]
    kinds = [name.split("(")[0] for name in whole.manifest["mitigations"]]
    assert kinds == ["CaptionSampling", "TextMask", "ImageStrength", "RawTextNoise", "LabelSmoothing", "EarlyStopping"]


def samples(world, *mitigations, seed=0):
    tokenizer = build_tokenizer(tiny_architecture())
    fitted = [mitigation.for_tokenizer(tokenizer) for mitigation in mitigations]
    records = load_records(world / "records", role="a")
    return TrainingSamples(records, tokenizer=tokenizer, size=(8, 8), min_crop=0.9, seed=seed, mitigations=fitted)


def test_masks_are_drawn_per_record_and_epoch_and_do_not_depend_on_other_mitigations(world):
    plain, masked, both = (
        samples(world),
        samples(world, TextMask(0.5)),
        samples(world, CaptionSampling(), TextMask(0.5)),
    )
    dropped = []
    for epoch in range(6):
        row = masked[epoch, 3][1]
        assert torch.equal(row, masked[epoch, 3][1])
        assert torch.equal(masked[epoch, 3][0], plain[epoch, 3][0])  # the crop stays
        dropped.append(tuple(row.tolist()))
        first = torch.equal(samples(world, CaptionSampling())[epoch, 3][1], plain[epoch, 3][1])
        assert not first or torch.equal(both[epoch, 3][1], row)  # the same caption, and so the same mask
    assert len(set(dropped)) > 2
    assert not torch.equal(samples(world, TextMask(0.5), seed=1)[0, 3][1], masked[0, 3][1])


def test_raw_features_are_normalised_by_the_trainer(world):
    torch.manual_seed(0)
    model = build_model(tiny_architecture(init_logit_bias=-1.0))
    images, tokens = torch.randn(3, 3, 32, 32), build_tokenizer(tiny_architecture())(["a", "b", "c d"])
    expected, found = model(images, tokens), RawText(model)(images, tokens)
    assert torch.equal(torch.nn.functional.normalize(found[1], dim=-1), expected[1])
    assert [torch.equal(found[place], expected[place]) for place in (0, 2, 3)] == [True] * 3


def test_noise_of_no_strength_on_raw_features_is_the_plain_training(world, plain, tmp_path):
    class Nothing(Mitigation):
        def raw_text_features(self, features, *, generator):
            return features

    assert digest(run(world, tmp_path / "m", mitigations=[Nothing()]).folder) == digest(plain.folder)


@pytest.mark.parametrize("loss", ["clip", "siglip"])
@pytest.mark.parametrize("largest", [13.9, 2.0])
def test_the_logit_scale_is_clamped_after_every_step_of_either_loss(world, tmp_path, loss, largest):
    trained = run(world, tmp_path / "m", logit_scale_max=largest, loss=loss)
    scales = metrics(trained.folder)["logit_scale"].to_numpy()
    assert len(scales) == STEPS
    assert scales.max() <= largest * (1 + 1e-6)
    assert loss == "siglip" or np.isclose(scales, largest).any()
    assert largest > 2 or scales[0] == pytest.approx(2.0)  # it starts above
    stored = load_file(trained.folder / "open_clip_model.safetensors")["logit_scale"].exp().item()
    assert stored == pytest.approx(scales[-1])


def test_siglip_starts_from_its_own_scale_and_bias_and_loads_again(world, tmp_path):
    trained = run(world, tmp_path / "m", loss="siglip", lr=1e-6, epochs=1)
    weights = load_file(trained.folder / "open_clip_model.safetensors")
    assert weights["logit_scale"].exp().item() == pytest.approx(10, rel=1e-3)
    assert weights["logit_bias"].item() == pytest.approx(-10, rel=1e-3)
    config = json.loads((trained.folder / "open_clip_config.json").read_text())["model_cfg"]
    assert config["init_logit_bias"] == -10


def held_out_loss(world, folder, *, batch=8):
    """The definition: every full batch of the held-out pairs in the trainer's order, by the saved model."""
    model = build_model(tiny_architecture()).eval()
    model.load_state_dict(load_file(folder / "open_clip_model.safetensors"))
    records = load_records(world / "records", role="held")
    order = early_stopping.rng_for(0, "held-out").permutation(len(records))[: len(records) // batch * batch]
    preprocess = preprocess_config(32)
    losses = []
    for rows in order.reshape(-1, batch):
        part = records.take(rows)
        images = [image_preprocess(preprocess)(open_image(ref)) for ref in part.image_refs()]
        tokens = build_tokenizer(tiny_architecture())([captions[0].as_py() for captions in part.column("captions")])
        with torch.no_grad():
            found = model(normalised(torch.from_numpy(np.stack(images)), preprocess), tokens)
        losses.append(clip_loss(rank=0, world_size=1)(*found).item())
    return float(np.mean(losses))


def held_out_losses(folder):
    """Of the three steps of each epoch, as ``metrics.parquet`` has them."""
    column = pq.read_table(folder / "metrics.parquet")["held_out_loss"].to_pylist()
    return list(zip(column[::3], column[1::3], column[2::3], strict=True))


def test_the_best_epoch_on_held_out_pairs_becomes_the_model(world, plain, tmp_path):
    every = "1,2,3,4,5,6"
    changes = {"epochs": 6, "lr": 0.003, "checkpoint_epochs": every}
    stopped = run(world, tmp_path / "m", early_stop="held", **changes)
    whole = run(world, tmp_path / "whole", **changes)
    outcome = stopped.manifest["early_stop"]
    assert (outcome["role"], outcome["n"], outcome["batch_size"]) == ("held", 24, 8)
    copies = [stopped.at_epoch(epoch).folder for epoch in range(1, 7)]
    assert outcome["losses"] == pytest.approx([held_out_loss(world, copy) for copy in copies], rel=1e-4)
    best = int(np.argmin(outcome["losses"])) + 1
    assert outcome["best_epoch"] == best < 6  # the last is not the best, or this test would say nothing
    assert outcome["loss"] == min(outcome["losses"])
    assert held_out_losses(stopped.folder) == [(None, None, loss) for loss in outcome["losses"]]
    assert held_out_losses(whole.folder) == [(None, None, None)] * 6
    assert digest(stopped.folder) == digest(copies[best - 1])
    assert digest(copies[5]) == digest(whole.folder)  # looking at held-out pairs changes no training
    assert stopped.manifest["model"]["weights_hash"] == load_encoder(stopped.spec).weights_hash


def test_early_stopping_needs_pairs_that_are_not_trained_on(world, tmp_path):
    for role in ("a", "held"):
        with pytest.raises(
            InputError, match=r"24 of the 24 records of --early-stop held are trained on too, e\.g\. 'r"
        ):
            run(world, tmp_path / "m", role=None if role == "a" else role, early_stop="held")
    with pytest.raises(InputError, match="has the role 'hold'"):
        run(world, tmp_path / "m", early_stop="hold")

    def lack(rows):
        for row in rows[2:9:3]:  # of role held
            row["captions"] = []

    bare = rewritten(world / "records", tmp_path / "bare", lack)
    message = "held has 24 records, 3 of them with no caption; expected 2 or more, each with an image and a caption"
    with pytest.raises(InputError, match=message):
        run(world, tmp_path / "m", records=bare, early_stop="held")


def test_held_out_captions_are_tokenized_once(world, tmp_path, monkeypatch):
    seen = []
    taken = early_stopping.EarlyStopping.measure

    def measure(self, model, *, tokenizer, **others):
        def counting(texts):
            seen.append(len(texts))
            return tokenizer(texts)

        return taken(self, model, tokenizer=counting, **others)

    monkeypatch.setattr(early_stopping.EarlyStopping, "measure", measure)
    run(world, tmp_path / "m", early_stop="held", epochs=3)
    assert seen == [24]


def write_variants(folder, rows):
    folder.mkdir(exist_ok=True)
    for row, (_, name) in enumerate(rows):
        noise_image(1000 + row).save(folder / name)
    path = folder / "variants.parquet"
    pq.write_table(pa.Table.from_pylist([{"record_id": one, "path": name} for one, name in rows]), path)
    return path


def test_one_of_several_images_is_drawn_each_epoch(world, tmp_path):
    path = write_variants(
        tmp_path / "v", [("r0000", "x.png"), ("r0000", "y.png"), ("r0003", "z.png"), ("r0001", "b.png")]
    )
    trained = run(world, tmp_path / "m", image_variants=path)
    assert trained.manifest["mitigations"][0].startswith("ImageVariants(n_records=2, n_images=3, hash=")
    assert trained.manifest["remarks"] == ["image variants: 3 images of 2 of 24 records"]
    again = write_variants(tmp_path / "w", [("r0000", "2.png"), ("r0000", "1.png"), ("r0003", "3.png")])
    # Named otherwise, without another role's: the same pictures make the same key, and other ones another.
    assert run(world, tmp_path / "m", image_variants=again).manifest == trained.manifest
    noise_image(5).save(again.parent / "3.png")
    with pytest.raises(InputError, match="holds another model"):
        run(world, tmp_path / "m", image_variants=again)


def test_draws_among_the_images_are_even(world, tmp_path):
    whole = load_records(world / "records")
    path = write_variants(tmp_path / "v", [("r0000", "x.png"), ("r0000", "y.png")])
    variants = load_variants(path, records=whole.with_role("a"), whole=whole)
    rng = np.random.default_rng(0)
    drawn = [variants.image_ref("r0000", rng=rng) for _ in range(3000)]
    counts = [sum(ref is not None and ref.path.endswith(name) for ref in drawn) for name in ("x.png", "y.png")]
    assert all(abs(count - 1000) < 120 for count in (*counts, 3000 - sum(counts)))
    assert variants.image_ref("r0003", rng=rng) is None
    data = samples(world, variants)
    pictures = {data[epoch, 0][0].numpy().mean().round(-1) for epoch in range(20)}
    assert len(pictures) > 1


@pytest.mark.parametrize(
    ("rows", "damage", "message"),
    [
        ([("r0000", "x.png"), ("nobody", "y.png")], None, r"1 records named in .* among the 72 in .*, e\.g\. nobody"),
        ([("r0000", "x.png")], b"no image", r"1 of the 1 images .* cannot be read, e\.g\. 'x.png' of record 'r0000'"),
    ],
)
def test_variants_that_do_not_fit_are_errors(world, tmp_path, rows, damage, message):
    path = write_variants(tmp_path / "v", rows)
    if damage:
        (path.parent / "x.png").write_bytes(damage)
    with pytest.raises(InputError, match=message):
        run(world, tmp_path / "m", image_variants=path)
    assert not (tmp_path / "m").exists()


def test_variants_need_their_columns(world, tmp_path):
    pq.write_table(pa.table({"record_id": ["r0000"]}), tmp_path / "v.parquet")
    with pytest.raises(InputError, match=r"v\.parquet has no column path, only record_id"):
        run(world, tmp_path / "m", image_variants=tmp_path / "v.parquet")
    with pytest.raises(InputError, match="there are no image variants at"):
        run(world, tmp_path / "m", image_variants=tmp_path / "none.parquet")


def with_hashes(world, folder, hashes):
    """A copy of the records with hashes of their pictures; those of one name show the same picture."""
    first = {exact: row for row, (exact, _) in reversed(hashes.items())}

    def hashed(rows):
        for row, (exact, near) in hashes.items():
            path = rows[row if exact is None else first[exact]]["image_path"]
            found = None if exact is None else hash_file(Path(path))
            rows[row] |= {"image_path": path, "image_hash": found, "image_phash": near}

    return rewritten(world / "records", folder, hashed)


def test_duplicates_are_left_out_and_counted(world, tmp_path):
    # Of role a: 0 and 3 alike to the byte; 6, 9 and 12 a chain of near ones with far ends; 15 is like 1, of role b.
    far = 2**62 - 1
    hashes = {0: ("x", 0x5555555555555555), 3: ("x", 0x5555555555555555)}
    hashes |= {6: (None, far), 9: (None, far ^ 0b11111), 12: (None, far ^ 0b1111111111)}
    hashes |= {15: ("z", 2**63), 1: ("z", 2**63)}
    records = with_hashes(world, tmp_path / "records", hashes)
    of_a = load_records(records, role="a")
    kept = without_duplicates(of_a).record_ids.to_pylist()
    assert [one for one in of_a.record_ids.to_pylist() if one not in kept] == ["r0003", "r0009", "r0012"]
    turned = of_a.take(list(range(len(of_a)))[::-1])
    assert without_duplicates(turned).record_ids.to_pylist() == kept[::-1]
    trained = run(world, tmp_path / "m", records=records, deduplicate=True)
    assert trained.manifest["records"]["n"] == 21
    assert trained.manifest["records"]["duplicates_left_out"] == 3


def test_a_list_of_unknown_records_is_an_error_beside_mitigations(world, tmp_path):
    pq.write_table(pa.table({"record_id": ["r0001"]}), tmp_path / "ids.parquet")
    with pytest.raises(InputError, match="1 of the 1 records named in"):
        run(world, tmp_path / "m", without=tmp_path / "ids.parquet", deduplicate=True)


def test_single_captions_are_said_once_and_trained_on(world, tmp_path, capsys):
    def shorten(rows):
        for row in rows[:30]:
            row["captions"] = row["captions"][:1]

    records = rewritten(world / "records", tmp_path / "records", shorten)
    trained = run(world, tmp_path / "m", records=records, caption_sampling=True)
    said = "caption sampling: 10 of 24 records have one caption, used every epoch"
    assert capsys.readouterr().err.count(said) == 1
    assert trained.manifest["remarks"] == [said]


@pytest.mark.parametrize(("step", "changes"), [(5, {}), (8, {"early_stop": "held", "loss": "siglip"})])
def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_state_and_the_best_so_far(world, tmp_path, step, changes):
    class Poison(Mitigation):
        steps = 0

        def text_features(self, features, *, generator):
            Poison.steps += 1
            return features * (float("nan") if Poison.steps == step else 1.0)

    with pytest.raises(JobError, match=rf"the loss is nan at step {step} of 9; .* kept in .*lower --lr"):
        run(world, tmp_path / "m", mitigations=[Poison()], **changes)
    state = ModelFolder(tmp_path / "m").load_state(TrainState)
    assert state.epoch == step // 3
    assert not (tmp_path / "m" / "open_clip_model.safetensors").exists()
    if changes:
        assert len(state.objective["held_out_losses"]) == 2
        assert "best.logit_bias" in state.objective


def test_the_command_takes_every_mitigation(world, tmp_path):
    path = write_variants(tmp_path / "v", [("r0000", "x.png")])
    named = {**options(world, tmp_path / "m", epochs=1), "text_mask": 0.3, "text_noise": 0.1, "text_noise_at": "raw"}
    named |= {"label_smoothing": 0.1, "flip": 0.5, "color_jitter": 0.2, "image_variants": path, "early_stop": "held"}
    arguments = [*flags(named), "--caption-sampling", "--deduplicate", "--json"]
    done = invoke(command, *arguments)
    assert done.exit_code == 0, done.exception
    manifest = json.loads(done.stdout)
    assert len(manifest["mitigations"]) == 7
    assert manifest["records"]["duplicates_left_out"] == 0
    siglip = invoke(command, *arguments, "--loss=siglip")
    assert "label_smoothing = 0.1 goes with loss = clip" in str(siglip.exception)


@pytest.mark.parametrize("changes", [{"loss": "siglip"}, {"label_smoothing": 0.1, "early_stop": "held"}])
def test_two_processes_learn_what_one_learns_with_other_losses(world, tmp_path, changes):
    one = run(world, tmp_path / "one", **changes)
    words = ("train", *flags({**options(world, tmp_path / "two"), **changes}))
    codes = warm_processes.together(2, warm_processes.memometer, *words, logs=tmp_path)
    assert codes == [0, 0], (tmp_path / "0.log").read_text()
    np.testing.assert_allclose(metrics(tmp_path / "two")["loss"], metrics(one.folder)["loss"], rtol=2e-3)
