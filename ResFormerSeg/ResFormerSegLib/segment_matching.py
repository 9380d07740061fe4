"""Which segment of a result is which of a reference."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """name: as the user reads it. code: (scheme, value) of its terminology type, None without one."""

    id: str
    name: str
    code: tuple[str, str] | None = None


def matchSegments(first: list[Segment], second: list[Segment]) -> list[tuple[Segment, Segment]]:
    """Pairs of the same thing: by name, else by code, else the only ones of both sides.

    Names are compared without regard to case, spaces and punctuation. Codes count only where they are unambiguous:
    many segments are coded alike, as "Tissue" for instance.
    """
    pairs: list[tuple[Segment, Segment]] = []
    for key in (_nameKey, _codeKey):
        pairs += _pairsBy(key, _rest(first, pairs, 0), _rest(second, pairs, 1))
    if len(first) == len(second) == 1 and not pairs:
        pairs = [(first[0], second[0])]
    return sorted(pairs, key=lambda pair: first.index(pair[0]))


def _rest(segments: list[Segment], pairs: list, side: int) -> list[Segment]:
    return [segment for segment in segments if segment not in [pair[side] for pair in pairs]]


def _pairsBy(key, first: list[Segment], second: list[Segment]) -> list[tuple[Segment, Segment]]:
    pairs = []
    for segment in first:
        wanted = key(segment)
        same = [[other for other in side if key(other) == wanted] for side in (first, second)]
        if wanted and len(same[0]) == len(same[1]) == 1:
            pairs.append((segment, same[1][0]))
    return pairs


def _nameKey(segment: Segment) -> str:
    return "".join(letter for letter in segment.name.casefold() if letter.isalnum())


def _codeKey(segment: Segment) -> tuple[str, str] | None:
    return segment.code if segment.code and segment.code[1] else None
