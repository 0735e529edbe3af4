"""Writes docs/summary.schema.json from the models in memometer.audits.schema."""

import json
from pathlib import Path

from memometer.audits.schema import VLDejaVuSummary

if __name__ == "__main__":
    schema = json.dumps(VLDejaVuSummary.model_json_schema(by_alias=True), indent=2, ensure_ascii=False)
    (Path(__file__).parent / "summary.schema.json").write_text(schema + "\n", encoding="utf-8")
