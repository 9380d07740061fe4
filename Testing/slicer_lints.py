"""Reads the source of the Slicer side for what the test bed lets through and the application refuses.

Each lint takes a syntax tree and yields (line, what is wrong).
"""

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

Findings = Iterator[tuple[int, str]]

# Of the engine, test_layers.py makes sure that what is loaded with the module needs nothing but Python itself.
ALWAYS_THERE = {"slicer", "qt", "ctk", "vtk", "ResFormerSegLib", "resformer_unet", *sys.stdlib_module_names}
THREADS = {"threading", "_thread", "concurrent", "multiprocessing", "asyncio"}
WHICH_THREAD = {"get_ident", "main_thread"}  # of `threading`: tell which thread this is, and start none
# Properties and methods that hand a value to a widget.
WIDGET_PROPERTIES = {
    *("text", "value", "minimum", "maximum", "toolTip", "title", "currentText", "currentIndex", "format", "checked"),
    *("enabled", "visible", "singleStep", "decimals", "placeholderText", "windowTitle", "currentPath"),
}
WIDGET_METHODS = {
    *("setText", "setValue", "setToolTip", "setRange", "setMinimum", "setMaximum", "setPlainText", "setHtml"),
    *("setFormat", "setTitle", "addItem", "insertItem", "setItemText", "setWindowTitle", "setFixedHeight"),
}
NUMPY_METHODS = {"max", "min", "mean", "sum", "std", "argmax", "argmin", "prod", "round"}


def dotted(node: ast.AST) -> list[str]:
    """["qt", "Qt", "AlignLeft"] of `qt.Qt.AlignLeft`; empty for anything but names joined by dots."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def keywordsInConstructors(tree: ast.AST) -> Findings:
    for call in calls(tree):
        name = dotted(call.func)
        isWidget = name[:1] in (["qt"], ["ctk"]) or name[:1] == ["slicer"] and name[1:2] and name[1].startswith("q")
        if call.keywords and isWidget and len(name) == 2:
            yield call.lineno, f"PythonQt takes no keyword arguments: {'.'.join(name)}({call.keywords[0].arg}=...)"


def namesOfEnums(tree: ast.AST) -> Findings:
    for node in ast.walk(tree):
        name = dotted(node)
        if name[:1] == ["qt"] and len(name) >= 4 and name[-1] in ("name", "value", "names"):
            yield node.lineno, f"PythonQt's enums are numbers: {'.'.join(name)}"


def scopedEnums(tree: ast.AST) -> Findings:
    for node in ast.walk(tree):
        name = dotted(node)
        if name[:1] == ["qt"] and len(name) == 4 and name[2][:1].isupper() and name[3][:1].isupper():
            yield node.lineno, f"PythonQt has no scoped enums: write {'.'.join([*name[:2], name[3]])}"


def shortcutsToUtilities(tree: ast.AST) -> Findings:
    """The slicer-core wheel copies the names of slicer.util into slicer; the application does not."""
    utilities = _utilities()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and dotted(node)[:-1] == ["slicer"] and node.attr in utilities:
            yield node.lineno, f"call it slicer.util.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "slicer":
            for alias in node.names:
                if alias.name in utilities:
                    yield node.lineno, f"import it from slicer.util: {alias.name}"


def _utilities() -> set[str]:
    """The functions and classes of slicer.util, read without importing it."""
    package = importlib.util.find_spec("slicer").submodule_search_locations[0]
    tree = ast.parse(Path(package, "util.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def suspectValuesForWidgets(tree: ast.AST) -> Findings:
    """None and numpy scalars, as far as the source shows."""
    for node in ast.walk(tree):
        values = []
        if isinstance(node, ast.Assign):
            if any(_isWidgetProperty(target) for target in node.targets):
                values = [node.value]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WIDGET_METHODS:
            values = node.args
        for value in values:
            if isinstance(value, ast.Constant) and value.value is None:
                yield value.lineno, "widgets take no None"
            elif isinstance(value, ast.Call) and _givesNumpyScalar(value):
                yield value.lineno, "a numpy scalar for a widget: use int(), float() or str()"


def _isWidgetProperty(target: ast.AST) -> bool:
    """`self.slider.value` or `slider.value`; `self.value` is an object's own."""
    isProperty = isinstance(target, ast.Attribute) and target.attr in WIDGET_PROPERTIES
    return isProperty and not (isinstance(target.value, ast.Name) and target.value.id == "self")


