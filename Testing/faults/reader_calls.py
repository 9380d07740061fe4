"""Gives a damaged input to its reader, as the job would.

Each returns when the input could be used, and raises `EngineError` when it was refused; anything else is wrong.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from faults.mutations import mutate, mutate_json
from helpers.tiny_model import tiny_descriptor
from resformer_unet.batch.case_files import kept_report
from resformer_unet.batch.cases import BatchCase, read_report
from resformer_unet.batch.find_inputs import read_list
from resformer_unet.data.dataset import load_dataset
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.image.reading import read_image
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import load_bundle
from resformer_unet.worker.main import Worker


def damaged(original: Path, folder: Path, draw: random.Random) -> Path:
    """A damaged copy of a file, or of a folder with one damaged file; of a model, the whole folder with it."""
    whole = original.parent if original.parent.name in ("model", "set") else original
    copy = folder / whole.name
    if copy.exists():
        shutil.rmtree(copy) if copy.is_dir() else copy.unlink()
    shutil.copytree(whole, copy) if whole.is_dir() else shutil.copyfile(whole, copy)
    if whole is not original:
        copy = copy / original.name
    if original.suffix in (".mhd", ".nhdr"):
        for beside in original.parent.glob(f"{original.stem}*"):
            shutil.copyfile(beside, folder / beside.name)
    changed = draw.choice(sorted(copy.iterdir())) if copy.is_dir() else copy
    data = changed.read_bytes()
    if changed.suffix == ".json" and draw.random() < 0.8:
        changed.write_bytes(mutate_json(json.loads(data), draw).encode(errors="surrogatepass"))
    else:
        changed.write_bytes(mutate(data, draw))
    return copy


def read_picture_or_volume(path: Path) -> None:
    image = read_image(path)
    assert np.isfinite(image.affine).all() and image.voxels.ndim == 4 and image.voxels.size


def use_model(path: Path) -> None:
    """A damaged file of a model, of which the descriptor states the size and the sum as if nothing had happened."""
    descriptor = path.with_name("model.json")
    if path != descriptor:
        content = json.loads(descriptor.read_text("utf-8"))
        entry = content["weights" if path.suffix == ".safetensors" else "network_onnx"]
        data = path.read_bytes()
        entry.update(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        descriptor.write_text(json.dumps(content), "utf-8")
    bundle = load_bundle(path.parent)
    voxels = np.random.default_rng(0).integers(0, 255, (2, 20, 24), np.uint8)
    image = image_from_array(voxels[..., None], np.eye(4), "noise", has_orientation=True)
    if bundle.channels == 3:
        return
    json.dumps(Predictor(bundle, "cpu").predict(image).report, allow_nan=False)


def serve(path: Path) -> None:
    """A damaged command, and a sound one after it, which must be answered whatever became of the first."""
    text = path.read_bytes().decode(errors="replace")
    events = io.StringIO()
    lines = [f"{line}\n" for line in (*text.splitlines(), '{"command": "none", "id": "last"}', '{"command": "quit"}')]
    code = Worker(lines, events).serve()
    answers = [json.loads(line) for line in events.getvalue().splitlines()]
    answers = [answer for answer in answers if answer["event"] != "heartbeat"]
    assert code == 0 and answers[-1].get("id") == "last", answers[-1]
    for answer in answers:
        assert answer.get("code") != "INTERNAL" and "Traceback" not in json.dumps(answer), answer
    for answer in answers[:-1]:
        if answer["event"] == "error":
            raise EngineError(answer["code"], answer["message"], answer["hint"])


def read_table(path: Path) -> None:
    from resformer_unet.data.splits import Splits

    load_dataset(path.parent)
    Splits.load(path.parent)


def use_recipe(path: Path) -> None:
    from resformer_unet.training.input.augmentation.chain import build_augmentation
    from resformer_unet.training.setup.description import check_recipe, network_config
    from resformer_unet.training.setup.recipe import load_recipe

    recipe = load_recipe(str(path))
    check_recipe(recipe)
    descriptor = recipe.descriptor or tiny_descriptor()
    network_config(descriptor, recipe)
    build_augmentation(recipe.augmentation, descriptor["input"], recipe.seed)


def use_report(path: Path) -> None:
    if read_report(path.parent, "case") is None:
        raise EngineError("NO_REPORT", "There is no report that this package wrote, so the case is predicted again.")
    bundle = load_bundle(path.parents[1] / "sound" / "model")
    case = BatchCase(path.parents[1] / "sound" / "model" / "model.json", "case", None)
    assert kept_report(case, path.parent, bundle, None) is None  # the report is of another input


CALLS: dict[str, Callable[[Path], None]] = {
    "images": read_picture_or_volume,
    "DICOM": read_picture_or_volume,
    "model.json": use_model,
    "weights": use_model,
    "network.onnx": use_model,
    "worker protocol": serve,
    "labels.csv": read_table,
    "recipe": use_recipe,
    "list of inputs": lambda path: read_list(path),
    "earlier report": use_report,
}
MAY_DIE = ("images", "DICOM")  # readers that the job runs in a process of their own


def prepare(reader: str) -> None:
    """Import what a reader needs, once for all processes."""
    if reader == "recipe":
        import resformer_unet.training.input.augmentation
        import resformer_unet.training.setup.description  # noqa: F401
