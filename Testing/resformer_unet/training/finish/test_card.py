"""The model card's figures: drawn from an evaluation, small, and without anybody's images."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("matplotlib")

from helpers.generated_dataset import write_discs  # noqa: E402
from helpers.tiny_model import save_tiny, tiny_descriptor, tiny_weights  # noqa: E402
from resformer_unet.evaluation.evaluate import evaluate  # noqa: E402
from resformer_unet.inference.predictor import Predictor  # noqa: E402
from resformer_unet.model.saving import save_bundle  # noqa: E402
from resformer_unet.training.finish.card import card_files, model_card  # noqa: E402

RESULT = {"data": "discs", "split": "test", "cases": 4, "metrics": {"dice_mean": 0.5}}


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("card")
    bundle = save_tiny(folder / "tiny")
    return evaluate(write_discs(folder / "data", {"test": 4}), Predictor(bundle, "cpu"), "test"), bundle


def with_recipe() -> dict:
    descriptor = tiny_descriptor(results=[RESULT])
    descriptor["training"]["recipe"] = {"preset": "small"}
    return descriptor


def test_the_card_shows_every_figure_that_lies_beside_it_and_links_the_report_card(evaluated):
    files = card_files(*evaluated)
    assert files.keys() == {"dice.svg", "reliability.svg", "report-card.html"}
    card = model_card(with_recipe(), files)
    assert set(re.findall(r"\]\(([^)]+)\)", card)) == files.keys()
    assert model_card(with_recipe()).count("](") == 0


def test_the_figures_hold_no_image_of_a_case_and_are_small(evaluated):
    files = card_files(*evaluated)
    assert sum(len(text.encode()) for text in files.values()) < 300_000
    for text in files.values():
        assert "image/jpeg" not in text and "image/png" not in text
    assert "test-0" not in files["report-card.html"]


def test_the_dice_figure_tells_the_cases_and_their_median(evaluated):
    report, bundle = evaluated
    values = sorted(row["dice"]["lesion"] for row in report["per_case"])
    text = card_files(report, bundle)["dice.svg"]
    assert "Lesion: 4 cases" in text and f"median {(values[1] + values[2]) / 2:.3f}" in text
    assert f"ECE {report['diagnosis']['ece']:.3f}" in card_files(report, bundle)["reliability.svg"]


def test_the_same_evaluation_gives_the_same_figures(evaluated):
    assert card_files(*evaluated) == card_files(*evaluated)


@pytest.mark.parametrize(
    ("task", "files"), [({"segments": ()}, {"reliability.svg"}), ({"diagnoses": ()}, {"dice.svg"})]
)
def test_a_model_with_one_task_has_the_figure_of_that_task(tmp_path, task, files):
    predictor = Predictor(save_tiny(tmp_path / "tiny", **task), "cpu")
    report = evaluate(write_discs(tmp_path / "data", {"test": 4}), predictor)
    assert card_files(report, predictor.bundle).keys() == {*files, "report-card.html"}


def test_a_bundle_carries_them_and_a_newer_one_replaces_them(tmp_path):
    descriptor = tiny_descriptor()
    for text in ("old", "new"):
        save_bundle(tmp_path / "tiny", descriptor, tiny_weights(descriptor), "# Card\n", {"dice.svg": text})
    assert (tmp_path / "tiny" / "dice.svg").read_text() == "new"
    names = {"README.md", "dice.svg", "model.json", "weights.safetensors"}
    assert {path.name for path in (tmp_path / "tiny").iterdir()} == names
