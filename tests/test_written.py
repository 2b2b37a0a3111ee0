"""`digest --writer llm` as a person runs it, against a server that behaves and servers that do not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.__main__ import cli
from tests import model_server as server
from tests.editing import SAMPLE
from tests.model_server import KEY, MODEL, ModelServer, Request, count
from tests.writers import honest

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "posts"
DAY = "2025-12-05"


def writer(request: Request) -> Any:
    """The honest writer at the other end of the line."""
    return honest(request.body["messages"][0]["content"], request.prompt)


def command(base_url: str, *args: str) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of one digest in the test's own folder."""
    line = [sys.executable, "-W", "ignore", "-m", "bot", "digest", "ai", *args]
    env = {
        "OPENAI_BASE_URL": base_url,
        "OPENAI_MODEL": MODEL,
        "OPENAI_API_KEY": KEY,
        "TOPICS_FILE": str(ROOT / "topics.toml"),
        "PROMPTS_DIR": str(ROOT / "prompts"),
    }
    return line, {**os.environ, **env}


def digest(base_url: str, *args: str) -> dict[str, Any]:
    """The JSON that the command prints; nothing of a server's troubles may be in it."""
    line, env = command(base_url, "--date", DAY, "--json", *args)
    done = CliRunner().invoke(cli, line[line.index("digest") :], env=env)
    assert "Traceback" not in done.stderr
    assert KEY not in done.stdout + done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == ("llm" in args and printed["writer"] != "llm"), done.stderr
    return printed


def told(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [i for s in report["sections"] for i in s["items"] if i["status"] != "note"]


@pytest.fixture
def few(tmp_path: Path) -> str:
    """A file with some of the sample's posts: enough to pick from."""
    of_day = [line for line in SAMPLE.read_text(encoding="utf-8").splitlines() if DAY in line]
    file = tmp_path / "few.jsonl"
    file.write_text("\n".join(of_day[:60]), encoding="utf-8")
    return str(file)


def test_a_report_by_a_model_is_the_contract_and_cites_every_item(few: str) -> None:
    with ModelServer(writer) as model:
        report = digest(model.base_url, "--writer", "llm", "--posts", few)
        assert report["writer"] == "llm"
        assert len(report["sections"]) == 9
        assert all(item["cites"] for item in told(report))
        assert {key for item in told(report) for key in item["cites"]} == set(report["posts"])
        assert 3 <= report["cost"]["calls"] == len(model.requests) <= 8
        assert report["cost"]["usd"] is None  # nobody knows what a test model costs
        assert 0 < report["cost"]["prompt_tokens"] <= 45_000
        # Once more: the answers are kept, so nothing is asked and nothing is paid.
        again = digest(model.base_url, "--posts", few)
        assert len(model.requests) == report["cost"]["calls"]
        assert again["cost"]["calls"] == 0
        assert again["sections"] == report["sections"]


def first_line(report: dict[str, Any]) -> str:
    """What the reader sees first."""
    return str(report["sections"][0]["items"][0]["text"])


def test_a_broken_server_leaves_the_extractive_report() -> None:
    with ModelServer(lambda _: server.trouble()) as model:
        report = digest(model.base_url, "--writer", "llm")
        assert report["writer"] == "extractive"
        assert "没有回应" in first_line(report)
        assert sum(item["status"] == "extractive" for item in told(report)) >= 10
        assert len(model.requests) <= 4 * 3  # four calls, each repeated at most twice


def test_a_kill_while_the_model_writes_leaves_a_report(few: str) -> None:
    with ModelServer(lambda _: server.SILENT) as model:
        line, env = command(model.base_url, "--date", DAY, "--writer", "llm", "--posts", few)
        child = subprocess.Popen(
            line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env
        )
        until = time.monotonic() + 60
        while not model.requests and time.monotonic() < until:
            time.sleep(0.1)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert model.requests
    said = CliRunner().invoke(cli, ["chat", "--say", f"/brief {DAY}"], env=env).stdout
    assert "核心信息" in said
    assert "1." in said


def test_a_spent_budget_means_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUDGET_USD_DAY", "0")
    with ModelServer(writer, model="gpt-5-mini") as model:
        monkeypatch.setattr("tests.test_written.MODEL", "gpt-5-mini")
        report = digest(model.base_url, "--writer", "llm")
        assert model.requests == []
    assert report["writer"] == "extractive"
    assert "预算" in first_line(report)


def test_a_model_must_be_set_for_llm(monkeypatch: pytest.MonkeyPatch) -> None:
    line = [sys.executable, "-W", "ignore", "-m", "bot", "digest", "ai", "--writer", "llm"]
    env = {**os.environ, "TOPICS_FILE": str(ROOT / "topics.toml")}
    done = subprocess.run(line, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 1
    assert "OPENAI_API_KEY" in done.stderr


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize("day", ["2025-09-23"])
def test_a_real_day_stays_within_the_bounds(day: str) -> None:
    files = [str(path) for path in sorted((DATA / day).glob("*.jsonl"))]
    with ModelServer(writer) as model:
        report = digest(model.base_url, "--writer", "llm", "--date", day, "--posts", *files)
        sent = sum(count(request.text) for request in model.requests)
        assert sent <= 45_000
        assert len(model.requests) <= 8
        assert sum(request.body["max_tokens"] for request in model.requests) <= 14_000
    assert report["writer"] == "llm"
    assert all(item["cites"] for item in told(report))
