"""The vectors that utility is measured on, in the order of record ids, so that the order of the records has no say."""

import dataclasses

import pyarrow as pa
import pyarrow.compute as pc

from memometer.audits.inputs import Model
from memometer.data.records import Records
from memometer.embeddings import Embedded, StoredVectors, embed_images, embed_texts, load_encoder
from memometer.encoders import Features, TextEncoder, has_tower, text_tower
from memometer.errors import InputError
from memometer.runs.options import spec_of
from memometer.storage.paths import AnyPath
from memometer.utility.options import UtilityOptions

__all__ = [
    "Embedder",
    "check_text_tower",
    "open_towers",
    "prompt_encoder",
    "rejects_of",
    "sorted_records",
]


@dataclasses.dataclass(frozen=True)
class Embedder:
    """How records become vectors.

    Attributes:
        store: where vectors are kept.
        workers: processes that decode images.
        batch_size: images per forward pass.
    """

    store: AnyPath
    workers: int
    batch_size: int

    def images(self, records: Records, model: Model, *, label: str) -> Embedded:
        """Images in the order of their record ids; embedded in the records' own order, as the audits do."""
        found = embed_images(
            records, model, store=self.store, workers=self.workers, batch_size=self.batch_size, label=label
        )
        ids = found.embeddings.record_ids
        if not len(ids):
            raise InputError(
                f"not one image of the {len(records):,} records in {records.folder} could be embedded"
                + (f", e.g. '{found.rejects[0][0]}': {found.rejects[0][1]}" if found.rejects else "")
            )
        return dataclasses.replace(found, embeddings=found.embeddings.select(ids.take(pc.sort_indices(ids))))

    def captions(self, records: Records, model: Model, *, n: int) -> list[Embedded]:
        """First captions, second captions, … up to ``n``, each of the records that have it and it is not blank.

        Raises:
            InputError: no record has a caption.
        """
        parts = []
        for number in range(1, n + 1):
            having = _with_caption(records, number)
            if len(having):
                label = f"embedding captions {number}"
                parts.append(embed_texts(having, model, store=self.store, caption=number, label=label))
        if not parts:
            raise InputError(
                f"no record in {records.folder} of those under test has a caption; retrieval needs image-caption "
                "pairs: import captions, or leave --retrieval out"
            )
        return parts


def sorted_records(records: Records) -> Records:
    """The records in the order of their ids."""
    return records.take(pc.sort_indices(records.record_ids).cast(pa.int64()))


def open_towers(options: UtilityOptions) -> tuple[Model, ...]:
    """Loads what the parts need: with backbone features the image tower is loaded a second time.

    Returns:
        The model of images and texts in one space, if that is asked for, and the one that is probed; once where they
        are the same.

    Raises:
        ModelError: the model cannot be loaded, or has no backbone features apart.
        InputError: it lacks a tower, or is open with other features.
    """
    model, device = options.model, options.device
    asked = {"--retrieval": options.retrieval, "--zero-shot": options.zero_shot is not None}
    joint = [name for name, is_asked in asked.items() if is_asked]
    apart = options.linear_probe and options.features == "backbone"
    opened = []
    if joint or not apart:
        opened.append(_with_features(model, "projector", device=device))
        check_text_tower(opened[0], parts=joint)
        if asked["--zero-shot"]:
            prompt_encoder(opened[0])
    if apart:
        opened.append(_with_features(model, "backbone", device=device))
    for each in opened:
        if not has_tower(each, "image"):
            raise InputError(f"'{spec_of(each)}' has no image tower; utility is of images: give a model that has one")
    return tuple(opened)


def _with_features(model: str | Model, features: Features, *, device: str) -> Model:
    """The model with these features of its image tower; one that is open already has what it has."""
    opened: Model = load_encoder(model, device=device, features=features) if isinstance(model, str) else model
    have = getattr(opened, "features", None)
    if features == "backbone" and have != "backbone":
        why = "vectors that exist already" if isinstance(opened, StoredVectors) else f"open with {have} features"
        raise InputError(
            f"'{spec_of(opened)}' is {why}, so its backbone cannot be probed; name the model by its specification, or "
            "pass --features projector"
        )
    return opened


def check_text_tower(model: Model, *, parts: list[str]) -> None:
    """Passes where the model can do all of ``parts``, which need texts and images in one space.

    Raises:
        InputError: it has no text tower, or its images are in another space.
    """
    if not parts:
        return
    if not has_tower(model, "text"):
        raise InputError(
            f"'{spec_of(model)}' has no text tower, so it can only be probed; leave {' and '.join(parts)} out and pass "
            "--linear-probe, or give a CLIP-like model"
        )
    if getattr(model, "features", None) == "backbone":
        raise InputError(
            f"'{spec_of(model)}' is open with backbone features, which share no space with its texts; open it with "
            f"projector features for {' and '.join(parts)}"
        )


def prompt_encoder(model: Model) -> TextEncoder:
    """The text tower that embeds prompts.

    Raises:
        InputError: there are only vectors of other texts.
    """
    if isinstance(model, StoredVectors):
        raise InputError(
            f"'{spec_of(model)}' holds vectors that exist already and cannot embed prompts; give the model itself, or "
            "leave --zero-shot out"
        )
    return text_tower(model)


def rejects_of(parts: list[tuple[str, Embedded]]) -> list[dict[str, str]]:
    """Rows of ``rejects.parquet``, each record and reason once."""
    rows = {(side, record_id): reason for side, part in parts for record_id, reason in part.rejects}
    return [{"record_id": record_id, "side": side, "reason": rows[side, record_id]} for side, record_id in sorted(rows)]


def _with_caption(records: Records, number: int) -> Records:
    """The records whose caption of this number, from 1, is there and not blank."""
    counts = pc.fill_null(pc.list_value_length(records.column("captions")), 0)
    long = dataclasses.replace(records, table=records.table.filter(pc.greater_equal(counts, number)))
    if not len(long):
        return long
    texts = pc.list_element(long.column("captions"), number - 1)
    said = pc.fill_null(pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(texts)), 0), fill_value=False)
    return dataclasses.replace(long, table=long.table.filter(said))
