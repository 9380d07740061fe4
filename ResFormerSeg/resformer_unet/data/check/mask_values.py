"""Whether the numbers in the masks of a data set are those of its segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from resformer_unet.data.check.case_facts import CaseFacts
from resformer_unet.data.check.findings import DataReport

MOST_SEGMENTS = 20  # more values than this are hardly meant as segments
ENOUGH_MASKS = 5  # from which on a value in a single one of them is doubtful
RARE = 0.02  # of the masks


def check_mask_values(report: DataReport, facts: Sequence[CaseFacts], descriptor: Mapping | None) -> None:
    """Add findings about values that no segment has, and about values that look like a mistake.

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
                "Save masks as PNG or NRRD, never as JPEG, with 0 where nothing is and one value for each segment.",
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
    strange = [fact for fact in filled if fact.values - known and not (len(known) == 1 and len(fact.values) == 1)]
    if strange and known:
        values = sorted(set().union(*(fact.values for fact in strange)) - known)
        report.add(
            True,
            "MASK_VALUES_UNKNOWN",
            f"{len(strange)} masks hold {_listed(values)}, which the {place} do not have ({_listed(sorted(known))}).",
            "Renumber these masks, or correct the recipe.",
            [fact.case.id for fact in strange],
        )


def _check_plausible(report: DataReport, filled: Sequence[CaseFacts], counts: Counter) -> None:
    if set(counts) == {1, 255} and all(len(fact.values) == 1 for fact in filled):
        report.add(
            False,
            "MASK_VALUES_MIXED",
            "Some masks use 1 and others 255: they would become two segments.",
            "Use one value for the same thing in all masks.",
            _holding(filled, {min(counts, key=counts.get)}),
        )
        return
    for value, count in sorted(counts.items()):
        if len(counts) > 1 and len(filled) >= ENOUGH_MASKS and count <= max(1, RARE * len(filled)):
            report.add(
                False,
                "MASK_VALUE_RARE",
                f"The value {value} is in only {count} of {len(filled)} training masks; it becomes a segment.",
                "Set it to 0 or to the value that is meant, if it is a mistake.",
                _holding(filled, {value}),
            )


def _holding(facts: Sequence[CaseFacts], values: set[int], least: int = 1) -> list[str]:
    return [fact.case.id for fact in facts if len(fact.values & values) >= least]


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values[:8])) + (" …" if len(values) > 8 else "")
