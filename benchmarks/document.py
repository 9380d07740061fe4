"""Makes docs/benchmarks.md and its pictures of the rows that `run.py` has left; nothing in it is typed by hand.

python benchmarks/document.py [--results FOLDER] [--output docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aims import AIMS
from document_forward import forward_section
from document_whole import (
    growth_section,
    responsiveness_section,
    training_section,
    whole_job_section,
)
from markdown_table import table
from plots import draw_forward, draw_growth, draw_waterfall
from results import Results

HERE = Path(__file__).resolve().parent
QUICK = (
    "**These figures come from a quick run (`--quick`), which tries whether everything works. They say nothing about "
    "speed.**"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--output", type=Path, default=HERE.parent / "docs" / "benchmarks.md")
    options = parser.parse_args()
    write_document(Results.load(options.results), options.output)
    print(f"{options.output} was written")


def write_document(results: Results, path: Path) -> None:
    """The document, and beside it the pictures of what was measured."""
    pictures = {}
    if (waterfall := results.one("waterfall")) is not None:
        pictures["waterfall"] = f"{path.stem}-waterfall.svg"
        draw_waterfall(waterfall["bars"], path.with_name(pictures["waterfall"]))
    for name, draw in (("forward", draw_forward), ("growth", draw_growth)):
        picture = path.with_name(f"{path.stem}-{name}.svg")
        if draw(results, picture):
            pictures[name] = picture.name
    path.write_text(document(results, pictures), encoding="utf-8")


def document(results: Results, pictures: dict[str, str]) -> str:
    """pictures: file names by section."""
    sections = [
        "# Benchmarks",
        "Made by `make benchmark`, which measures each thing in a process of its own and writes this page; the "
        "programs are in [`benchmarks/`](../benchmarks). Times are medians. The networks take turns within each "
        "round, and ratios are taken within a round, so a busy minute of the machine hits all of them alike. All "
        "images are drawn by the programs; no weights are downloaded.",
        QUICK if results.quick else "",
        machine_section(results),
        "## Aims and what was measured",
        table(
            ["what", "least", "aim", "measured", "reaches"],
            [aim.row(results) for aim in AIMS],
        ),
        forward_section(results, pictures.get("forward")),
        whole_job_section(results, pictures.get("waterfall")),
        growth_section(results, pictures.get("growth")),
        responsiveness_section(results),
        training_section(results),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def machine_section(results: Results) -> str:
    machines = results.all("machine")
    machine = max(machines, key=lambda row: row["date"])
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    rows = [
        ["processor", f"{machine['processor']}; {machine['used']} of {machine['processors']} logical processors used"],
        ["memory", f"{machine['memory_gb']:.0f} GB"],
        ["graphics card", machine["gpu"] or "none"],
        ["system", machine["system"]],
        ["versions", f"Python {machine['python']}, {versions}"],
        ["measured", f"{machine['date']}, at {machine['commit'] or 'an unknown commit'}"],
        ["load average before", ", ".join(f"{load:.1f}" for load in sorted({row["load"] for row in machines}))],
    ]
    return "\n\n".join(["## The machine", table(["", ""], rows)])


if __name__ == "__main__":
    main()
