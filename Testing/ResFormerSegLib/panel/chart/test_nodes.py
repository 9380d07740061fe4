"""The nodes of the per-slice charts, in a real scene."""

import numpy as np
import pytest
import slicer

from helpers.plain_text import plain
from helpers.scene_helpers import sceneState

KINDS = ("vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode", "vtkMRMLPlotViewNode", "vtkMRMLTableNode")


def makeReport(slices=5, first=0, millimetres=True) -> dict:
    """Two classes and two segments; the tumour grows along the slices, the edema is nowhere."""
    rows = []
    for index in range(first, first + slices):
        area = {"tumour": 10.0 * index, "edema": 0.0}
        rows.append(
            {
                "index": index,
                "probabilities": {"glioma": index / 10, "pituitary_tumor": 1 - index / 10},
                "voxels": {"tumour": 40 * index, "edema": 0},
                "area_mm2": area if millimetres else None,
                "longest_diameter_mm": {"tumour": 2.0 * index, "edema": 0.0} if millimetres else None,
            }
        )
    segments = [
        {"id": "tumour", "name": "Tumour", "color": [255, 0, 0], "voxels": 400, "volume_mm3": 1500.0},
        {"id": "edema", "name": "Edema", "color": [0, 0, 255], "voxels": 0, "volume_mm3": 0.0},
    ]
    for segment in segments:
        segment["longest_diameter_mm"] = 8.0 if segment["id"] == "tumour" else 0.0
        if not millimetres:
            segment["volume_mm3"] = segment["longest_diameter_mm"] = None
    return {
        "diagnosis": {"label": "glioma", "name": "Glioma", "probabilities": {"glioma": 0.6, "pituitary_tumor": 0.4}},
        "segments": segments,
        "slices": rows,
        "slice_axis": {"plane": "axial", "array_axis": 0},
    }


@pytest.fixture
def nodes(scene):
    from ResFormerSegLib.panel.chart.nodes import ChartNodes

    nodes = ChartNodes()
    yield nodes
    nodes.remove()


def seriesOf(view) -> dict:
    """{name: (x, y)} of the series that a plot view draws."""
    chart = view.GetPlotChartNode()
    found = {}
    for index in range(chart.GetNumberOfPlotSeriesNodes()):
        series = chart.GetNthPlotSeriesNode(index)
        table = series.GetTableNode()
        columns = [slicer.util.arrayFromTableColumn(table, name) for name in (series.GetXColumnName(),)]
        columns.append(slicer.util.arrayFromTableColumn(table, series.GetYColumnName()))
        found[series.GetName()] = tuple(column.tolist() for column in columns)
    return found


def test_each_class_and_each_segment_is_a_series_over_the_slices(nodes):
    nodes.show(makeReport(first=3))
    probabilities, areas = seriesOf(nodes.probabilityView), seriesOf(nodes.areaView)
    assert probabilities["Glioma"] == ([3, 4, 5, 6, 7], pytest.approx([0.3, 0.4, 0.5, 0.6, 0.7]))
    assert probabilities["Pituitary tumor"][1][0] == pytest.approx(0.7)
    assert areas["Tumour"] == ([3, 4, 5, 6, 7], [30, 40, 50, 60, 70])
    chart = nodes.areaView.GetPlotChartNode()
    assert chart.GetYAxisTitle() == "Area (mm²)" and chart.GetXAxisTitle() == "Slice (axial)"
    assert chart.GetXAxisRange() == (2.5, 7.5) and chart.GetYAxisRange()[1] > 70
    assert nodes.probabilityView.GetPlotChartNode().GetYAxisRange()[0] == 0


def test_the_names_of_the_model_are_used(nodes):
    nodes.show(makeReport(), {"pituitary_tumor": "Pituitary tumour"})
    assert {"Glioma", "Pituitary tumour"} == set(seriesOf(nodes.probabilityView))


