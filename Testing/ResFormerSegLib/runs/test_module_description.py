"""What the application learns when it loads the module."""

import re
import sys

import pytest
import slicer

from helpers.paths import MODULE_FOLDER


def test_the_module_describes_itself(module):
    parent = slicer.modules.ResFormerSegInstance.parent
    assert parent.title == "ResFormerSeg"
    assert parent.categories == ["Segmentation"]
    assert "Not a medical device" in parent.helpText
    assert parent.acknowledgementText and parent.contributors


def test_the_application_is_given_a_panel(module):
    assert module.ResFormerSegWidget
    assert slicer.modules.ResFormerSegInstance.parent.widgetRepresentationCreationEnabled


def test_the_logic_can_be_made_as_the_application_makes_it(module):
    assert module.ResFormerSegLogic().moduleName == "ResFormerSeg"
    assert module.ResFormerSegLogic(None).moduleName == "ResFormerSeg"


def test_the_self_test_refuses_a_missing_volume(widget, module):
    test = module.ResFormerSegTest()
    test.setUp()
    test.test_aMissingVolumeIsRefused()


def test_the_module_names_those_that_it_needs(module):
    named = slicer.modules.ResFormerSegInstance.parent.dependencies
    assert set(named) <= set(slicer.app.moduleManager().modulesNames())
    used = set()
    for file in (MODULE_FOLDER / "ResFormerSegLib").rglob("*.py"):
        for name in re.findall(r"slicer\.(vtk\w+)", file.read_text(encoding="utf-8")):
            library = getattr(slicer, name).__module__
            if found := re.search(r"vtkSlicer(\w+)Module", library):  # else the class is of Slicer's core
                used.add(found[1])
    assert {"Terminologies"} <= used <= set(named)
    through_nodes_and_widgets = {"Segmentations", "SubjectHierarchy", "Volumes", "Plots", "Tables", "Colors"}
    assert through_nodes_and_widgets <= set(named)


def test_the_module_is_not_loaded_without_those_that_it_needs(module, monkeypatch):
    import slicer_bed

    manager = slicer.app.moduleManager()
    monkeypatch.setitem(sys.modules, "ResFormerSeg", module)  # put back afterwards
    monkeypatch.delitem(manager._modules, "segmentations")
    with pytest.raises(RuntimeError, match="depends on Segmentations"):
        slicer_bed.loadModule(MODULE_FOLDER / "ResFormerSeg.py")
