"""The command line ``resformer-unet``."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from resformer_unet import NOT_FOR_CLINICAL_USE, __version__
from resformer_unet.cli.predict import add_arguments, run_predict
from resformer_unet.cli.progress import Progress, tell
from resformer_unet.errors import EngineError

EPILOG = f"""examples:
  resformer-unet models
  resformer-unet predict head.nrrd --model brain-tumor-mr --output results
  resformer-unet predict studies --model brain-tumor-mr --output results --resume
  resformer-unet evaluate ../shared/data/skin-lesion --model skin-lesion --split test --output report.json
  resformer-unet check-data ../shared/data/skin-lesion
  resformer-unet train ../shared/data/skin-lesion --recipe skin-lesion --output my-skin-model
  torchrun --nproc-per-node 4 -m resformer_unet train ../shared/data/skin-lesion --output my-skin-model

exit codes: 0 all is well, 1 something failed (what, is said on stderr), 2 wrong usage, 130 interrupted

{NOT_FOR_CLINICAL_USE}"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot show must not end the work
        stream.reconfigure(errors="backslashreplace")
    parser = build_parser()
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except EngineError as error:
        if options.debug:
            traceback.print_exc()
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if options.debug:
            traceback.print_exc()
        print(
            f"error: The package {error.name} is not installed. Get it with: pip install 'resformer-unet[train]'",
            file=sys.stderr,
        )
        return 1
    except Exception as error:
        if options.debug:
            traceback.print_exc()
        print(f"error: The engine failed unexpectedly: {type(error).__name__}: {error}", file=sys.stderr)
        print("Please report it with what --debug shows.", file=sys.stderr)
        return 1


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="resformer-unet",
        description="Outline lesions or organs in medical images and give a diagnosis, with a ResFormer-UNet.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_predict(commands)
    _add_evaluate(commands)
    _add_check_data(commands)
    _add_train(commands)
    _add_models(commands)
    _add_export(commands)
    return parser


def _add_predict(commands) -> None:
    command = _command(commands, "predict", run_predict, "segment and diagnose images")
    add_arguments(command)
    _add_model(command)
    _add_device(command)


def _add_evaluate(commands) -> None:
    command = _command(commands, "evaluate", run_evaluate, "measure a model on a data set with masks and labels")
    command.add_argument("dataset", type=Path, metavar="DATASET", help="folder with labels.csv, images/ and masks/")
    _add_model(command)
    command.add_argument("--split", default="test", help="split of labels.csv to use (default: test)")
    command.add_argument("--output", required=True, type=Path, metavar="FILE",
                         help="report to write, JSON; the report card lies beside it as HTML")  # fmt: skip
    _add_device(command)


def _add_check_data(commands) -> None:
    what = "look a data set over and say what is wrong with it; train does it too"
    command = _command(commands, "check-data", run_check_data, what)
    command.add_argument("dataset", type=Path, metavar="DATASET", help="folder with labels.csv, images/ and masks/")
    command.add_argument("--recipe", metavar="NAME|FILE", help="whose diagnoses and segments are the only ones allowed")


def _add_train(commands) -> None:
    command = _command(commands, "train", run_train, "train a model on a data set and write it as a model folder")
    command.add_argument("dataset", type=Path, metavar="DATASET", help="folder with labels.csv, images/ and masks/")
    command.add_argument("--output", required=True, type=Path, metavar="FOLDER", help="model folder to write")
    command.add_argument(
        "--recipe", metavar="NAME|FILE", help="descriptor and hyperparameters; without it, they are read off the data"
    )
    structure = command.add_mutually_exclusive_group()
    structure.add_argument("--preset", choices=("small", "base"), help="size of the network (default: the recipe's)")
    structure.add_argument("--init", metavar="ID|FOLDER",
                           help="begin with this model's network and weights; its classes may differ")  # fmt: skip
    command.add_argument("--epochs", type=_positive, metavar="N", help="passes over the training split")
    command.add_argument("--batch-size", type=_positive, metavar="N", help="slices a step")
    command.add_argument("--size", type=_positive, nargs=2, metavar=("ROWS", "COLUMNS"), help="input of the network")
    command.add_argument("--learning-rate", type=float, metavar="X", help="the schedule's highest")
    command.add_argument("--seed", type=int, metavar="N", help="of everything random (default: 0)")
    command.add_argument("--precision", choices=("32-true", "bf16-mixed", "16-mixed"),
                         help="default: bf16-mixed on a GPU, 32-true on the CPU")  # fmt: skip
    command.add_argument("--workers", type=_not_negative, metavar="N", help="processes that prepare training images")
    command.add_argument("--resume", action="store_true", help="go on after an interrupted training's last epoch")
    _add_device(command)


def _add_models(commands) -> None:
    command = _command(commands, "models", run_models, "list the models that are there")
    command.add_argument("--json", action="store_true", help="descriptors as JSON")


def _add_export(commands) -> None:
    command = _command(commands, "export", run_export, "write the network of a model as an ONNX graph")
    command.add_argument("model", metavar="ID|FOLDER", help="see: resformer-unet models")
    command.add_argument("--output", type=Path, metavar="FILE",
                         help="write a file with its weights, for other programs; without it, the graph that ONNX "
                              "Runtime needs is added to the model's folder")  # fmt: skip


