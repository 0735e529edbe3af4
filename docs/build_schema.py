"""Writes docs/summary*.schema.json from the models of all measures' summaries."""

import json
from pathlib import Path

from memometer.catalogue import KNOWN, summary_model

if __name__ == "__main__":
    for measure in KNOWN:
        name = "summary" if measure == "vl-dejavu" else f"summary-{measure}"
        schema = json.dumps(summary_model(measure).model_json_schema(by_alias=True), indent=2, ensure_ascii=False)
        (Path(__file__).parent / f"{name}.schema.json").write_text(schema + "\n", encoding="utf-8")
