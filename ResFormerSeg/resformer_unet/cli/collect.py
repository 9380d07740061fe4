"""The command ``resformer-unet collect``."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from resformer_unet.cli.arguments import MODEL_HELP, path
from resformer_unet.cli.progress import print_line
from resformer_unet.errors import EngineError, shown

SUMMARY = "add a corrected case to a training set, remove one, or list what the set holds"

OF_A_NEW_CASE = ("mask", "model", "label", "patient", "split", "by")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=path, metavar="FOLDER", help="training set; made with the first case")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--image", type=path, metavar="FILE", help="image of a case to add: a file or a DICOM folder")
    what.add_argument("--remove", metavar="CASE", help="case to remove with its files")
    parser.add_argument("--mask", type=path, metavar="FILE", help="its corrected mask, on the same grid")
    parser.add_argument("--model", metavar="ID|FOLDER",
                        help=f"{MODEL_HELP}, whose segments the mask's are; needed for a mask with several named "
                        "segments (.seg.nrrd) that no installed model has")  # fmt: skip
    parser.add_argument("--label", default="", metavar="ID", help="its confirmed diagnosis, as the model names it")
    parser.add_argument("--patient", default="", metavar="NAME",
                        help="name or number of the patient; only a code of it is stored")  # fmt: skip
    parser.add_argument("--split", choices=("train", "val", "test"),
                        help="of a new patient (default: the one that the diagnosis needs most)")  # fmt: skip
    parser.add_argument("--by", default="", metavar="NAME", help="who has confirmed mask and diagnosis")
    parser.add_argument("--json", action="store_true", help="the cases as JSON")
    parser.set_defaults(wrong_usage=parser.error)


def run(arguments: argparse.Namespace) -> int:
    if arguments.image is None and (given := [f"--{name}" for name in OF_A_NEW_CASE if getattr(arguments, name)]):
        arguments.wrong_usage(f"{given[0]} is of a case to add: give its --image too")

    from resformer_unet.training_set.contents import list_cases
    from resformer_unet.training_set.removing import remove_case

    if arguments.image is not None:
        _add(arguments)
    elif arguments.remove is not None:
        remove_case(arguments.folder, arguments.remove)
        print_line(f"{arguments.remove} was removed", sys.stderr)
    cases = list_cases(arguments.folder)
    if arguments.json:
        print_line(json.dumps([asdict(case) for case in cases], indent=2, ensure_ascii=False), sys.stdout)
        return 0
    for line in _table(cases):
        print_line(line, sys.stdout)
    return 0


def _add(arguments: argparse.Namespace) -> None:
    from resformer_unet.data.dataset import Case, read_case_image, read_mask_on_grid
    from resformer_unet.data.masks import label_map, model_of_names
    from resformer_unet.model.catalog import find_model
    from resformer_unet.training_set.adding import add_case

    name = arguments.image.name
    case = Case(name, arguments.image, arguments.mask, arguments.label or None, "", name)
    model = find_model(arguments.model) if arguments.model else None
    label = arguments.label.strip()
    if model and label and label not in (known := [row["id"] for row in model.diagnoses]):
        raise EngineError(
            "LABELS_UNKNOWN",
            f"The model {model.id} has no diagnosis {shown(label)}.",
            f"Its diagnoses are {', '.join(known)}." if known else "Leave --label out.",
        )
    image, mask = read_case_image(case), None
    if case.mask:
        stored = read_mask_on_grid(case, image)
        if model is None and (model := model_of_names(stored)) is not None:
            print_line(f"by their names, the mask's segments are those of the model {model.id}", sys.stderr)
        mask = label_map(name, stored, model and model.segments)
    added = add_case(
        arguments.folder,
        image,
        mask,
        label=label,
        patient=arguments.patient,
        split=arguments.split,
        by=arguments.by,
    )
    print_line(f"{name} was added as {added.id}, split {added.split}", sys.stderr)


def _table(cases: list) -> list[str]:
    from resformer_unet.training_set.contents import counts_by_class

    if not cases:
        return ["no cases"]
    head = ("case", "diagnosis", "split", "patient", "corrected by", "added")
    rows = [head, *((case.id, case.label, case.split, case.group, case.corrected_by, case.added) for case in cases)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for label, splits in counts_by_class(cases).items():
        lines.append(
            f"{label or '(no diagnosis)'}: " + ", ".join(f"{count} {split}" for split, count in splits.items())
        )
    return lines
