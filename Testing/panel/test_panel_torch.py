"""PyTorch is missing: what is offered, and what a refusal leaves."""

import importlib.util
import sys
import types

import pytest
import slicer

from scene_helpers import makeVolume


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


def test_the_panel_opens_without_pytorch_and_offers_it_with_its_size(openPanel, installed):
    installed.add("torch")
    makeVolume()
    widget = openPanel()
    assert not widget.ui.applyButton.enabled
    assert "PyTorch is not installed" in widget.ui.applyButton.toolTip
    assert widget.ui.torchFrame.visible
    assert "GB" in widget.ui.torchLabel.text
    assert widget.ui.modelSelector.count >= 2 and widget.ui.modelDetailsButton.enabled


def test_with_pytorch_there_is_no_offer(openPanel):
    makeVolume()
    assert not openPanel().ui.torchFrame.visible


def test_one_press_installs_it_through_the_extension(openPanel, installed, extension, click):
    installed.add("torch")
    makeVolume()
    widget = openPanel()
    click(widget.ui.installTorchButton)
    assert extension.calls == [(True, ">=2.5,<3")]
    assert widget.ui.applyButton.enabled and not widget.ui.torchFrame.visible


def test_a_refusal_leaves_a_working_panel(openPanel, installed, extension, click):
    installed.add("torch")
    extension.answers = None
    makeVolume()
    widget = openPanel()
    click(widget.ui.installTorchButton)
    assert "was not installed" in widget.ui.messageLabel.text
    assert widget.ui.installTorchButton.enabled and widget.ui.modelDetailsButton.enabled


def test_a_failed_installation_is_told_with_its_reason(openPanel, installed, extension, click):
    installed.add("torch")
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
    installed.update({"torch", "PyTorchUtils"})
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
        assert "Restart Slicer" in widget.ui.torchLabel.text
    finally:
        qt.QSettings().remove("ResFormerSeg/PyTorchExtensionPending")


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
    installed.add("skimage")
    click(widget.ui.applyButton)
    assert asked[0][1] == "ResFormerSeg" and asked[0][0][0].endswith("requirements.txt")
    assert "skimage" in widget.ui.messageLabel.text
    assert not widget.panel.run.isRunning and widget.ui.applyButton.enabled
