"""One name for one thing, and the field's own: words that the project has replaced do not come back."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from helpers.paths import ROOT

# What was written once, and what stands for it now.
REPLACED = {
    r"familiar": "out-of-distribution (OOD) score",
    r"\bforeign (image|input|picture|slice|volume)": "out-of-distribution image",
    r"both[ _]ways": "transpose test-time augmentation",
    r"\bcautions?\b|_caution": "warning",
    r"erase[ _]?lesions|paint(ed|ing|s)? (lesions )?over": "lesion inpainting",
    r"false[ _]alarm": "false positive",
    r"diagnosed[ _]units": "evaluation units",
    r"(heart|patient)[ _]measures": "cardiac function parameters",
    r"\.(answer|ask|retreat)\(|def (answer|ask|retreat)\b|start[ _]afresh": "predict, fall_back_to_cpu, reset",
    r"\b_?Answers\b": "NetworkOutput",
    r"\bfield_mm\b": "field of view",
    r"warmed[ _-]?up[ _-]?average": "exponential moving average",
    r"busy[ _-]?share": "utilisation",
    r"class Launch\b|\bLaunch\.": "distributed context",
    r"healthy[ _]slices?": "lesion-free slices",
    r"phantom": "synthetic sample",
    r"(?<![a-z])outlin": "segmentation, segmented; contour where the line is meant",
    r"(?<![a-z])mend(s|ed|ing)?(?![a-z])": "fix",
    r"everything random": "random seed",
    r"schedule's highest": "peak learning rate",
    r"what to look for": "Model",
    r"as the model says": "Model default",
    r"what runs the models": "inference engine",
    r"what the network makes of": "image features",
    r"probable \(calibrated\)": "Probability 80 %",
}
HISTORY = "docs/history/"  # tells of what was, in the words of then
TEXT = {".py", ".md", ".json", ".toml", ".ui", ".txt", ".html", ".j2", ".css", ".s4ext", ".yml", ""}


@cache
def files() -> list[Path]:
    """Text files that git knows, without the history and this list."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: which files belong to the project cannot be told")
    paths = (ROOT / name for name in listed.stdout.splitlines() if not name.startswith(HISTORY))
    return [path for path in paths if path.suffix in TEXT and path != Path(__file__) and path.is_file()]


@cache
def texts() -> list[str]:
    """Of each file, its name in the first line."""
    return [f"{path.relative_to(ROOT).as_posix()}\n{path.read_text(encoding='utf-8')}" for path in files()]


@pytest.mark.parametrize("pattern", REPLACED)
def test_no_replaced_word_is_left_in_a_file_or_its_name(pattern):
    word = re.compile(pattern, re.IGNORECASE if pattern.islower() else 0)
    found = []
    for text in filter(word.search, texts()):
        lines = text.splitlines()
        found += [
            f"{lines[0]}:{number}: {line.strip()[:100]}" for number, line in enumerate(lines) if word.search(line)
        ]
    assert not found, f"write “{REPLACED[pattern]}”:\n" + "\n".join(found)


def test_the_list_finds_what_it_replaces():
    old = "Familiarity caution: the lesion was outlined, a false alarm in healthy slices"
    assert sum(bool(re.search(pattern, old, re.IGNORECASE)) for pattern in REPLACED) == 5
