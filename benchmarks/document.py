"""Makes docs/benchmarks.md and its pictures of the rows that `run.py` has left; nothing in it is typed by hand.

    python benchmarks/document.py [--results FOLDER] [--gpu FOLDER] [--output docs/benchmarks.md]

The rows of `gpu.py` may be of another machine and another day. With these alone, only their section of the page is
made anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aims import AIMS
from document_forward import forward_section
from document_gpu import TITLE as GPU_TITLE
from document_gpu import gpu_section
from document_whole import (
    growth_section,
    responsiveness_section,
    training_section,
    whole_job_section,
)
from markdown_table import table
from results import GPU_RESULTS, RESULTS, Results

HERE = Path(__file__).resolve().parent
QUICK = (
    "**These figures come from a quick run (`--quick`), which tries whether everything works. They say nothing about "
    "speed.**"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--gpu", type=Path, default=GPU_RESULTS, help="folder of the rows of gpu.py")
    parser.add_argument("--output", type=Path, default=HERE.parent / "docs" / "benchmarks.md")
    options = parser.parse_args()
    results, gpu = Results.load(options.results), Results.load(options.gpu)
    if results:
        write_document(results, gpu, options.output)
    elif gpu and options.output.exists():
        replace_gpu_section(gpu, options.output)
    else:
        raise SystemExit(f"There are no results in {options.results}: run benchmarks/run.py first.")
    print(f"{options.output} was written")


def replace_gpu_section(gpu: Results, path: Path) -> None:
    """In a page that is there already; at its end if it has no such section."""
    page, _, rest = path.read_text("utf-8").partition(f"\n{GPU_TITLE}\n")
    _, heading, after = rest.partition("\n## ")
    sections = [page.rstrip(), gpu_section(gpu), f"## {after.rstrip()}" if heading else ""]
    path.write_text("\n\n".join(section for section in sections if section) + "\n", encoding="utf-8")


def write_document(results: Results, gpu: Results, path: Path) -> None:
    """The document, and beside it the pictures of what was measured."""
    # Matplotlib, which the section about a GPU does without.
    from plots import draw_forward, draw_growth, draw_waterfall

    pictures = {}
    if (waterfall := results.one("waterfall")) is not None:
        pictures["waterfall"] = f"{path.stem}-waterfall.svg"
        draw_waterfall(waterfall["bars"], path.with_name(pictures["waterfall"]))
    for name, draw in (("forward", draw_forward), ("growth", draw_growth)):
        picture = path.with_name(f"{path.stem}-{name}.svg")
        if draw(results, picture):
            pictures[name] = picture.name
    path.write_text(document(results, gpu, pictures), encoding="utf-8")


def document(results: Results, gpu: Results, pictures: dict[str, str]) -> str:
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
        gpu_section(gpu),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def machine_section(results: Results) -> str:
    machines = results.all("machine")
    machine = max(machines, key=lambda row: row["date"])
    commits = dict.fromkeys(row["commit"] or "an unknown commit" for row in machines)
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    rows = [
        ["processor", f"{machine['processor']}; {machine['used']} of {machine['processors']} logical processors used"],
        ["memory", f"{machine['memory_gb']:.0f} GB"],
        ["graphics card", machine["gpu"] or "none"],
        ["system", machine["system"]],
        ["versions", f"Python {machine['python']}, {versions}"],
        ["measured", f"{machine['date']}, at {', '.join(commits)}"],
        ["load average before", ", ".join(f"{load:.1f}" for load in sorted({row["load"] for row in machines}))],
    ]
    return "\n\n".join(["## The machine", table(["", ""], rows)])


if __name__ == "__main__":
    main()
