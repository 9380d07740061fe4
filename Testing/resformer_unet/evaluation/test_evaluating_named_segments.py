"""Evaluation against masks that another program has renumbered."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from helpers.generated_dataset import write_pixels, write_table
from helpers.named_masks import write_named
from helpers.tiny_model import tiny_descriptor
from resformer_unet.errors import EngineError
from resformer_unet.evaluation.evaluate import evaluate
from resformer_unet.model.bundle import ModelBundle

LABELS = np.zeros((3, 16, 20), np.uint8)
LABELS[1, 2:9, 2:5], LABELS[1, 2:9, 8:15] = 1, 2


class StandIn:
    """Gives :data:`LABELS` for every image, as the segments core and rim."""

    def __init__(self, folder) -> None:
        descriptor = {**tiny_descriptor(("core", "rim"), ()), "weights": {"sha256": "0" * 64}}
        self.bundle = ModelBundle(folder, descriptor)

    def predict(self, image):
        report = {"diagnosis": None, "warnings": [], "slice_axis": {"plane": "axial", "array_axis": 0}}
        areas = np.count_nonzero(LABELS, axis=(1, 2))
        return SimpleNamespace(layers=LABELS[None], report=report, areas=areas, out_of_distribution_score=None)


def data_set(folder, *segments: tuple):
    """A volume with :data:`LABELS` in exchanged values as its mask, whose header names these segments."""
    write_pixels(folder / "images" / "a.nrrd", np.arange(LABELS.size, dtype=np.int16).reshape(LABELS.shape))
    write_named(folder / "masks" / "a.seg.nrrd", np.array([0, 2, 1], np.uint8)[LABELS], segments)
    return write_table(folder, [{"id": "a", "label": "", "split": "test", "group": "a"}])


def test_a_reference_that_was_renumbered_gives_the_same_figures(tmp_path):
    folder = data_set(tmp_path, ("rim", "Rim", 0, 1), ("core", "Core", 0, 2))
    dice = evaluate(folder, StandIn(tmp_path))["segmentation"]["dice"]
    assert dice == {"mean": 1, "core": 1, "rim": 1}


def test_a_reference_with_a_segment_that_the_model_lacks_is_refused_before_anything_is_predicted(tmp_path):
    folder, predictor = data_set(tmp_path, ("rim", "Rim", 0, 1), ("x", "Edema", 0, 2)), StandIn(tmp_path)
    predictor.predict = lambda image: pytest.fail("predicted")
    with pytest.raises(EngineError, match="“Edema”") as caught:
        evaluate(folder, predictor)
    assert caught.value.code == "MASK_VALUES_UNKNOWN" and "Case a" in caught.value.message