def test_areas_of_a_picture_are_in_pixels(nodes):
    nodes.show(makeReport(millimetres=False))
    assert nodes.areaView.GetPlotChartNode().GetYAxisTitle() == "Area (pixels)"
    assert seriesOf(nodes.areaView)["Tumour"][1] == [0, 40, 80, 120, 160]


def test_a_model_without_a_task_has_no_chart_for_it(nodes):
    report = makeReport()
    nodes.show({**report, "diagnosis": None})
    assert nodes.probabilityView is None and nodes.areaView is not None
    nodes.show({**report, "segments": []})
    assert nodes.probabilityView is not None and nodes.areaView is None


def test_a_report_of_an_earlier_version_is_drawn_in_pixels(nodes):
    report = makeReport()
    for row in report["slices"]:
        del row["area_mm2"], row["longest_diameter_mm"]
    nodes.show(report)
    assert nodes.areaView.GetPlotChartNode().GetYAxisTitle() == "Area (pixels)"


def test_the_legend_tells_the_figures_of_the_slice_shown(nodes):
    from ResFormerSegLib.panel.chart.styling import legendText
    from ResFormerSegLib.texts import percentText

    nodes.show(makeReport())
    text = plain(legendText(nodes.probabilityLegend, 3, percentText))
    assert text.startswith("Slice 3: ") and "Glioma <b>30 %</b>" in text and "rgb(0, 114, 178)" in text
    assert "%" not in legendText(nodes.probabilityLegend, None, percentText)
    assert "<b>" not in legendText(nodes.areaLegend, 99, percentText)  # a slice that was not analysed


def test_a_chart_that_shows_all_slices_is_left_alone(nodes):
    nodes.show(makeReport())
    changes, chart = [], nodes.areaView.GetPlotChartNode()
    chart.AddObserver("ModifiedEvent", lambda caller, event: changes.append(1))
    nodes.showAllSlices()
    assert not changes
    before = chart.GetXAxisRange()
    chart.SetXAxisRange(1, 2)
    nodes.showAllSlices()
    assert chart.GetXAxisRange() == before and len(changes) == 2


def test_a_second_result_replaces_the_nodes_of_the_first(nodes):
    nodes.show(makeReport())
    before = {kind: len(slicer.util.getNodesByClass(kind)) for kind in KINDS}
    nodes.show(makeReport(slices=9))
    assert {kind: len(slicer.util.getNodesByClass(kind)) for kind in KINDS} == before


def test_the_scene_is_as_before_when_the_chart_is_removed(scene, nodes):
    before = sceneState()
    nodes.show(makeReport())
    nodes.remove()
    assert sceneState() == before


def test_the_chart_is_neither_listed_nor_saved(scene, nodes, tmp_path):
    before = sceneState()[1]
    nodes.show(makeReport())
    assert sceneState()[1] == before
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"), {})
    scene.Clear(False)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"), {})
    assert not any(slicer.util.getNodesByClass(kind) for kind in KINDS)


def test_closing_the_scene_does_not_hurt(scene, nodes):
    nodes.show(makeReport())
    scene.Clear(False)
    nodes.showAllSlices()
    nodes.show(makeReport())
    assert len(slicer.util.getNodesByClass("vtkMRMLPlotChartNode")) == 2


def test_the_plot_views_have_an_owner_before_the_scene_knows_them(scene, nodes):
    """Else the application gives them a place in the layout of its window."""
    owners = []

    def onAdded(caller, event, node=None):
        for view in slicer.util.getNodesByClass("vtkMRMLPlotViewNode"):
            owners.append(view.GetParentLayoutNode())

    tag = scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, onAdded)
    nodes.show(makeReport())
    scene.RemoveObserver(tag)
    assert owners and all(owners)


def test_two_thousand_slices_are_drawn(nodes):
    nodes.show(makeReport(slices=2000))
    assert np.isfinite(seriesOf(nodes.areaView)["Tumour"][1]).all()
