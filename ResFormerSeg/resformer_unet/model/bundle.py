"""Model bundles: a folder with a descriptor, weights, the network as an ONNX graph, and a model card.

Loading checks the descriptor against ``model.schema.json`` and the weights against their SHA-256, and never unpickles
anything. Nothing heavy is imported, so that listing models stays quick.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from resformer_unet.errors import EngineError
from resformer_unet.model.descriptor import DESCRIPTOR, read_descriptor

WEIGHTS, NETWORK_ONNX, CARD = "weights.safetensors", "network.onnx", "README.md"
GRAPH = "network_onnx"  # the descriptor's entry on the ONNX graph
WAITING = ".new"  # a folder in the bundle's, with the files of a model that is being saved there
AGAIN = "Get the whole model folder again from where it was published."


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

    @property
    def operating_points(self) -> dict[str, dict]:
        """Of the diagnoses that must not be missed, by their ids: ``threshold`` and what was measured there."""
        return {row["id"]: row["operating_point"] for row in self.diagnoses if "operating_point" in row}


def load_bundle(folder: str | os.PathLike) -> ModelBundle:
    """Read and check the bundle in ``folder``; its graph is checked where it is used, see :mod:`.model.onnx_graph`.

    Raises ``EngineError``: MODEL_NOT_FOUND, MODEL_DESCRIPTOR_INVALID, MODEL_TOO_NEW, MODEL_WEIGHTS_MISSING,
    MODEL_WEIGHTS_TAMPERED.
    """
    folder = Path(folder)
    bundle = ModelBundle(folder, read_descriptor(folder / DESCRIPTOR))
    if (folder / WAITING).is_dir():
        with suppress(OSError):  # the folder may not be written to: what is wrong with it is reported below
            finish_saving(folder, bundle.descriptor)
    read_verified(folder / WEIGHTS, bundle.descriptor["weights"], "MODEL_WEIGHTS")
    return bundle


def finish_saving(folder: Path, descriptor: dict) -> None:
    """Put the files in their places that wait for it since the folder has the descriptor of their model.

    A process that is killed while it saves a model may leave them waiting. Where they belong to another descriptor,
    they wait for the next model to be saved there, which replaces them.

    Raises:
        OSError: if the weights cannot be moved.
    """
    waiting = folder / WAITING
    with suppress(FileNotFoundError):  # without weights there, they are in their place; or another process moves them
        if hashlib.sha256((waiting / WEIGHTS).read_bytes()).hexdigest() != descriptor["weights"]["sha256"]:
            return
        os.replace(waiting / WEIGHTS, folder / WEIGHTS)
    with suppress(OSError):  # the card and its pictures: the next to load the bundle tries again
        for file in list(waiting.iterdir()):
            os.replace(file, folder / file.name)
        waiting.rmdir()


def read_verified(path: Path, described: dict, code: str) -> bytes:
    """The content of a bundle's file, of the size and SHA-256 that the descriptor states.

    Raises ``EngineError``: ``<code>_MISSING``, ``<code>_TAMPERED``.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EngineError(f"{code}_MISSING", f"“{path}” cannot be read ({error.strerror}).", AGAIN) from error
    if len(content) != described["bytes"]:
        message = f"“{path}” has {len(content)} bytes, but {DESCRIPTOR} states {described['bytes']}."
        raise EngineError(f"{code}_TAMPERED", message, AGAIN)
    if hashlib.sha256(content).hexdigest() != described["sha256"]:
        message = f"“{path}” was changed: its SHA-256 is not the one in {DESCRIPTOR}."
        raise EngineError(f"{code}_TAMPERED", message, AGAIN)
    return content
