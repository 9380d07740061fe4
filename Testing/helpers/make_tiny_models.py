"""Makes the models "grey", "turned", "colour", "exclusive", "heart" in the folder given: untrained, with masks to show.

`python -m helpers.make_tiny_models FOLDER`, a program of its own: torch has no place in the process of the scene.
"""

import sys
from pathlib import Path


def makeModels(folder: Path) -> None:
    from helpers.tiny_heart import heart_descriptor
    from helpers.tiny_model import tiny_descriptor, weights_that_segment
    from resformer_unet.model.saving import save_bundle

    grey = tiny_descriptor(segments=("lesion", "edema"))
    colour = tiny_descriptor()
    colour["input"]["channels"] = colour["network"]["in_channels"] = 3
    colour["input"]["intensity"] |= {"mean": [0.0] * 3, "std": [1.0] * 3}
    exclusive = tiny_descriptor(segments=("lesion", "edema"))
    exclusive["network"]["exclusive"] = exclusive["segmentation"]["exclusive"] = True
    turned = tiny_descriptor()  # turns the image before the network and the mask back after it, as the brain model does
    turned["input"] |= {
        "slice_axis": "acquisition",
        "orientation": {"volume": "radiological", "picture": "transposed", "transpose_tta": True},
    }
    models = {"grey": grey, "turned": turned, "colour": colour, "exclusive": exclusive, "heart": heart_descriptor()}
    for name, descriptor in models.items():
        brightest = 0.4 if name == "colour" else 1.0  # the tests' pictures in colour are dark
        weights = weights_that_segment(descriptor, brightest)
        save_bundle(folder / name, descriptor, weights, "# Untrained, for tests\n")


if __name__ == "__main__":
    makeModels(Path(sys.argv[1]))
