"""The Learn section alone, with a result and a training set."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers.scene_helpers import makeVolume
from helpers.section_helpers import makeHost, makeResult

LESION = np.s_[1:3, 4:8, 4:10]


@pytest.fixture
def learn(scene, module, tmp_path, bed):
    """`learn(logic)`: the section, open, with a training set in a new folder and a result of the brain model."""
    from ResFormerSegLib.learning.training_sets import FOLDER_SETTING
    from ResFormerSegLib.models.catalog import findModel
    from ResFormerSegLib.panel.learn_section import LearnSection
    from ResFormerSegLib.runs.results import ProcessingResult

    made = []

    def make(logic=None, model="brain-tumor-mr", folder=tmp_path / "set"):
        bed.app.settings().setValue(FOLDER_SETTING, str(folder))
        models = SimpleNamespace(
            model=lambda: findModel(str(model)) if model else None, addFolder=lambda name: made.append(name)
        )
        button = SimpleNamespace(collapsed=False, connect=lambda *arguments: None, disconnect=lambda *arguments: None)
        ui = SimpleNamespace(learnFrame=makeHost(), learnCollapsibleButton=button)
        section = LearnSection(ui, logic or module.ResFormerSegLogic(), models, str(tmp_path / "requirements.txt"))
        volume = makeVolume((4, 16, 20))
        simple = makeResult(volume, LESION, ("glioma", "meningioma", "pituitary"))
        result = ProcessingResult(simple.segmentationNode, None, simple.report, [], volume)
        section.showResult(result, volume)
        section.used, section.host = made, ui.learnFrame
        made_sections.append(section)
        return section

    def nodes() -> set[str]:
        """Ids of what is in the scene."""
        return {scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())}

    made_sections: list = []
    make.nodes = nodes
    yield make
    for section in made_sections:
        if not section.isOver:
            section.cleanup()
