"""The panel's side of the test bed: it must refuse what the application refuses, and notice what it swallows."""

import enum
import pathlib
import time
from typing import Annotated

import numpy as np
import pytest
import slicer


@pytest.fixture
def qt(scene):
    import qt

    return qt


def test_properties_are_attributes_and_hide_their_getters(qt):
    label = qt.QLabel("a")
    assert label.text == "a"
    with pytest.raises(TypeError):
        label.text()


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        (lambda qt: qt.QLabel(text="a"), ValueError),
        (lambda qt: setattr(qt.QLabel(), "colour", "red"), AttributeError),
        (lambda qt: setattr(qt.QLabel(), "text", None), AttributeError),
        (lambda qt: qt.QLabel().setText(None), ValueError),
        (lambda qt: setattr(qt.QProgressBar(), "value", np.float32(3)), ValueError),
        (lambda qt: qt.QSpinBox().setValue(np.int64(3)), ValueError),
        (lambda qt: qt.QProcess.Crashed.name, AttributeError),
        (lambda qt: qt.QPushButton().connect("pushed()", print), AttributeError),
        (lambda qt: qt.Signal, AttributeError),
        (lambda qt: qt.QDialogButtonBox(qt.QDialogButtonBox.Save | qt.QDialogButtonBox.Cancel), ValueError),
        (lambda qt: qt.QDialogButtonBox(qt.QDialogButtonBox.Close), ValueError),
    ],
    ids=range(11),
)
def test_what_pythonqt_refuses_is_refused(qt, refused, error):
    with pytest.raises(error):
        refused(qt)


def test_surplus_arguments_of_a_signal_are_dropped(qt):
    button, calls = qt.QPushButton(), []
    button.connect("clicked(bool)", lambda: calls.append("none"))
    button.connect("clicked(bool)", lambda checked: calls.append(checked))
    button.click()
    assert calls == ["none", False]


def test_a_process_gives_bytes_and_tells_of_its_end_by_a_signal(qt, waitFor):
    process, ends = qt.QProcess(), []
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: ends.append((code, status)))
    process.start("/bin/sh", ["-c", "echo hé; kill -9 $$"])
    waitFor(lambda: ends)
    assert process.readLine().data() == "hé\n".encode()
    assert ends == [(9, qt.QProcess.CrashExit)]


def test_exceptions_in_slots_and_warnings_of_qt_are_noticed(bed, qt):
    from slicer_bed.watch import watch

    with watch(bed) as problems:
        button = qt.QPushButton()
        button.connect("clicked()", lambda: 1 / 0)
        button.click()
        qt.QWidget(), qt.QVBoxLayout(button), qt.QVBoxLayout(button)
    assert problems[0] == "exception in a slot: ZeroDivisionError: division by zero"
    assert "QLayout" in problems[1]


def test_a_blocked_event_loop_is_measured(longestBlock, waitFor):
    deadline = time.monotonic() + 0.2
    with longestBlock() as free:
        waitFor(lambda: time.monotonic() > deadline)
    with longestBlock() as blocked:
        time.sleep(0.5)
    assert free.seconds < 0.3 and blocked.seconds > 0.45


def test_a_substitute_offers_no_more_than_the_real_class(scene):
    from slicer_bed.substitutes.api import substitute

    with pytest.raises(RuntimeError, match="has no 'blink'"):
        substitute(type("ctkCollapsibleButton", (slicer.qMRMLWidget,), {"blink": lambda self: None}))


@pytest.fixture
def plotView(scene, qt):
    """A plot view with one series, and its table; drawn once."""
    table, series = slicer.vtkMRMLTableNode(), slicer.vtkMRMLPlotSeriesNode()
    chart, viewNode = slicer.vtkMRMLPlotChartNode(), slicer.vtkMRMLPlotViewNode()
    for node in (table, series, chart, viewNode):
        scene.AddNode(node)
    slicer.util.updateTableFromArray(table, np.arange(6.0).reshape(3, 2), ["x", "y"])
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName("x")
    series.SetYColumnName("y")
    chart.AddAndObservePlotSeriesNodeID(series.GetID())
    viewNode.SetPlotChartNodeID(chart.GetID())
    host = qt.QWidget()
    qt.QVBoxLayout(host)
    view = slicer.qMRMLPlotView()
    host.layout().addWidget(view)
    view.setMRMLScene(scene)
    view.setMRMLPlotViewNode(viewNode)
    host.resize(200, 200)
    host.show()
    slicer.app.processEvents()
    yield view, table
    view.setMRMLScene(None)
    host.delete()


def test_a_table_that_is_emptied_under_a_shown_plot_prints_an_error(plotView, bed):
    from slicer_bed.watch import watch

    with watch(bed) as problems:
        slicer.util.updateTableFromArray(plotView[1], np.ones((2, 2)), ["x", "y"])
    assert any("column is set" in problem for problem in problems)


