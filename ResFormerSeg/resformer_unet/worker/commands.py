"""What the worker can be told to do, each command checked and carried out; ``docs/worker-protocol.md`` lists them."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet import __version__
from resformer_unet.errors import Cancelled, EngineError
from resformer_unet.model.schema import violations

if TYPE_CHECKING:
    from resformer_unet.image.medical_image import MedicalImage
    from resformer_unet.inference.predictor import Predictor
    from resformer_unet.worker.main import Job

TEXT = {"type": "string"}
MAYBE_TEXT = {"type": ["string", "null"]}
MAYBE_NUMBER = {"type": ["number", "null"]}
MAYBE_SLICES = {"type": ["array", "null"], "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}
AFFINE = {
    "type": "array", "minItems": 4, "maxItems": 4,
    "items": {"type": "array", "minItems": 4, "maxItems": 4, "items": {"type": "number"}},
}  # fmt: skip
IMAGE = {
    "type": "object",
    "required": ["array", "affine_lps", "name"],
    "properties": {"array": TEXT, "affine_lps": AFFINE, "name": TEXT, "has_orientation": {"type": "boolean"}},
}
SEGMENT = {
    "type": "object",
    "required": ["id", "name", "value_first", "value_second"],
    "properties": {
        "id": TEXT, "name": TEXT, "value_first": {"type": ["integer", "null"]},
        "value_second": {"type": ["integer", "null"]}, "layer_first": {"type": "integer", "minimum": 0},
        "layer_second": {"type": "integer", "minimum": 0},
    },
}  # fmt: skip

REPORT = {
    "type": "object",
    "required": ["case", "model", "segments", "slices"],
    "properties": {
        "case": TEXT,
        "model": {"type": "object", "required": ["sha256"]},
        "segments": {"type": "array", "items": {"type": "object", "required": ["id", "volume_mm3"]}},
        "slices": {"type": "array", "items": {"type": "object", "required": ["area_mm2"]}},
    },
}


def _on_image(options: dict) -> dict:
    return {
        "type": "object",
        "required": ["model", "image", "output"],
        "properties": {
            "model": TEXT, "device": MAYBE_TEXT, "output": TEXT, "image": IMAGE,
            "options": {"type": ["object", "null"], "properties": options},
        },
    }  # fmt: skip


SCHEMAS = {
    "predict": _on_image(
        {
            "slice_axis": MAYBE_TEXT, "slices": MAYBE_SLICES, "min_area_mm2": MAYBE_NUMBER,
            "smoothing_mm": MAYBE_NUMBER, "probability_maps": {"type": ["boolean", "null"]},
        }
    ),
    "explain": _on_image({"slice_axis": MAYBE_TEXT, "slices": MAYBE_SLICES, "diagnosis": MAYBE_TEXT}),
    "compare": {
        "type": "object",
        "required": ["first", "second", "segments", "affine_lps"],
        "properties": {
            "first": TEXT, "second": TEXT, "segments": {"type": "array", "items": SEGMENT}, "affine_lps": AFFINE,
        },
    },
    "patient": {
        "type": "object",
        "required": ["model", "reports"],
        "properties": {"model": TEXT, "reports": {"type": "array", "items": REPORT}},
    },
    "devices": {"type": "object"},
}  # fmt: skip


class Commands:
    """Carries commands out, one at a time; the network of the last one stays loaded for the next.

    The libraries behind a command are imported with the first one, so that the worker says at once that it is there.
    """

    def __init__(self) -> None:
        self._predictor: Predictor | None = None
        self._loaded: tuple[dict, str] | None = None
        self._carry_out = {
            "predict": self._predict, "explain": self._explain, "compare": self._compare, "patient": self._patient,
            "devices": self._devices,
        }  # fmt: skip

    def run(self, command: dict, job: Job) -> dict:
        """The content of the ``result`` event.

        Raises:
            EngineError: UNKNOWN_COMMAND, BAD_COMMAND, OUTPUT_NOT_WRITABLE, and those of the engine.
            Cancelled: when ``job.cancelled()`` said so.
        """
        name = command.get("command")
        if name not in self._carry_out:
            raise EngineError("UNKNOWN_COMMAND", f"The worker does not know the command {name!r}.")
        if problems := list(violations(command, SCHEMAS[name])):
            raise _bad_command("; ".join(problems))
        return self._carry_out[name](command, job)

    def gpu_is_broken(self) -> bool:
        """Whether this process has lost its NVIDIA GPU: after a fault, all calls fail until the process ends."""
        torch = sys.modules.get("torch")
        if torch is None or not torch.cuda.is_initialized():
            return False
        try:
            for index in range(torch.cuda.device_count()):
                torch.ones(1, device=f"cuda:{index}").add(1).item()
        except torch.OutOfMemoryError:
            return False
        except RuntimeError:
            return True
        return False

    def _predict(self, command: dict, job: Job) -> dict:
        from resformer_unet.inference.options import PredictOptions

        options = PredictOptions.from_dict(command.get("options"))
        predictor, image = self._prepare(command, job)
        job.tell("status", message="Segmenting")
        prediction = predictor.predict(
            image, options=options, progress=_Progress(job, predictor), cancelled=job.cancelled
        )
        maps = prediction.probability_maps
        return {
            "labels": _save(prediction.layers, command, "labels.npy"),
            "probability_maps": None if maps is None else _save(maps, command, "probability_maps.npy"),
            "report": prediction.report,
        }

    def _explain(self, command: dict, job: Job) -> dict:
        options = command.get("options") or {}
        predictor, image = self._prepare(command, job)
        job.tell("status", message="Explaining")
        explanation = predictor.explain(
            image,
            diagnosis=options.get("diagnosis"),
            slice_axis=options.get("slice_axis"),
            slices=tuple(options["slices"]) if options.get("slices") else None,
            progress=_Progress(job, predictor),
            cancelled=job.cancelled,
        )
        return {
            "saliency": _save(explanation.saliency.astype(np.float32, copy=False), command, "saliency.npy"),
            "diagnosis": explanation.diagnosis,
            "method": explanation.method,
            "citation": explanation.citation,
        }

    def _compare(self, command: dict, job: Job) -> dict:
        from resformer_unet.evaluation.label_comparison import compare_labels

        first, second = _read_array(command["first"], "first"), _read_array(command["second"], "second")
        segments = command["segments"]
        job.tell("status", message="Comparing")
        rows = []
        for index, segment in enumerate(segments):
            if job.cancelled():
                raise Cancelled
            layers = [
                _layer(labels, segment.get(f"layer_{which}", 0), which)
                for labels, which in ((first, "first"), (second, "second"))
            ]
            rows += compare_labels(*layers, [segment], command["affine_lps"])
            job.progress(index + 1, len(segments))
        return {"comparison": rows}

    def _patient(self, command: dict, job: Job) -> dict:
        """Of figures alone: neither the network nor PyTorch is needed."""
        from resformer_unet.cardiac.patient_diagnosis import diagnose_patient
        from resformer_unet.model.catalog import find_model

        job.tell("status", message="Diagnosing the patient")
        return {"patient": diagnose_patient(command["reports"], find_model(command["model"]))}

    def _devices(self, command: dict, job: Job) -> dict:
        from resformer_unet.inference.backends.devices import engine_versions, list_devices

        job.tell("status", message="Looking for graphics cards")
        devices, engines, torch = list_devices(), engine_versions(), sys.modules.get("torch")
        versions = {
            "python": platform.python_version(),
            "torch": engines["PyTorch"],
            "onnxruntime": engines["ONNX Runtime"],
            "numpy": np.__version__,
            "resformer_unet": __version__,
            "cuda": torch and torch.version.cuda,
            "driver": _driver_version(),
        }
        return {"devices": devices, "versions": versions}

    def _prepare(self, command: dict, job: Job) -> tuple[Predictor, MedicalImage]:
        from resformer_unet.image.medical_image import image_from_array

        job.tell("status", message="Loading the model")
        predictor = self._load(command["model"], command.get("device") or "auto")
        source = command["image"]
        voxels = _read_array(source["array"], "image.array")
        image = image_from_array(voxels, source["affine_lps"], source["name"], source.get("has_orientation", True))
        return predictor, image

    def _load(self, model: str, device: str) -> Predictor:
        from resformer_unet.inference.predictor import Predictor
        from resformer_unet.model.catalog import find_model

        bundle = find_model(model)
        wanted = (bundle.descriptor, device)  # all of it: a threshold or a calibration may have been edited
        if wanted != self._loaded:
            self._predictor, self._loaded = None, None  # not two networks at once in a small GPU
            self._predictor, self._loaded = Predictor(bundle, device), wanted
        return self._predictor


class _Progress:
    """Tells of slices done, and of what happened on the way, such as a switch to the CPU."""

    def __init__(self, job: Job, predictor: Predictor) -> None:
        self._job = job
        self._warnings = predictor.runner.warnings
        self._told = 0

    def __call__(self, done: int, total: int) -> None:
        for warning in self._warnings[self._told :]:
            self._job.tell("notice", **warning)
        self._told = len(self._warnings)
        self._job.progress(done, total)


def _read_array(path: str, entry: str) -> np.ndarray:
    """The array of a .npy file, mapped into memory: it may be larger than what is free."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise _bad_command(f"{entry} “{path}” cannot be read ({error})") from error


def _layer(labels: np.ndarray, index: int, entry: str) -> np.ndarray:
    """One label image (slices, rows, columns) of an array that is one, or holds several."""
    if labels.ndim == 3:
        labels = labels[None]
    if labels.ndim != 4 or index >= len(labels):
        raise _bad_command(f"{entry} has the shape {labels.shape} and no layer {index}")
    return labels[index]


def _save(array: np.ndarray, command: dict, name: str) -> str:
    path = Path(command["output"]) / name
    try:
        np.save(path, array)
    except OSError as error:
        raise EngineError(
            "OUTPUT_NOT_WRITABLE",
            f"The result could not be written to {path.parent}: {error.strerror or error}.",
            "Free some space on the disk of the temporary folder.",
        ) from error
    return str(path)


def _driver_version() -> str | None:
    """Of the NVIDIA driver; None without one."""
    import subprocess

    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip().splitlines()[0] if answer.stdout.strip() else None


def _bad_command(problem: str) -> EngineError:
    return EngineError(
        "BAD_COMMAND", f"The worker cannot use the command: {problem}.", "docs/worker-protocol.md says what it takes."
    )
