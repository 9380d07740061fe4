"""The tensors of a model bundle, from its safetensors file; torch is imported only where its tensors are wanted."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from resformer_unet.errors import EngineError
from resformer_unet.model.bundle import WEIGHTS, ModelBundle, read_verified
from resformer_unet.model.descriptor import DESCRIPTOR, few, invalid_descriptor

if TYPE_CHECKING:
    import numpy as np
    import torch

    from resformer_unet.model.network import ResFormerUNet

OUT_OF_DISTRIBUTION = "out_of_distribution."  # prefix of the tensors of the detector, which the network has no use for


class TensorPlace(NamedTuple):
    """A tensor in the weights file: ``dtype`` as safetensors names it, ``start`` and ``stop`` in bytes of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def load_weights(bundle: ModelBundle) -> dict[str, torch.Tensor]:
    """The network's tensors by name, floating-point ones as float32.

    Raises ``EngineError``: those of the weights of ``load_bundle``, MODEL_WEIGHTS_NOT_SAFETENSORS.
    """
    import torch

    tensors = {name: torch.tensor(array) for name, array in load_arrays(bundle).items()}
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def load_arrays(bundle: ModelBundle) -> dict[str, np.ndarray]:
    """The network's weights by name as they are stored, float16; without PyTorch.

    Raises ``EngineError``: those of ``load_weights``.
    """
    return {name: array for name, array in _stored_arrays(bundle).items() if not name.startswith(OUT_OF_DISTRIBUTION)}


def load_out_of_distribution(bundle: ModelBundle) -> dict[str, np.ndarray]:
    """The arrays of :class:`.OutOfDistributionDetector` by name, as float32; none where the bundle has none.

    Raises ``EngineError``: those of ``load_weights``.
    """
    arrays = _stored_arrays(bundle).items()
    return {
        name.removeprefix(OUT_OF_DISTRIBUTION): x.astype("float32")
        for name, x in arrays
        if name.startswith(OUT_OF_DISTRIBUTION)
    }


def tensor_places(bundle: ModelBundle) -> dict[str, TensorPlace]:
    """Where each tensor's bytes lie in the weights file.

    Raises ``EngineError``: those of ``load_weights``.
    """
    content = _content(bundle)
    with _safetensors_errors(bundle):
        import safetensors

        safetensors.deserialize(content)  # checks that the header fits the file
        header_bytes = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + header_bytes])
    begin = 8 + header_bytes
    return {
        name: TensorPlace(entry["dtype"], tuple(entry["shape"]), *(begin + end for end in entry["data_offsets"]))
        for name, entry in header.items()
        if name != "__metadata__"
    }


def _stored_arrays(bundle: ModelBundle) -> dict[str, np.ndarray]:
    import safetensors.numpy

    content = _content(bundle)  # the bytes that were checked are the bytes that are used
    with _safetensors_errors(bundle):
        return safetensors.numpy.load(content)


def _content(bundle: ModelBundle) -> bytes:
    return read_verified(bundle.folder / WEIGHTS, bundle.descriptor["weights"], "MODEL_WEIGHTS")


@contextlib.contextmanager
def _safetensors_errors(bundle: ModelBundle) -> Iterator[None]:
    import safetensors

    try:
        yield
    except safetensors.SafetensorError as error:
        raise EngineError(
            "MODEL_WEIGHTS_NOT_SAFETENSORS",
            f"“{bundle.folder / WEIGHTS}” is not in the safetensors format ({error}).",
            "Other formats, pickles above all, are never opened. Get the model again from where it was published.",
        ) from error


def load_network(bundle: ModelBundle, device: str | torch.device = "cpu") -> ResFormerUNet:
    """The bundle's network with its weights, in evaluation mode, on ``device``.

    Raises ``EngineError``: those of ``load_weights``, MODEL_DESCRIPTOR_INVALID (an impossible network),
    MODEL_WEIGHTS_MISMATCH (tensors of another network).
    """
    import torch

    from resformer_unet.model.network import NetworkConfig, ResFormerUNet

    try:
        with torch.device("meta"):  # shapes only: no time for random weights, no memory for an absurd descriptor
            network = ResFormerUNet(NetworkConfig(**bundle.descriptor["network"]))
    except (TypeError, ValueError, RuntimeError) as error:
        raise invalid_descriptor(bundle.folder / DESCRIPTOR, [f"network: {error}"]) from error
    weights, expected = load_weights(bundle), network.state_dict()
    differences = [
        *(f"{name} is missing" for name in sorted(expected.keys() - weights.keys())),
        *(f"{name} is not part of the network" for name in sorted(weights.keys() - expected.keys())),
        *(
            f"{name} has shape {list(weights[name].shape)} instead of {list(expected[name].shape)}"
            for name in sorted(expected.keys() & weights.keys())
            if weights[name].shape != expected[name].shape
        ),
        *(
            f"{name} holds {weights[name].dtype} instead of {expected[name].dtype}"
            for name in sorted(expected.keys() & weights.keys())
            if weights[name].dtype != expected[name].dtype
        ),
    ]
    if differences:
        raise weights_mismatch(bundle, differences)
    network.load_state_dict(weights, strict=True, assign=True)
    return network.to(device).eval()


def weights_mismatch(bundle: ModelBundle, differences: list[str]) -> EngineError:
    return EngineError(
        "MODEL_WEIGHTS_MISMATCH",
        f"The weights in “{bundle.folder}” do not fit the network its model.json describes: {few(differences)}.",
        "Weights and model.json come from different trainings; get the whole folder again.",
    )
