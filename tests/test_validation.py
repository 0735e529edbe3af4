"""What is wrong with options, in words of our own: pydantic's never reach a user."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from memometer.validation import problems


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    depth: int = 1


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = ""
    count: int = Field(default=1, ge=1, lt=10)
    share: float = Field(default=0.5, gt=0, le=0.5, allow_inf_nan=False)
    kind: Literal["one", "other"] = "one"
    flag: bool = False
    path: Path = Path()
    parts: list[int] = Field(default=[], max_length=2)
    pair: tuple[int, int] = (0, 0)
    table: dict[str, int] = {}
    part: Part | None = None
    word: Annotated[str, Field(pattern="^a+$")] = "a"
    even: int = 2

    @field_validator("even")
    @classmethod
    def _even(cls, value):
        if value % 2:
            raise ValueError("Expected an even number")
        return value


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": 3}, "name = 3; expected a text"),
        ({"count": 0}, "count = 0; expected 1 or more"),
        ({"count": 10}, "count = 10; expected less than 10"),
        ({"count": "x"}, "count = 'x'; expected a whole number"),
        ({"count": 1.5}, "count = 1.5; expected a whole number"),
        ({"share": 0}, "share = 0; expected more than 0"),
        ({"share": 0.75}, "share = 0.75; expected 0.5 or less"),
        ({"share": "much"}, "share = 'much'; expected a number"),
        ({"share": float("nan")}, "share = nan; expected a finite number"),
        ({"kind": "two"}, "kind = 'two'; expected one or other"),
        ({"flag": "perhaps"}, "flag = 'perhaps'; expected true or false"),
        ({"path": 3}, "path = 3; expected a path"),
        ({"parts": 3}, "parts = 3; expected a list"),
        ({"parts": ["x"]}, "parts.0 = 'x'; expected a whole number"),
        ({"parts": [1, 2, 3]}, "parts = [1, 2, 3]; expected a list of 2 or fewer"),
        ({"pair": [1]}, "'pair.1' is missing"),
        ({"table": 3}, "table = 3; expected an object"),
        ({"word": "b"}, "word = 'b'; expected a text of the form ^a+$"),
        ({"even": 3}, "even = 3: expected an even number"),
        ({"nmae": 3}, "unknown key 'nmae'; did you mean 'name'? known are count, even, "),
        ({"part": {"dpeth": 3}}, "unknown key 'part.dpeth'; did you mean 'depth'? known are depth"),
        ({"part": 3}, "part = 3; expected an object"),
        ({"name": 3, "flag": 7}, "name = 3; expected a text; flag = 7; expected true or false"),
    ],
)
def test_every_fault_is_told_in_our_words(values, words):
    with pytest.raises(ValidationError) as error:
        Everything.model_validate(values)
    told = problems(error.value, of=Everything)
    assert told.startswith(words)
    assert "nput" not in told
    assert "valid" not in told


def test_long_values_and_names_are_cut_and_many_faults_are_few():
    with pytest.raises(ValidationError) as error:
        Everything.model_validate({"x" * 500: 1, "count": "y" * 500, "flag": 7, "parts": 3, "table": 3})
    told = problems(error.value, of=Everything)
    assert len(told) < 600
    assert told.count("expected") + told.count("unknown") == 3
