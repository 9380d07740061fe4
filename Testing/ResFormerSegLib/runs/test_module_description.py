"""What the application learns when it loads the module."""

import slicer


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
