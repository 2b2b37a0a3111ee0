"""The habits of the house that a linter cannot hold: which way imports point, sizes, silence at import."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("bot/**/*.py"), *ROOT.glob("digest/**/*.py")])
MOST_LINES, MOST_FUNCTION = 500, 60
REGISTRY = re.compile(
    "|".join([r"py" r"pi\.org", r"python" r"hosted\.org", r"npm" r"js\.(?:org|com)"])
)
MACHINE = re.compile(r"(?<![\w.])/(?:home|root|wor" r"k)/")


def imports(source: str) -> set[str]:
    """Full names of the modules a source imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def wrong_arrows(path: str, source: str) -> set[str]:
    """Imports that point the wrong way for a file at `path`."""
    tops = {name: name.split(".")[0] for name in imports(source)}
    if path.startswith("digest/"):
        return {
            n for n, top in tops.items() if top in {"bot", "telegram", "discord", "apscheduler"}
        }
    if path.startswith("bot/platforms/"):
        allowed = {"bot", "bot.messages", "bot.texts", "digest.models", "digest.text"}
        ours = {n for n, top in tops.items() if top in {"bot", "digest"}}
        return {n for n in ours if n not in allowed and not n.startswith("bot.platforms")}
    return set()


def long_functions(source: str) -> Iterator[str]:
    """Names of functions longer than MOST_FUNCTION lines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno
            if lines >= MOST_FUNCTION:
                yield node.name


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_source_keeps_to_its_room(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert wrong_arrows(str(path.relative_to(ROOT)), source) == set()
    assert source.count("\n") <= MOST_LINES
    assert list(long_functions(source)) == []


def test_the_checks_can_fail() -> None:
    assert wrong_arrows("digest/x.py", "import bot.app\nfrom telegram import Bot") == {
        "bot.app",
        "telegram",
    }
    assert wrong_arrows("bot/platforms/x.py", "from digest.store import Store") == {"digest.store"}
    assert wrong_arrows("bot/app.py", "from digest.store import Store") == set()
    assert list(long_functions("def f():\n" + "    x = 1\n" * 70)) == ["f"]


def test_importing_everything_says_and_opens_nothing(tmp_path: Path) -> None:
    names = [".".join(p.relative_to(ROOT).with_suffix("").parts) for p in SOURCES]
    modules = [n.removesuffix(".__init__") for n in names if ".migrations." not in n]
    script = "import sys\n" + "\n".join(f"import {name}" for name in modules)
    script += "\nprint(sorted({'jieba', 'openai'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout == "[]\n"
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_no_tracked_file_names_a_registry_or_a_path_of_a_machine() -> None:
    done = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    for name in done.stdout.split("\n"):
        path = ROOT / name
        if name and path.suffix not in {".png", ".jpg"} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not REGISTRY.search(text), name
            assert not MACHINE.search(text), name


def test_the_lock_is_hashed_and_holds_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^([\w.\[\]-]+)==[^ ]+", lock, re.MULTILINE)
    assert len(pins) > 30
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", lock)) >= len(pins)
    assert "://" not in lock