def test_a_plot_is_drawn_again_when_something_moves_in_it_but_not_when_over_it(plotView, qt):
    view, drawn = plotView[0], []
    view.renderWindow().AddObserver("StartEvent", lambda caller, event: drawn.append(1))
    for parent, times in ((view.parentWidget(), 0), (view, 1)):
        line = qt.QFrame(parent)
        line.setGeometry(20, 20, 2, 80)
        line.show()
        slicer.app.processEvents()
        drawn.clear()
        line.move(60, 20)
        slicer.app.processEvents()
        assert len(drawn) == times


def test_the_module_panel_does_not_follow_a_content_that_gets_higher(scene, qt):
    from slicer_bed.module_panel import ModulePanel

    panel = qt.QWidget()
    layout = qt.QVBoxLayout(panel)
    label = qt.QLabel("Some words that need many lines. " * 9)
    label.wordWrap = True
    layout.addWidget(label)
    area = ModulePanel(panel)
    area.resize(200, 100)
    area.show()
    for _ in range(3):  # the scroll bar appears, too
        slicer.app.processEvents()
    height = panel.height
    assert height > 100 and area.leastWidth > 300  # the size hint of a label with line breaks is wide
    label.text = 3 * label.text
    slicer.app.processEvents()
    assert panel.height == height
    panel.setMinimumHeight(panel.layout().heightForWidth(panel.width))
    slicer.app.processEvents()
    assert panel.height > 2 * height
    area.delete()


def test_a_node_list_chooses_nothing_by_itself_and_follows_the_scene(scene):
    nodes = slicer.qMRMLNodeComboBox()
    nodes.nodeTypes = ["vtkMRMLTextNode"]
    nodes.setMRMLScene(scene)
    changes = []
    nodes.connect("currentNodeChanged(bool)", changes.append)
    node = scene.AddNewNodeByClass("vtkMRMLTextNode")
    assert nodes.nodeCount() == 1 and nodes.currentNode() is None
    nodes.setCurrentNode(node)
    scene.Clear(False)
    assert nodes.currentNode() is None and changes == [True, False]
    nodes.setMRMLScene(None)


class Flavour(enum.Enum):
    SWEET = "sweet"
    SOUR = "sour"


@pytest.fixture
def Choices(scene):
    from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

    class Choices:
        share: Annotated[float, WithinRange(0, 1)] = 0.5
        flavour: Flavour = Flavour.SOUR
        folder: pathlib.Path
        text: slicer.vtkMRMLTextNode

    return parameterNodeWrapper(Choices)


def test_choices_live_in_the_node_and_are_checked(scene, Choices):
    node = scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    choices = Choices(node)
    assert (choices.share, choices.flavour, choices.text) == (0.5, Flavour.SOUR, None)
    choices.text = text = scene.AddNewNodeByClass("vtkMRMLTextNode")
    choices.flavour, choices.folder = Flavour.SWEET, pathlib.Path("a/b")
    again = Choices(node)
    assert (again.flavour, again.folder, again.text) == (Flavour.SWEET, pathlib.Path("a/b"), text)
    for wrong, error in ((2.0, ValueError), ("0.1", TypeError), (None, ValueError)):
        with pytest.raises(error):
            choices.share = wrong
    scene.RemoveNode(text)
    assert again.text is None


