"""The schema of model.json, and the small validator that stands in for jsonschema inside Slicer."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

import resformer_unet
from helpers.tiny_model import tiny_descriptor
from resformer_unet.model.schema import violations

PACKAGE = Path(resformer_unet.__file__).parent
SCHEMA = json.loads((PACKAGE / "model" / "model.schema.json").read_text(encoding="utf-8"))
WEIGHTS = {"file": "weights.safetensors", "sha256": "0" * 64, "bytes": 1, "dtype": "float16"}
REMOVED = object()

# place in the document, new value, what the message must name
INVALID = [
    (["id"], "Tiny Model", "id must look like"),
    (["title"], "", "title must not be empty"),
    (["version"], REMOVED, "version is missing"),
    (["schema_version"], True, "schema_version must be 1"),
    (["kind"], "3d", "kind must be one of '2d', 'volume', 'both'"),
    (["colour"], "red", "unknown key 'colour'"),
    (["input", "channels"], 0, "input.channels must be at least 1"),
    (["input", "channels"], True, "input.channels must be of type integer"),
    (["input", "channels"], 1.5, "input.channels must be of type integer"),
    (["input", "channels"], float("inf"), "input.channels must be of type integer"),
    (["input", "size"], [32], "input.size must have at least 2 entries"),
    (["input", "size"], [32, 32, 32], "input.size must have at most 2 entries"),
    (["input", "size", 1], "32", "input.size[1] must be of type integer"),
    (["input", "intensity", "std", 0], 0, "input.intensity.std[0] must be greater than 0"),
    (["input", "orientation", "volume"], "transposed", "input.orientation.volume must be one of"),
    (["network", "exclusive"], "no", "network.exclusive must be of type boolean"),
    (["segmentation", "segments"], [], "segmentation.segments must have at least 1"),
    (["segmentation", "segments", 0, "value"], 256, "segmentation.segments[0].value must be at most 255"),
    (["segmentation", "segments", 0, "color", 2], -1, "segmentation.segments[0].color[2] must be at least 0"),
    (["segmentation", "segments", 0, "terminology", "type"], None, "terminology.type must be of type object"),
    (["segmentation", "segments", 0, "terminology", "category", "value"], REMOVED, "category.value is missing"),
    (["diagnosis", "classes", 1, "code"], {"scheme": "SCT"}, "diagnosis.classes[1].code.value is missing"),
    (["diagnosis", "rule"], "median", "diagnosis.rule must be one of"),
    (["calibration"], {"method": "temperature", "temperature": 0, "fitted_on": "val"}, "calibration.temperature"),
    (["calibration"], {"method": "isotonic", "temperature": 1, "fitted_on": "val"}, "calibration.method must be one"),
    (["results"], [{"data": "d", "split": "test", "cases": 3, "metrics": {"dice": None}}], "results[0].metrics.dice"),
    (["weights", "file"], "../weights.safetensors", "weights.file must be 'weights.safetensors'"),
    (["weights", "sha256"], "abc", "weights.sha256 must look like"),
    (["training", "date"], "23.11.2026", "training.date must look like"),
    (["limits"], "none", "limits must be of type array"),
]
VALID = [
    (["title"], "Hautläsion 皮膚"),
    (["input", "channels"], 3.0),  # JSON Schema counts 3.0 as an integer
    (["segmentation"], None),
    (["diagnosis"], None),
    (["diagnosis", "classes", 0, "code"], {"scheme": "SCT", "value": "1", "meaning": "m"}),
    (["calibration"], {"method": "temperature", "temperature": 1.3, "fitted_on": "val, 301 cases"}),
    (["calibration"], {"method": "temperature_and_biases", "temperature": 1.3, "biases": [0.5, -1], "fitted_on": "v"}),
    (["network", "any_other_field"], [1, 2]),
    (["training", "recipe"], {"epochs": 12, "nested": {"free": [None]}}),
    (["results"], [{"data": "d", "split": "test", "cases": 3, "metrics": {"dice": 0.5}}]),
]


def document(place: list | None = None, value: object = None) -> dict:
    result = copy.deepcopy({**tiny_descriptor(), "weights": WEIGHTS})
    if place:
        *parents, last = place
        target = result
        for key in parents:
            target = target[key]
        if value is REMOVED:
            del target[last]
        else:
            target[last] = value
    return result


def reference_validator():
    return pytest.importorskip("jsonschema").Draft202012Validator(SCHEMA)


def test_the_schema_itself_is_valid_json_schema():
    pytest.importorskip("jsonschema").Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("place", "value", "expected"), INVALID)
def test_a_wrong_entry_is_refused_and_its_place_is_named(place, value, expected):
    messages = list(violations(document(place, value), SCHEMA))
    assert any(expected in message for message in messages), messages


@pytest.mark.parametrize(("place", "value"), [(None, None), *VALID])
def test_a_valid_document_has_no_violations(place, value):
    assert list(violations(document(place, value), SCHEMA)) == []


@pytest.mark.parametrize(("place", "value"), [(None, None), *VALID, *(row[:2] for row in INVALID)])
def test_the_validator_agrees_with_jsonschema(place, value):
    either = document(place, value)
    assert (list(violations(either, SCHEMA)) == []) == reference_validator().is_valid(either)


@pytest.mark.parametrize("not_an_object", [[], "text", 3, None, True])
def test_a_document_that_is_no_object_is_refused(not_an_object):
    assert list(violations(not_an_object, SCHEMA))


def test_an_unknown_schema_keyword_is_never_skipped():
    with pytest.raises(NotImplementedError, match="maxLength"):
        list(violations("text", {"type": "string", "maxLength": 2}))


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "training" / "setup" / "recipes").glob("*.json")), ids=lambda path: path.stem
)
def test_the_descriptor_of_a_recipe_becomes_a_valid_model(path):
    part = json.loads(path.read_text(encoding="utf-8"))["descriptor"]
    tiny = document()
    training = {**tiny["training"], **part["training"]}
    added = {key: tiny[key] for key in ("network", "calibration", "results", "weights")}
    assert not added.keys() & part.keys()
    assert list(violations({**added, **part, "training": training}, SCHEMA)) == []
    assert "Not a medical device" in part["intended_use"]
