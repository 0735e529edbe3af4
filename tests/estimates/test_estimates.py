"""What an audit will take: the laws against plain arithmetic, the operations of a model against a formula."""

import json

import pytest
from typer.testing import CliRunner

from memometer.cli.main import app
from memometer.errors import InputError, ModelError
from memometer.estimates import estimate_audit
from memometer.estimates.devices import ASSUMED_SEARCH, DEVICES
from memometer.estimates.estimate import number_of
from memometer.estimates.model_cost import cost_of
from memometer.estimates.rates import Memory, Rates, Series, load_rates, slope

RATES = Rates.model_validate(
    {
        "measured": {"date": "2026-01-01", "command": "measure", "machine": "one", "software": "some"},
        "stages": {
            "read": [{"unit": "records", "sizes": [1e5, 1e6], "seconds": [1, 10]}],
            "decode": [{"unit": "images", "sizes": [1000], "seconds": [5]}],
            "tokenize": [{"unit": "captions", "sizes": [10_000], "seconds": [1]}],
            "search": [
                {"unit": "products", "sizes": [1e11], "seconds": [1], "held": {"k": 10}},
                {"unit": "products", "sizes": [1e11], "seconds": [3], "held": {"k": 100}},
            ],
            "score": [{"unit": "records", "sizes": [1e6], "seconds": [20], "held": {"k": 10}}],
            "finish": [{"unit": "records", "sizes": [1e5, 1e6], "seconds": [10, 200]}],
        },
        "forward": 2e11,
        "memory": {"records": [100_000, 1_100_000], "peak_bytes": [1e9, 2e9]},
        "devices": {"t4": {"search": 1e13}},
    }
)


@pytest.fixture(autouse=True)
def known_rates(monkeypatch):
    monkeypatch.setattr("memometer.estimates.estimate.load_rates", lambda: RATES)


def stages(**asked):
    return {cost.stage: cost for cost in estimate_audit(**asked).costs}


def test_time_is_the_work_over_the_rate_of_all_cores():
    found = stages(records="1M", public="1M", dim=512, k=100, cores=4, nodes=2)
    assert found["search"].hours == pytest.approx(1e6 * 1e6 * 2 * 512 / 1e11 * 3 / 4 / 2 / 3600)
    assert found["objects scored"].hours == pytest.approx(2e6 / 1e6 * 20 / 4 / 2 / 3600)
    assert found["records read and checked"].hours == pytest.approx(20 / 3600)
    assert found["statistics, tables, report"].hours == pytest.approx(200 / 3600)
    assert found["search"].disk_bytes == 1e6 * 2 * (100 * 4 + 10 * 8)


def test_beside_an_accelerator_the_slower_of_the_two_decides():
    cost = cost_of("ViT-B-32")
    found = stages(records="1M", public="2M", k=10, model="ViT-B-32", device="h100", cores=10)
    speed = DEVICES["h100"].peak * 0.3
    decoding, computing = 4e6 * 0.005 / 10, 4e6 * cost.image / speed
    assert decoding > computing
    assert found["public images embedded"].hours == pytest.approx(decoding / 3600)
    assert "the processor decides" in found["public images embedded"].basis
    assert found["captions embedded"].hours == pytest.approx(max(2e6 * 1e-4 / 10, 2e6 * cost.text / speed) / 3600)
    assert found["search"].hours == pytest.approx(
        2 * 1e6 * 2e6 * 2 * 512 / (DEVICES["h100"].peak * ASSUMED_SEARCH) / 3600
    )
    assert found["public images embedded"].disk_bytes == 2e6 * 2 * 512 * 4


def test_on_a_processor_decoding_and_the_forward_pass_add_up():
    cost = cost_of("ViT-B-32")
    found = stages(records="1k", public="1M", k=10, model="ViT-B-32", cores=1)["public images embedded"]
    assert found.hours == pytest.approx((2e6 * 0.005 + 2e6 * cost.image / 2e11) / 3600)
    assert found.basis == "measured"


