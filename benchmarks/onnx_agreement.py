"""How far the probabilities of ONNX Runtime are from PyTorch's, for the models of the module on drawn images.

python benchmarks/onnx_agreement.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from contestants import onnx_session
from measuring import put

from resformer_unet.bundle import load_network
from resformer_unet.catalog import find_model
from resformer_unet.images import image_from_array
from resformer_unet.preprocess import prepare_image

sys.path.append(str(Path(__file__).resolve().parents[1] / "Testing"))

from phantoms import headPhantom, skinPhantom  # noqa: E402

IMAGES = {"brain-tumor-mr": headPhantom, "skin-lesion": skinPhantom}


def main() -> None:
    for model, draw in IMAGES.items():
        bundle = find_model(model)
        network = load_network(bundle)
        image = image_from_array(draw().voxels, np.eye(4), model)
        batch = torch.as_tensor(prepare_image(image, bundle.descriptor["input"]).batch(0, 8))
        with torch.inference_mode():
            expected = network(batch)
        try:
            answers = onnx_session(network, batch, threads=1).run(None, {"image": batch.numpy()})
        except ImportError as error:
            put("onnx", model=model, left_out=str(error))
            continue
        segmentation, diagnosis = map(torch.from_numpy, answers)
        masks = (lambda x: x.softmax(1)) if network.config.exclusive else torch.sigmoid
        put(
            "onnx",
            model=model,
            slices=len(batch),
            mask_difference=_greatest(masks(expected.segmentation), masks(segmentation)),
            diagnosis_difference=_greatest(expected.diagnosis.softmax(1), diagnosis.softmax(1)),
        )


def _greatest(first: torch.Tensor, second: torch.Tensor) -> float:
    return float((first - second).abs().max())


if __name__ == "__main__":
    main()
