"""Images per second of `hf:` models, from tars to vectors on disk, against transformers' own forward on ready tensors.

CLIP ViT-B/32 at 224 px (random weights: the speed does not depend on them), JPEGs of about 500 × 375 px in tar shards,
all on all cores. Peers take turns, and the ratio is that of each turn.
"""

import functools
import itertools
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from common import measure, record_section, table, take_turns
from embedding import write_shard
from side_by_side import ratio_of
from transformers import CLIPConfig, CLIPModel

from memometer import import_records, load_encoder, load_records
from memometer.embeddings import embed_images
from memometer.engines import default_workers

N, ROUNDS, BATCH = 64, 21, 64
TOKENS = ["<|startoftext|>", "<|endoftext|>", *"abc", *(f"{c}</w>" for c in "abc")]


def write_model(folder):
    """CLIP in the hub's layout, with a tokenizer of a few letters: a benchmark of images asks for no more."""
    CLIPModel(CLIPConfig()).save_pretrained(folder)
    square = {"height": 224, "width": 224}
    settings = {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 224}, "crop_size": square}
    settings |= {"resample": 3, "rescale_factor": 1 / 255, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    settings |= dict.fromkeys(("do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb"), True)
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    (folder / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(TOKENS)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    special = dict.fromkeys(("eos_token", "pad_token", "unk_token"), TOKENS[1])
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "bos_token": TOKENS[0], **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def measure_peers(folder, records, scratch):
    encoder = load_encoder(f"hf:{folder}")
    model = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH, 3, 224, 224), dtype=np.uint8)
    tensors = torch.from_numpy(pixels).float().div(255).sub(0.5).div(0.5)
    stores = itertools.count()

    @torch.inference_mode()
    def bare():
        for _ in range(N // BATCH):
            model.get_image_features(pixel_values=tensors)

    def whole():
        embed_images(records, encoder, store=scratch / f"store-{next(stores)}", batch_size=BATCH)

    peers = {
        "transformers' own `get_image_features` on ready tensors": bare,
        "the whole: read, decode, resize, forward, store": whole,
    }
    bare()
    times = take_turns({name: functools.partial(measure, peer) for name, peer in peers.items()}, repeats=ROUNDS)
    base = next(iter(times.values()))
    return [
        [name, f"{N / each.median:.1f}", each, ratio(base.wall, each.wall), ratio(base.cpu, each.cpu)]
        for name, each in times.items()
    ]


def ratio(theirs, ours):
    """The median of the turns' ratios, and its interval."""
    return "{:.3f} ({:.3f} to {:.3f})".format(*ratio_of(list(theirs), list(ours)))


def main():
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        (scratch / "shards").mkdir()
        write_shard(scratch / "shards" / "00000.tar", N)
        import_records(scratch / "shards", scratch / "records", workers=default_workers())
        rows = measure_peers(write_model(scratch / "clip"), load_records(scratch / "records"), scratch)
    lines = table(
        [
            "what",
            "images/s",
            "median (best to worst)",
            "speed / bare, turn by turn (95 %)",
            "the same of processor time",
        ],
        rows,
    )
    record_section(
        "Embedding with transformers",
        f"`python benchmarks/embedding_hf.py`: CLIP ViT-B/32, the cheapest forward of the usual ones beside the same "
        f"decoding, 224 px, batches of {BATCH}, {N} JPEGs of 500 × 375 px from a tar shard, {ROUNDS} turns each on "
        f"{torch.get_num_threads()} threads, fp32, decoding in the same process, the default on a CPU.\n\n{lines}\n\n"
        "Wanted: a ratio of at least 0.95 for the whole. Processor time is what other programs on the machine disturb least.",
        packages=("memometer", "torch", "transformers", "numpy", "pillow"),
    )


if __name__ == "__main__":
    main()
