"""Values of any modality arrive at the network on one scale, whatever noise, corners or missing numbers there are."""

import numpy as np
import pytest

from resformer_unet.preprocessing.intensity import image_limits, intensity_range_warning, scale_slices

PERCENTILE = {"method": "percentile", "lower": 0.5, "upper": 99.5, "scope": "slice", "ignore": None}
PLAIN = {"mean": [0.0], "std": [1.0]}
FIXED = {"method": "fixed", "lower": 0, "upper": 255, "scope": "image", "ignore": None, **PLAIN}


def ramp(count: int = 1, rows: int = 100, columns: int = 120, highest: float = 1000) -> np.ndarray:
    values = np.linspace(0, highest, rows * columns, dtype=np.float32).reshape(rows, columns, 1)
    return np.broadcast_to(values, (count, rows, columns, 1)).copy()


def scaled(stack: np.ndarray, intensity: dict) -> np.ndarray:
    return scale_slices(stack, intensity, image_limits(stack, intensity))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint64, np.float32, np.float64, ">i2"])
def test_every_type_of_pixel_is_scaled_the_same(dtype):
    result = scaled(ramp(highest=255).astype(dtype), PERCENTILE | PLAIN)
    assert result.shape == (1, 1, 100, 120) and result.dtype == np.float32
    assert result.min() == 0 and result.max() == 1
    assert np.allclose(result.ravel(), np.linspace(-0.005, 1.005, 12_000).clip(0, 1), atol=0.01)


def test_the_input_is_not_changed():
    stack = ramp()
    before = stack.copy()
    scaled(stack, PERCENTILE | PLAIN)
    assert np.array_equal(stack, before)


def test_mean_and_deviation_are_those_of_each_channel():
    stack = np.repeat(ramp(highest=255), 3, axis=-1)
    result = scaled(stack, FIXED | {"mean": [0.5, 0.25, 0.0], "std": [0.5, 1.0, 2.0]})
    assert np.allclose(result[0, :, 0, 0], [-1, -0.25, 0]) and np.allclose(result[0, :, -1, -1], [1, 0.75, 0.5])


def test_colours_keep_their_ratios():
    stack = np.concatenate([ramp(), ramp() / 2], axis=-1)
    result = scaled(stack, PERCENTILE | {"mean": [0.0] * 2, "std": [1.0] * 2})
    assert result[0, 1].max() == pytest.approx(result[0, 0].max() / 2, abs=0.01)


def test_a_few_extreme_voxels_do_not_steer_the_scale():
    stack = ramp()
    stack[0, 0, :10] = 1e6
    result = scaled(stack, PERCENTILE | PLAIN)
    assert result[0, 0, 50, 60] == pytest.approx(0.5, abs=0.01)


def test_values_that_are_no_numbers_become_the_darkest():
    stack = ramp()
    stack[0, 50, :3, 0] = np.nan, np.inf, -np.inf
    result = scaled(stack, PERCENTILE | PLAIN)
    assert np.isfinite(result).all() and (result[0, 0, 50, :3] == 0).all()


def test_noise_of_an_empty_slice_is_not_blown_up():
    stack = np.concatenate([ramp(), ramp(highest=10)])
    result = scaled(stack, PERCENTILE | PLAIN)
    assert result[0].max() == 1 and result[1].max() < 0.05


def test_a_fainter_slice_gets_its_own_scale():
    stack = np.concatenate([ramp(), ramp(highest=500)])
    assert scaled(stack, PERCENTILE | PLAIN)[1].max() == 1
    assert scaled(stack, PERCENTILE | PLAIN | {"scope": "image"})[1].max() == pytest.approx(0.5, abs=0.02)


def test_white_corners_that_carry_no_signal_are_ignored():
    stack = ramp(highest=100)
    stack[0, :40] = 255
    ignoring = scaled(stack, PERCENTILE | PLAIN | {"ignore": 255})
    assert ignoring[0, 0, -1, -1] == 1
    assert scaled(stack, PERCENTILE | PLAIN)[0, 0, -1, -1] < 0.5
    assert np.isfinite(scaled(np.full_like(stack, 255), PERCENTILE | PLAIN | {"ignore": 255})).all()


def test_a_slice_of_one_value_gives_finite_numbers():
    stack = np.concatenate([ramp(), np.full_like(ramp(), 400)])
    assert np.isfinite(scaled(stack, PERCENTILE | PLAIN)).all()


def test_small_bright_dots_alone_still_give_a_range():
    stack = np.zeros((1, 200, 200, 1), np.int16)
    stack[0, 100, 100:110] = 700
    assert scaled(stack, PERCENTILE | PLAIN).max() == 1


def test_a_16_bit_picture_does_not_saturate_a_model_of_8_bit_pictures():
    eight = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    sixteen = eight.astype(np.uint16) * 257
    assert np.allclose(scaled(sixteen, FIXED), scaled(eight, FIXED), atol=1e-6)
    assert np.allclose(scaled(eight.astype(np.uint16), FIXED), scaled(eight, FIXED))


@pytest.mark.parametrize(
    ("factor", "dtype"),
    [
        (1, np.float32), (1, np.int16), (1 / 255, np.float64), (1023 / 255, np.int16), (4095 / 255, np.uint16),
        (16, np.int16), (16383 / 255, np.int32), (257, np.uint16), (256, np.int32),
    ],
)  # fmt: skip
def test_a_picture_of_any_depth_looks_like_that_of_8_bits(factor, dtype):
    eight = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    other = (eight * np.float64(factor)).astype(dtype)
    assert np.allclose(scaled(other, FIXED), scaled(eight, FIXED), atol=0.005)
    assert intensity_range_warning(other, FIXED, image_limits(other, FIXED)) == []


def test_what_resampling_added_beyond_white_does_not_darken_a_picture():
    for white in (1.0, 255.0):
        picture = ramp(highest=white)
        picture[0, 0, 0] = 1.05 * white
        assert image_limits(picture, FIXED) == (0, white)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0, 20), "only 8 %"),
        ((0, 300), "only 29 %"),
        ((0, 1e6), "93 % of the values"),
        ((-200, 200), "50 % of the values"),
    ],
)
def test_values_whose_white_cannot_be_known_are_told(values, words):
    picture = np.linspace(*values, 10_000, dtype=np.float32).reshape(1, 100, 100, 1)
    (warning,) = intensity_range_warning(picture, FIXED, image_limits(picture, FIXED))
    assert warning["code"] == "UNUSUAL_INTENSITIES" and words in warning["message"]


def test_a_single_value_far_beyond_white_is_told():
    picture = ramp(highest=255)
    picture[0, 0, 0] = 1e6
    (warning,) = intensity_range_warning(picture, FIXED, image_limits(picture, FIXED))
    assert "reaches 1000000" in warning["message"]


@pytest.mark.parametrize("intensity", [PERCENTILE | PLAIN, FIXED | {"lower": -1000, "upper": 1000}])
def test_other_ranges_stay_as_the_model_has_them(intensity):
    picture = ramp(highest=1000)
    assert image_limits(picture, intensity)[1] == pytest.approx(1000, abs=20)
    assert intensity_range_warning(picture, intensity, image_limits(picture, intensity)) == []


def test_limits_of_a_big_memory_mapped_volume_come_from_a_sample(tmp_path):
    volume = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.int16, (40, 300, 300, 1))
    volume[:] = np.random.default_rng(0).integers(0, 1001, volume.shape)
    lower, upper = image_limits(volume, PERCENTILE)
    assert lower == pytest.approx(5, abs=2) and upper == pytest.approx(995, abs=2)
