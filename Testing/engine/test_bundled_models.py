"""What every model that the extension brings must know of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resformer_unet.bundle import CARD, ModelBundle, load_bundle
from resformer_unet.familiarity import Familiarity

MODELS = Path(__file__).parents[2] / "ResFormerSeg" / "Resources" / "Models"
FOLDERS = sorted(path.parent for path in MODELS.glob("*/model.json"))
FINISHED_BEFORE = {
    "brain-tumor-mr": "finished before models remembered their training images",
    "skin-lesion": "finished before models remembered their training images",
}


def as_parameter(folder: Path):
    """A strict mark: once such a model is issued anew, its line above must go."""
    reason = FINISHED_BEFORE.get(folder.name)
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    return pytest.param(load_bundle(folder), id=folder.name, marks=marks)


each_model = pytest.mark.parametrize("bundle", [as_parameter(folder) for folder in FOLDERS])


def test_the_extension_brings_models():
    assert FOLDERS and FINISHED_BEFORE.keys() <= {folder.name for folder in FOLDERS}


@each_model
def test_a_model_that_is_shipped_recognises_foreign_images(bundle: ModelBundle):
    familiarity = Familiarity.of_bundle(bundle)
    assert familiarity is not None and familiarity.limit > 0


@each_model
def test_the_card_of_a_model_that_is_shipped_shows_figures_of_its_test_split(bundle: ModelBundle):
    assert "test" in [row["split"] for row in bundle.descriptor["results"]]
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (bundle.folder / CARD).read_text("utf-8"))
    assert shown and all((bundle.folder / name).is_file() for name in shown)
