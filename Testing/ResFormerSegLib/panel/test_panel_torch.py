"""Without an inference engine: what is offered, and the state after a refusal."""

import importlib.util
import sys
import types
from pathlib import Path

import pytest
import slicer

from helpers.scene_helpers import makeVolume


@pytest.fixture
def installed(monkeypatch):
    """The names of packages that are missing from now on; taken out of the set they are there again."""
    missing = set()
    find = importlib.util.find_spec

    def findSpec(name, *args):
        return None if name in missing else find(name, *args)

    monkeypatch.setattr(importlib.util, "find_spec", findSpec)
    return missing


@pytest.fixture(autouse=True)
def noWorker(workerThat):
    workerThat("exclusive")


@pytest.fixture
def extension(monkeypatch, installed):
    """Slicer's PyTorch extension; `extension.answers` is what its installation returns or raises."""

    class Extension:
        answers, calls = "torch", []

        def installTorch(self, askConfirmation=False, forceComputationBackend=None, torchVersionRequirement=None):
            Extension.calls.append((askConfirmation, torchVersionRequirement))
            if isinstance(Extension.answers, Exception):
                raise Extension.answers
            if Extension.answers:
                installed.discard("torch")
            return Extension.answers

    Extension.calls.clear()
    module = types.ModuleType("PyTorchUtils")
    module.__spec__ = importlib.util.spec_from_loader("PyTorchUtils", None)
    module.PyTorchUtilsLogic = Extension
    monkeypatch.setitem(sys.modules, "PyTorchUtils", module)
    return Extension


@pytest.fixture
def nothing(installed):
    """No inference engine is installed."""
    installed.update({"torch", "onnxruntime"})


def test_the_panel_opens_without_anything_that_runs_models_and_offers_both_with_their_sizes(openPanel, nothing):
    makeVolume()
    widget = openPanel()
    assert not widget.ui.applyButton.enabled
    assert "No inference engine is installed" in widget.ui.applyButton.toolTip
    assert widget.ui.engineFrame.visible
    assert "30 MB" in widget.ui.installOnnxButton.text and "3 GB" in widget.ui.engineLabel.text
    assert "GPU" not in widget.ui.installTorchButton.text  # there may be none
    assert widget.ui.installOnnxButton.visible and widget.ui.installTorchButton.visible
    assert not widget.ui.otherEngineButton.visible
    assert widget.ui.modelSelector.count >= 2 and widget.ui.modelDetailsButton.enabled


def test_with_both_there_is_no_offer(openPanel):
    makeVolume()
    widget = openPanel()
    assert not widget.ui.engineFrame.visible and not isOffered(widget.ui.otherEngineButton)
    assert not isOffered(widget.ui.explainInstallButton)


def isOffered(button) -> bool:
    """Also while its section is folded."""
    return not button.isHidden()


@pytest.mark.parametrize("missing", ["torch", "onnxruntime"])
def test_with_one_of_them_apply_works_and_the_other_is_offered_where_it_is_used(openPanel, installed, missing):
    installed.add(missing)
    makeVolume()
    widget = openPanel()
    widget.ui.advancedCollapsibleButton.collapsed = widget.ui.explainCollapsibleButton.collapsed = False
    assert widget.ui.applyButton.enabled and not widget.ui.engineFrame.visible
    assert isOffered(widget.ui.otherEngineButton) == (missing == "onnxruntime")  # beside the device
    assert isOffered(widget.ui.explainInstallButton) == (missing == "torch")


def test_the_size_of_the_download_is_that_of_what_is_missing(installed):
    from ResFormerSegLib.install.onnx_runtime import MEGABYTES, onnxMegabytes
    from ResFormerSegLib.install.pytorch import OTHER_PACKAGES

    assert onnxMegabytes() == 0
    installed.add("onnxruntime")
    assert onnxMegabytes() == 30  # the wheel of Linux has 28, with what it needs itself 29
    installed.update({"scipy", "safetensors"})
    assert onnxMegabytes() == 68
    assert set(MEGABYTES) == {"onnxruntime", *OTHER_PACKAGES}


@pytest.fixture
def packages(monkeypatch, installed):
    """What `slicer.packaging` was asked to install; `packages.answers` is raised, if it is an error."""
    import slicer.packaging

    class Packages:
        answers, calls = None, []

    def ensure(requirements, requester):
        Packages.calls.append([requirement.name for requirement in requirements])
        if Packages.answers is not None:
            raise Packages.answers
        installed.difference_update({"onnxruntime", "scipy", "safetensors"})

    Packages.calls.clear()
    monkeypatch.setattr(slicer.packaging, "pip_ensure", ensure)
    return Packages


def test_one_press_and_one_question_bring_onnx_runtime_and_what_else_is_missing(
    openPanel, nothing, installed, packages, click
):
    installed.add("safetensors")
    makeVolume()
    widget = openPanel()
    click(widget.ui.installOnnxButton)
    assert packages.calls == [["scipy", "safetensors", "onnxruntime"]]
    assert widget.ui.applyButton.enabled and not widget.ui.engineFrame.visible
    assert isOffered(widget.ui.explainInstallButton)


def test_who_does_not_want_onnx_runtime_is_left_with_the_choice(openPanel, nothing, packages, click):
    packages.answers = RuntimeError("User declined package installation")
    makeVolume()
    widget = openPanel()
    click(widget.ui.installOnnxButton)
    assert isCalm(widget) and "ONNX Runtime was not installed; nothing was changed" in widget.ui.messageLabel.text
    assert widget.ui.engineFrame.visible and not widget.ui.applyButton.enabled


def isCalm(widget) -> bool:
    from ResFormerSegLib.panel.message_area import NOTICE_COLOR

    return NOTICE_COLOR in widget.ui.messageLabel.text


