"""Annotated images per second against a detector's bare batched forward, and OWLv2 with 1,203 names against 10.

Randomly initialised detectors of real sizes: their speed does not depend on weights. RT-DETR with a ResNet-18 at 640 px is
the fastest of those that memometer loads, so what stands around the forward pass weighs most beside it. OWLv2 is its base
model with 384 px in place of 960: names cost a little for each patch, and attention costs less on fewer patches, so the
ratio is the less favourable one. Peers take turns in one run; each is the best of its turns.
"""

import io
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import transformers
from common import measure, record_section, table, take_turns
from photographs import JPEG_QUALITY, photograph

from memometer import annotate
from memometer.annotators import Asked, load_annotator
from memometer.annotators.names import lvis_names
from memometer.progress import quiet

N, BATCH, TURNS = 24, 8, 3
SIDE = 384


def write_records(folder, n):
    """JPEGs of about 500 × 375 px as files."""
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for row in range(n):
        buffer = io.BytesIO()
        photograph(rng).save(buffer, "JPEG", quality=JPEG_QUALITY)
        (folder / "images" / f"{row:04d}.jpg").write_bytes(buffer.getvalue())
        rows.append({"record_id": f"r{row:04d}", "image_path": f"images/{row:04d}.jpg"})
    pq.write_table(pa.Table.from_pylist(rows), folder / "records.parquet")
    return folder


def write_rt_detr(folder):
    """RT-DETR with a ResNet-18, as PekingU/rtdetr_r18vd has it."""
    import transformers as hf

    backbone = hf.RTDetrResNetConfig(
        embedding_size=64,
        hidden_sizes=[64, 128, 256, 512],
        depths=[2, 2, 2, 2],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = hf.RTDetrConfig(
        backbone_config=backbone,
        encoder_in_channels=[128, 256, 512],
        hidden_expansion=0.5,
        decoder_layers=3,
        id2label={place: f"class {place}" for place in range(80)},
        label2id={f"class {place}": place for place in range(80)},
        disable_custom_kernels=True,
    )
    hf.RTDetrForObjectDetection(config).save_pretrained(folder)
    hf.RTDetrImageProcessor().save_pretrained(folder)
    return folder


def write_owlv2(folder):
    """OWLv2's base model, of fewer px."""
    import transformers as hf
    from open_clip.tokenizer import SimpleTokenizer

    own = SimpleTokenizer()
    marks = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    vocab = {marks.get(word, word): place for word, place in own.encoder.items()}
    merges = [tuple(pair) for pair in sorted(own.bpe_ranks, key=own.bpe_ranks.get)]
    tokenizer = hf.CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=16)
    config = hf.Owlv2Config(vision_config={"image_size": SIDE, "patch_size": 16}, text_config={"vocab_size": 49408})
    hf.Owlv2ForObjectDetection(config).save_pretrained(folder)
    images = hf.Owlv2ImageProcessor(size={"height": SIDE, "width": SIDE})
    hf.Owlv2Processor(images, tokenizer).save_pretrained(folder)
    return folder


def ready_batch(annotator, records):
    """A batch as the model takes it."""
    from PIL import Image

    paths = sorted((records / "images").iterdir())[:BATCH]
    seen = []
    for path in paths:
        with Image.open(path) as image:
            seen.append(annotator.preprocess(image))
    return seen, torch.from_numpy(np.stack([each.inputs["pixel_values"] for each in seen]))


def annotation_beside_forward(folder, records):
    """Rows: the bare forward, and annotate() from files to labelled records."""
    annotator = load_annotator(f"rtdetr:{write_rt_detr(folder / 'rtdetr')}", Asked(names=None, threshold=0.3))
    _, pixels = ready_batch(annotator, records)
    model = transformers.RTDetrForObjectDetection.from_pretrained(folder / "rtdetr").eval()
    turn = iter(range(1000))

    @torch.inference_mode()
    def bare():
        for _ in range(N // BATCH):
            model(pixel_values=pixels)

    def whole():
        with quiet():
            annotate(records=records, with_=annotator, out=folder / f"out-{next(turn)}", batch_size=BATCH)

    bare()
    times = take_turns({"bare": lambda: measure(bare), "whole": lambda: measure(whole)}, repeats=TURNS)
    return [
        (name, f"{N / times[key].best:.2f}", times[key], f"{times['bare'].best / times[key].best:.2f}")
        for key, name in (
            ("bare", "bare batched forward on ready tensors"),
            ("whole", "`annotate`: read, decode, resize, forward, post-process, write"),
        )
    ]


def names_beside_names(folder, records):
    """Rows: OWLv2 with 10 names and with 1,203."""
    owl = write_owlv2(folder / "owlv2")
    names = lvis_names()
    runs, seconds = {}, {}
    for n in (10, len(names)):
        made = {}
        wall, _ = measure(
            lambda n=n, made=made: made.update(it=load_annotator(f"owlv2:{owl}", Asked(names=names[:n], threshold=0.3)))
        )
        annotator = made["it"]
        seen, _ = ready_batch(annotator, records)
        annotator.annotate(seen)
        runs[n] = lambda annotator=annotator, seen=seen: measure(lambda: annotator.annotate(seen))
        seconds[n] = wall
    times = take_turns(runs, repeats=TURNS + 2)
    few = times[10].best
    return [
        (f"{n:,}", f"{BATCH / times[n].best:.2f}", times[n], f"{times[n].best / few:.3f}", f"{seconds[n]:.1f}")
        for n in runs
    ]


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        records = write_records(folder / "records", N)
        forward = annotation_beside_forward(folder, records)
        names = names_beside_names(folder, records)
    record_section(
        "Annotation",
        f"Command: `python benchmarks/annotate.py`. {torch.get_num_threads()} threads, on the CPU.\n\n"
        f"RT-DETR with a ResNet-18 at 640 px, {N} JPEGs of about 500 × 375 px, batches of {BATCH}, {TURNS} turns, decoding in "
        "the same process:\n\n"
        + table(["what", "images/s", "s", "ratio"], forward)
        + "\n\nWanted: a ratio of at least 0.90.\n\n"
        f"OWLv2 base at {SIDE} px (fewer patches than its 960 px, which is the less favourable ratio), a batch of {BATCH}, "
        f"{TURNS + 2} turns; the texts are encoded once, with the model's loading:\n\n"
        + table(["names", "images/s", "s a batch", "cost beside 10 names", "loading, with the texts, s"], names)
        + "\n\nWanted: at most 1.1.",
        packages=("memometer", "torch", "torchvision", "transformers"),
    )


if __name__ == "__main__":
    main()
