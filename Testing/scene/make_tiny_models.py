"""Makes the models "grey", "colour" and "exclusive" in the folder given: untrained, but they outline something.

`python make_tiny_models.py FOLDER`, a program of its own since torch has no place in the process that holds the scene.
"""

import sys
from pathlib import Path

TESTING = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTING / "engine"), str(TESTING.parent / "ResFormerSeg")]


def weightsThatOutline(descriptor: dict) -> dict:
    """Random weights; the bias of the last layer is such that about half of a noisy image is outlined."""
    import torch

    from resformer_unet.network import NetworkConfig, ResFormerUNet
    from tiny_model import tiny_weights

    weights = tiny_weights(descriptor)
    network = ResFormerUNet(NetworkConfig(**descriptor["network"]))
    network.load_state_dict(weights)
    with torch.inference_mode():
        logits = network.eval()(torch.rand(4, descriptor["input"]["channels"], 32, 32)).segmentation
    weights["segmentation.bias"] = weights["segmentation.bias"] - logits.transpose(0, 1).flatten(1).median(1).values
    return weights


def makeModels(folder: Path) -> None:
    from resformer_unet.bundle import save_bundle
    from tiny_model import tiny_descriptor

    grey = tiny_descriptor(segments=("lesion", "edema"))
    colour = tiny_descriptor()
    colour["input"]["channels"] = colour["network"]["in_channels"] = 3
    colour["input"]["intensity"] |= {"mean": [0.0] * 3, "std": [1.0] * 3}
    exclusive = tiny_descriptor(segments=("lesion", "edema"))
    exclusive["network"]["exclusive"] = exclusive["segmentation"]["exclusive"] = True
    for name, descriptor in (("grey", grey), ("colour", colour), ("exclusive", exclusive)):
        save_bundle(folder / name, descriptor, weightsThatOutline(descriptor), "# Untrained, for tests\n")


if __name__ == "__main__":
    makeModels(Path(sys.argv[1]))
