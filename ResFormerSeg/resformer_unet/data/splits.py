"""The splits of a data set as a training uses them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from resformer_unet.data.dataset import Case, load_dataset, without_groups_of
from resformer_unet.data.table import FEWEST_TRAINING_CASES
from resformer_unet.errors import EngineError


@dataclass(frozen=True)
class Splits:
    """Cases of each split, without those whose group is also in a later split, which would leak."""

    train: list[Case]
    val: list[Case]
    test: list[Case]

    @classmethod
    def load(cls, dataset: str | Path) -> Splits:
        """Raises ``EngineError``: those of :func:`.load_dataset`, DATASET_INVALID for too few cases."""
        return cls.of(load_dataset(dataset), dataset)

    @classmethod
    def of(cls, cases: Iterable[Case], dataset: str | Path) -> Splits:
        """The same for cases that are already loaded; ``dataset`` is named in errors."""
        cases = list(cases)
        train, val, test = ([case for case in cases if case.split == split] for split in ("train", "val", "test"))
        splits = cls(without_groups_of(train, val + test), without_groups_of(val, test), test)
        if len(splits.train) < FEWEST_TRAINING_CASES or not splits.val:
            dropped = len(train) + len(val) - len(splits.train) - len(splits.val)
            left_out = f" after {dropped} whose group is also in a later split were left out" if dropped else ""
            raise EngineError(
                "DATASET_INVALID",
                f"{dataset} has {len(splits.train)} training and {len(splits.val)} validation cases{left_out}; "
                f"at least {FEWEST_TRAINING_CASES} and 1 are needed.",
                "Name them train and val in the split column of labels.csv, and keep each group in one split.",
            )
        return splits

    def check_labels(self, descriptor: Mapping) -> None:
        """Raises ``EngineError`` LABELS_UNKNOWN or CLASS_WITHOUT_CASES if labels and diagnoses do not match."""
        if not descriptor["diagnosis"]:
            return
        classes = [entry["id"] for entry in descriptor["diagnosis"]["classes"]]
        labels = {case.label for case in self.train + self.val if case.label}
        if unknown := sorted(labels - set(classes)):
            raise EngineError(
                "LABELS_UNKNOWN",
                f"The data set has labels that are not among the model's diagnoses: {', '.join(unknown[:5])}.",
                f"The diagnoses are {', '.join(classes)}. Correct labels.csv or the recipe.",
            )
        if missing := [name for name in classes if name not in {case.label for case in self.train}]:
            raise EngineError(
                "CLASS_WITHOUT_CASES",
                f"No training case has the diagnosis {', '.join(missing)}.",
                "Add cases, or remove the diagnosis from the recipe.",
            )
