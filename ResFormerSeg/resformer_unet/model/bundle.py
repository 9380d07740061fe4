"""Model bundles: a folder with a descriptor, weights, the network as an ONNX graph, and a model card.

Loading checks the descriptor against ``model.schema.json`` and the weights against their SHA-256, and never unpickles
anything. Nothing heavy is imported, so that listing models stays quick.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from resformer_unet.errors import EngineError
from resformer_unet.model.descriptor import DESCRIPTOR, read_descriptor

WEIGHTS, NETWORK_ONNX, CARD = "weights.safetensors", "network.onnx", "README.md"
GRAPH = "network_onnx"  # the descriptor's entry on the ONNX graph
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
    read_verified(folder / WEIGHTS, bundle.descriptor["weights"], "MODEL_WEIGHTS")
    return bundle


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
