"""Which changes can be made to a file, and a sample of them that stays much the same while the code changes."""

from __future__ import annotations

import ast
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

Position = tuple[int, int]  # line from 1, column from 0


@dataclass(frozen=True)
class Candidate:
    """One change to one place of a file.

    operator: its name in Cosmic Ray. occurrence: which of the places in the file that the operator could change.
    context: the line's text and how often it has occurred before, so that a place is known again after an edit above.
    """

    file: str
    operator: str
    occurrence: int
    position: Position
    context: tuple[str, int]

    def apply(self, source: str) -> str:
        """The file's text with the change."""
        mutated = mutate_code(source, get_operator(self.operator)(), self.occurrence)
        assert mutated is not None, f"{self} is not a place in the file"
        return mutated


def sample(files: Sequence[Path], root: Path, count: int | None, seed: int) -> list[Candidate]:
    """At most `count` candidates, one for each place in the code; all of them, several a place, for `None`.

    Places and changes are drawn by a hash of the seed and the line, not by their number in the file.
    """
    found = [candidate for file in files for candidate in candidates(root, file)]
    if count is None:
        return found
    places = defaultdict(list)
    for candidate in found:
        places[candidate.file, candidate.position].append(candidate)

    def draw(candidate: Candidate, *more: object) -> str:
        words = (seed, candidate.file, candidate.context, candidate.position[1], *more)
        return hashlib.sha256(repr(words).encode()).hexdigest()

    chosen = [min(place, key=lambda candidate: draw(candidate, candidate.operator)) for place in places.values()]
    return sorted(sorted(chosen, key=draw)[:count], key=lambda candidate: (candidate.file, candidate.position))


def candidates(root: Path, file: Path) -> Iterator[Candidate]:
    """All changes to a file, but for those to type annotations, which nothing evaluates."""
    source = (root / file).read_text(encoding="utf-8")
    contexts = _contexts(source)
    spans = list(_annotations(source))
    tree = get_ast(source)
    for name in operator_names():
        if get_operator(name).arguments():
            continue  # would need to be told names of variables
        operator = get_operator(name)()
        starts = [start for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node)]
        for occurrence, start in enumerate(starts):
            if not any(begin <= start < end for begin, end in spans):
                yield Candidate(file.as_posix(), name, occurrence, start, contexts[start[0] - 1])


def _contexts(source: str) -> list[tuple[str, int]]:
    seen: defaultdict[str, int] = defaultdict(int)
    contexts = []
    for line in map(str.strip, source.splitlines()):
        contexts.append((line, seen[line]))
        seen[line] += 1
    return contexts


def _annotations(source: str) -> Iterator[tuple[Position, Position]]:
    for node in ast.walk(ast.parse(source)):
        for field in ("annotation", "returns"):
            annotation = getattr(node, field, None)
            if annotation is not None:
                yield (annotation.lineno, annotation.col_offset), (annotation.end_lineno, annotation.end_col_offset)
