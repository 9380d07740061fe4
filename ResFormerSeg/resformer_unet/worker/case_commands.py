"""The commands on many cases: finding them, one of them at a time, a result for display, and the page of all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.inference.options import PredictOptions
from resformer_unet.worker.array_files import read_array, write_array
from resformer_unet.worker.image_commands import ImageCommands, RunProgress
from resformer_unet.worker.protocol import CommandContext, bad_command

if TYPE_CHECKING:
    from resformer_unet.batch.cases import BatchCase
    from resformer_unet.image.medical_image import MedicalImage

_PIECE = 1 << 23  # bytes


class CaseCommands:
    """Results go into an output folder, as those of ``resformer-unet predict``; while a command writes, it is held."""

    def __init__(self, images: ImageCommands) -> None:
        self._images = images

    def find(self, command: dict, context: CommandContext) -> dict:
        """The images in the folders that are given, with the names of their cases."""
        from resformer_unet.batch.cases import plan_cases
        from resformer_unet.batch.find_inputs import find_studies
        from resformer_unet.batch.held_folder import held_folder

        output = Path(command["output"])
        with held_folder(output):
            context.send("status", message="Looking for images")
            inputs = find_studies([Path(path) for path in command["paths"]], output)
            context.raise_if_cancelled()
            return {"cases": [{"input": str(case.input), "name": case.name} for case in plan_cases(inputs, output)]}

    def run(self, command: dict, context: CommandContext) -> dict:
        """One case, unless its result is there already; the error of one that fails is in the summary, too."""
        from resformer_unet.batch.held_folder import held_folder
        from resformer_unet.batch.one_case import run_case
        from resformer_unet.model.catalog import find_model

        output, bundle = Path(command["output"]), find_model(command["model"])

        def make_predictor():
            context.send("status", message="Loading the model")
            predictor = self._images.load(command["model"], command.get("device") or "auto")
            progress.follow(predictor)
            context.send("status", message="Segmenting")
            return predictor

        progress = RunProgress(context)
        with held_folder(output):
            case, image, state = self._case(command, output)
            outcome = run_case(
                case, image, state, output, bundle, make_predictor, PredictOptions.from_dict(command.get("options")),
                progress, context.cancelled,
            )  # fmt: skip
        if isinstance(outcome.result, EngineError):
            if outcome.result.code == "INTERNAL":  # of a broken GPU, perhaps: whoever runs commands finds out
                raise outcome.result.__cause__ or outcome.result
            raise outcome.result
        return {"case": outcome.case, "report": outcome.result, "kept": outcome.kept, "seconds": outcome.seconds}

    def open(self, command: dict, context: CommandContext) -> dict:
        """A result in arrays, with its image where that is read from files."""
        from resformer_unet.batch.cases import read_report
        from resformer_unet.batch.volume_state import is_volume
        from resformer_unet.report.saved_case import read_saved_case

        context.send("status", message="Reading the result")
        output, folder, image = Path(command["output"]), Path(command["folder"]), None
        written = read_report(output, command["name"])
        if written and not is_volume(written):
            _check_input(written)
        saved = read_saved_case(output / f"{command['name']}.json")
        context.raise_if_cancelled()
        report = saved.case.report
        if not is_volume(report):
            if saved.case.image is None:
                raise saved.problem or bad_command("the case has no image")
            image = _described(saved.case.image, folder)
        labels = _layers(saved.case.masks, report["segments"])
        return {"report": report, "labels": write_array(folder / "labels.npy", labels), "image": image}

    def page(self, command: dict, context: CommandContext) -> dict:
        from resformer_unet.report.cases_page import write_cases_page

        context.send("status", message="Writing the page")
        path = write_cases_page(Path(command["output"]), command["cases"], Path(command["file"]), context.cancelled)
        return {"file": str(path)}

    def _case(self, command: dict, output: Path) -> tuple[BatchCase, MedicalImage | None, dict | None]:
        from resformer_unet.batch.cases import BatchCase
        from resformer_unet.batch.one_case import case_of_series, case_of_volume
        from resformer_unet.image.medical_image import image_from_array

        name, taken, source = command["name"], command.get("taken", []), command.get("image")
        if source is None:
            if not command.get("input"):
                raise bad_command("neither image nor input is given")
            path, series = Path(command["input"]), command.get("series")
            if command.get("planned"):
                return BatchCase(path, name, series), None, None
            return case_of_series(output, name, path, series, taken), None, None
        voxels = read_array(source["array"], "image.array")
        has_orientation = source.get("has_orientation", True)
        state = _state_of(voxels, source["affine_lps"], has_orientation)
        case = case_of_volume(output, name, state, taken)
        return case, image_from_array(voxels, source["affine_lps"], case.name, has_orientation), state


def _state_of(voxels: np.ndarray, affine: list, has_orientation: bool) -> dict:
    from resformer_unet.batch.volume_state import VolumeDigest

    digest = VolumeDigest(voxels.shape, voxels.dtype.str, affine, has_orientation)
    content = np.ascontiguousarray(voxels).reshape(-1).view(np.uint8)
    for start in range(0, len(content), _PIECE):
        digest.add(content[start : start + _PIECE].data)
    return digest.state()


def _check_input(report: dict) -> None:
    """Raises ``EngineError`` INPUT_CHANGED unless the files of the image are those of the run."""
    from resformer_unet.batch.case_files import input_state

    state = input_state(Path(report["input"]))
    if state != report.get("input_state"):
        what = "is not there any more" if state is None else "was changed since this result was made"
        hint = "Put it back." if state is None else "Run the model on it again."
        raise EngineError("INPUT_CHANGED", f"“{report['input']}” {what}.", hint)


def _described(image: MedicalImage, folder: Path) -> dict:
    """The image as the other program can show it: its array, in a type that any program knows."""
    voxels = image.voxels if image.voxels.shape[-1] > 1 else image.voxels[..., 0]
    shown = _shown_type(voxels.dtype)
    array = write_array(folder / "image.npy", voxels if voxels.dtype == shown else voxels.astype(shown))
    return {
        "array": array,
        "affine_lps": image.affine.tolist(),
        "name": image.name,
        "has_orientation": image.has_orientation,
        "shape": list(voxels.shape),
        "dtype": shown.str,
    }


def _shown_type(dtype: np.dtype) -> np.dtype:
    if dtype.kind == "f":
        return np.dtype(np.float32 if dtype.itemsize < 8 else np.float64)
    return np.dtype(np.float64) if dtype.itemsize == 8 else dtype.newbyteorder("=")


def _layers(masks: np.ndarray, segments: list[dict]) -> np.ndarray:
    """uint8 (layers, slices, rows, columns) of masks bool (segments, slices, rows, columns)."""
    count = max((row["layer"] for row in segments), default=-1) + 1
    layers = np.zeros((count, *masks.shape[1:]), np.uint8)
    for mask, row in zip(masks, segments, strict=True):
        layers[row["layer"]][mask] = row["value"]
    return layers
