"""The command of the worker that adds a case to a training set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resformer_unet.data.dataset import load_dataset, read_case_image, read_case_mask
from resformer_unet.errors import Cancelled, EngineError
from resformer_unet.worker.commands import Commands
from resformer_unet.worker.protocol import CommandContext


def command(folder: Path, layers: np.ndarray, **changes) -> dict:
    np.save(folder / "image.npy", np.arange(3 * 16 * 20, dtype=np.int16).reshape(3, 16, 20))
    np.save(folder / "labels.npy", layers)
    image = {"array": str(folder / "image.npy"), "affine_lps": np.diag([0.5, 2, 5, 1.0]).tolist(), "name": "Doe"}
    segments = [
        {"name": name, "layer": layer, "value": 1, "stored_value": stored}
        for layer, (name, stored) in enumerate((("Core", 4), ("Rim", 2)))
    ]
    return {
        "command": "collect", "id": "c", "folder": str(folder / "set"), "image": image, "segments": segments,
        "labels": str(folder / "labels.npy"), "label": "glioma", "patient": "17", **changes,
    }  # fmt: skip


def run(sent: dict, cancelled: bool = False) -> dict:
    return Commands().run(sent, CommandContext("c", lambda *arguments, **content: None, lambda: cancelled))


def layers() -> np.ndarray:
    """Core and rim, side by side, in layers of their own."""
    found = np.zeros((2, 3, 16, 20), np.uint8)
    found[0, 1, 4:8, 4:8], found[1, 1, 4:8, 8:10] = 1, 1
    return found


def test_layers_become_one_mask_with_the_models_values(tmp_path):
    case = run(command(tmp_path, layers(), by="Ada", split="test"))["case"]
    assert (case["id"], case["split"], case["corrected_by"]) == ("case-0001", "test", "Ada")
    [stored] = load_dataset(tmp_path / "set")
    mask = read_case_mask(stored, read_case_image(stored))
    assert np.array_equal(mask, 4 * layers()[0] + 2 * layers()[1])


def test_segments_that_overlap_are_refused_since_a_mask_has_one_value_a_voxel(tmp_path):
    both = layers()
    both[1, 1, 4:8, 7] = 1
    with pytest.raises(EngineError) as caught:
        run(command(tmp_path, both))
    assert caught.value.code == "SEGMENTS_OVERLAP" and "4 voxels" in caught.value.message
    assert not (tmp_path / "set").exists()


def test_a_cancelled_case_is_not_added(tmp_path):
    with pytest.raises(Cancelled):
        run(command(tmp_path, layers()), cancelled=True)
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("changes", [{"segments": [{"name": "x"}]}, {"patient": None}, {"labels": "gone.npy"}])
def test_a_command_that_makes_no_sense_is_refused(tmp_path, changes):
    with pytest.raises(EngineError) as caught:
        run(command(tmp_path, layers(), **changes))
    assert caught.value.code == "BAD_COMMAND"
