"""What the notes of several audits say alike."""

from typing import Any

__all__ = ["duplicate_notes", "model_warnings", "one_way_note"]


def model_warnings(manifest: dict[str, Any]) -> list[str]:
    """What was guessed about the target, the reference and further references."""
    models = [("target", manifest["target"]), ("reference", manifest["reference"])]
    models += [(f"reference {place}", model) for place, model in enumerate(manifest["further_references"], start=2)]
    return [f"{name}: {text}" for name, model in models for text in model.get("warnings", [])]


def duplicate_notes(n: int, why: str) -> list[str]:
    """That so many pairs of duplicates lie across roles, and what of it; nothing where there are none."""
    return [f"{n:,} pairs of duplicate images lie across {why}"] if n else []


def one_way_note(number: str, *, swappable: bool) -> str:
    """That one direction alone mixes memorization with quality, and what takes the quality out.

    Args:
        number: what is said to mix them, e.g. ``gap``.
        swappable: whether the reference was trained on records of its own.
    """
    remedy = (
        "pass --reference-role to balance the two"
        if swappable
        else "pass --control-role, records that the target never saw, to take the difference in quality out"
    )
    return (
        f"one direction only: a {number} here mixes memorization with plain quality, since a better target beats the "
        f"reference on anyone's records; {remedy}"
    )