def test_widgets_and_choices_follow_each_other_until_they_are_disconnected(scene, qt, Choices):
    import ctk

    choices = Choices(scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    slider, flavours = ctk.ctkSliderWidget(), qt.QComboBox()
    tag = choices.connectParametersToGui({"share": slider, "flavour": flavours})
    assert (slider.maximum, slider.value, flavours.currentText) == (1.0, 0.5, "SOUR")
    slider.value, flavours.currentIndex = 0.25, 0
    assert (choices.share, choices.flavour) == (0.25, Flavour.SWEET)
    choices.share = 0.75
    assert slider.value == 0.75
    choices.disconnectGui(tag)
    slider.value = 0.1
    assert choices.share == 0.75


def test_a_clicked_chart_reaches_vtk(scene, click):
    view = slicer.qMRMLPlotView()
    view.setMRMLScene(scene)
    view.resize(300, 200)
    view.show()
    places = []
    interactor = view.renderWindow().GetInteractor()
    interactor.AddObserver("LeftButtonPressEvent", lambda *_: places.append(interactor.GetEventPosition()))
    click(view, (100, 50))
    assert places == [(100, 149)]
    view.delete()


def test_only_what_a_user_could_click_is_clicked(qt, click):
    button = qt.QPushButton("Apply")
    with pytest.raises(AssertionError, match="hidden"):
        click(button)
    button.show()
    button.enabled = False
    with pytest.raises(AssertionError, match="disabled"):
        click(button)


def test_dialogs_get_the_answers_of_the_test(qt, bed, answering):
    slicer.util.confirmYesNoDisplay("Under --testing it answers by itself")
    with answering(qt.QMessageBox.No, "/a/folder", lambda dialog: dialog.accept()) as seen:
        assert not slicer.util.confirmYesNoDisplay("Replace it?")
        assert qt.QFileDialog.getExistingDirectory(None, "Add a folder") == "/a/folder"
        dialog = qt.QDialog()
        assert dialog.exec_() == qt.QDialog.Accepted
    assert seen[:2] == ["Replace it?", "Add a folder"]


def test_packages_are_asked_for_and_noted_but_never_installed(qt, answering, tmp_path):
    import slicer.packaging

    file = tmp_path / "requirements.txt"
    file.write_text("# for the engine\n--prefer-binary\nscikit-image>=0.22  # and scipy\n")
    requirements = slicer.packaging.load_requirements(file)
    slicer.packaging.pip_ensure(requirements, requester="ResFormerSeg")
    assert slicer.packaging.calls == []
    with answering(qt.QMessageBox.Cancel), pytest.raises(RuntimeError, match="declined"):
        slicer.packaging.pip_ensure(requirements, requester="ResFormerSeg")
    with answering(qt.QMessageBox.Ok):
        slicer.packaging.pip_ensure(requirements, requester="ResFormerSeg")
    assert slicer.packaging.calls.pop() == {"requirements": ["scikit-image>=0.22"], "requester": "ResFormerSeg"}


def test_an_unanswered_dialog_is_noticed(qt, bed):
    from slicer_bed.watch import watch

    with watch(bed) as problems:
        assert qt.QFileDialog.getExistingDirectory(None, "Add a folder") == ""
    assert problems == ["exception in a slot: AssertionError: an unexpected dialog appeared: Add a folder"]


def test_workers_that_outlive_the_application_are_found_and_killed(qt, bed):
    from slicer_bed.processes import quitWithoutOrphans, workers

    other, worker = qt.QProcess(), qt.QProcess()
    other.start("sleep", ["60"])
    worker.start("/bin/sh", ["-c", "read line # worker"])
    try:
        assert other.waitForStarted() and worker.waitForStarted()
        assert list(workers().values()) == ["/bin/sh -c read line # worker"]
        assert quitWithoutOrphans(bed, patience=0.1) == ["/bin/sh -c read line # worker"]
        assert worker.waitForFinished() and not workers()
        assert other.state() == qt.QProcess.Running
    finally:
        for process in (other, worker):
            process.kill()
            process.waitForFinished()


def test_an_entry_of_a_list_is_chosen_as_a_user_would(scene, qt, choose):
    box, chosen = qt.QComboBox(), []
    for name in ("a", "b", "c"):
        box.addItem(name)
    box.connect("activated(int)", chosen.append)
    box.show()
    choose(box, "c")
    assert (chosen, box.currentText) == ([2], "c")
    nodes = slicer.qMRMLNodeComboBox()
    nodes.nodeTypes = ["vtkMRMLTextNode"]
    nodes.setMRMLScene(scene)
    node = scene.AddNewNodeByClass("vtkMRMLTextNode", "Letter")
    nodes.show()
    choose(nodes, "Letter")
    assert nodes.currentNode() is node
    with pytest.raises(AssertionError, match="no entry"):
        choose(box, "d")
    nodes.setMRMLScene(None)
    assert not nodes.enabled


def test_a_section_that_opens_keeps_hidden_widgets_hidden(qt, click):
    import ctk

    section = ctk.ctkCollapsibleButton()
    layout = qt.QVBoxLayout(section)
    shown, hidden, shownLater = (qt.QLabel(name) for name in "abc")
    for label in (shown, hidden, shownLater):
        layout.addWidget(label)
    folds = []
    section.connect("contentsCollapsed(bool)", folds.append)
    hidden.visible = shownLater.visible = False
    section.resize(200, 200)
    section.show()
    click(section, (40, 10))
    assert section.collapsed and not shown.visible
    shownLater.visible = True
    assert not shownLater.visible
    click(section, (40, 10))
    assert [label.visible for label in (shown, hidden, shownLater)] == [True, False, True]
    assert folds == [True, False]


def test_a_wide_check_box_is_clicked_where_it_answers(qt, click):
    box = qt.QCheckBox("Show")
    box.resize(400, 30)
    box.show()
    click(box)
    assert box.checked


def test_the_main_window_has_views_of_the_scene_while_it_is_open(mainWindow, scene):
    manager = slicer.app.layoutManager()
    assert manager.sliceViewNames() == ("Red", "Green", "Yellow")
    slicer.vtkMRMLSliceNode.JumpAllSlices(scene, 1, 2, 3)
    assert manager.sliceWidget("Red").sliceLogic().GetSliceOffset() == 3
    slicer.util.selectModule("Segmentations")
    assert mainWindow.selectedModules == ["Segmentations"]


def test_text_is_drawn_in_pictures_of_both_palettes(qt, tmp_path):
    from slicer_bed import grabWidget

    label = qt.QLabel("Mmmm")
    for dark in (False, True):
        label.resize(80, 30)
        picture = qt.QImage(str(grabWidget(label, tmp_path / "label.png", dark)))
        lightness = [picture.pixelColor(x, y).lightness() for x in range(80) for y in range(30)]
        background, text = max(set(lightness), key=lightness.count), sum(abs(v - lightness[0]) > 60 for v in lightness)
        assert (background < 100) == dark and 60 < text < 1200
