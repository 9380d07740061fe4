"""The available models: those that come with the engine, and those in the user's own folders."""

from __future__ import annotations

import os
from pathlib import Path

from resformer_unet.errors import EngineError, shown
from resformer_unet.json_text import parse_json
from resformer_unet.model.bundle import ModelBundle, load_bundle
from resformer_unet.model.descriptor import DESCRIPTOR

USER_FOLDERS = "RESFORMER_UNET_MODELS"  # environment variable; several folders are separated as in PATH


def model_folders() -> list[Path]:
    """Folders that are searched for bundles: the bundled models, then those named by RESFORMER_UNET_MODELS."""
    package = Path(__file__).resolve().parent.parent
    bundled = package / "bundled_models"  # in an installed package; in the extension the models lie in its Resources
    if not bundled.is_dir():
        bundled = package.parent / "Resources" / "Models"
    own = [Path(folder) for folder in os.environ.get(USER_FOLDERS, "").split(os.pathsep) if folder]
    return [bundled, *own]


def list_models() -> tuple[list[ModelBundle], list[dict]]:
    """All usable models, and a row ``{"folder", "message"}`` for each one that is not usable.

    A searched folder may be a bundle itself or hold bundles. Of two models with the same id the first is used. A
    user's folder that does not exist has a row too.
    """
    models: dict[str, ModelBundle] = {}
    missing = f"This folder, named by {USER_FOLDERS}, does not exist; correct the name."
    problems = [{"folder": str(own), "message": missing} for own in model_folders()[1:] if not own.is_dir()]
    for folder in _bundle_folders():
        try:
            bundle = load_bundle(folder)
        except EngineError as error:
            problems.append({"folder": str(folder), "message": str(error)})
            continue
        if bundle.id in models:
            message = f"The model id “{bundle.id}” is already used by “{models[bundle.id].folder}”; give it another id."
            problems.append({"folder": str(folder), "message": message})
        else:
            models[bundle.id] = bundle
    return list(models.values()), problems


def find_model(id_or_folder: str | os.PathLike) -> ModelBundle:
    """The model of that id, or the bundle in that folder; an id is tried first.

    Of the other models only the ids are read: neither their descriptors nor their weights are checked.

    Raises ``EngineError``: MODEL_NOT_FOUND naming the known ids, and those of ``load_bundle``.
    """
    wanted = os.fspath(id_or_folder)
    folders = _bundle_folders()
    ids = {folder: _stated(folder, "id") for folder in reversed(folders)}
    named = [folder for folder in folders if ids[folder] == wanted]
    found = [*named, *(folder for folder in folders if folder.name == wanted)]  # the latter with another or no id
    if found or os.path.isdir(wanted):  # Path.is_dir raises an exception for a name that is too long
        return load_bundle([*found, Path(wanted)][0])
    known = ", ".join(dict.fromkeys(ids[folder] for folder in folders if ids[folder])) or "none"
    raise EngineError(
        "MODEL_NOT_FOUND",
        f"There is no model {shown(wanted)}. Known models: {known}.",
        f"Give one of these, or a model folder; {USER_FOLDERS} names more folders to search.",
    )


def newer_version(bundle: ModelBundle) -> str | None:
    """The highest version of the same model that can be found, if it is above this one's.

    Only descriptors are read, so that it costs little; what cannot be read or understood is passed over.
    """
    found = [bundle.descriptor["version"]]
    for folder in _bundle_folders():
        version = _stated(folder, "version")
        if version and _stated(folder, "id") == bundle.id and _numbers(version):
            found.append(version)
    newest = max(found, key=_numbers)
    return newest if _numbers(newest) > _numbers(bundle.descriptor["version"]) else None


def _stated(folder: Path, key: str) -> str | None:
    """A text of a descriptor that has not been checked; ``None`` where it cannot be read."""
    try:
        value = parse_json((folder / DESCRIPTOR).read_text(encoding="utf-8-sig"))[key]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, str) else None


def _numbers(version: str) -> tuple[int, ...]:
    """Of "1.10.2" (1, 10, 2); none of a text that is no version."""
    parts = version.split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()


def _bundle_folders() -> list[Path]:
    found = []
    for folder in model_folders():
        found += [*folder.glob(DESCRIPTOR), *sorted(folder.glob(f"*/{DESCRIPTOR}"))]
    return [descriptor.parent for descriptor in found]
