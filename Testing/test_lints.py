"""The Slicer side avoids what the application refuses although the test bed allows it."""

import ast

import pytest

import slicer_lints as lints
from helpers.paths import MODULE_FOLDER

SLICER_SIDE = [MODULE_FOLDER / "ResFormerSeg.py", *sorted((MODULE_FOLDER / "ResFormerSegLib").rglob("*.py"))]

# What each lint must find, and what it must let pass.
EXAMPLES = {
    lints.keywordsInConstructors: (
        ["qt.QLabel(text='a')", "ctk.ctkSliderWidget(parent=p)", "slicer.qMRMLPlotView(parent=p)"],
        ["qt.QLabel('a', parent)", "slicer.util.loadVolume(path, properties={})", "box.addItem('a')"],
    ),
    lints.namesOfEnums: (["qt.QProcess.Crashed.name", "qt.Qt.AlignLeft.value"], ["volume.name", "qt.QTimer().name"]),
    lints.scopedEnums: (["qt.Qt.AlignmentFlag.AlignLeft"], ["qt.Qt.AlignLeft", "qt.QLabel.fontMetrics.height"]),
    lints.shortcutsToUtilities: (
        ["slicer.loadVolume('a')", "from slicer import getNode", "slicer.mainWindow()"],
        ["slicer.util.loadVolume('a')", "slicer.mrmlScene", "from slicer import vtkMRMLNode"],
    ),
    lints.suspectValuesForWidgets: (
        ["label.text = None", "bar.setValue(np.round(x))", "self.bar.value = areas.max()", "box.addItem(None)"],
        ["label.text = ''", "bar.setValue(int(x.max()))", "self.value = None", "bar.value = max(a, b)"],
    ),
    lints.importsAtFileScope: (
        [
            "import numpy as np",
            "class A:\n    import torch",
            "try:\n    from PIL import Image\nexcept ImportError: pass",
        ],
        ["import json, qt, slicer", "def f():\n    import numpy", "from ResFormerSegLib.runs.job import Job"],
    ),
    lints.composedTranslations: (
        ["_(f'{n} slices')", "_('{n} slices'.format(n=n))", "_(text)", "translate('Module', f'{a}')"],
        ["_('{n} slices').format(n=n)", "_('one ' 'two')", "translate(name, 'Segmentation')"],
    ),
    lints.execWithoutUnderscore: (["dialog.exec()"], ["dialog.exec_()", "exec('a')"]),
    lints.threads: (
        ["import threading", "from threading import Thread, get_ident", "from concurrent.futures import Future"]
        + ["qt.QThread()"],
        ["import queue", "qt.QProcess()", "from threading import get_ident"],
    ),
    lints.defaultsInSlots: (
        ["button.connect('clicked(bool)', lambda n=1: f(n))", "button.clicked.connect(lambda n=1: f(n))"],
        ["button.connect('clicked()', lambda: f(n))", "sorted(a, key=lambda n=1: n)"],
    ),
    lints.singleShots: (["qt.QTimer.singleShot(0, f)"], ["timer.setSingleShot(True)", "callLater(f)"]),
    lints.observersOfNodesThatGo: (["self.removeObservers(self._onVoxels)"], ["self.removeObservers()"]),
    lints.instancesOfQtClasses: (
        ["isinstance(w, qt.QWidget)", "isinstance(w, (str, ctk.ctkBox))", "K = (qt.QLabel,)\nisinstance(w, K)"],
        ["isinstance(w, str)", "w.inherits('QLabel')", "w = qt.QLabel()\nisinstance(w, str)"],
    ),
}


@pytest.mark.parametrize("path", SLICER_SIDE, ids=lambda path: path.stem)
def test_the_slicer_side_is_free_of_findings(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    findings = [f"{path.name}:{line}: {text}" for lint in lints.LINTS for line, text in lint(tree)]
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize("lint", lints.LINTS, ids=lambda lint: lint.__name__)
def test_every_lint_finds_the_bad_and_lets_the_good_pass(lint):
    bad, good = EXAMPLES[lint]
    assert [snippet for snippet in bad if not list(lint(ast.parse(snippet)))] == []
    assert [snippet for snippet in good if list(lint(ast.parse(snippet)))] == []


def test_there_are_files_to_check():
    assert len(SLICER_SIDE) > 5