def test_what_was_measured_on_a_device_goes_before_its_data_sheet():
    found = stages(records="1M", public="1M", dim=64, k=10, device="T4")["search"]
    assert found.hours == pytest.approx(2 * 2e12 * 64 / 1e13 / 3600)
    assert found.basis == "measured"


def test_operations_are_those_of_a_formula():
    cost = cost_of("ViT-B-32")
    width, layers, tokens, patch = 768, 12, 50, 32
    block = 2 * tokens * 12 * width**2 + 2 * 2 * tokens**2 * width
    formula = layers * block + 2 * 49 * 3 * patch**2 * width + 2 * width * 512
    assert cost.image == pytest.approx(formula, rel=0.01)
    assert cost.dim == 512
    assert cost.parameters == 151_277_313


def test_beyond_the_largest_size_time_grows_as_it_did():
    square = Series(unit="x", sizes=(10, 100), seconds=(1, 100))
    assert square.exponent == pytest.approx(2)
    assert square.at(1000) == pytest.approx(10_000)
    assert square.at(50) == pytest.approx(50)  # below it in proportion
    fixed = Series(unit="x", sizes=(10, 100), seconds=(5, 6))
    assert fixed.at(1000) == pytest.approx(60)  # never less than in proportion
    assert slope((1.0,), (1.0,)) is None


def test_between_and_beyond_values_of_k_seconds_lie_on_lines():
    at = [RATES.seconds("search", 1e11, k=k) for k in (1, 10, 55, 100, 190)]
    assert at == pytest.approx([1, 1, 2, 3, 5])


def test_memory_grows_by_what_a_record_takes():
    memory = Memory(records=(100, 200), peak_bytes=(1000, 1500))
    assert [memory.at(n) for n in (10, 150, 1100)] == [1000, 1250, 6000]


def test_bad_numbers_are_said():
    for text in ("", "0", "-5", "1.5", "ten", "5X", "nan", "1e6"):
        with pytest.raises(InputError, match=r"expected a whole number of 1 or more"):
            number_of(text, name="records")
    with pytest.raises(InputError, match="k is 100; expected 1 to 50"):
        estimate_audit(records="1M", public="50")
    with pytest.raises(InputError, match="nodes is 0; expected 1 or more"):
        estimate_audit(records="1M", public="1M", nodes=0)
    with pytest.raises(InputError, match="did you mean h200"):
        estimate_audit(records="1M", public="1M", device="h20")
    with pytest.raises(ModelError, match="did you mean ViT-B-32"):
        cost_of("ViT-B32")
    with pytest.raises(ModelError, match="Hugging Face hub"):
        cost_of("xlm-roberta-base-ViT-B-32")


def test_rates_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match="expected one each"):
        Series(unit="x", sizes=(1, 2), seconds=(1,))
    with pytest.raises(ValueError, match="do not rise"):
        Series(unit="x", sizes=(2, 1), seconds=(1, 1))


def test_the_command_says_what_was_assumed():
    asked = ["estimate", "--records", "10M", "--public", "1.28M", "--model", "ViT-B-32", "--device", "h200"]
    done = CliRunner().invoke(app, [*asked, "--nodes", "4"])
    assert done.exit_code == 0, done.output
    assert "search: assumed: 60% of the data sheet's peak" in done.output
    assert "one core of one" in done.output
    told = json.loads(CliRunner().invoke(app, [*asked, "--json"]).output)
    assert told["total"]["hours"] == pytest.approx(sum(each["hours"] for each in told["stages"]))
    assert told["rates"]["machine"] == "one"


def test_the_rates_that_are_shipped_were_measured():
    found = load_rates()
    assert {"read", "decode", "tokenize", "search", "score", "finish"} == found.stages.keys()
    for name in ("read", "finish"):
        exponent = found.stages[name][0].exponent
        assert exponent is not None, name
