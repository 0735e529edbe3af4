"""The commands of the image measures, as a user types them, on built-in scenes and encoders trained here."""

import json

import pytest
from failure_world import done


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Foreground scenes, split, and two encoders trained for an epoch each."""
    folder = tmp_path_factory.mktemp("work")
    done(
        "data", "scenes", "--kind", "foreground", "--n", 160, "--size", 40, "--out", folder / "records", "--workers", 0
    )
    done("data", "split", folder / "records", "--roles", "a=32,b=32,fit=40,public=rest")
    for role in "ab":
        done(
            "train-ssl", "--records", folder / "records", "--role", role, "--objective", "vicreg", "--model", "tiny",
            "--image-size", 32, "--epochs", 1, "--batch-size", 16, "--device", "cpu", "--out", folder / role,
        )  # fmt: skip
    return folder


def audit(work, measure, *words):
    shared = ("--records", work / "records", "--role", "a", "--out", work / measure, "--json")
    summary = json.loads(done("audit", measure, "--target", f"ssl:{work / 'a'}", *words, *shared)[0])
    assert summary["measure"] == measure
    assert (work / measure / "report.html").stat().st_size > 10_000
    return summary


def test_image_dejavu_with_two_models_and_one(work):
    public = ("--public", work / "records", "--public-role", "public", "--k", 10, "--min-side", 0.2)
    summary = audit(
        work, "image-dejavu", "--reference", f"ssl:{work / 'b'}", "--reference", "naive-bayes", "--fit-role", "fit",
        "--reference-role", "b", *public,
    )  # fmt: skip
    assert summary["balanced"]["100"]["n"] == summary["n_scored"] + summary["backward"]["n_scored"]
    assert [entry["test"] for entry in summary["references"]] == ["two-model", "naive-bayes"]


def test_sslmem_and_unitmem(work):
    summary = audit(work, "sslmem", "--reference", f"ssl:{work / 'b'}", "--reference-role", "b", "--draws", 2)
    assert summary["target"] == f"ssl:{work / 'a'}"
    audit(work, "unitmem", "--control-role", "b", "--draws", 2)
