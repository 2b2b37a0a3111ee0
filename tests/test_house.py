"""The habits of the house that a linter cannot hold: which way imports point, sizes, silence at import."""

import ast
import gc
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.process import run_task

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("bot/**/*.py"), *ROOT.glob("digest/**/*.py")])
EVERYTHING = sorted([*SOURCES, *ROOT.glob("tests/*.py"), *ROOT.glob("tools/*.py")])
SDKS = {
    "terminal": {"prompt_toolkit"},
    "telegram": {"telegram", "aiohttp", "yarl"},
    "discord": {"discord", "aiohttp"},
    "_request": {"aiohttp"},
}
"""What a platform may import besides the standard library: its own SDK, with what that raises."""
MAX_LINES, MAX_FUNCTION_LINES = 500, 60
REGISTRY = re.compile(
    "|".join([r"py" r"pi\.org", r"python" r"hosted\.org", r"npm" r"js\.(?:org|com)"])
)
MACHINE = re.compile(r"(?<![\w.])/(?:home|root|wor" r"k)/")


@pytest.fixture(autouse=True, scope="module")
def _quiet_parser() -> Iterator[None]:
    """CPython 3.11 cannot build a tree while the collector ends a greenlet of another test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def imports(source: str) -> set[str]:
    """Full names of the modules a source imports; `from bot import app` is `bot.app`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            packed = module in {"bot", "digest"}
            found |= {f"{module}.{alias.name}" for alias in node.names} if packed else {module}
    return found


def wrong_arrows(path: str, source: str) -> set[str]:
    """Imports that point the wrong way for a file at `path`."""
    tops = {name: name.split(".")[0] for name in imports(source)}
    if path.startswith("digest/"):
        return {
            n for n, top in tops.items() if top in {"bot", "telegram", "discord", "apscheduler"}
        }
    if path.startswith("bot/platforms/"):
        allowed = {
            "bot.messages",
            "bot.rich",
            "bot.texts",
            "digest.masking",
            "digest.models",
            "digest.text",
        }
        platform = path.split("/")[2].removesuffix(".py")
        known = sys.stdlib_module_names | SDKS.get(platform, set())
        others = {n for n, top in tops.items() if top not in known}
        return {n for n in others if n not in allowed and not n.startswith("bot.platforms")}
    return set()


def long_functions(source: str) -> Iterator[str]:
    """Names of functions longer than MAX_FUNCTION_LINES lines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno
            if lines >= MAX_FUNCTION_LINES:
                yield node.name


@pytest.mark.parametrize("path", EVERYTHING, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_source_keeps_to_its_room(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert wrong_arrows(str(path.relative_to(ROOT)), source) == set()
    assert source.count("\n") <= MAX_LINES
    assert list(long_functions(source)) == []


PATTERN_FREE = ("digest/write/", "digest/select/dedupe.py")
PATTERNS_OF_FORM = {"digest/write/model/schemas.py"}
"""What reads the form of an answer, not its language."""


def test_only_reading_has_patterns_about_language() -> None:
    written = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if str(path.relative_to(ROOT)).startswith(PATTERN_FREE)
        and "re" in imports(path.read_text(encoding="utf-8"))
    }
    assert written == PATTERNS_OF_FORM


MAX_PATTERN_CHARS = 15_000


def pattern_text(source: str) -> int:
    """The characters of a module's patterns, with the constants that they are put together from."""
    tree = ast.parse(source)
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
        if isinstance(node.value, ast.Constant | ast.JoinedStr | ast.BinOp)
    }
    parts = [
        call.args[0]
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and call.args
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "re"
        and call.func.attr != "escape"
    ]
    for part in parts:  # grows by the constants that a part names, each once
        named = {name.id for name in ast.walk(part) if isinstance(name, ast.Name)}
        parts += [constants.pop(name) for name in sorted(named & constants.keys())]
    nodes = (node for part in parts for node in ast.walk(part) if isinstance(node, ast.Constant))
    return sum(len(node.value) for node in nodes if isinstance(node.value, str))


