"""A segmentation whose display node was removed: the application would crash if its segments were changed."""

import pytest

from helpers.scene_helpers import makeVolume, sceneState


@pytest.fixture
def output(scene):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    node.CreateDefaultDisplayNodes()
    node.GetSegmentation().AddEmptySegment("old", "My own work")
    return node


def refusalOf(run):
    from ResFormerSegLib.errors import ResFormerSegError

    with pytest.raises(ResFormerSegError) as caught:
        run()
    return caught.value


def test_the_bed_reports_what_would_crash_the_application(bed, module):
    from slicer_bed.watch import watch

    bed.scene.Clear(False)
    node = bed.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    node.CreateDefaultDisplayNodes()
    node.GetSegmentation().AddEmptySegment("old")
    with watch(bed) as problems:
        bed.scene.RemoveNode(node.GetDisplayNode())
        node.GetSegmentation().RemoveAllSegments()
    assert problems and "the application dies: 'Mine'" in problems[0]
    bed.scene.Clear(False)


@pytest.mark.parametrize(
    ("empty", "wasRemoved"),
    [(False, "before the run"), (False, "during the run"), (True, "during the run")],
    ids=str,
)
def test_an_output_that_has_lost_its_display_is_refused(scene, logicWith, output, empty, wasRemoved):
    """One that is empty and lost it before the run cannot be told from one that never had a display, which is fine."""
    if empty:
        output.GetSegmentation().RemoveAllSegments()

    def remove(*news) -> None:
        if output.GetDisplayNode() is not None:
            scene.RemoveNode(output.GetDisplayNode())

    volume = makeVolume()
    if wasRemoved == "before the run":
        remove()
    logic = logicWith("exclusive")
    error = refusalOf(lambda: logic.process(volume, outputSegmentation=output, progress=remove))
    assert error.code == "OUTPUT_WITHOUT_DISPLAY" and "'Mine'" in error.message and error.hint
    assert output.GetSegmentation().GetNumberOfSegments() == (0 if empty else 1)


def test_the_output_of_a_patient_is_refused_likewise(scene, logicWith, output):
    volumes = makeVolume(name="ED"), makeVolume(name="ES")
    scene.RemoveNode(output.GetDisplayNode())
    before = sceneState()
    error = refusalOf(lambda: logicWith("exclusive").processPatient(*volumes, outputSegmentation=output))
    assert error.code == "OUTPUT_WITHOUT_DISPLAY" and sceneState() == before


def test_a_new_segmentation_without_a_display_takes_a_result(scene, logicWith):
    output = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    result = logicWith("exclusive").process(makeVolume(), outputSegmentation=output)
    assert result.segmentationNode is output and output.GetSegmentation().GetNumberOfSegments() == 2
