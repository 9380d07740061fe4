"""The ablation on a generated set of a few small pictures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

pytest.importorskip("lightning")

from ablation import main  # noqa: E402
from ablation_differences import paired, paired_with_full  # noqa: E402
from ablation_networks import VARIANTS, WITHOUT_PRETRAINING, build_network  # noqa: E402
from ablation_page import MADE, tables  # noqa: E402
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


@pytest.fixture(scope="module")
def page(finished, tmp_path_factory) -> Path:
    """A page with words of its own, into which the tables were written twice."""
    page = tmp_path_factory.mktemp("page") / "ablation.md"
    page.write_text("# Ablation\n\nWhat can be said.\n", encoding="utf-8")
    for _ in range(2):
        main([*finished[1], "--page", str(page)])
    return page


def test_the_page_keeps_its_words_and_has_the_tables_once(page):
    text = page.read_text("utf-8")
    assert text.startswith("# Ablation\n\nWhat can be said.\n\n<!-- ")
    assert text.count("## discs, 1 epochs\n") == 1 and text.count("| discs, test: 4 cases") == 1


def test_the_table_has_a_row_for_each_variant_with_mean_and_spread(page):
    table = page.read_text("utf-8")
    assert ">diagnosis alone<" in page.with_suffix(".svg").read_text("utf-8")
    assert "| discs, test: 4 cases, 2 of them malignant | Dice | Jaccard | accuracy |" in table
    assert "| full network | 0." in table and " ± " in table
    assert "| diagnosis alone | – | – | " in table
    assert "without DFE" not in table
    assert "| discs, test: minus the full network | Dice | macro AUC | accuracy | seeds |" in table


def test_the_seeds_differences_stand_side_by_side_for_both_splits(finished, page):
    rows = rows_of(finished[0])
    by_run = {(row["variant"], row["seed"]): row["results"]["val"]["macro_auc"] for row in rows}
    expected = ", ".join(f"{by_run['diagnosis alone', seed] - by_run['full network', seed]:+.3f}" for seed in (0, 1))
    line = next(
        line for line in page.read_text("utf-8").split("each seed minus the full network")[1].splitlines()
        if line.startswith("| diagnosis alone |")
    )  # fmt: skip
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:3] == ["–", "–"] and cells[4] == expected


def test_runs_whose_cases_are_not_known_count_in_means_and_seeds_but_have_no_interval(finished):
    rows = rows_of(finished[0])
    for row in rows:
        if row["seed"] == 1:
            del row["results"]["test"]["per_case"]
    ((_, found),) = paired_with_full(rows, VARIANTS)
    assert found["diagnosis alone"][0] == [0]
    assert "| full network |" in tables(rows) and "| 0, 1 |" in tables(rows)
    for row in rows:
        row["results"]["test"].pop("per_case", None)
    assert paired_with_full(rows, VARIANTS) == []


def test_a_difference_that_was_printed_before_the_cases_were_lost_stands_for_more_seeds_only(finished):
    rows = rows_of(finished[0])
    printed = {"seeds": [0, 1], "figures": {"macro_auc": [-0.01, -0.02, 0.005]}}
    other = next(row for row in rows if row["variant"] == "diagnosis alone")
    other["printed_difference"] = printed
    ((_, found),) = paired_with_full(rows, VARIANTS)
    assert found["diagnosis alone"][1].keys() == {"macro_auc", "accuracy"}  # both seeds' cases are known
    del other["results"]["test"]["per_case"]
    ((_, found),) = paired_with_full(rows, VARIANTS)
    assert found["diagnosis alone"] == ([0, 1], {"macro_auc": (-0.01, [-0.02, 0.005])})


def test_the_projects_page_has_the_tables_of_the_committed_runs():
    root = Path(__file__).parents[2]
    rows = [json.loads(line) for line in (root / "benchmarks/ablation-runs.jsonl").read_text("utf-8").splitlines()]
    made = (root / "docs/ablation.md").read_text("utf-8").partition(MADE)[2]
    # Without the intervals, which processors resample with other sums.
    assert without_limits(made.strip()) == without_limits(tables(rows).strip())


def without_limits(text: str) -> str:
    return re.sub(r" \([^()]* to [^()]*\)", "", text)


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


@pytest.mark.parametrize(
    "form", ["DFE with learned dilation", "relative position bias", "skips gated by the Transformer"]
)
def test_what_a_form_adds_is_zero_at_the_first_step_and_learns(form):
    torch.manual_seed(0)
    full = build_network("full network", **TASKS).eval()
    torch.manual_seed(0)
    other = build_network(form, **TASKS).eval()
    added = {name: value for name, value in other.named_parameters() if name not in dict(full.named_parameters())}
    image = torch.rand(2, 3, 64, 96)
    for given, expected in zip(other(image)[:2], full(image)[:2], strict=True):
        assert torch.allclose(given, expected, atol=1e-5)
    for name, value in other.named_parameters():
        if name.endswith("attention.output.weight"):  # through which the bias gets its gradient
            torch.nn.init.eye_(value)
    other(image).segmentation.sum().backward()
    assert added and any(value.grad is not None and value.grad.abs().sum() > 0 for value in added.values())


def test_the_plain_unet_has_the_full_networks_convolutions_and_nothing_of_the_papers():
    full, plain = (dict(build_network(name, **TASKS).named_parameters()) for name in ("full network", "plain U-Net"))
    assert {name for name in plain if ".local." in name} == {name for name in full if ".local." in name}
    assert not [name for name in plain if ".context." in name or name.startswith("skips.")]


def test_the_nnunet_computes_what_monai_computes():
    network = build_network("nnU-Net 2D", **TASKS).eval()
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(network(image).segmentation, network.network(image))
