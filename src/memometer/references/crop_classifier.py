"""The crop classifier: which label the crop itself suggests, in a data set that no model was trained on.

Kokhlikyan, Jayaraman, Bordes, Guo, Chaudhuri: Measuring Déjà Vu Memorization Efficiently, NeurIPS 2024, arXiv
2504.05651. A ResNet-50 is trained from crop to label on records that are disjoint from the ones measured; what it gets
right is correlation in the data set, not memorization. Its confidence is the largest softmax probability.
"""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from memometer.data.records import Records, load_records
from memometer.embeddings.decoding import Batch
from memometer.encoders.checkpoints import hash_tensors, read_state_dict
from memometer.encoders.devices import choose_device
from memometer.encoders.vision import VisionEncoder
from memometer.errors import ModelError
from memometer.locking import writes
from memometer.progress import notice, progress_bar
from memometer.references.crop_batches import check_crops, crop_batches, named_rejects
from memometer.references.crop_config import CropClassifierConfig, labelled_crops
from memometer.references.crop_folder import CropClassifierFolder
from memometer.references.crop_training import CropTraining, preprocess_config
from memometer.references.networks import build_network
from memometer.references.predictions import LabelPredictions, rank_labels
from memometer.sealing import check_files, read_sealed_json
from memometer.software import describe_software, timestamp

__all__ = ["CropClassifier", "load_crop_classifier", "train_crop_classifier"]

SCHEME = "crop-classifier:"


class CropClassifier:
    """A trained classifier from crops to labels.

    Attributes:
        folder: where it lies.
        label_names: the labels, by id.
        identity: changes whenever the predictions would.
        manifest: options, versions, hashes, timings of its training.
    """

    def __init__(
        self, folder: Path, encoder: VisionEncoder, *, label_names: Sequence[str], manifest: dict[str, Any]
    ) -> None:
        self.folder, self.label_names, self.manifest = folder, tuple(label_names), manifest
        self.identity = encoder.identity
        self._encoder = encoder

    @property
    def spec(self) -> str:
        """What names the classifier to `load_crop_classifier`."""
        return f"{SCHEME}{self.folder}"

    @functools.cached_property
    def fitted_on(self) -> Records:
        """The records it was trained on: their ids, hashes, groups and roles, to be held against those measured."""
        kept = load_records(CropClassifierFolder(self.folder).fitted_on)
        return dataclasses.replace(kept, folder=Path(self.manifest["records"]["path"]))

    def predict(
        self,
        records: Records,
        *,
        crops: npt.NDArray[np.integer],
        top: int = 5,
        batch_size: int = 64,
        workers: int = 0,
    ) -> LabelPredictions:
        """The labels of n crops; a crop that cannot be read is a reject, without an answer.

        Args:
            records: n records with images.
            crops: (n, 4) x, y, width, height in px.
            top: labels to keep for each crop.
            batch_size: crops per forward pass.
            workers: processes that decode; 0 decodes in threads of this process. Changes no result.

        Raises:
            InputError: the crops are not as expected.
        """
        n, label_ids = len(records), np.arange(len(self.label_names))
        ranked = np.full((n, top), -1, np.int32)
        confidence, entropy = np.full(n, np.nan), np.full(n, np.nan)
        rejects: list[tuple[str, str]] = []
        for batch, logits in self._logits(records, crops, batch_size=batch_size, workers=workers):
            part = rank_labels(logits, label_ids=label_ids, top=top)
            ranked[batch.rows], confidence[batch.rows], entropy[batch.rows] = part.ranked, part.confidence, part.entropy
            rejects += named_rejects(records, batch)
        return LabelPredictions(ranked, confidence, entropy, rejects=tuple(rejects))

    def _logits(
        self, records: Records, crops: npt.NDArray[np.integer], *, batch_size: int, workers: int
    ) -> Iterator[tuple[Batch, npt.NDArray[np.float64]]]:
        """Each batch with its (b, n_labels) logits."""
        n = len(records)
        checked = check_crops(np.asarray(crops), n=n)
        spans = ((None, np.arange(start, min(start + batch_size, n))) for start in range(0, n, batch_size))
        with progress_bar("predicting labels of crops", total=n, unit="crops") as advance:
            for batch in crop_batches(
                records, crops=checked, batches=spans, preprocess=self._encoder.preprocess, workers=workers
            ):
                none = np.zeros((0, len(self.label_names)))
                logits = none if batch.values is None else self._encoder.encode_images(batch.values)
                yield batch, logits.astype(np.float64)
                advance(len(batch.rows) + len(batch.rejects))


