"""The command ``resformer-unet models``."""

from __future__ import annotations

import argparse
import json
import sys

from resformer_unet.cli.progress import print_line

SUMMARY = "list the installed models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="descriptors as JSON")


def run(arguments: argparse.Namespace) -> int:
    """1 if there is no model at all."""
    from resformer_unet.model.catalog import list_models, model_folders

    models, problems = list_models()
    if arguments.json:
        rows = [{"folder": str(bundle.folder), **bundle.descriptor} for bundle in models]
        print_line(json.dumps({"models": rows, "problems": problems}, indent=2, ensure_ascii=False), sys.stdout)
    else:
        for bundle in models:
            print_line(f"{bundle.id:<20} {bundle.descriptor['modality']:<4} {bundle.title}", sys.stdout)
            print_line(
                f"{'':<20} diagnoses: {', '.join(row['name'] for row in bundle.diagnoses) or 'none'}", sys.stdout
            )
            print_line(f"{'':<20} segments:  {', '.join(row['name'] for row in bundle.segments) or 'none'}", sys.stdout)
    for problem in problems:
        print_line(f"warning: {problem['folder']}: {problem['message']}", sys.stderr)
    if not models:
        print_line(f"No models found in {', '.join(map(str, model_folders()))}.", sys.stderr)
    return 0 if models else 1
