"""Which cases form one evaluation unit of the diagnosis."""

from __future__ import annotations

from resformer_unet.evaluation.evaluation_units import diagnosed_together, evaluation_units

CLASSES = ["benign", "malignant"]


def row(group: str, label: str = "benign", volume: bool = True) -> dict:
    probabilities = {"benign": 0.75, "malignant": 0.25}
    return {"group": group, "label": label, "volume": volume, "diagnosis": {"probabilities": probabilities}}


def test_each_group_is_judged_by_itself():
    rows = [row("heart"), row("heart"), row("head"), row("skin", volume=False), row("skin", volume=False)]
    rows += [row("mixed"), row("mixed"), row("mixed", volume=False)]
    assert diagnosed_together(rows) == {"heart"}
    assert evaluation_units(rows, CLASSES).groups == ["heart", "head", "skin", "skin", "mixed", "mixed", "mixed"]


def test_only_volumes_that_are_diagnosed_together_can_have_labels_in_conflict():
    rows = [row("heart"), row("heart", "malignant"), row("skin", volume=False), row("skin", "malignant", volume=False)]
    units = evaluation_units(rows, CLASSES)
    assert units.conflicts == ["heart"] and units.groups == ["heart", "heart", "skin", "skin"]
    assert units.labels.tolist() == [0, 1, 0, 1]
