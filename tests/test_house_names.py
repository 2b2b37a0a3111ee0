"""Names of the house: each once, no circle of imports."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for room in ("bot", "digest")
    for path in (ROOT / room).rglob("*.py")
    if "versions" not in path.parts
)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


def doubled(names: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the names that stand in several places, with the places."""
    places = defaultdict(list)
    for name, place in names:
        places[name].append(place)
    return {name: where for name, where in places.items() if len(where) > 1}


def imported(module: str, tree: ast.Module) -> set[str]:
    """Return the modules of ours that a module imports, in functions too, but not for types alone."""
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= full & set(MODULES) or {node.module}
    return names & set(MODULES) - {module}


def find_circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return the modules of a circle of imports, or nothing."""
    done: set[str] = set()
    for start in graph:
        path: list[str] = []

        def visit(name: str, path: list[str] = path) -> list[str]:
            if name in path:
                return [*path[path.index(name) :], name]
            if name in done:
                return []
            path.append(name)
            for other in sorted(graph.get(name, ())):
                if circle := visit(other):
                    return circle
            done.add(path.pop())
            return []

        if circle := visit(start):
            return circle
    return []


def test_no_two_modules_share_a_name() -> None:
    pairs = ((name.rpartition(".")[2], name) for name in MODULES)
    assert doubled(pair for pair in pairs if pair[0] not in {"__main__", "commands"}) == {}


def test_no_two_public_classes_share_a_name() -> None:
    pairs = (
        (node.name, module)
        for module, tree in MODULES.items()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert doubled(pairs) == {}


def test_no_circle_of_imports() -> None:
    graph = {name: imported(name, tree) for name, tree in MODULES.items()}
    assert find_circle(graph) == []


def test_the_checks_of_names_can_fail() -> None:
    assert doubled([("a", "x"), ("a", "y"), ("b", "x")]) == {"a": ["x", "y"]}
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert find_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
