"""What every model that the extension brings must know of itself."""

from __future__ import annotations

import re

import numpy as np
import pytest

from helpers.paths import MODELS
from resformer_unet.inference.out_of_distribution import OutOfDistributionDetector
from resformer_unet.model.bundle import CARD, ModelBundle, load_bundle

FOLDERS = sorted(path.parent for path in MODELS.glob("*/model.json"))
each_model = pytest.mark.parametrize("bundle", [load_bundle(folder) for folder in FOLDERS], ids=lambda x: x.id)


def test_the_extension_brings_models():
    assert FOLDERS


@each_model
def test_a_model_that_is_shipped_has_an_out_of_distribution_detector(bundle: ModelBundle):
    out_of_distribution = OutOfDistributionDetector.of_bundle(bundle)
    assert out_of_distribution is not None and np.isfinite(out_of_distribution.threshold)


@each_model
def test_the_card_of_a_model_that_is_shipped_shows_figures_of_cases_that_it_was_not_trained_on(bundle: ModelBundle):
    splits = {"cardiac-mr": {"val"}}.get(bundle.id, {"val", "test"})  # ACDC's test cases have no public labels here
    assert {row["split"] for row in bundle.descriptor["results"]} == splits
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (bundle.folder / CARD).read_text("utf-8"))
    assert shown and all((bundle.folder / name).is_file() for name in shown)
