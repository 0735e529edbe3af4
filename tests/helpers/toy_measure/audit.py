"""What differs between its audit and any other."""

import pyarrow as pa

from memometer.audits.inputs import open_two_towers
from memometer.audits.measure import Measure, Results
from memometer.embeddings import embed_images, embed_texts
from memometer.runs.folder import REJECTS_SCHEMA
from memometer.runs.items import ITEM_SCHEMA
from memometer.runs.manifest import describe_model
from memometer.statistics import gap_of
from toy_measure.options import ToyOptions
from toy_measure.scores import advantage

__all__ = ["Toy"]


class Toy(Measure[ToyOptions, dict, dict]):
    def parts(self):
        return self.roles()

    def open(self, parts):
        asked = {"target": self.options.target, "reference": self.options.reference}
        models = {name: open_two_towers(each, device=self.options.device) for name, each in asked.items()}
        described = {name: describe_model(model, self.options.written(name)) for name, model in models.items()}
        return models, {**described, **self.described(parts)}

    def score(self, parts, opened, *, store):
        records, options = parts["forward"], self.options
        how = {"store": store, "workers": options.workers, "batch_size": options.batch_size}
        pairs = {
            name: [
                embed_images(records, model, label=f"images, {name}", **how).embeddings[:],
                embed_texts(records, model, store=store, label=f"captions, {name}").embeddings[:],
            ]
            for name, model in opened.items()
        }
        return {"advantage": options.scale * advantage(**pairs)}

    def results(self, parts, opened, scored, *, manifest, n_duplicates):
        records, options = parts["forward"], self.options
        gap = gap_of(
            [scored["advantage"]],
            seed=options.seed,
            name="toy",
            replicates=options.replicates,
            groups=[records.groups],
        )
        return Results(
            numbers={
                **{name: options.written(name) for name in ("target", "reference")},
                "n_records": len(records),
                "advantage": gap.as_dict(),
            },
            samples=pa.table({"record_id": records.record_ids, "advantage": scored["advantage"]}),
            gallery=ITEM_SCHEMA.empty_table(),
            rejects=REJECTS_SCHEMA.empty_table(),
            notes=[],
        )

    def untrained(self, seed, parts, opened):
        return {name: self.bare(seed, name) for name in ("target", "reference")}

    @staticmethod
    def null_intervals(summary):
        return {"advantage": summary.advantage}
