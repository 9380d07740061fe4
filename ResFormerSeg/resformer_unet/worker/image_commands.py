"""The commands on images: ``predict``, ``explain``, ``live``; the model of the last one stays loaded for the next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.inference.options import ExplainOptions, PredictOptions
from resformer_unet.worker.array_files import read_array, write_array
from resformer_unet.worker.live import LiveFrames
from resformer_unet.worker.protocol import CommandContext

if TYPE_CHECKING:
    from resformer_unet.image.medical_image import MedicalImage
    from resformer_unet.inference.predictor import Predictor


class ImageCommands:
    """Loads PyTorch or ONNX Runtime with the first command."""

    def __init__(self) -> None:
        self._predictor: Predictor | None = None
        self._loaded: tuple[dict, str] | None = None  # descriptor and device of the predictor

    def predict(self, command: dict, context: CommandContext) -> dict:
        predictor, image = self._prepare(command, context)
        context.send("status", message="Segmenting")
        prediction = predictor.predict(
            image,
            options=PredictOptions.from_dict(command.get("options")),
            progress=RunProgress(context, predictor),
            cancelled=context.cancelled,
        )
        output, maps = Path(command["output"]), prediction.probability_maps
        return {
            "labels": write_array(output / "labels.npy", prediction.layers),
            "probability_maps": None if maps is None else write_array(output / "probability_maps.npy", maps),
            "report": prediction.report,
        }

    def explain(self, command: dict, context: CommandContext) -> dict:
        predictor, image = self._prepare(command, context)
        context.send("status", message="Explaining")
        explanation = predictor.explain(
            image,
            options=ExplainOptions.from_dict(command.get("options")),
            progress=RunProgress(context, predictor),
            cancelled=context.cancelled,
        )
        saliency = explanation.saliency.astype(np.float32, copy=False)
        return {
            "saliency": write_array(Path(command["output"]) / "saliency.npy", saliency),
            "diagnosis": explanation.diagnosis,
            "method": explanation.method,
            "citation": explanation.citation,
        }

    def live(self, command: dict, context: CommandContext) -> dict:
        """Ends only by being cancelled."""
        context.send("status", message="Loading the model")
        predictor = self.load(command["model"], command.get("device") or "auto")
        options = PredictOptions.from_dict(command.get("options"))
        LiveFrames(predictor, options, Path(command["output"])).serve(context)
        return {}

    def _prepare(self, command: dict, context: CommandContext) -> tuple[Predictor, MedicalImage]:
        from resformer_unet.image.medical_image import image_from_array

        context.send("status", message="Loading the model")
        predictor = self.load(command["model"], command.get("device") or "auto")
        source = command["image"]
        voxels = read_array(source["array"], "image.array")
        image = image_from_array(voxels, source["affine_lps"], source["name"], source.get("has_orientation", True))
        return predictor, image

    def load(self, model: str, device: str) -> Predictor:
        """The predictor of the last command where model and device are the same; else a new one in its place."""
        from resformer_unet.inference.predictor import Predictor
        from resformer_unet.model.catalog import find_model

        bundle = find_model(model)
        wanted = (bundle.descriptor, device)  # all of it: a threshold or a calibration may have been edited
        if wanted != self._loaded:
            self._predictor, self._loaded = None, None  # not two networks at once in a small GPU
            self._predictor, self._loaded = Predictor(bundle, device), wanted
        return self._predictor


class RunProgress:
    """Sends the number of finished slices, and new warnings of the engine such as a switch to the CPU.

    The predictor may become known later, by :meth:`follow`.
    """

    def __init__(self, context: CommandContext, predictor: Predictor | None = None) -> None:
        self._context = context
        self._warnings: list[dict] = []
        self._sent = 0
        if predictor is not None:
            self.follow(predictor)

    def follow(self, predictor: Predictor) -> None:
        self._warnings = predictor.runner.warnings

    def __call__(self, done: int, total: int) -> None:
        for warning in self._warnings[self._sent :]:
            self._context.send("notice", **warning)
        self._sent = len(self._warnings)
        self._context.progress(done, total)
