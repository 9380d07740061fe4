"""Checks of a data set's masks: missing ones, and values that are none of the segments'."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from resformer_unet.data.check.case_facts import CaseFacts
from resformer_unet.data.check.findings import DataReport, counted

MOST_SEGMENTS = 20  # more values than this are unlikely to be segments
ENOUGH_MASKS = 5  # from which on a value in a single mask is suspicious
RARE = 0.02  # of the masks
MOST_FULL = 0.5  # of the masks: a lesion may fill a picture, but not most of them


def check_mask_values(report: DataReport, facts: Sequence[CaseFacts], descriptor: Mapping | None) -> None:
    """Add findings about values that no segment has, and about suspicious values.

    Args:
        descriptor: of the model to be trained; without one, the training masks' values become the segments.
    """
    filled = [fact for fact in facts if fact.values]
    if descriptor is None:
        trained = Counter(value for fact in filled if fact.case.split == "train" for value in fact.values)
        if len(trained) > MOST_SEGMENTS:
            report.add(
                True,
                "MASK_VALUES_MANY",
                f"The training masks hold {len(trained)} different values; each would become a segment.",
                "Save masks as PNG or NRRD, never as JPEG, with 0 for the background and one value for each segment.",
                _holding(filled, set(trained), least=3),
            )
            return
        _check_plausible(report, [fact for fact in filled if fact.case.split == "train"], trained)
        known, place = set(trained), "training masks"
    elif descriptor.get("segmentation"):
        known, place = {segment["value"] for segment in descriptor["segmentation"]["segments"]}, "recipe's segments"
    else:
        return
    # With a single segment, any one value means it; see dataset.segment_masks.
    unknown = [fact for fact in filled if fact.values - known and not (len(known) == 1 and len(fact.values) == 1)]
    if unknown and known:
        values = sorted(set().union(*(fact.values for fact in unknown)) - known)
        report.add(
            True,
            "MASK_VALUES_UNKNOWN",
            f"{len(unknown)} masks hold {_listed(values)}; the {place} have only {_listed(sorted(known))}.",
            "Renumber these masks, or correct the recipe.",
            [fact.case.id for fact in unknown],
        )


def check_mask_names(report: DataReport, facts: Sequence[CaseFacts]) -> None:
    """Add a finding about masks that name their segments differently for the same values, where no model is known.

    In a set with one value a name matters little, and it is a warning; in others structures may be mixed up.
    """
    named = {(segment.value, segment.title.casefold()) for fact in facts for segment in fact.segments}
    values, names = ({pair[place] for pair in named} for place in (0, 1))
    if len(values) == len(named) == len(names):
        return
    first = {
        (segment.value, segment.title.casefold()) for segment in next(fact for fact in facts if fact.segments).segments
    }
    report.add(
        len(set().union(*(fact.values or () for fact in facts))) > 1,
        "MASK_NAMES_DIFFER",
        "The masks name their segments, but not alike: "
        + ", ".join(f"{value} is “{name}”" for value, name in sorted(named)[:MOST_SEGMENTS])
        + ".",
        "Train with a recipe or a model that has these names, or give each structure one name and one value.",
        [
            fact.case.id
            for fact in facts
            if {(segment.value, segment.title.casefold()) for segment in fact.segments} - first
        ],
    )


def check_missing_masks(report: DataReport, facts: Sequence[CaseFacts]) -> None:
    """Add a warning about missing masks in classes with masks; a class without any mask (normal cases) is fine."""
    with_masks = {fact.case.label for fact in facts if fact.case.mask and fact.case.label}
    if without := [fact.case.id for fact in facts if not fact.case.mask and fact.case.label in with_masks]:
        report.add(
            False,
            "MASK_MISSING",
            f"{counted(without)} without a mask, though others of the class have one: used for the diagnosis only.",
            "Add the masks; an empty one (all 0) for a case without a lesion.",
            without,
        )


def check_extents(report: DataReport, facts: Sequence[CaseFacts], descriptor: Mapping | None) -> None:
    """Add warnings about training masks that are all empty, that have no background, or that lack a segment.

    Args:
        descriptor: of the model to be trained, where a recipe has one.
    """
    masks = [fact for fact in facts if fact.values is not None and fact.case.split == "train"]
    filled = [fact for fact in masks if fact.values]
    if full := [fact.case.id for fact in filled if fact.full]:
        if len(full) > MOST_FULL * len(filled):
            report.add(
                False,
                "MASKS_FULL",
                f"{len(full)} of {len(filled)} training masks cover their whole image, without any background.",
                "Look at them: a shape that is drawn by transparency is lost; 0 must be the background.",
                full,
            )
    segments = ((descriptor or {}).get("segmentation") or {"segments": []})["segments"]
    if not filled and (segments or masks) and (segments or descriptor is None):
        report.add(
            False,
            "MASKS_EMPTY",
            f"{f'All {len(masks)} training masks are empty' if masks else 'No training case has a mask'}: no segment "
            "can be learnt.",
            "Add masks, or look at those that are there; or leave them and the recipe's segments out.",
        )
    elif len(segments) > 1:
        held = set().union(*(fact.values for fact in filled))
        if absent := [segment["name"] for segment in segments if segment["value"] not in held]:
            report.add(
                False,
                "SEGMENT_WITHOUT_CASES",
                f"No training mask holds {', '.join(f'“{name}”' for name in absent)}: it cannot be learnt.",
                "Add masks with it, or remove it from the recipe.",
            )


def _check_plausible(report: DataReport, filled: Sequence[CaseFacts], counts: Counter) -> None:
    if set(counts) == {1, 255} and all(len(fact.values) == 1 for fact in filled):
        report.add(
            False,
            "MASK_VALUES_MIXED",
            "Some masks use 1 and others 255: they would become two segments.",
            "Use one value for the same structure in all masks.",
            _holding(filled, {min(counts, key=counts.get)}),
        )
        return
    solid = set().union(*(fact.solid for fact in filled))
    if solid and (thin := set(counts) - solid):
        report.add(
            False,
            "MASK_VALUES_BLURRED",
            f"Only in lines of one or two pixels, as along smoothed edges, do training masks hold "
            f"{_listed(sorted(thin))}; each would become a segment.",
            "Save masks without smoothing (no anti-aliasing, nearest neighbour), with one value for each segment.",
            _holding(filled, thin),
        )
        counts = Counter({value: count for value, count in counts.items() if value in solid})
    for value, count in sorted(counts.items()):
        if len(counts) > 1 and len(filled) >= ENOUGH_MASKS and count <= max(1, RARE * len(filled)):
            report.add(
                False,
                "MASK_VALUE_RARE",
                f"The value {value} is in only {count} of {len(filled)} training masks; it becomes a segment.",
                "If it is a mistake, set it to 0 or to the correct value.",
                _holding(filled, {value}),
            )


def _holding(facts: Sequence[CaseFacts], values: set[int], least: int = 1) -> list[str]:
    return [fact.case.id for fact in facts if len(fact.values & values) >= least]


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values[:8])) + (" …" if len(values) > 8 else "")
