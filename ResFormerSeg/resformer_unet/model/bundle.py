"""Model bundles: a folder with ``model.json`` (descriptor), ``weights.safetensors`` and ``README.md`` (model card).

Loading checks the descriptor against ``model.schema.json`` and the weights against their SHA-256, and never unpickles
anything. torch is imported only where weights are touched, so that listing models stays quick.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from resformer_unet.atomic_files import disk_full
from resformer_unet.errors import EngineError
from resformer_unet.model.schema import violations

if TYPE_CHECKING:
    import numpy as np
    import torch

    from resformer_unet.model.network import ResFormerUNet

SCHEMA_VERSION = 1
DESCRIPTOR, WEIGHTS, CARD = "model.json", "weights.safetensors", "README.md"
OUT_OF_DISTRIBUTION = "out_of_distribution."  # what the tensors begin with that are no weights, but tell foreign images


@dataclass(frozen=True)
class ModelBundle:
    """A checked bundle; ``descriptor`` is the content of ``model.json``, as ``model.schema.json`` describes it."""

    folder: Path
    descriptor: dict

    @property
    def id(self) -> str:
        return self.descriptor["id"]

    @property
    def title(self) -> str:
        return self.descriptor["title"]

    @property
    def channels(self) -> int:
        return self.descriptor["input"]["channels"]

    @property
    def segments(self) -> list[dict]:
        """Rows with id, name, value, color and terminology; empty for a model without segmentation."""
        return (self.descriptor["segmentation"] or {"segments": []})["segments"]

    @property
    def diagnoses(self) -> list[dict]:
        """Rows with id, name and code, in the order of the network's outputs; empty for a model without diagnosis."""
        return (self.descriptor["diagnosis"] or {"classes": []})["classes"]


def load_bundle(folder: str | os.PathLike) -> ModelBundle:
    """Reads and checks the bundle in ``folder``.

    Raises ``EngineError``: MODEL_NOT_FOUND, MODEL_DESCRIPTOR_INVALID, MODEL_TOO_NEW, MODEL_WEIGHTS_MISSING,
    MODEL_WEIGHTS_TAMPERED.
    """
    folder = Path(folder)
    bundle = ModelBundle(folder, read_descriptor(folder / DESCRIPTOR))
    _read_weights(bundle)
    return bundle


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


def _stored_arrays(bundle: ModelBundle) -> dict[str, np.ndarray]:
    import safetensors
    import safetensors.numpy

    content = _read_weights(bundle)  # the bytes that were checked are the bytes that are used
    try:
        return safetensors.numpy.load(content)
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
        *(f"{name} is missing" for name in expected.keys() - weights.keys()),
        *(f"{name} is not part of the network" for name in weights.keys() - expected.keys()),
        *(
            f"{name} has shape {list(weights[name].shape)} instead of {list(expected[name].shape)}"
            for name in expected.keys() & weights.keys()
            if weights[name].shape != expected[name].shape
        ),
        *(
            f"{name} holds {weights[name].dtype} instead of {expected[name].dtype}"
            for name in expected.keys() & weights.keys()
            if weights[name].dtype != expected[name].dtype
        ),
    ]
    if differences:
        raise weights_mismatch(bundle, differences)
    network.load_state_dict(weights, strict=True, assign=True)
    return network.to(device).eval()


