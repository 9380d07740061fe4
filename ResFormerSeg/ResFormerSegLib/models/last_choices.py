"""Which model the user chose last for each kind of image, kept in the application's settings."""

from __future__ import annotations

import json

import qt

from ResFormerSegLib.models.suitability import isColour, modalityOf, sliceCount

CHOICES_SETTING = "ResFormerSeg/LastModels"


def kindOf(volumeNode) -> str:
    """What the choice is remembered for: "MR, grey, volume". volumeNode: with image data."""
    colour = "colour" if isColour(volumeNode) else "grey"
    return ", ".join(
        (modalityOf(volumeNode) or "unknown", colour, "picture" if sliceCount(volumeNode) == 1 else "volume")
    )


def lastChoice(volumeNode) -> str:
    """The reference of the model that was chosen last for such an image; empty when none was."""
    return _choices().get(kindOf(volumeNode), "")


def rememberChoice(volumeNode, reference: str) -> None:
    qt.QSettings().setValue(CHOICES_SETTING, json.dumps({**_choices(), kindOf(volumeNode): reference}))


def _choices() -> dict[str, str]:
    try:
        choices = json.loads(str(qt.QSettings().value(CHOICES_SETTING, "") or "{}"))
    except ValueError:
        return {}
    return {str(kind): str(name) for kind, name in choices.items()} if isinstance(choices, dict) else {}
