"""Writes docs/summary*.schema.json from the models in memometer.audits, memometer.utility and memometer.sweeps."""

import json
from pathlib import Path

from memometer.audits.schema import VLDejaVuSummary
from memometer.audits.schema_clipmem import ClipMemSummary
from memometer.audits.schema_image_dejavu import ImageDejaVuSummary
from memometer.audits.schema_sslmem import SslMemSummary
from memometer.audits.schema_unitmem import UnitMemSummary
from memometer.sweeps.schema import SweepSummary
from memometer.utility.schema import UtilitySummary

MODELS = {
    "summary": VLDejaVuSummary,
    "summary-clipmem": ClipMemSummary,
    "summary-image-dejavu": ImageDejaVuSummary,
    "summary-sslmem": SslMemSummary,
    "summary-unitmem": UnitMemSummary,
    "summary-utility": UtilitySummary,
    "summary-sweep": SweepSummary,
}

if __name__ == "__main__":
    for name, model in MODELS.items():
        schema = json.dumps(model.model_json_schema(by_alias=True), indent=2, ensure_ascii=False)
        (Path(__file__).parent / f"{name}.schema.json").write_text(schema + "\n", encoding="utf-8")