def _givesNumpyScalar(call: ast.Call) -> bool:
    name = dotted(call.func)
    isMethod = isinstance(call.func, ast.Attribute) and call.func.attr in NUMPY_METHODS and name[:1] != ["math"]
    return name[:1] in (["np"], ["numpy"]) or isMethod


def importsAtFileScope(tree: ast.Module) -> Findings:
    """What is not in every Slicer is imported inside functions, when it is needed."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(statement, ast.ClassDef):
            yield from importsAtFileScope(ast.Module(statement.body, []))
            continue
        for line, package in importedPackages(statement):
            if package not in ALWAYS_THERE:
                yield line, f"{package} is imported at file scope"


def importedPackages(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module.partition(".")[0]


def composedTranslations(tree: ast.AST) -> Findings:
    """What is inside `_()` must be found in the translations: a plain text, filled in afterwards."""
    for call in calls(tree):
        if dotted(call.func) == ["_"]:
            arguments = call.args
        elif dotted(call.func) == ["translate"]:
            arguments = call.args[1:]
        else:
            continue
        for argument in arguments:
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                yield call.lineno, "not a plain text inside _(): write _('… {x}').format(x=…)"


def execWithoutUnderscore(tree: ast.AST) -> Findings:
    for call in calls(tree):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "exec":
            yield call.lineno, "only exec_() exists on every Qt class in PythonQt"


def threads(tree: ast.AST) -> Findings:
    """MRML and Qt belong to the main thread; work is done by a QProcess."""
    harmless = {
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} <= WHICH_THREAD
    }
    for line, package in importedPackages(tree):
        if package in THREADS and line not in harmless:
            yield line, f"{package}: the application allows scripts no threads"
    for node in ast.walk(tree):
        if dotted(node)[:2] in (["qt", "QThread"], ["qt", "QThreadPool"], ["qt", "QRunnable"]):
            yield node.lineno, "the application allows scripts no threads"


def defaultsInSlots(tree: ast.AST) -> Findings:
    """`connect("clicked(bool)", lambda name=name: ...)`: PythonQt fills `name` with the signal's argument."""
    for call in calls(tree):
        isConnect = isinstance(call.func, ast.Attribute) and call.func.attr == "connect"
        for argument in call.args if isConnect else ():
            if isinstance(argument, ast.Lambda) and argument.args.defaults:
                yield argument.lineno, "the signal's argument replaces the default of the lambda: use a function"


def singleShots(tree: ast.AST) -> Findings:
    """`qt.QTimer.singleShot(ms, f)`: the application keeps `f`, and all it refers to, for as long as it runs."""
    for node in ast.walk(tree):
        if dotted(node)[-1:] == ["singleShot"]:
            yield node.lineno, "QTimer.singleShot never lets its function go: use callLater of event_loop.py"


def observersOfNodesThatGo(tree: ast.AST) -> Findings:
    """`removeObservers(method)` of VTKObservationMixin keeps the node, with its voxels, as a key."""
    for call in calls(tree):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "removeObservers" and call.args:
            yield (
                call.lineno,
                "removeObservers(method) keeps the node: use NodeObserver of scene/node_observer.py",
            )


def instancesOfQtClasses(tree: ast.AST) -> Findings:
    """PythonQt derives all classes of Qt from one: `isinstance(button, qt.QWidget)` is False for a QPushButton."""
    named = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _namesQtClass(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in calls(tree):
        if dotted(call.func) in (["isinstance"], ["issubclass"]) and len(call.args) == 2:
            kinds = call.args[1]
            if _namesQtClass(kinds) or isinstance(kinds, ast.Name) and kinds.id in named:
                yield call.lineno, "isinstance knows no base classes of Qt in PythonQt: use inherits('QWidget')"


def _namesQtClass(node: ast.AST) -> bool:
    """`qt.QLabel`, or a tuple or union with one; not an instance, `qt.QLabel()`."""
    if isinstance(node, ast.Tuple | ast.BinOp):
        return any(_namesQtClass(child) for child in ast.iter_child_nodes(node))
    name = dotted(node)
    return len(name) == 2 and (name[0] in ("qt", "ctk") or name[0] == "slicer" and name[1].startswith("q"))


LINTS = (
    keywordsInConstructors,
    namesOfEnums,
    scopedEnums,
    shortcutsToUtilities,
    suspectValuesForWidgets,
    importsAtFileScope,
    composedTranslations,
    execWithoutUnderscore,
    threads,
    defaultsInSlots,
    singleShots,
    observersOfNodesThatGo,
    instancesOfQtClasses,
)
