"""Everything that the tutorial refers to exists: buttons, commands, pages, pictures."""

import re
import shlex

import pytest

from draw_training_set import drawTrainingSet
from helpers.paths import ROOT
from resformer_unet.cli import main as cli
from resformer_unet.data.dataset import load_dataset

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^ +training/bin/(.+)$", TUTORIAL, re.MULTILINE)


def test_pictures_and_linked_pages_exist():
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", TUTORIAL) if "://" not in target]
    assert len(targets) > 5
    for target in targets:
        page, _, heading = target.partition("#")
        assert not page or (ROOT / "docs" / page).is_file(), target
        text = (ROOT / "docs" / page).read_text(encoding="utf-8") if heading and page else TUTORIAL
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        assert not heading or heading in {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}


def test_buttons_and_sections_that_are_named_are_in_the_panel():
    panel = (ROOT / "ResFormerSeg/Resources/UI/ResFormerSeg.ui").read_text(encoding="utf-8")
    texts = set(re.findall(r"<string>([^<]+)</string>", panel))
    named = (
        "Apply", "Cancel", "Details…", "Add a model folder…", "Install ONNX Runtime…", "Install PyTorch…",
        "Edit in Segment Editor", "Copy as text", "Copy diagnostics", "Show details", "Advanced",
        "Diagnosis", "Along the volume", "Explain", "Compare with a reference",
    )  # fmt: skip
    for text in named:
        assert f"*{text}*" in TUTORIAL, text
        assert text in texts, text


def test_there_are_commands_to_check():
    assert len(COMMANDS) == 4


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("resformer-unet ")])
def test_the_command_line_takes_what_the_tutorial_types(command):
    cli.build_parser().parse_args(shlex.split(command)[1:])


def test_scripts_that_are_run_are_in_the_repository():
    for command in COMMANDS:
        program, *arguments = shlex.split(command)
        assert program != "python" or (ROOT / arguments[0]).is_file()


def test_the_drawn_training_set_can_be_read(tmp_path):
    drawTrainingSet(tmp_path / "spots", cases=10)
    cases = load_dataset(tmp_path / "spots")
    assert len(cases) == 10
    assert {case.label for case in cases} == {"pale_spot", "dark_spot"}
    assert {case.split for case in cases} == {"train", "val", "test"}
