"""Figures as the panel writes them."""

import pytest


@pytest.mark.parametrize(
    ("cubicMillimetres", "text"),
    [
        (0, "0.00 ml"),
        (9.9, "< 0.01 ml"),
        (10, "0.01 ml"),
        (453.2, "0.45 ml"),
        (9_996, "10.0 ml"),
        (12_345, "12.3 ml"),
        (99_960, "100 ml"),
        (1_234_567, "1235 ml"),
    ],
)
def test_a_volume_is_never_written_in_powers_of_ten(module, cubicMillimetres, text):
    from ResFormerSegLib.figures import volumeText

    assert volumeText(cubicMillimetres) == text


def test_areas_lengths_and_pixels_have_their_unit(module):
    from ResFormerSegLib.figures import areaText, lengthText, pixelsText

    assert (areaText(0.3), areaText(1234.5), areaText(0)) == ("< 1 mm²", "1 234 mm²", "0 mm²")
    assert lengthText(28.94) == "28.9 mm"
    assert pixelsText(11121) == "11 121 pixels"


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
    from ResFormerSegLib.figures import percentText

    assert percentText(probability) == text
