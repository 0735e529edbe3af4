"""What a run's folder keeps of its options."""

import math

import pyarrow as pa

from memometer.runs.folder import read_config, write_run
from memometer.runs.schema import Summary


def test_options_are_read_as_they_were_written(tmp_path):
    """Whatever a path or a name may hold; TOML has no null, so None is left out."""
    options = {
        "text": 'a "quoted"\\ line\r\nand a tab\t, \x00, \x7f, \u2028, é, 🙂, # and [x]',
        "an odd key.é": 1,
        "number": 0.1,
        "small": 1e-300,
        "large": 2**62,
        "yes": True,
        "several": ["a", 'b\n"', ""],
        "ks": [1, 10, 100],
        "none of them": [],
    }
    summary = Summary.model_construct(measure="utility")
    write_run(
        tmp_path,
        summary=summary,
        tables={"t": pa.table({})},
        manifest={},
        config={**options, "a": None, "ks": (1, 10, 100)},
    )
    assert read_config(tmp_path) == options
    write_run(tmp_path, summary=summary, tables={}, manifest={}, config={"x": math.inf, "y": math.nan})
    assert str(read_config(tmp_path)) == "{'x': inf, 'y': nan}"
