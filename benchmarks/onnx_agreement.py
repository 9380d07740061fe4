"""How far the probabilities of ONNX Runtime are from PyTorch's, for the models of the module on drawn images.

python benchmarks/onnx_agreement.py
"""

from __future__ import annotations

from agreement import MODELS, drawn_image, greatest_difference, softmax
from measuring import put
from resformer_unet.errors import EngineError
from resformer_unet.inference.backends.choice import CPU_ONNX, CPU_TORCH, load_backend
from resformer_unet.model.catalog import find_model
from resformer_unet.preprocessing.prepare import prepare_image


def main() -> None:
    for model in MODELS:
        bundle = find_model(model)
        batch = prepare_image(drawn_image(bundle), bundle.descriptor["input"]).batch(0, 8)
        try:
            first, second = (load_backend(bundle, device).predict(batch) for device in (CPU_TORCH, CPU_ONNX))
        except EngineError as error:
            put("onnx", model=model, left_out=error.message)
            continue
        put(
            "onnx",
            model=model,
            slices=len(batch),
            mask_difference=greatest_difference(first.masks, second.masks),
            diagnosis_difference=greatest_difference(softmax(first.diagnosis), softmax(second.diagnosis)),
        )


if __name__ == "__main__":
    main()