def run_evaluate(options: argparse.Namespace) -> int:
    from resformer_unet.atomic_files import check_writable
    from resformer_unet.data.dataset import load_dataset
    from resformer_unet.evaluation.evaluate import evaluate, write_evaluation
    from resformer_unet.evaluation.report_card.page import beside, write_report_card
    from resformer_unet.evaluation.summary import summarise
    from resformer_unet.inference.predictor import Predictor
    from resformer_unet.model.catalog import find_model

    card = beside(options.output)
    for path in (options.output, card):
        check_writable(path)
    progress = Progress()
    predictor = Predictor(find_model(options.model), options.device)
    report = evaluate(
        options.dataset, predictor, options.split, lambda done, total: progress("evaluating", done, total)
    )
    write_evaluation(options.output, report)
    cases = load_dataset(options.dataset, options.split)
    write_report_card(card, report, cases, predictor, lambda done, total: progress("drawing cases", done, total))
    progress.close()
    tell(summarise(report), sys.stdout)
    tell(f"report card: {card}", sys.stdout)
    return 1 if report["failed"] else 0


def run_check_data(options: argparse.Namespace) -> int:
    from resformer_unet.data.check.check_data import check_data
    from resformer_unet.training.setup.description import check_recipe
    from resformer_unet.training.setup.recipe import Recipe, load_recipe

    recipe = load_recipe(options.recipe) if options.recipe else Recipe()
    check_recipe(recipe)
    progress = Progress()
    report = check_data(options.dataset, recipe.descriptor, progress)
    progress.close()
    for line in [*report.summary, *report.table(), report.verdict]:
        tell(line, sys.stdout)
    return 1 if report.errors else 0


def run_train(options: argparse.Namespace) -> int:
    from resformer_unet.model.catalog import find_model
    from resformer_unet.training.setup.recipe import Recipe, load_recipe
    from resformer_unet.training.train import train

    recipe = load_recipe(options.recipe) if options.recipe else Recipe()
    recipe = recipe.changed(
        preset=options.preset,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        seed=options.seed,
    )
    progress = Progress()
    bundle = train(
        options.dataset,
        options.output,
        recipe,
        device=options.device,
        size=tuple(options.size) if options.size else None,
        precision=options.precision,
        workers=options.workers,
        resume=options.resume,
        initial=find_model(options.init) if options.init else None,
        progress=progress,
        note=progress.note,
    )
    progress.close()
    if bundle is None:  # another process of the same training tells
        return 0
    for row in bundle.descriptor["results"]:
        figures = ", ".join(f"{name} {value:.3f}" for name, value in row["metrics"].items())
        tell(f"{row['split']} ({row['cases']} cases): {figures}", sys.stdout)
    tell(f"The model is in {bundle.folder}. Use it with:", sys.stdout)
    tell(f"  resformer-unet predict IMAGE --model {bundle.folder} --output DIR", sys.stdout)
    return 0


def run_models(options: argparse.Namespace) -> int:
    from resformer_unet.model.catalog import list_models, model_folders

    models, problems = list_models()
    if options.json:
        rows = [{"folder": str(bundle.folder), **bundle.descriptor} for bundle in models]
        tell(json.dumps({"models": rows, "problems": problems}, indent=2, ensure_ascii=False), sys.stdout)
    else:
        for bundle in models:
            tell(f"{bundle.id:<20} {bundle.descriptor['modality']:<4} {bundle.title}", sys.stdout)
            tell(f"{'':<20} diagnoses: {', '.join(row['name'] for row in bundle.diagnoses) or 'none'}", sys.stdout)
            tell(f"{'':<20} segments:  {', '.join(row['name'] for row in bundle.segments) or 'none'}", sys.stdout)
    for problem in problems:
        tell(f"warning: {problem['folder']}: {problem['message']}", sys.stderr)
    if not models:
        tell(f"No models found in {', '.join(map(str, model_folders()))}.", sys.stderr)
    return 0 if models else 1


def run_export(options: argparse.Namespace) -> int:
    from resformer_unet.atomic_files import atomic_file, check_writable
    from resformer_unet.model.bundle import NETWORK_ONNX
    from resformer_unet.model.catalog import find_model
    from resformer_unet.model.weights import load_network
    from resformer_unet.training.finish.onnx_export import add_exported_graph, exported

    bundle = find_model(options.model)
    rows, columns = bundle.descriptor["input"]["size"]
    if options.output:
        check_writable(options.output)
        model = exported(load_network(bundle), (rows, columns))
        with atomic_file(options.output) as temporary:
            temporary.write_bytes(model.SerializeToString(deterministic=True))
    else:
        add_exported_graph(bundle)
    written = options.output or bundle.folder / NETWORK_ONNX
    shape = f"(slices, {bundle.channels}, {rows}, {columns})"
    tell(f"{written}: input image {shape}, scaled as input.intensity in model.json states", sys.stdout)
    return 0


def _command(commands, name: str, run, what: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=what, description=f"{what.capitalize()}.", epilog=NOT_FOR_CLINICAL_USE)
    command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    command.set_defaults(run=run)
    return command


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", required=True, metavar="ID|FOLDER", help="see: resformer-unet models")


def _add_device(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--device",
        default="auto",
        help="auto (a usable GPU, else the CPU), cpu, cuda, cuda:N or mps; cpu:onnx or cpu:torch for one engine alone",
    )


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _not_negative(text: str) -> int:
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number
