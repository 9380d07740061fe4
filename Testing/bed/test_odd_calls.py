"""Odd arguments from the Python console: one clear exception each, at once, and the scene stays as it was."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import slicer

from helpers.scene_helpers import makeVolume, sceneState, stateOf

DELETED, TRANSFORM, TABLE, SEQUENCE, EMPTY, VOLUME = "deleted", "transform", "table", "sequence", "empty", "volume"
SEGMENTATION = "segmentation"
NOT_VOLUMES = [None, "Brain", "vtkMRMLScalarVolumeNode1", 5, 1.5, [], {}, b"Brain", object(), np.zeros((3, 8, 8))]
NODES = [DELETED, TRANSFORM, TABLE, SEQUENCE, EMPTY]
NOT_MODELS = [None, 5, 1.5, b"brain-tumor-mr", ["brain-tumor-mr"], {}, object(), True]
OPTIONS = [
    *[{"sliceAxis": value} for value in ("Axial", "oblique", "axis9", "", 5, ["axial"], b"axial")],
    *[{"slices": value} for value in ((1,), (0, 1, 2), (2, 1), (-1, 1), ("a", "b"), (0.5, 1), "01", (None, 1))],
    *[{"slices": value} for value in ((0, math.inf), {}, (0, 10**30, 1))],
    *[{"minimumAreaMm2": value} for value in (-1, math.nan, math.inf, [], "much", 1j)],
    *[{"smoothingMm": value} for value in (-0.1, math.nan, math.inf, [], "much", 1j)],
    *[{"outputSegmentation": value} for value in ("Segmentation", 5, [], VOLUME, TRANSFORM, TABLE)],
]
NO_OPTIONS = [{"slice": (0, 1)}, {"threshold": 0.5}, {"sliceaxis": "axial"}, {"onFinish": print}]


@pytest.fixture
def nodes(scene):
    """By their names above: what a script may take for an image."""
    classes = {
        TRANSFORM: "vtkMRMLLinearTransformNode", TABLE: "vtkMRMLTableNode", SEQUENCE: "vtkMRMLSequenceNode",
        EMPTY: "vtkMRMLScalarVolumeNode", SEGMENTATION: "vtkMRMLSegmentationNode",
    }  # fmt: skip
    made = {name: scene.AddNewNodeByClass(className) for name, className in classes.items()}
    made[VOLUME], made[DELETED] = makeVolume(), makeVolume(name="Deleted")
    scene.RemoveNode(made[DELETED])
    return made


@pytest.fixture
def refused(nodes, logicWith):
    """`refused("process", VOLUME, 5, slices=(2, 1))`: calls and checks; names of nodes stand for the nodes."""
    logic = logicWith("exclusive")

    def call(method: str, *arguments, **options) -> Exception:
        def nodeOf(value):
            return nodes.get(value, value) if isinstance(value, str) else value

        before, image = sceneState(), stateOf(nodes[VOLUME])
        ends = []
        for waiting in ({}, {"wait": False, "onFinished": ends.append, "onFailed": ends.append}):
            given = {name: nodeOf(value) for name, value in options.items()}
            with pytest.raises(Exception) as caught:
                getattr(logic, method)(*map(nodeOf, arguments), **given, **waiting)
            assert getattr(caught.value, "code", "") not in ("INTERNAL", "RESULT_NOT_IMPORTED"), caught.value
            assert not logic.isBusy and not ends
            slicer.app.processEvents()
            assert sceneState() == before and stateOf(nodes[VOLUME]) == image
        return caught.value

    return call


def idOf(value) -> str:
    return re.sub(
        r" at 0x\w+", "", f"{type(value).__name__}-{value}"[:40] if not isinstance(value, dict) else str(value)[:60]
    )


@pytest.mark.parametrize("method", ["process", "explain"])
@pytest.mark.parametrize("volume", [*NOT_VOLUMES, *NODES], ids=idOf)
def test_what_is_no_image_is_refused(refused, method, volume):
    assert refused(method, volume).code in (
        "NO_VOLUME",
        "NOT_A_VOLUME",
        "VOLUME_NOT_IN_SCENE",
        "VOLUME_EMPTY",
        "VOLUME_4D",
    )


@pytest.mark.parametrize("model", NOT_MODELS, ids=idOf)
def test_what_is_no_model_is_refused(refused, model):
    assert refused("process", VOLUME, model).code == "NOT_A_MODEL"
    assert refused("explain", VOLUME, model).code == "NOT_A_MODEL"


@pytest.mark.parametrize("options", OPTIONS, ids=idOf)
def test_odd_options_are_refused_in_the_users_words(refused, options):
    error = refused("process", VOLUME, **options)
    assert str(error) and "worker-protocol" not in str(error)


@pytest.mark.parametrize("options", NO_OPTIONS, ids=idOf)
def test_options_that_do_not_exist_are_refused(refused, options):
    assert isinstance(refused("process", VOLUME, **options), TypeError)


@pytest.mark.parametrize(
    "pair", [(None, None), (VOLUME, None), (VOLUME, VOLUME), (VOLUME, DELETED), (EMPTY, VOLUME)], ids=str
)
def test_odd_pairs_of_phases_are_refused(refused, pair):
    assert refused("processPatient", *pair).code


@pytest.mark.parametrize(
    "pair",
    [(None, None), (SEGMENTATION, None), (SEGMENTATION, VOLUME), ("a", "b"), (TABLE, SEGMENTATION), (5, 6)],
    ids=str,
)
def test_odd_segmentations_are_not_compared(refused, pair):
    assert refused("compare", *pair).code
