"""An option has one name, range and default: the Slicer side and the documents agree with the fields that declare it.

The Slicer side is read from its syntax trees, so that no application is needed. The command line and the JSON schema
are generated from the fields; `resformer_unet/cli/test_arguments.py` and `resformer_unet/worker` test these.
"""

import ast
import json
from dataclasses import Field, fields
from pathlib import Path

import pytest

from helpers.paths import MODULE, MODULE_FOLDER, ROOT
from resformer_unet.cli.arguments import flag
from resformer_unet.inference.options import ExplainOptions, PredictOptions
from resformer_unet.option_fields import Number
from resformer_unet.training.setup.options import TrainOptions

# The one name that is not the field's in camel case.
ALIASES = {"min_area_mm2": "minimumAreaMm2"}
# A patient's two images have different slices.
NOT_OF_A_PATIENT = {"slices"}


def slicerName(name: str) -> str:
    first, *others = name.split("_")
    return ALIASES.get(name) or first + "".join(part.capitalize() for part in others)


def functionsOf(path: Path) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def keywordDefaults(function: ast.FunctionDef) -> dict[str, object]:
    names = [argument.arg for argument in function.args.kwonlyargs]
    return dict(zip(names, map(ast.literal_eval, function.args.kw_defaults), strict=True))


def optionKeys(function: ast.FunctionDef) -> list[list[str]]:
    """Keys of the dictionaries in a function that hold options."""
    literals = [node for node in ast.walk(function) if isinstance(node, ast.Dict)]
    keys = [[ast.literal_eval(key) for key in literal.keys if key is not None] for literal in literals]
    return [names for names in keys if "slice_axis" in names]


@pytest.mark.parametrize(
    ("method", "options", "without"),
    [
        ("process", PredictOptions, set()),
        ("processPatient", PredictOptions, NOT_OF_A_PATIENT),
        ("explain", ExplainOptions, set()),
    ],
)
def test_the_methods_of_the_logic_take_every_option_with_its_default(method, options, without):
    given = keywordDefaults(functionsOf(MODULE)[method])
    for name in ("outputSegmentation", "result"):  # nodes and results of the scene
        given.pop(name, None)
    expected = {slicerName(entry.name): entry.default for entry in fields(options) if entry.name not in without}
    assert given == expected


def test_the_slicer_side_sends_every_option_under_its_name():
    prediction = functionsOf(MODULE_FOLDER / "ResFormerSegLib" / "runs" / "prediction.py")["predictionOptions"]
    explanation = functionsOf(MODULE_FOLDER / "ResFormerSegLib" / "runs" / "explanation.py")["explanationOptions"]
    for function, options in ((prediction, PredictOptions), (explanation, ExplainOptions)):
        (names,) = optionKeys(function)
        assert sorted(names) == sorted(entry.name for entry in fields(options))
    arguments = [argument.arg for argument in prediction.args.args]
    assert sorted(arguments) == sorted(slicerName(entry.name) for entry in fields(PredictOptions))


IN_THE_PANEL = {entry.name: entry for entry in fields(PredictOptions) if entry.name != "slices"}


@pytest.mark.parametrize("name", IN_THE_PANEL)
def test_the_panel_saves_every_option_and_offers_no_value_outside_its_range(name):
    """The panel has its own parameters for the slices, and values of its own for the model's default."""
    entry = IN_THE_PANEL[name]
    tree = ast.parse((MODULE_FOLDER / "ResFormerSegLib" / "panel" / "parameters.py").read_text("utf-8"))
    (choices,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    parameters = {node.target.id: node for node in choices.body if isinstance(node, ast.AnnAssign)}
    parameter = parameters[slicerName(name)]
    if not isinstance(kind := entry.metadata["kind"], Number):
        return
    ranges = [node for node in ast.walk(parameter.annotation) if isinstance(node, ast.Call)]
    (least, most) = ranges[0].args
    if entry.default is not None:  # else the range begins with the panel's value for the model's default
        assert ast.literal_eval(least) == kind.minimum and ast.literal_eval(parameter.value) == entry.default
    assert kind.minimum < ast.literal_eval(most) <= kind.maximum


def optionTable() -> list[str]:
    """The table of options in `docs/worker-protocol.md`."""
    commands = {"predict": PredictOptions, "explain": ExplainOptions}
    rows: dict[str, tuple[Field, list[str]]] = {}
    for command, options in commands.items():
        for entry in fields(options):
            rows.setdefault(entry.name, (entry, []))[1].append(f"`{command}`")
    lines = ["| option | of | value | default | meaning |", "|---|---|---|---|---|"]
    for name, (entry, of) in rows.items():
        default = entry.metadata["absent"] or f"`{json.dumps(entry.default)}`"
        cells = [f"`{name}`", ", ".join(of), entry.metadata["kind"].requirement, default, entry.metadata["help"]]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def test_the_workers_document_has_the_table_of_the_options():
    text = (ROOT / "docs" / "worker-protocol.md").read_text("utf-8")
    table = "\n".join(optionTable())
    assert f"\n\n{table}\n\n" in text, f"put this into docs/worker-protocol.md:\n{table}"


def test_the_reports_document_names_every_argument_of_a_prediction():
    text = (ROOT / "docs" / "prediction-report.md").read_text("utf-8")
    for entry in fields(PredictOptions):
        assert f"\n| `{flag(entry)}" in text


@pytest.mark.parametrize("options", [PredictOptions, ExplainOptions, TrainOptions])
def test_every_option_says_what_it_is_and_what_its_default_means(options):
    for entry in fields(options):
        label, help, absent = (entry.metadata[key] for key in ("label", "help", "absent"))
        assert label[0].isupper() and help and not help.endswith(".")
        assert bool(absent) == (entry.default is None)
        unit = getattr(entry.metadata["kind"], "unit", "")
        assert not unit or entry.name.endswith(f"_{unit}")