@pytest.mark.usefixtures("loggedErrors")
def test_a_failed_installation_of_onnx_runtime_is_reported_with_its_reason(openPanel, nothing, packages, click):
    packages.answers = ConnectionError("proxy says no")
    makeVolume()
    widget = openPanel()
    click(widget.ui.installOnnxButton)
    assert "onnxruntime could not be installed" in widget.ui.messageLabel.text
    assert "proxy says no" in widget.ui.messageDetails.plainText


def test_before_slicer_5_12_one_question_is_asked_too(openPanel, nothing, installed, click, monkeypatch):
    questions, calls = [], []
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **kwargs: questions.append(text) or True)

    def install(arguments):
        calls.append([Path(part).name for part in arguments])
        installed.discard("onnxruntime")

    monkeypatch.setattr(slicer.util, "pip_install", install, raising=False)
    makeVolume()
    widget = openPanel()
    click(widget.ui.installOnnxButton)
    assert len(questions) == 1 and "onnxruntime" in questions[0]
    assert calls == [["-r", "requirements.txt", "-r", "requirements-cpu.txt"]]
    assert widget.ui.applyButton.enabled


def test_pytorch_can_follow_and_a_new_worker_finds_it(openPanel, installed, extension, click, monkeypatch):
    installed.add("torch")
    makeVolume()
    widget = openPanel()
    renewed, asked = [], []
    monkeypatch.setattr(widget.panel.logic, "renewEngine", lambda: renewed.append(True))
    monkeypatch.setattr(widget.panel.devices, "askAgain", lambda: asked.append(True))
    widget.panel.engine.installTorch()
    assert extension.calls == [(True, ">=2.5,<3")] and renewed == asked == [True]
    assert not isOffered(widget.ui.explainInstallButton)


def test_onnx_runtime_can_follow_too(openPanel, installed, packages, click):
    installed.add("onnxruntime")
    makeVolume()
    widget = openPanel()
    widget.ui.advancedCollapsibleButton.collapsed = False
    click(widget.ui.otherEngineButton)
    assert packages.calls == [["scipy", "safetensors", "onnxruntime"]]
    assert not widget.ui.otherEngineButton.visible


def test_one_press_installs_pytorch_through_the_extension(openPanel, nothing, extension, click):
    makeVolume()
    widget = openPanel()
    click(widget.ui.installTorchButton)
    assert extension.calls == [(True, ">=2.5,<3")]
    assert widget.ui.applyButton.enabled and not widget.ui.engineFrame.visible


def test_a_refusal_leaves_a_working_panel(openPanel, nothing, extension, click):
    extension.answers = None
    makeVolume()
    widget = openPanel()
    click(widget.ui.installTorchButton)
    assert isCalm(widget) and "PyTorch was not installed; nothing was changed" in widget.ui.messageLabel.text
    assert widget.ui.installTorchButton.enabled and widget.ui.modelDetailsButton.enabled


@pytest.mark.usefixtures("loggedErrors")
def test_a_failed_installation_of_pytorch_is_reported_with_its_reason(openPanel, nothing, extension, click):
    extension.answers = ConnectionError("proxy says no")
    makeVolume()
    widget = openPanel()
    click(widget.ui.installTorchButton)
    assert "could not be installed" in widget.ui.messageLabel.text
    assert "proxy says no" in widget.ui.messageDetails.plainText


def test_without_the_extension_the_extension_is_offered_first(openPanel, installed, click, monkeypatch):
    import qt

    class Manager:
        interactive, asked = True, []

        def installExtensionFromServer(self, name, restart=True, update=True):
            self.asked.append((name, restart))
            return True

    manager, questions = Manager(), []
    installed.update({"torch", "onnxruntime", "PyTorchUtils"})
    monkeypatch.setattr(slicer.app, "extensionsManagerModel", lambda: manager, raising=False)
    monkeypatch.setattr(slicer.app, "testingEnabled", lambda: False)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **kwargs: questions.append(text) or True)
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda text, **kwargs: False)  # not now
    makeVolume()
    widget = openPanel()
    try:
        click(widget.ui.installTorchButton)
        assert manager.asked == [("PyTorch", False)] and manager.interactive
        assert "restarted" in questions[0]
        assert "Restart Slicer" in widget.ui.engineLabel.text
    finally:
        qt.QSettings().remove("ResFormerSeg/PyTorchExtensionPending")


def test_a_slicer_without_extensions_manager_says_so(openPanel, installed, click, monkeypatch):
    installed.update({"torch", "onnxruntime", "PyTorchUtils"})
    monkeypatch.setattr(slicer.app, "testingEnabled", lambda: False)
    makeVolume()
    widget = openPanel()
    click(widget.ui.installTorchButton)
    assert "cannot install extensions" in widget.ui.messageLabel.text
    assert "ONNX Runtime" in widget.ui.messageLabel.text


def test_other_packages_are_asked_for_when_apply_is_pressed(openPanel, installed, click, monkeypatch):
    import slicer.packaging

    asked = []

    def ensure(requirements, requester):
        asked.append((requirements, requester))
        raise RuntimeError("declined")

    monkeypatch.setattr(slicer.packaging, "pip_ensure", ensure)
    monkeypatch.setattr(slicer.packaging, "load_requirements", lambda path: [path])
    makeVolume()
    widget = openPanel()
    installed.add("scipy")
    click(widget.ui.applyButton)
    assert asked[0][1] == "ResFormerSeg" and asked[0][0][0].endswith("requirements.txt")
    assert isCalm(widget) and "scipy" in widget.ui.messageLabel.text
    assert not widget.panel.run.isRunning and widget.ui.applyButton.enabled
