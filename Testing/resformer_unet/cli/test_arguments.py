"""Arguments of the command line that are made from the fields of options."""

from __future__ import annotations

import argparse
from dataclasses import fields

import pytest

from resformer_unet.cli.arguments import add_options, chosen, flag
from resformer_unet.cli.main import build_parser
from resformer_unet.inference.options import PredictOptions
from resformer_unet.training.setup.options import TrainOptions


def parse(options, *arguments: str):
    parser = argparse.ArgumentParser()
    add_options(parser, options, exclusive=("preset", "init") if options is TrainOptions else ())
    return chosen(options, parser.parse_args(arguments))


def test_without_arguments_all_options_have_their_defaults():
    assert parse(PredictOptions) == PredictOptions() and parse(TrainOptions) == TrainOptions()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--slices", "10-24"), PredictOptions(slices=(10, 24))),
        (("--slices", "7"), PredictOptions(slices=(7, 7))),
        (("--slices", "0-0"), PredictOptions(slices=(0, 0))),
        (("--slice-axis", "axis1"), PredictOptions(slice_axis="axis1")),
        (("--min-area", "2.5", "--smoothing", "1"), PredictOptions(min_area_mm2=2.5, smoothing_mm=1.0)),
        (("--probability-maps",), PredictOptions(probability_maps=True)),
        (("--size", "160", "192", "--seed", "0"), TrainOptions(size=(160, 192), seed=0)),
        (("--epochs", "3", "--learning-rate", "1e-3"), TrainOptions(epochs=3, learning_rate=0.001)),
        (("--init", "x", "--resume", "--workers", "0"), TrainOptions(init="x", resume=True, workers=0)),
    ],
    ids=str,
)  # fmt: skip
def test_arguments_are_the_options_that_they_name(arguments, expected):
    assert parse(type(expected), *arguments) == expected


@pytest.mark.parametrize(
    ("options", "arguments", "words"),
    [
        (PredictOptions, ("--slices", "5-2"), "argument --slices: must be the first and the last slice, two"),
        (PredictOptions, ("--slices", "a-b"), "the first not above the last, not “a-b”"),
        (PredictOptions, ("--slices", "1-2-3"), "argument --slices"),
        (PredictOptions, ("--slices", "-3"), "argument --slices"),
        (PredictOptions, ("--min-area", "-1"), "argument --min-area: must be a number of at least 0 mm², not “-1”"),
        (PredictOptions, ("--smoothing", "nan"), "argument --smoothing"),
        (PredictOptions, ("--smoothing", "x"), "argument --smoothing: must be a number of at least 0 mm, not “x”"),
        (PredictOptions, ("--slice-axis", "diagonal"), "not “diagonal”"),
        (TrainOptions, ("--epochs", "0"), "argument --epochs: must be a whole number of at least 1, not “0”"),
        (TrainOptions, ("--size", "0", "10"), "argument --size"),
        (TrainOptions, ("--size", "10"), "argument --size: expected 2 arguments"),
        (TrainOptions, ("--learning-rate", "0"), "must be a number above 0 and at most 1, not “0”"),
        (TrainOptions, ("--preset", "small", "--init", "skin-lesion"), "not allowed with argument"),
    ],
)  # fmt: skip
def test_a_bad_argument_is_wrong_usage_in_the_words_of_its_option(options, arguments, words, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(options, *arguments)
    assert ended.value.code == 2 and words in capsys.readouterr().err


@pytest.mark.parametrize(("command", "options"), [("predict", PredictOptions), ("train", TrainOptions)])
def test_the_help_of_a_command_shows_each_option_with_its_help_and_its_default(command, options, capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args([command, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for entry in fields(options):
        assert flag(entry) in text and entry.metadata["help"] in text
        default = entry.metadata["absent"] or f"{entry.default:g}"
        assert entry.default is False or f"(default: {default})" in text
