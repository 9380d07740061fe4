"""What is measured of a result and compared with `expected.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from golden.cases import GoldenCase

EXPECTED = Path(__file__).with_name("expected.json")
PROBABILITY = 1e-3  # absolute
VOXELS, SHARE_OF_VOXELS = 3, 0.003  # whichever is more
CENTRE = 0.1  # voxels along each axis
FUNCTION = 0.005  # of a cardiac function parameter, relative


@dataclass(frozen=True)
class SegmentShape:
    """centre: in LPS mm, of a picture in pixels; ``None`` if nothing is segmented."""

    voxels: int
    centre: list[float] | None

    @classmethod
    def of(cls, mask: np.ndarray, affine: np.ndarray) -> SegmentShape:
        """mask: bool (k, j, i); affine: (i, j, k, 1) to LPS mm."""
        if not mask.any():
            return cls(0, None)
        middle = np.argwhere(mask).mean(0)[::-1]
        return cls(int(mask.sum()), (affine @ [*middle, 1])[:3].tolist())


def figures(segments: Mapping[str, SegmentShape], report: Mapping) -> dict:
    """What `expected.json` holds of a case. report: of the prediction; the segments are measured, not taken from it."""
    return {
        "segments": {name: {"voxels": shape.voxels, "centre": shape.centre} for name, shape in segments.items()},
        "diagnosis": report["diagnosis"]["label"],
        "probabilities": report["diagnosis"]["probabilities"],
        "slice_axis": report["slice_axis"],
        "slices": [{key: row[key] for key in ("index", "probabilities", "voxels")} for row in report["slices"]],
        "warnings": sorted(row["code"] for row in report["warnings"]),
    }


def patient_figures(patient: Mapping) -> dict:
    return {
        "cases": patient["cases"],
        "diagnosis": patient["diagnosis"]["label"],
        "probabilities": patient["diagnosis"]["probabilities"],
        "cardiac_function": patient["cardiac_function"],
    }


def expected(name: str) -> dict:
    return json.loads(EXPECTED.read_text("utf-8"))[name]


def differences(found: Mapping, case: GoldenCase) -> list[str]:
    """Sentences on what is not as expected, each of one figure."""
    wanted = expected(case.name)
    told = [_unequal(key, found[key], wanted[key]) for key in ("diagnosis", "slice_axis", "warnings")]
    told += _probabilities("case", found, wanted)
    if found["segments"].keys() != wanted["segments"].keys():
        return [f"segments: {list(found['segments'])} instead of {list(wanted['segments'])}"]
    to_voxels = np.linalg.inv(case.affine)
    for name, segment in wanted["segments"].items():
        own = found["segments"][name]
        told.append(_voxels(name, own["voxels"], segment["voxels"]))
        if own["centre"] is None:
            told.append(f"{name}: nothing is segmented")
            continue
        own, segment = (to_voxels @ [*row["centre"], 1] for row in (own, segment))
        if np.abs(own - segment).max() > CENTRE:
            told.append(f"{name}: centre in voxel {own[:3].round(2)} instead of {segment[:3].round(2)}")
    if [row["index"] for row in found["slices"]] != [row["index"] for row in wanted["slices"]]:
        return [*filter(None, told), "other slices were run"]
    for own, row in zip(found["slices"], wanted["slices"], strict=True):
        told += _probabilities(f"slice {row['index']}", own, row)
        told += [
            _voxels(f"{name} of slice {row['index']}", own["voxels"][name], row["voxels"][name])
            for name in row["voxels"]
        ]
    return [*filter(None, told)]


def patient_differences(found: Mapping) -> list[str]:
    wanted = expected("patient")
    told = [_unequal(key, found[key], wanted[key]) for key in ("cases", "diagnosis")]
    told += _probabilities("patient", found, wanted)
    own_function, function = found["cardiac_function"], wanted["cardiac_function"]
    told.append(_unequal("cardiac function parameters", sorted(own_function), sorted(function)))
    for name, value in function.items():
        own = own_function.get(name, np.nan)
        if not abs(own - value) <= FUNCTION * abs(value):
            told.append(f"{name}: {own} instead of {value}")
    return [*filter(None, told)]


def _unequal(what: str, found: object, wanted: object) -> str | None:
    return None if found == wanted else f"{what}: {found} instead of {wanted}"


def _probabilities(what: str, found: Mapping, wanted: Mapping) -> list[str]:
    found, wanted = found["probabilities"], wanted["probabilities"]
    if found.keys() != wanted.keys():
        return [f"{what}: the classes are {list(found)} instead of {list(wanted)}"]
    return [
        f"{what}: probability of {name} {found[name]:.4f} instead of {value:.4f}"
        for name, value in wanted.items()
        if not abs(found[name] - value) <= PROBABILITY
    ]


def _voxels(what: str, found: int, wanted: int) -> str | None:
    near = abs(found - wanted) <= max(VOXELS, SHARE_OF_VOXELS * wanted)
    return None if near else f"{what}: {found} voxels instead of {wanted}"
