"""Entries of a descriptor that must agree with each other: just within, and just beyond."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.tiny_model import tiny_descriptor
from resformer_unet.errors import EngineError
from resformer_unet.model.descriptor import check_descriptor

WEIGHTS = {"file": "weights.safetensors", "sha256": "0" * 64, "bytes": 1, "dtype": "float16"}


def problem(**intensity) -> str | None:
    """What is wrong with a descriptor whose percentiles are these; `None` if it is valid."""
    descriptor = {**tiny_descriptor(), "weights": WEIGHTS}
    percentile = {"method": "percentile", "scope": "image", "lower": 1, "upper": 99}
    descriptor["input"]["intensity"] |= percentile | intensity
    try:
        check_descriptor(descriptor, Path("model.json"))
    except EngineError as error:
        return str(error)
    return None


@pytest.mark.parametrize(("lower", "upper"), [(0, 100), (0, 1), (99, 100), (1, 99.5)])
def test_percentiles_from_0_to_100_are_valid(lower, upper):
    assert problem(lower=lower, upper=upper) is None


@pytest.mark.parametrize(("lower", "upper"), [(-1, 99), (0, 101), (50, 50), (99, 1)])
def test_percentiles_beyond_or_in_the_wrong_order_are_refused(lower, upper):
    message = problem(lower=lower, upper=upper)
    assert message is not None and "input.intensity.lower and upper are percentiles, from 0 to 100" in message
    assert ("lower must be below" in message) == (lower >= upper)