@writes("out", wait=True)
def train_crop_classifier(
    records: Records,
    *,
    crops: npt.NDArray[np.integer],
    labels: npt.NDArray[np.integer],
    label_names: Sequence[str],
    out: Path,
    config: CropClassifierConfig | None = None,
    overwrite: bool = False,
) -> CropClassifier:
    """Trains a classifier from crop to label from scratch, or goes on with a training that was stopped.

    On one CPU, the same options, records and number of threads give the same weights, whatever the order of the records
    and the workers, stopped in between or not. A crop that cannot be read is left out and named in ``rejects.parquet``.

    Args:
        records: n records with images, disjoint from those that are measured.
        crops: (n, 4) x, y, width, height in px.
        labels: (n,) label ids, the places of their names.
        label_names: what the labels are called.
        out: folder of the classifier.
        config: the options.
        overwrite: replace another classifier in the folder.

    Raises:
        InputError: the parts do not fit together, a label has no record, the folder holds another classifier, or no
            image can be read.
        ModelError: there is no such network.
        JobError: the loss is no longer finite.
    """
    started, config = timestamp(), config or CropClassifierConfig()
    labelled = labelled_crops(records, crops=crops, labels=labels, label_names=label_names)
    key, folder = config.key(labelled), CropClassifierFolder(out)
    standing = folder.standing(key, overwrite=overwrite)
    if standing == "finished":
        folder.forget_state()  # of a training that was killed at its very end
        notice(f"{out} holds this crop classifier already; nothing to do")
        return load_crop_classifier(out, device=config.device)
    with torch.random.fork_rng(devices=[]):
        training = CropTraining(labelled, config)
        if standing == "empty":
            folder.begin(key, dataclasses.asdict(config))
        state = training.run(folder)
    best = state.metrics[state.best_epoch]
    manifest = {
        "kind": "crop classifier",
        **describe_software(),
        "started": started,
        "finished": timestamp(),
        "key": key,
        "options": dataclasses.asdict(config),
        "records": {"path": str(records.folder.resolve()), "n": len(labelled), "hash": labelled.content_hash},
        "n_labels": len(labelled.label_names),
        "n_held_out": training.n_held_out,
        "n_rejects": len(state.rejects),
        "best_epoch": state.best_epoch,
        "held_out_accuracy": None if np.isnan(best[4]) else best[4],
        "weights_hash": hash_tensors(state.best_model),
        "precision": training.precision,
        "threads": torch.get_num_threads(),
        "seconds": round(state.seconds, 1),
    }
    described = {
        "model": config.model,
        "image_size": training.image_size,
        "label_names": list(labelled.label_names),
        "preprocess_cfg": preprocess_config(training.image_size),
    }
    folder.close(state, records=labelled.records, config=described, manifest=manifest)
    return load_crop_classifier(out, device=config.device)


def load_crop_classifier(spec: str | Path, *, device: str = "cpu", precision: str = "fp32") -> CropClassifier:
    """Loads what `train_crop_classifier` wrote.

    Args:
        spec: the folder, or ``crop-classifier:FOLDER``.
        device: ``cpu``, ``cuda``, ``cuda:N`` or ``auto``.
        precision: ``fp32``, or ``bf16`` for autocast.

    Raises:
        ModelError: the folder holds no whole classifier.
        InputError: the device or the precision is not known.
    """
    chosen = choose_device(device)
    folder = CropClassifierFolder(Path(str(spec).removeprefix(SCHEME)))
    missing = [path.name for path in (folder.manifest, folder.config, folder.weights) if not path.is_file()]
    if missing:
        raise ModelError(
            f"{folder.path} holds no trained crop classifier: {', '.join(missing)} is not there; "
            "train it, or run its training again to the end"
        )
    manifest = read_sealed_json(folder.manifest)
    check_files(folder.path, manifest.pop("files", {}))
    config = read_sealed_json(folder.config)
    state = read_state_dict(folder.weights)
    weights_hash = hash_tensors(state)
    if weights_hash != manifest["weights_hash"]:
        raise ModelError(f"{folder.weights} is not what was trained here: its hash differs from the manifest's")
    names = config["label_names"]
    network, _ = build_network(config["model"], n_labels=len(names), image_size=config["image_size"])
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(
            f"{folder.weights} does not fit the network that {folder.config} describes: {error}"
        ) from error
    encoder = VisionEncoder(
        network,
        config={"model": config["model"], "label_names": names},
        preprocess_config=config["preprocess_cfg"],
        spec=f"{SCHEME}{folder.path}",
        device=chosen,
        precision=precision,
        weights_hash=weights_hash,
    )
    return CropClassifier(folder.path, encoder, label_names=names, manifest=manifest)
