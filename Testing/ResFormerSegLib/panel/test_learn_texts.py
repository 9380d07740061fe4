"""What the Learn section says of two models."""

from __future__ import annotations


def comparison(patients: int, **groups: int) -> dict:
    figures = [{"figure": name, "verdict": "undecided", "groups": count} for name, count in groups.items()]
    return {"patients": patients, "figures": figures}


def test_only_enough_patients_with_masks_or_diagnoses_let_it_speak_of_chance(module):
    from ResFormerSegLib.panel.learn_texts import verdictText

    assert "so few cases: 4 held-out patients" in verdictText(comparison(4, dice=4))
    few = verdictText(comparison(30, dice=4, brier=7))
    assert "on 30 held-out patients" in few and "on 7 of them" in few and "chance" not in few
    assert "due to chance" in verdictText(comparison(30, dice=4, brier=12))
