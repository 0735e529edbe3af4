"""What holds of the audits of single towers alike."""

import pytest
from file_digests import file_digests
from tower_world import Counts, KilledError, StopsAfter, encoder, records_folder

from memometer import audit_sslmem, audit_unitmem
from memometer.errors import InputError

N = 12
CASES = {
    "sslmem": (audit_sslmem, {"reference": encoder(2)}),
    "unitmem": (audit_unitmem, {}),
    "unitmem by the median": (audit_unitmem, {"statistic": "median"}),
}


@pytest.fixture(params=CASES)
def audit(request, tmp_path):
    function, more = CASES[request.param]
    records = records_folder(tmp_path / "records", n=N, roles=("a",))
    options = {"target": encoder(1), "records": records, "role": "a", "replicates": 50, "draws": 3, "images": False}
    return lambda **changes: function(**{**options, **more, **changes})


def test_a_killed_audit_goes_on_at_its_piece_and_gives_the_same_bytes(audit, tmp_path, monkeypatch):
    monkeypatch.setattr("memometer.pieces.PIECE_SIZE", 4)
    options = {"batch_size": 6}  # two records per forward pass, so two passes per piece
    whole = audit(store=tmp_path / "whole", **options)
    with pytest.raises(KilledError):
        audit(store=tmp_path / "killed", target=StopsAfter(encoder(1), images=3), **options)
    assert len([name for name in file_digests(tmp_path / "killed", "*.np[yz]") if name.endswith("npz")]) == 1
    counting = Counts(encoder(1))
    again = audit(store=tmp_path / "killed", target=counting, **options)
    assert counting.views == 1 + 3 * (N - 4)  # the probe, and the views of the records that were not on disk
    assert again.tables.keys() == whole.tables.keys()
    assert all(table.equals(whole.tables[name]) for name, table in again.tables.items())
    assert file_digests(tmp_path / "killed", "*.np[yz]") == file_digests(tmp_path / "whole", "*.np[yz]")
    assert audit(workers=1, **options).samples.equals(whole.samples)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"augment": "rotate"}, "augment = 'rotate'; expected clip, ssl, crop or none"),
        ({"tower": "audio"}, "tower = 'audio'; expected image, text or both"),
        ({"layers": ["nope"]}, "the tower has no module 'nope'; name its layers with --layers"),
    ],
)
def test_wrong_input_is_a_sentence(audit, change, words):
    with pytest.raises(InputError, match=words):
        audit(**change)
