"""How far the probabilities of ONNX Runtime are from PyTorch's, for the models of the module on drawn images.

python benchmarks/onnx_agreement.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from measuring import put
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.inference.backends.choice import CPU_ONNX, CPU_TORCH, load_backend
from resformer_unet.model.catalog import find_model
from resformer_unet.preprocessing.prepare import prepare_image

sys.path.append(str(Path(__file__).resolve().parents[1] / "Testing"))

from helpers.synthetic_samples import headSample, skinSample  # noqa: E402

IMAGES = {"brain-tumor-mr": headSample, "skin-lesion": skinSample}


def main() -> None:
    for model, draw in IMAGES.items():
        bundle = find_model(model)
        image = image_from_array(draw().voxels, np.eye(4), model)
        batch = prepare_image(image, bundle.descriptor["input"]).batch(0, 8)
        try:
            first, second = (load_backend(bundle, device).predict(batch) for device in (CPU_TORCH, CPU_ONNX))
        except EngineError as error:
            put("onnx", model=model, left_out=error.message)
            continue
        put(
            "onnx",
            model=model,
            slices=len(batch),
            mask_difference=_greatest(first.masks, second.masks),
            diagnosis_difference=_greatest(_softmax(first.diagnosis), _softmax(second.diagnosis)),
        )


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits.astype(float) - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def _greatest(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).max())


if __name__ == "__main__":
    main()
