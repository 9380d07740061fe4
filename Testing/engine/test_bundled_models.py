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
def test_the_card_of_a_model_that_is_shipped_shows_figures_of_its_test_split(bundle: ModelBundle):
    assert "test" in [row["split"] for row in bundle.descriptor["results"]]
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (bundle.folder / CARD).read_text("utf-8"))
    assert shown and all((bundle.folder / name).is_file() for name in shown)
