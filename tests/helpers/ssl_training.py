"""Small self-supervised trainings on built-in scenes."""

from file_digests import file_digest

from memometer.scenes import make_scenes
from memometer.training import SslConfig, train_ssl

N, BATCH, EPOCHS = 64, 32, 4
OBJECTIVES = ("vicreg", "simclr", "barlow", "dino")


def options(world, out, **changes):
    base = {"records": world / "records", "out": out, "model": "tiny", "image_size": 32, "epochs": EPOCHS}
    small = {"projector_width": 32, "prototypes": 16, "local_crops": 2}
    return {**base, "batch_size": BATCH, **small, "device": "cpu", **changes}


def run(world, out, *, overwrite=False, **changes):
    return train_ssl(SslConfig.checked(**options(world, out, **changes)), overwrite=overwrite)


def digest(folder):
    return file_digest(folder / "ssl_model.safetensors")


def write_world(folder):
    """A folder with records to train on."""
    make_scenes(folder / "records", n=N, size=48)
    return folder
