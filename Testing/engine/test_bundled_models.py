"""What every model that the extension brings must know of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resformer_unet.bundle import CARD, ModelBundle, load_bundle
from resformer_unet.familiarity import Familiarity

MODELS = Path(__file__).parents[2] / "ResFormerSeg" / "Resources" / "Models"
FOLDERS = sorted(path.parent for path in MODELS.glob("*/model.json"))
each_model = pytest.mark.parametrize("bundle", [load_bundle(folder) for folder in FOLDERS], ids=lambda x: x.id)


def test_the_extension_brings_models():
    assert FOLDERS


@each_model
def test_a_model_that_is_shipped_recognises_foreign_images(bundle: ModelBundle):
    familiarity = Familiarity.of_bundle(bundle)
    assert familiarity is not None and familiarity.limit > 0


@each_model
def test_the_card_of_a_model_that_is_shipped_shows_figures_of_cases_that_it_was_not_trained_on(bundle: ModelBundle):
    splits = {"cardiac-mr": {"val"}}.get(bundle.id, {"val", "test"})  # ACDC's test cases have no public labels here
    assert {row["split"] for row in bundle.descriptor["results"]} == splits
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (bundle.folder / CARD).read_text("utf-8"))
    assert shown and all((bundle.folder / name).is_file() for name in shown)
