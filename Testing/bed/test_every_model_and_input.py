"""Every model with every kind of image that it takes, through the real worker into the real scene.

The right answer is the engine's own, for the same voxels in this process: nothing here depends on what a model has
learnt. The untrained models segment something in any image; the shipped ones may find nothing in a drawn one.
"""

from __future__ import annotations

import sys
from functools import cache

import numpy as np
import pytest
import slicer

from bed.every_input import DIRECTIONS, ORDERS, Stored, addPicture, addVolume, affineOf
from golden.cases import golden_cases
from helpers.scene_helpers import segmentArray, stateOf

SHIPPED = sorted({case.model for case in golden_cases().values()})
SLICE_AFFINE = golden_cases()["heart-full"].affine  # oblique, with thick slices


@pytest.fixture
def run(scene, logic):
    """`run(volume, model, isPicture)`: the result, once it was found to be the engine's own answer (if `check`)."""

    def process(volume, model: str, isPicture: bool = False, check: bool = True):
        before = stateOf(volume)
        result = logic.process(volume, modelId=model, device="cpu")
        assert stateOf(volume) == before
        if check:
            checkAnswer(result, volume, model, isPicture)
        return result

    return process


def checkAnswer(result, volume, model: str, isPicture: bool) -> None:
    from resformer_unet.image.medical_image import image_from_array

    image = image_from_array(
        slicer.util.arrayFromVolume(volume), affineOf(volume), volume.GetName(), has_orientation=not isPicture
    )
    own = predictor(model).predict(image)
    assert own.report["segments"], "a model that segments nothing tests nothing"
    for row in own.report["segments"]:
        mask = own.layers[row["layer"]] == row["value"]
        np.testing.assert_array_equal(segmentArray(result.segmentationNode, row["id"], volume), mask)
    assert result.probabilities == pytest.approx(own.report["diagnosis"]["probabilities"], abs=1e-6)
    assert result.report["slice_axis"] == own.report["slice_axis"]
    assert (result.report["slice_axis"]["plane"] == "picture") == isPicture


@cache
def predictor(model: str):
    from resformer_unet.inference.predictor import Predictor
    from resformer_unet.model.catalog import find_model

    return Predictor(find_model(model), "cpu")


def masksOf(result, volume) -> dict[str, np.ndarray]:
    return {row["id"]: segmentArray(result.segmentationNode, row["id"], volume) for row in result.report["segments"]}


def noise(shape: tuple[int, ...], dtype=np.int16, seed: int = 0) -> np.ndarray:
    """Without any symmetry. About half of it is segmented by an untrained model."""
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def kindOf(model: str) -> str:
    from resformer_unet.model.catalog import find_model

    return find_model(model).descriptor["kind"]


def drawn(model: str):
    """The voxels (slices, rows, columns[, channels]) of an image for a shipped model, and its affine."""
    case = next(case for case in golden_cases().values() if case.model == model)
    return case.voxels, SLICE_AFFINE if case.is_picture else case.affine