def save_bundle(
    folder: str | os.PathLike,
    descriptor: dict,
    state_dict: dict[str, torch.Tensor],
    card: str,
    beside_card: Mapping[str, str] | None = None,
) -> ModelBundle:
    """Writes a bundle (weights in half precision) and checks what was written; ``descriptor`` comes without "weights".

    The bundle is complete before it takes its place: a failure leaves ``folder`` as it was. Files of other names in an
    existing folder are kept. ``beside_card`` are texts by file name that the card refers to.

    Raises ``EngineError``: MODEL_DESCRIPTOR_INVALID, MODEL_WEIGHTS_MISMATCH, MODEL_WEIGHTS_OUT_OF_RANGE, DISK_FULL,
    OUTPUT_NOT_WRITABLE.
    """
    folder = Path(folder)
    content = _to_half_precision(state_dict)
    described = {"file": WEIGHTS, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    descriptor = {**descriptor, "weights": {**described, "dtype": "float16"}}
    check_descriptor(descriptor, folder / DESCRIPTOR)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-") as temporary:
            staged = Path(temporary) / "bundle"
            staged.mkdir()
            (staged / WEIGHTS).write_bytes(content)
            for name, text in {**(beside_card or {}), CARD: card}.items():
                (staged / name).write_text(text, encoding="utf-8")
            (staged / DESCRIPTOR).write_text(json.dumps(descriptor, indent=2, ensure_ascii=False) + "\n", "utf-8")
            load_network(load_bundle(staged))
            _put_in_place(staged, folder, (WEIGHTS, *(beside_card or {}), CARD, DESCRIPTOR))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise disk_full(folder) from error
        raise EngineError(
            "OUTPUT_NOT_WRITABLE",
            f"The model could not be written to “{folder}” ({error.strerror or error}).",
            "Choose a folder in which you may write.",
        ) from error
    return load_bundle(folder)


def check_descriptor(descriptor: object, place: Path) -> None:
    """Raises ``EngineError`` MODEL_TOO_NEW or MODEL_DESCRIPTOR_INVALID, naming ``place`` and what is wrong there."""
    version = descriptor.get("schema_version") if isinstance(descriptor, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise EngineError(
            "MODEL_TOO_NEW",
            f"“{place}” uses version {version} of the model format; this version of the engine knows {SCHEMA_VERSION}.",
            "Update ResFormerSeg, or get a model made for this version.",
        )
    if problems := list(violations(descriptor, _schema())) or list(_contradictions(descriptor)):
        raise invalid_descriptor(place, problems)


def _contradictions(descriptor: dict) -> Iterable[str]:
    """What a schema cannot say: entries that must agree with each other."""
    channels, intensity = descriptor["input"]["channels"], descriptor["input"]["intensity"]
    segmentation, diagnosis, network = descriptor["segmentation"], descriptor["diagnosis"], descriptor["network"]
    segments = segmentation["segments"] if segmentation else []
    classes = diagnosis["classes"] if diagnosis else []
    if not segments and not classes:
        yield "segmentation and diagnosis are both null; a model needs at least one task"
    for key, rows in (("id", segments), ("value", segments), ("id", classes)):
        values = [row[key] for row in rows]
        if len(set(values)) < len(values):
            path = "segmentation.segments" if rows is segments else "diagnosis.classes"
            yield f"{path} repeats the same {key}: {values}"
    for key in ("mean", "std"):
        if len(intensity[key]) != channels:
            yield f"input.intensity.{key} needs one number for each of the {channels} channels"
    if descriptor["input"]["orientation"].get("transpose_tta") and len(set(descriptor["input"]["size"])) > 1:
        yield "input.orientation.transpose_tta needs an input.size with as many rows as columns"
    if intensity["lower"] >= intensity["upper"]:
        yield "input.intensity.lower must be below input.intensity.upper"
    if intensity["method"] == "percentile":
        if "scope" not in intensity:
            yield "input.intensity.scope is missing"
        if not 0 <= intensity["lower"] < intensity["upper"] <= 100:
            yield "input.intensity.lower and upper are percentiles, from 0 to 100"
    exclusive = bool(segmentation and segmentation["exclusive"])
    expected = {"in_channels": channels, "segments": len(segments), "diagnoses": len(classes), "exclusive": exclusive}
    for key, value in expected.items():
        if network[key] != value:
            yield f"network.{key} is {network[key]}, but the rest of the descriptor implies {value}"


def read_descriptor(path: Path) -> dict:
    """The checked content of the ``model.json`` at ``path``.

    Raises ``EngineError``: MODEL_NOT_FOUND, MODEL_DESCRIPTOR_INVALID, MODEL_TOO_NEW.
    """
    try:
        descriptor = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(descriptor, allow_nan=False)  # NaN and infinity are no JSON, whatever Python says
    except (FileNotFoundError, NotADirectoryError) as error:
        raise EngineError(
            "MODEL_NOT_FOUND", f"“{path.parent}” is not a model folder: it has no {path.name}.", "Name a model folder."
        ) from error
    except OSError as error:
        raise EngineError(
            "MODEL_NOT_FOUND", f"“{path}” cannot be read ({error.strerror or error}).", "Check the permissions."
        ) from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON
        raise invalid_descriptor(path, [f"it is not a JSON text ({error})"]) from error
    check_descriptor(descriptor, path)
    return descriptor


def _read_weights(bundle: ModelBundle) -> bytes:
    path, described = bundle.folder / WEIGHTS, bundle.descriptor["weights"]
    again = "Get the whole model folder again from where it was published."
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EngineError("MODEL_WEIGHTS_MISSING", f"“{path}” cannot be read ({error.strerror}).", again) from error
    if len(content) != described["bytes"]:
        message = f"“{path}” has {len(content)} bytes, but model.json promises {described['bytes']}."
        raise EngineError("MODEL_WEIGHTS_TAMPERED", message, again)
    if hashlib.sha256(content).hexdigest() != described["sha256"]:
        message = f"“{path}” was changed: its SHA-256 is not the one in model.json."
        raise EngineError("MODEL_WEIGHTS_TAMPERED", message, again)
    return content


def _to_half_precision(state_dict: dict[str, torch.Tensor]) -> bytes:
    import safetensors.torch

    halves = {}
    for name, tensor in state_dict.items():
        tensor = tensor.detach().cpu()
        halves[name] = (tensor.half() if tensor.is_floating_point() else tensor).clone().contiguous()
        if not halves[name].isfinite().all():
            raise EngineError(
                "MODEL_WEIGHTS_OUT_OF_RANGE",
                f"{name} holds values that are not finite in half precision.",
                "The training has probably diverged; train again with a lower learning rate.",
            )
    return safetensors.torch.save(halves)


def _put_in_place(staged: Path, folder: Path, names: Sequence[str]) -> None:
    """Move the files of these names, the descriptor last: without it the folder is no bundle."""
    if not folder.exists():
        staged.rename(folder)
        return
    previous = staged.with_name("previous")
    previous.mkdir()
    try:
        for name in names:
            if (folder / name).exists():
                os.replace(folder / name, previous / name)
            os.replace(staged / name, folder / name)
    except OSError:
        for name in names:
            if (previous / name).exists():
                os.replace(previous / name, folder / name)
        raise


@cache
def _schema() -> dict:
    return json.loads(Path(__file__).with_name("model.schema.json").read_text(encoding="utf-8"))


def invalid_descriptor(place: Path, problems: list[str]) -> EngineError:
    message = f"“{place}” is not a valid model descriptor: {_few(problems)}."
    return EngineError("MODEL_DESCRIPTOR_INVALID", message, "Correct it, or get the model again.")


def weights_mismatch(bundle: ModelBundle, differences: list[str]) -> EngineError:
    return EngineError(
        "MODEL_WEIGHTS_MISMATCH",
        f"The weights in “{bundle.folder}” do not fit the network its model.json describes: {_few(differences)}.",
        "Weights and model.json come from different trainings; get the whole folder again.",
    )


def _few(sentences: list[str], most: int = 3) -> str:
    shown = "; ".join(sorted(sentences)[:most])
    return shown if len(sentences) <= most else f"{shown}; and {len(sentences) - most} more"
