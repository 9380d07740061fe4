"""Run as a program: predicts an image in a Python in which PyTorch cannot be imported, and prints the result as JSON.

Arguments: model folder, device, image, and ``explain`` to explain the diagnosis too.
"""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.abc import MetaPathFinder


class NoTorch(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "torchmetrics"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def main(model: str, device: str, image: str, *more: str) -> None:
    from resformer_unet.errors import EngineError
    from resformer_unet.image.reading import read_image
    from resformer_unet.inference.predictor import Predictor
    from resformer_unet.model.bundle import load_bundle

    try:
        predictor = Predictor(load_bundle(model), device)
        prediction = predictor.predict(read_image(image))
        if more:
            predictor.explain(read_image(image))
    except EngineError as error:
        print(json.dumps({"error": error.code, "message": str(error)}))
        return
    report = {key: value for key, value in prediction.report.items() if key != "timing_s"}
    masks = hashlib.sha256(prediction.layers.tobytes()).hexdigest()
    print(json.dumps({"masks": masks, "report": report, "torch": "torch" in sys.modules}))


if __name__ == "__main__":
    sys.meta_path.insert(0, NoTorch())
    main(*sys.argv[1:])
