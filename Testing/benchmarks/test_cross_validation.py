"""The folds of a cross-validation: every group is measured once, by a model that never saw it."""

from __future__ import annotations

from collections import Counter

import pytest

from cross_validation import folds, main, pooled
from resformer_unet.errors import EngineError
from resformer_unet.training.setup.run_folder import running

ROWS = [{"id": f"{eye}-{scan}", "group": eye} for eye in "abcdefghij" for scan in range(3)]


@pytest.mark.parametrize("count", [2, 5, 10])
def test_each_group_is_in_the_test_split_of_one_fold_and_never_in_two_splits(count):
    splits = list(folds(ROWS, count))
    assert len(splits) == count
    assert Counter(group for fold in splits for group in fold if fold[group] == "test") == Counter("abcdefghij")
    for fold in splits:
        assert set(fold) == set("abcdefghij") and set(fold.values()) == {"train", "val", "test"}


def test_cases_without_a_group_are_groups_of_their_own():
    rows = [{"id": str(number), "group": ""} for number in range(6)]
    assert all(len(fold) == 6 for fold in folds(rows, 3))


def test_dice_is_the_mean_over_the_cases_of_all_folds_that_have_a_reference():
    def report(*dice: float | None) -> dict:
        cases = [
            {"dice": None if value is None else {"fluid": value}, "label": "a", "diagnosis": {"label": "a"}}
            for value in dice
        ]
        summary = {"dice": {"mean": 0.0}}
        return {"cases": len(dice), "per_case": cases, "segmentation": summary, "diagnosis": {"accuracy": 1.0}}

    result = pooled([report(0.9, None), report(0.3, 0.6, 0.6)])
    assert result["dice"] == pytest.approx(0.6) and result["accuracy"] == 1.0


def test_a_fold_that_another_program_is_training_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "labels.csv").write_text("id,label,split,group\na,x,train,a\nb,x,train,b\nc,x,train,c\n")
    monkeypatch.setattr("sys.argv", ["", str(tmp_path), "--recipe", "retina-oct", "--output", str(tmp_path / "folds")])
    with running(tmp_path / "folds" / "fold-0"), pytest.raises(EngineError) as caught:
        main()
    assert caught.value.code == "TRAINING_RUNNING"
    assert [path.name for path in (tmp_path / "folds").iterdir()] == ["fold-0.training"]
