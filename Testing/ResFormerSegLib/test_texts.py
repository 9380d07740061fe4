"""Figures as the panel writes them."""

import pytest


@pytest.mark.parametrize(
    ("cubicMillimetres", "text"),
    [(0, "0 ml"), (0.9, "< 0.001 ml"), (10, "0.01 ml"), (453.2, "0.453 ml"), (12_345, "12.3 ml"), (99_960, "100 ml")],
)
def test_a_volume_is_never_written_in_powers_of_ten(module, cubicMillimetres, text):
    from ResFormerSegLib.texts import SPACE, millilitresText

    assert millilitresText(cubicMillimetres) == text.replace(" ", SPACE)
    assert millilitresText(1_234_567) == f"1{SPACE}235{SPACE}ml"


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0, "0 %"),
        (0.004, "< 1 %"),
        (0.01, "1 %"),
        (0.875, "88 %"),
        (0.9901, "> 99 %"),
        (0.99999, "> 99 %"),
        (1, "100 %"),
    ],
)
def test_a_probability_is_never_rounded_to_certainty(module, probability, text):
    from ResFormerSegLib.texts import SPACE, percentText

    assert percentText(probability) == text.replace(" ", SPACE)


def test_no_line_ends_between_a_number_and_its_unit(module):
    from ResFormerSegLib.texts import SPACE, withUnbrokenUnits

    assert withUnbrokenUnits("A volume of 20 slices: 32 %. 12.5 mm, 3 ml; 4 minutes") == (
        f"A volume of 20 slices: 32{SPACE}%. 12.5{SPACE}mm, 3{SPACE}ml; 4 minutes"
    )
