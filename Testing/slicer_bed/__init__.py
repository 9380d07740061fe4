"""A real MRML scene without the Slicer application: the test bed of ResFormerSeg.

The `slicer-core` wheel brings Slicer's own C++ libraries (MRML nodes, module logics, displayable managers) and the
real `slicer.util`, but neither Qt nor the application object. This package supplies the little that is missing, so
that the module and its panel run unchanged in pytest and in the demonstration. Where it differs from the application
it is to be the stricter of the two.

    >>> import slicer_bed
    >>> bed = slicer_bed.boot()                       # slicer.mrmlScene, slicer.app, slicer.modules.<name>.logic()
    >>> module = slicer_bed.loadModule("ResFormerSeg/ResFormerSeg.py")
    >>> volume = slicer.util.loadVolume("head.nrrd")
    >>> result = module.ResFormerSegLogic().process(volume)
    >>> widget = slicer_bed.openWidget("ResFormerSeg/ResFormerSeg.py")     # the panel, shown without a screen
    >>> slicer_bed.grabWidget(widget, "panel.png", dark=True)

| file | what |
|---|---|
| `boot.py` | the scene, the application logic and the module logics |
| `application.py` | `slicer.app` and `slicer.modules` |
| `files.py` | loading and saving through `slicer.util.load*`, `saveNode`, `saveScene` |
| `subject_hierarchy.py` | nodes appear in the subject hierarchy, as the application's Qt plugins do it |
| `lost_displays.py` | segmentations without their display node, in which the application crashes |
| `scripted_module.py` | loads a scripted module as the application does |
| `stand_ins/` | Python modules of Slicer that the wheel lacks: `slicer.parameterNodeWrapper`, `slicer.i18n` and so on |
| `pythonqt/` | PySide6 with the rules of PythonQt, through which scripts see Qt inside Slicer |
| `qt_modules.py`, `ui_loader.py` | `import qt`, `import ctk`, and .ui files |
| `substitutes/` | widgets of CTK and Slicer, held to the names of the real classes |
| `panel.py`, `module_panel.py` | opens, reloads, closes and photographs a module's panel; the scroll area it lives in |
| `views.py` | slice and 3D views of Slicer, rendered offscreen |
| `main_window.py` | the application with its main window: a layout manager with rendered views, a module selector |
| `mouse.py`, `dialogs.py` | clicks where a user could click; answers what the application asks |
| `processes.py` | finds workers that a test leaves behind |
| `watch.py` | collects errors that would pass unseen; waits for Qt; measures how long the event loop was blocked |
"""

from slicer_bed.boot import boot
from slicer_bed.panel import closeWidget, grabWidget, modulePanelOf, openWidget, reloadWidget, setDark
from slicer_bed.scripted_module import loadModule

__all__ = ["boot", "closeWidget", "grabWidget", "loadModule", "modulePanelOf", "openWidget", "reloadWidget", "setDark"]
