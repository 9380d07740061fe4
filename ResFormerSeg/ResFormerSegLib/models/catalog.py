"""The models that the panel offers, with their descriptions as the engine reads and checks them.

Only descriptors are read, never weights: listing takes milliseconds, and a run checks the weights before it uses them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from slicer.i18n import tr as _

from resformer_unet.errors import EngineError
from resformer_unet.model.bundle import CARD, ModelBundle
from resformer_unet.model.catalog import model_folders
from resformer_unet.model.descriptor import DESCRIPTOR, read_descriptor
from ResFormerSegLib.errors import ResFormerSegError

OTHER = "OT"  # the modality of images for which DICOM has no code


@dataclass(frozen=True)
class ModelDescription:
    """A model to choose. bundle: folder and descriptor. bundled: whether it comes with the extension."""

    bundle: ModelBundle
    bundled: bool

    @property
    def reference(self) -> str:
        """What the engine finds the model by: the id of a bundled model, the folder of another."""
        return self.bundle.id if self.bundled else str(self.bundle.folder)

    @property
    def id(self) -> str:
        return self.bundle.id

    @property
    def title(self) -> str:
        return self.bundle.title

    @property
    def folder(self) -> Path:
        return self.bundle.folder

    @property
    def descriptor(self) -> dict:
        """The content of `model.json`, as `model.schema.json` describes it."""
        return self.bundle.descriptor

    @property
    def modality(self) -> str:
        return self.descriptor["modality"]

    @property
    def kind(self) -> str:
        """ "2d" (pictures), "volume" or "both"."""
        return self.descriptor["kind"]

    @property
    def channels(self) -> int:
        return self.bundle.channels

    @property
    def weightsSum(self) -> str:
        """SHA-256 of the weights, as reports name it."""
        return self.descriptor["weights"]["sha256"]

    @property
    def sliceAxis(self) -> str:
        return self.descriptor["input"]["slice_axis"]

    @property
    def segments(self) -> dict[str, str]:
        """Names by id."""
        return {row["id"]: row["name"] for row in self.bundle.segments}

    @property
    def diagnoses(self) -> dict[str, str]:
        """Names by id."""
        return {row["id"]: row["name"] for row in self.bundle.diagnoses}

    @property
    def diagnosesPatients(self) -> bool:
        """Whether its diagnosis takes two images of a heart, at end-diastole and at end-systole."""
        return bool(self.descriptor.get("patient_diagnosis"))

    def exists(self) -> bool:
        """Whether the folder is still there: the user may have moved it or removed the disk."""
        return (self.folder / DESCRIPTOR).is_file()

    def card(self) -> str:
        """The model card, in Markdown; empty when there is none."""
        try:
            return (self.folder / CARD).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


def bundledModels() -> Path:
    """The folder of the models that come with the extension."""
    return model_folders()[0]


def readModel(folder: str | os.PathLike) -> ModelDescription:
    """The model in the folder. Raises ResFormerSegError: the engine's codes, such as MODEL_DESCRIPTOR_INVALID."""
    folder = Path(folder)
    try:
        bundle = ModelBundle(folder, read_descriptor(folder / DESCRIPTOR))
    except EngineError as error:
        raise ResFormerSegError.fromEngine(error) from error
    return ModelDescription(bundle, bundled=folder.parent == bundledModels())


def readModels(ownFolders: list[str]) -> tuple[list[ModelDescription], list[ResFormerSegError]]:
    """The bundled models, then those of the engine's environment variable, then the user's own; and the errors.

    A folder may be a model or hold models. A folder that is gone has an error.
    """
    models: dict[str, ModelDescription] = {}
    errors: list[ResFormerSegError] = []
    for place in [*model_folders(), *map(Path, ownFolders)]:
        for folder in modelFoldersIn(place) or [place]:
            try:
                model = readModel(folder)
            except ResFormerSegError as error:
                errors.append(error)
            else:
                models.setdefault(model.reference, model)
    return list(models.values()), errors


def findModel(reference: str) -> ModelDescription | None:
    """The model that the engine would take for an id or a folder; None for one that is not found here."""
    for model in readModels([])[0]:
        if model.id == reference:
            return model
    return readModel(reference) if os.path.isfile(os.path.join(reference, DESCRIPTOR)) else None


def modelFoldersIn(folder: str | os.PathLike) -> list[Path]:
    """The folder itself when it is a model, and the models right inside it."""
    return [found.parent for found in [*Path(folder).glob(DESCRIPTOR), *sorted(Path(folder).glob(f"*/{DESCRIPTOR}"))]]


def modalityName(code: str) -> str:
    """The name of a DICOM modality; a code that is not known is shown as it is."""
    names = {
        "DMS": _("dermoscopy"),
        "MR": _("MR"),
        "CT": _("CT"),
        "US": _("ultrasound"),
        "OPT": _("retinal OCT"),
        "ES": _("endoscopy"),
        "DX": _("X-ray"),
        "CR": _("X-ray"),
        "MG": _("mammography"),
        "SM": _("microscopy"),
    }
    return names.get(code.upper(), code)


def inputName(model: ModelDescription) -> str:
    """The kind of images that the model takes: "MR, greyscale, volumes"."""
    modality = "" if model.modality.upper() == OTHER else modalityName(model.modality)
    words = [modality, _("colour") if model.channels == 3 else _("greyscale"), kindName(model.kind)]
    return ", ".join(filter(None, words))


def kindName(kind: str) -> str:
    return {"2d": _("2D images"), "volume": _("volumes"), "both": _("2D images and volumes")}.get(kind, kind)