def middleSlice(model: str) -> np.ndarray:
    """(1, rows, columns[, channels]) across the axis of the thickest slices."""
    voxels, affine = drawn(model)
    if len(voxels) == 1:
        return voxels
    axis = 2 - int(np.linalg.norm(affine[:3, :3], axis=0).argmax())
    return np.ascontiguousarray(np.moveaxis(voxels, axis, 0)[[voxels.shape[axis] // 2]])


# --- shipped models


@pytest.mark.parametrize("model", SHIPPED)
def test_a_picture_through_a_shipped_model(run, model):
    if kindOf(model) == "volume":
        pytest.skip("takes no picture")
    pixels = middleSlice(model)
    run(addPicture(pixels), model, isPicture=True)
    grey = pixels.ndim == 3
    inColour = np.repeat(pixels[..., None], 3, -1) if grey else np.concatenate([pixels, 255 + 0 * pixels[..., :1]], -1)
    run(addPicture(inColour, "Grey stored as colour" if grey else "With opacity"), model, isPicture=True)


@pytest.mark.parametrize("model", SHIPPED)
def test_one_slice_of_an_examination_through_a_shipped_model_wherever_its_axis_is(run, model):
    pixels = middleSlice(model)
    if kindOf(model) == "volume":
        pytest.skip("takes no single slice")
    for order in ((0, 1, 2), (1, 0, 2), (1, 2, 0)):  # the single slice along k, j and i
        if pixels.ndim == 4 and order != (0, 1, 2):
            continue  # a picture in colour has no axes in a patient
        stored = Stored(order)
        volume = addVolume(stored.store(pixels), stored.affine(SLICE_AFFINE, pixels.shape))
        run(volume, model, isPicture=pixels.ndim == 4)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: str(Stored(order)))
@pytest.mark.parametrize("model", SHIPPED)
def test_a_volume_in_each_order_of_its_axes_through_a_shipped_model(run, model, order):
    if kindOf(model) == "2d":
        pytest.skip("takes no volume")
    voxels, affine = drawn(model)
    stored = Stored(order, DIRECTIONS[ORDERS.index(order) + 1])
    run(addVolume(stored.store(voxels), stored.affine(affine, voxels.shape)), model)


# --- untrained models, which segment about half of the noise


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: str(Stored(order)))
def test_the_mask_lies_at_the_same_place_of_the_patient_however_the_volume_is_stored(run, models, order):
    """The model turns each slice to a radiologist's view, so that it sees the same in all of them."""
    voxels = noise((4, 30, 40))
    expected = masksOf(run(volume := addVolume(voxels, SLICE_AFFINE), str(models / "turned")), volume)
    assert all(mask.any() and not mask.all() for mask in expected.values())
    for directions in DIRECTIONS:
        stored = Stored(order, directions)
        volume = addVolume(stored.store(voxels), stored.affine(SLICE_AFFINE, voxels.shape))
        found = masksOf(run(volume, str(models / "turned"), check=False), volume)
        for name, mask in expected.items():
            np.testing.assert_array_equal(stored.restore(found[name]), mask, str(stored))


@pytest.mark.parametrize("model", ["grey", "exclusive", "turned"])
def test_a_grey_picture_has_its_mask_where_it_was_found(run, models, model):
    for name, pixels in (("Wide", noise((1, 30, 44), np.uint8)), ("High", noise((1, 44, 30), np.uint8, seed=1))):
        masks = masksOf(run(volume := addPicture(pixels, name), str(models / model), isPicture=True), volume)
        assert any(mask.any() and not mask.all() for mask in masks.values())


def test_a_colour_picture_has_its_mask_where_it_was_found(run, models):
    for channels in (3, 4):
        masks = masksOf(
            run(volume := addPicture(noise((1, 30, 44, channels), np.uint8)), str(models / "colour"), isPicture=True),
            volume,
        )
        assert masks["lesion"].any() and not masks["lesion"].all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32, np.float32, np.float64], ids=str)
def test_each_type_of_voxels_has_its_mask_where_it_was_found(run, models, dtype):
    voxels = noise((3, 20, 26)).clip(0, 127 if dtype is np.int8 else 255).astype(dtype)
    run(addVolume(voxels, SLICE_AFFINE), str(models / "grey"))


def test_a_picture_and_its_transpose_have_the_same_mask(run, models):
    pixels = noise((1, 30, 44), np.uint8)
    upright, lying = addPicture(pixels, "Upright"), addPicture(pixels.transpose(0, 2, 1), "Lying")
    expected, found = (
        masksOf(run(volume, str(models / "turned"), isPicture=True), volume) for volume in (upright, lying)
    )
    for name, mask in expected.items():
        np.testing.assert_array_equal(found[name].transpose(0, 2, 1), mask)


# --- the tests above would notice


FORTRAN_WORKER = """
import numpy, resformer_unet.worker.image_commands as commands
commands.write_array = lambda path, array: (numpy.save(path, array), str(path))[1]
from resformer_unet.worker.main import main
main([])
"""


def test_labels_that_were_saved_as_they_lie_in_memory_would_be_noticed(scene, module):
    """numpy.save writes a transposed array in Fortran order, which the Slicer side refuses.

    With a shipped model, whose worker need not load PyTorch.
    """
    from ResFormerSegLib.engine.process import EngineProcess
    from ResFormerSegLib.errors import ResFormerSegError

    logic = module.ResFormerSegLogic(makeEngine=lambda: EngineProcess([sys.executable, "-c", FORTRAN_WORKER]))
    stored, voxels = Stored((2, 1, 0)), noise((4, 30, 40))
    axial = np.diag([1.0, 1.0, 5.0, 1.0])  # is turned by exchanging the axes alone
    reversedAxes = addVolume(stored.store(voxels), stored.affine(axial, voxels.shape))
    try:
        for volume in (addPicture(noise((1, 30, 44), np.uint8)), reversedAxes):
            with pytest.raises(ResFormerSegError) as caught:
                logic.process(volume, modelId="brain-tumor-mr", device="cpu")
            assert caught.value.code == "RESULT_INVALID"
    finally:
        logic.cleanup()


def test_a_mask_that_is_off_by_one_voxel_would_be_noticed(run, scene, models):
    volume = addVolume(noise((4, 30, 40)), SLICE_AFFINE)
    result = run(volume, str(models / "grey"))
    volume.SetOrigin([place + step for place, step in zip(volume.GetOrigin(), (0, 0, 7), strict=True)])
    with pytest.raises(AssertionError):
        checkAnswer(result, volume, str(models / "grey"), isPicture=False)
