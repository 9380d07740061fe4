"""What each model folder says of itself: read from `model.json`, so that the panel needs neither PyTorch nor weights.

The engine checks descriptor and weights strictly before it uses them; here a model is only shown and chosen.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError

BUNDLED_MODELS = Path(__file__).resolve().parents[2] / "Resources" / "Models"
USER_FOLDERS = "RESFORMER_UNET_MODELS"  # environment variable of the engine; separated as in PATH
OTHER = "OT"  # the modality of images of which DICOM has no word
DESCRIPTOR, CARD = "model.json", "README.md"


@dataclass(frozen=True)
class ModelDescription:
    """A model to choose.

    reference: what the engine is told: the id of a bundled model, the folder of another. kind: "2d" (pictures),
    "volume" or "both". channels: values a pixel. segments, diagnoses: names to show, by id. descriptor: all of
    `model.json`.
    """

    reference: str
    folder: Path
    bundled: bool
    descriptor: dict

    @property
    def id(self) -> str:
        return self.descriptor["id"]

    @property
    def title(self) -> str:
        return self.descriptor["title"]

    @property
    def modality(self) -> str:
        return self.descriptor["modality"]

    @property
    def kind(self) -> str:
        return self.descriptor["kind"]

    @property
    def channels(self) -> int:
        return self.descriptor["input"]["channels"]

    @property
    def weightsSum(self) -> str:
        """SHA-256 of the weights, as reports name it; empty when it is not stated."""
        weights = self.descriptor.get("weights")
        return str(weights.get("sha256") or "") if isinstance(weights, dict) else ""

    @property
    def sliceAxis(self) -> str:
        return self.descriptor["input"]["slice_axis"]

    @property
    def segments(self) -> dict[str, str]:
        return {row["id"]: row["name"] for row in (self.descriptor["segmentation"] or {}).get("segments", [])}

    @property
    def diagnoses(self) -> dict[str, str]:
        return {row["id"]: row["name"] for row in (self.descriptor["diagnosis"] or {}).get("classes", [])}

    @property
    def diagnosesPatients(self) -> bool:
        """Whether its diagnosis takes two images of a heart, at end-diastole and at end-systole."""
        return bool(self.descriptor.get("patient_diagnosis"))

    def exists(self) -> bool:
        """Whether the folder is still there: the user may have moved it or pulled out the disk."""
        return (self.folder / DESCRIPTOR).is_file()

    def card(self) -> str:
        """The model card, in Markdown; empty when there is none."""
        try:
            return (self.folder / CARD).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


def readModel(folder: str | os.PathLike) -> ModelDescription:
    """The model in the folder. Raises ResFormerSegError: MODEL_NOT_FOUND, MODEL_DESCRIPTOR_INVALID."""
    folder = Path(folder)
    try:
        descriptor = json.loads((folder / DESCRIPTOR).read_text(encoding="utf-8"))
        bundled = folder.parent == BUNDLED_MODELS
        model = ModelDescription(descriptor["id"] if bundled else str(folder), folder, bundled, descriptor)
        texts = (model.id, model.title, model.modality, model.kind, model.sliceAxis, descriptor["description"])
        if not all(isinstance(text, str) for text in texts) or not isinstance(model.channels, int):
            raise TypeError(_("an entry is not of the kind that it should be"))
        _namesOf(model)
    except OSError as error:
        raise ResFormerSegError(
            "MODEL_NOT_FOUND",
            _("The folder {folder} holds no model: {file} cannot be read.").format(folder=folder, file=DESCRIPTOR),
            _("Choose the folder that holds model.json and weights.safetensors."),
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ResFormerSegError(
            "MODEL_DESCRIPTOR_INVALID",
            _("The model in {folder} cannot be used: its description, {file}, is broken ({reason}).").format(
                folder=folder, file=DESCRIPTOR, reason=str(error) or type(error).__name__
            ),
            _("Get the model again from where it was published."),
        ) from error
    return model


def readModels(ownFolders: list[str]) -> tuple[list[ModelDescription], list[ResFormerSegError]]:
    """The bundled models, then those of the environment variable, then the user's own folders; and what cannot be read.

    A folder may be a model or hold models, as for the engine. A folder that is gone has an error.
    """
    models: list[ModelDescription] = []
    problems: list[ResFormerSegError] = []
    others = [folder for folder in os.environ.get(USER_FOLDERS, "").split(os.pathsep) if folder]
    for place in [BUNDLED_MODELS, *map(Path, others), *map(Path, ownFolders)]:
        for folder in modelFoldersIn(place) or [place]:
            try:
                model = readModel(folder)
            except ResFormerSegError as problem:
                problems.append(problem)
                continue
            if model.reference not in [known.reference for known in models]:
                models.append(model)
    return models, problems


def findModel(reference: str) -> ModelDescription | None:
    """The model that the engine would take for an id or a folder; None for one that is not found here."""
    for model in readModels([])[0]:
        if model.id == reference:
            return model
    return readModel(reference) if os.path.isfile(os.path.join(reference, DESCRIPTOR)) else None


def modelFoldersIn(folder: Path) -> list[Path]:
    """The folder itself when it is a model, and the models right inside it."""
    return [found.parent for found in [*folder.glob(DESCRIPTOR), *sorted(folder.glob(f"*/{DESCRIPTOR}"))]]


def modalityName(code: str) -> str:
    """In plain words; a code that is not known is shown as it is."""
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
    """What the model takes, in plain words: "MR, grey, volumes". OT is DICOM's "other" and says nothing."""
    modality = "" if model.modality.upper() == OTHER else modalityName(model.modality)
    words = [modality, _("colour") if model.channels == 3 else _("grey"), kindName(model.kind)]
    return ", ".join(filter(None, words))


def kindName(kind: str) -> str:
    return {"2d": _("single pictures"), "volume": _("volumes"), "both": _("pictures and volumes")}.get(kind, kind)


def _namesOf(model: ModelDescription) -> list[dict]:
    """Reads what the properties read on demand, so that a broken descriptor is noticed here."""
    return [model.segments, model.diagnoses]
