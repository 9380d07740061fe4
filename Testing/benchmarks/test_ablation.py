"""The ablation on a generated set of a few small pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

pytest.importorskip("lightning")

from ablation import main  # noqa: E402
from ablation_differences import paired  # noqa: E402
from ablation_networks import VARIANTS, WITHOUT_PRETRAINING, build_network  # noqa: E402
from helpers.generated_dataset import write_discs  # noqa: E402

TASKS = {"in_channels": 3, "segments": 1, "exclusive": False, "diagnoses": 3}


@pytest.fixture(scope="module", autouse=True)
def threads():
    """The benchmark sets how many threads its process computes with, which the tests of other files go on with."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The arguments of a series that has run: two variants, two seeds."""
    folder = tmp_path_factory.mktemp("ablation")
    write_discs(folder / "discs", {"train": 8, "val": 4, "test": 4})
    arguments = ["--data", folder, "--sets", "discs", "--epochs", 1, "--size", 32, 32]
    arguments += ["--seeds", 0, 1, "--variants", "full network", "diagnosis alone", "--cache", folder / "cache"]
    arguments = [str(argument) for argument in [*arguments, "--results", folder / "results.jsonl"]]
    assert main(arguments) == 0
    return folder, arguments


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def test_each_seed_runs_all_variants_before_the_next(finished):
    runs = [(row["seed"], row["variant"]) for row in rows_of(finished[0])]
    assert runs == [(0, "full network"), (0, "diagnosis alone"), (1, "full network"), (1, "diagnosis alone")]


def test_both_splits_are_measured_and_a_missing_task_has_no_figures(finished):
    whole, diagnosis = rows_of(finished[0])[:2]
    for split in ("val", "test"):
        assert whole["results"][split]["cases"] == 4
        assert 0 <= whole["results"][split]["dice"] <= 1
        assert 0 <= whole["results"][split]["macro_auc"] <= 1
        assert diagnosis["results"][split]["dice"] is None
    assert whole["target"] == "malignant"
    assert whole["milliseconds"] > 0 and whole["times_full"] > 0
    assert diagnosis["parameters"] < whole["parameters"]


def test_a_run_that_has_finished_is_not_repeated_and_one_that_is_missing_is_made_up_for(finished):
    folder, arguments = finished
    results = folder / "results.jsonl"
    before = results.read_text()
    main(arguments)
    assert results.read_text() == before
    results.write_text("".join(before.splitlines(keepends=True)[1:]))
    main(arguments)
    again, lost = rows_of(folder)[-1], json.loads(before.splitlines()[0])
    assert again["results"] == lost["results"]  # the same seed, the same result


def test_the_table_has_a_row_for_each_variant_with_mean_and_spread(finished, capsys, tmp_path):
    main([*finished[1], "--table", "--picture", str(tmp_path / "ablation.svg")])
    assert ">diagnosis alone<" in (tmp_path / "ablation.svg").read_text("utf-8")
    table = capsys.readouterr().out
    assert "| discs, test: 4 cases, 2 of them malignant | Dice | Jaccard | accuracy |" in table
    assert "| full network | 0." in table and " ± " in table
    assert "| diagnosis alone | – | – | " in table
    assert "without DFE" not in table
    assert "| discs, test: minus the full network | Dice | macro AUC | accuracy |" in table


def test_a_difference_is_that_of_the_means_over_seeds_with_an_interval_around_it():
    def row(seed: int, dice: list[float], probabilities: list[float]) -> dict:
        cases = {"dice": dice, "probabilities": [[p, 1 - p] for p in probabilities], "label": [0, 0, 1, 1]}
        return {"seed": seed, "results": {"test": {"per_case": cases}}}

    full = [row(0, [0.5, 0.5, 0.5, None], [0.9, 0.4, 0.1, 0.2]), row(1, [0.7, 0.7, 0.7, None], [0.9, 0.8, 0.1, 0.2])]
    other = [row(0, [0.6, 0.6, 0.6, None], [0.9, 0.8, 0.1, 0.2]), row(5, [0.0, 0.0, 0.0, None], [0.1, 0.1, 0.9, 0.9])]
    found = paired(full, other)  # only seed 0 is common to both
    difference, limits = found["dice"]
    assert difference == pytest.approx(0.1) and limits == pytest.approx([0.1, 0.1])
    difference, (low, high) = found["accuracy"]
    assert difference == pytest.approx(0.25) and low == 0 and high > 0.25
    assert paired(full, [row(5, [0.0] * 4, [0.1] * 4)]) == {}


def test_weights_from_imagenet_are_where_the_variant_has_them(finished):
    assert {row["variant"]: row["pretrained"] for row in rows_of(finished[0])} == {
        "full network": "imagenet",
        "diagnosis alone": "imagenet",
    }
    assert "random initial weights" in WITHOUT_PRETRAINING


def test_a_size_that_the_unets_cannot_halve_is_refused():
    with pytest.raises(SystemExit, match="multiples of 16"):
        main(["--size", "72", "96"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_gives_its_tasks_at_the_size_of_the_image(variant):
    network = build_network(variant, **TASKS).eval()
    segmentation, diagnosis, _ = network(torch.zeros(2, 3, 64, 96))
    assert (None if segmentation is None else segmentation.shape) == {"diagnosis alone": None}.get(
        variant, (2, 1, 64, 96)
    )
    assert (None if diagnosis is None else diagnosis.shape) == {"segmentation alone": None}.get(variant, (2, 3))


def test_the_plain_unet_has_the_full_networks_convolutions_and_nothing_of_the_papers():
    full, plain = (dict(build_network(name, **TASKS).named_parameters()) for name in ("full network", "plain U-Net"))
    assert {name for name in plain if ".local." in name} == {name for name in full if ".local." in name}
    assert not [name for name in plain if ".context." in name or name.startswith("skips.")]


def test_the_nnunet_computes_what_monai_computes():
    network = build_network("nnU-Net 2D", **TASKS).eval()
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(network(image).segmentation, network.network(image))
