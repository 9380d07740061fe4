"""Which of several models knows an image, by one slice of it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from helpers.generated_dataset import write_discs
from helpers.synthetic_images import oblique_affine
from helpers.tiny_model import save_tiny
from resformer_unet.errors import Cancelled
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.image.reading import read_image
from resformer_unet.inference.model_ranking import middle_slice, rank_models
from resformer_unet.training.finish.reference_statistics import add_reference_statistics
from resformer_unet.worker.commands import Commands
from resformer_unet.worker.protocol import CommandContext


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_discs(tmp_path_factory.mktemp("discs"), {"train": 20, "val": 10, "test": 1})


@pytest.fixture(scope="module")
def models(tmp_path_factory, dataset) -> dict[str, str]:
    """Folders of a model that was fitted to the discs, the same fitted to nearer ones, and one without a detector."""
    folder = tmp_path_factory.mktemp("models")
    save_tiny(folder / "knows")
    add_reference_statistics(folder / "knows", dataset, "cpu")
    shutil.copytree(folder / "knows", folder / "strict")
    descriptor = json.loads((folder / "strict" / "model.json").read_text())
    descriptor["out_of_distribution"]["distances"] = [0.001, 0.002]
    (folder / "strict" / "model.json").write_text(json.dumps(descriptor))
    save_tiny(folder / "silent")
    return {name: str(folder / name) for name in ("silent", "strict", "knows")} | {"gone": str(folder / "gone")}


def test_the_model_that_knows_such_images_comes_first_and_one_that_cannot_say_last(models, dataset):
    image = read_image(sorted((dataset / "images").glob("train-*"))[0])
    rows = rank_models(image, list(models.values()))
    assert [row["model"] for row in rows[:2]] == [models["knows"], models["strict"]]
    assert rows[0]["distance"] < 1.5 < 100 < rows[1]["distance"]
    assert {row["model"]: row["distance"] for row in rows[2:]} == {models["silent"]: None, models["gone"]: None}


def test_the_middle_slice_keeps_its_place(models):
    voxels = np.arange(7 * 20 * 30).reshape(20, 30, 7, 1)
    affine = oblique_affine()
    affine[:3, 0] *= 20 / np.linalg.norm(affine[:3, 0])  # the slices are along the last axis
    image = image_from_array(voxels, affine, "x")
    middle = middle_slice(image)
    np.testing.assert_array_equal(middle.voxels, image.voxels[:, :, 3:4])
    np.testing.assert_allclose(middle.affine @ [0, 5, 6, 1], affine @ [3, 5, 6, 1])


def test_progress_is_told_and_the_work_can_be_cancelled(models, dataset):
    image = read_image(sorted((dataset / "images").glob("train-*"))[0])
    seen = []
    with pytest.raises(Cancelled):
        rank_models(
            image,
            [models["silent"]] * 3,
            progress=lambda *done: seen.append(done),
            cancelled=lambda: len(seen) == 2,
        )
    assert seen == [(1, 3), (2, 3)]


def test_the_worker_ranks_models(models, tmp_path):
    np.save(tmp_path / "image.npy", np.random.default_rng(0).integers(0, 255, (3, 18, 22), np.int16))
    image = {"array": str(tmp_path / "image.npy"), "affine_lps": oblique_affine().tolist(), "name": "x"}
    events = []
    context = CommandContext("a", lambda event, **content: events.append((event, content)), lambda: False)
    command = {"command": "rank", "id": "a", "image": image, "models": [models["silent"], models["knows"]]}
    ranking = Commands().run(command, context)["ranking"]
    assert [row["model"] for row in ranking] == [models["knows"], models["silent"]]
    assert ranking[0]["distance"] > 0 and ranking[1]["distance"] is None
    assert [event for event, _ in events] == ["progress"] * 2