def test_patterns_are_few() -> None:
    texts = {path: pattern_text(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert sum(texts.values()) <= MAX_PATTERN_CHARS


def test_the_checks_can_fail() -> None:
    assert pattern_text('import re\nA = "ab"\nB = re.compile(A + "cd")\nre.escape("x")') == 4
    assert wrong_arrows("digest/x.py", "import bot.app\nfrom telegram import Bot") == {
        "bot.app",
        "telegram",
    }
    assert wrong_arrows("bot/platforms/x.py", "from digest.store import Store") == {"digest.store"}
    assert wrong_arrows("bot/platforms/x.py", "from bot import app") == {"bot.app"}
    assert wrong_arrows("bot/platforms/x.py", "import prompt_toolkit") == {"prompt_toolkit"}
    assert wrong_arrows("bot/platforms/terminal.py", "import sys, prompt_toolkit") == set()
    assert wrong_arrows("bot/platforms/telegram/x.py", "import telegram, discord") == {"discord"}
    assert wrong_arrows("bot/app.py", "from digest.store import Store") == set()
    assert list(long_functions("def f():\n" + "    x = 1\n" * MAX_FUNCTION_LINES)) == ["f"]
    assert list(long_functions("def f():\n" + "    x = 1\n" * (MAX_FUNCTION_LINES - 1))) == []
    assert REGISTRY.search("https://{}.{}/simple".format("pypi", "org"))
    assert MACHINE.search("open('/{}/me/x')".format("home"))
    assert not MACHINE.search("example.com/home/page")


# Tells on standard output what an import opens: files to write, files of ours that are not code,
# connections, processes. Libraries may read their own files.
WATCH = f"""
import os, sys
DOORS = {{"socket.connect", "socket.bind", "socket.getaddrinfo", "sqlite3.connect", "subprocess.Popen"}}
def watch(event, args):
    if event in DOORS:
        print(event)
    elif event == "open" and isinstance(args[0], str):
        path, mode, flags = args
        ours = path.startswith({str(ROOT)!r}) and not path.startswith(sys.prefix)
        if (flags or 0) & (os.O_WRONLY | os.O_RDWR) or ours and not path.endswith((".py", ".pyc")):
            print("open", path)
sys.addaudithook(watch)
"""


def opened(script: str, folder: Path) -> str:
    """What a script of imports says and opens."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", WATCH + script],
        capture_output=True,
        text=True,
        cwd=folder,
        check=True,
    )
    return done.stdout + done.stderr


def test_importing_everything_says_and_opens_nothing(tmp_path: Path) -> None:
    names = [".".join(p.relative_to(ROOT).with_suffix("").parts) for p in SOURCES]
    modules = [n.removesuffix(".__init__") for n in names]
    script = "\n".join(f"import {name}" for name in modules)
    script += "\nprint(sorted({'jieba', 'openai'} & set(sys.modules)))"
    assert opened(script, tmp_path) == "[]\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("open('x', 'w')", "open x\n"),
        (f"open({str(ROOT / 'topics.toml')!r}).close()", f"open {ROOT / 'topics.toml'}\n"),
        ("import socket; socket.socket().bind(('127.0.0.1', 0))", "socket.bind\n"),
        ("import sqlite3; sqlite3.connect(':memory:')", "sqlite3.connect\n"),
        ("import json", ""),
    ],
)
def test_the_watch_sees_what_is_opened(script: str, said: str, tmp_path: Path) -> None:
    assert opened(script, tmp_path) == said


def test_commands_run_with_garbage_collection() -> None:
    async def look() -> bool:
        return gc.isenabled()

    gc.disable()
    try:
        assert run_task(look())
    finally:
        gc.unfreeze()
        gc.disable()  # as for all tests here
    runs = [path.name for path in SOURCES if "asyncio.run(" in path.read_text(encoding="utf-8")]
    assert runs == ["process.py"]


def test_no_test_reaches_the_network() -> None:
    with socket.socket() as one, pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        one.connect(("192.0.2.1", 80))
    with socket.socket() as one, pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        one.connect_ex(("192.0.2.1", 80))
    with pytest.raises(AssertionError, match=r"localhost\.example"):
        socket.create_connection(("localhost.example", 80))


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
