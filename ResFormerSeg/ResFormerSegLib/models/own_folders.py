"""The model folders that the user has added, kept in the application's settings."""

from __future__ import annotations

import json
import os

import qt

from ResFormerSegLib.models.catalog import ModelDescription, modelFoldersIn

FOLDERS_SETTING = "ResFormerSeg/ModelFolders"


def ownFolders() -> list[str]:
    """In the order in which they were added."""
    text = str(qt.QSettings().value(FOLDERS_SETTING, "") or "")
    try:
        folders = json.loads(text) if text else []
    except ValueError:  # written by an early version: separated as in PATH
        folders = text.split(os.pathsep)
    return [folder for folder in folders if folder] if isinstance(folders, list) else []


def setOwnFolders(folders: list[str]) -> None:
    qt.QSettings().setValue(FOLDERS_SETTING, json.dumps(folders))  # a folder's name may contain any separator


def ownFolderOf(model: ModelDescription) -> str | None:
    """The folder that the user added and that holds the model: the model's own, or its parent."""
    return next((folder for folder in ownFolders() if model.folder in modelFoldersIn(folder)), None)
