"""`check`: one line each, and it goes on after the first that fails."""

import asyncio
import errno
import sys
from datetime import UTC, datetime, time
from pathlib import Path
from unittest.mock import Mock

import pytest

from bot import checks
from bot.checks import run_checks
from digest.errors import DigestError
from digest.models import Chat, Subscription
from digest.store import Store
from tests.discord_gateway import TOKEN
from tests.discord_server import DiscordServer
from tests.model_server import KEY, MODEL, ModelServer, unauthorized
from tests.telegram_server import TelegramServer

TOPICS = '[ai]\ntitle = "AI"\nslug = "ai"\nsources = [{ kind = "sample" }]\n'


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    """The font and the encoder are checked for real by the command line's tests."""
    Path("topics.toml").write_text(TOPICS)
    monkeypatch.setenv("PROMPTS_DIR", str(Path(__file__).parents[1] / "prompts"))
    monkeypatch.setattr("bot.checks.MOUNTS", Path("nowhere"))
    monkeypatch.setattr("digest.cloud.font_check", lambda: "a font")
    monkeypatch.setattr("digest.select.embed.encoder_check", lambda: "an encoder")


async def said() -> tuple[bool, list[str]]:
    lines: list[str] = []
    return await run_checks(lines.append), lines


async def test_a_missing_package_hides_no_line_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "digest.cloud", None)
    lines: list[str] = []
    with pytest.raises(ModuleNotFoundError):
        await run_checks(lines.append)
    assert lines[-1].startswith("ok   data folder")


async def test_a_line_for_each() -> None:
    passed, lines = await said()
    assert passed
    assert [line.split(":")[0] for line in lines] == [
        "ok   settings",
        "ok   topics",
        "ok   database",
        "ok   data folder",
        "ok   font",
        "ok   encoder",
        "ok   prompts",
        "ok   model",
        "ok   proxy",
        "ok   pages",
        "ok   telegram",
        "ok   discord",
    ]
    assert lines[7].startswith("ok   model: none set")
    assert lines[-2] == "ok   telegram: no TELEGRAM_BOT_TOKEN: left out"


async def test_a_disk_that_is_wiped_is_a_warning_and_a_damaged_database_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("mounts").write_text("21 1 0:20 / / rw - overlay overlay rw\n")
    monkeypatch.setattr("bot.checks.MOUNTS", Path("mounts"))
    passed, lines = await said()
    assert passed
    assert any(
        line.startswith("warn disk: jianbao.db is in the file system of a") for line in lines
    )
    file = Path("jianbao.db")
    file.with_name("jianbao.db.backup").write_bytes(file.read_bytes())
    file.write_bytes(file.read_bytes()[:30000])
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "1:abc")
    monkeypatch.setenv("TELEGRAM_API_URL", "http://127.0.0.1:1")
    for _ in range(2):  # the first one put nothing else in its place
        passed, lines = await said()
        assert not passed
        assert any(line.startswith("FAIL database: database is damaged") for line in lines)
        assert any(line.startswith("FAIL telegram: database is damaged") for line in lines)
    assert not list(Path().glob("*.damaged"))


async def test_subscriptions_whose_topic_is_gone_are_named() -> None:
    async with await Store.open("sqlite:///jianbao.db") as store:
        one = Subscription(Chat("telegram", "7"), "football", time(8), "UTC")
        await store.subscribe(one, datetime.now(UTC))
    passed, lines = await said()
    assert not passed
    (line,) = [line for line in lines if line.startswith("FAIL")]
    assert "no longer has the topic “football”, so 1 chat" in line


async def test_wrong_settings_are_named_and_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    monkeypatch.setenv("TIMEZONE", "Mars")
    passed, lines = await said()
    assert not passed
    assert [line.split(":")[1] for line in lines] == [" TIMEZONE", " LOG_LEVEL"]


async def test_a_misspelled_variable_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", "1:a")
    passed, lines = await said()
    assert passed, "another program may read it"
    typo = "unknown setting TELEGRAM_TOKEN: did you mean TELEGRAM_BOT_TOKEN?"
    assert f"warn settings: {typo}" in lines


async def test_a_folder_in_the_place_of_env_fails() -> None:
    Path(".env").mkdir()  # as Docker makes one for a file that is missing
    passed, lines = await said()
    assert not passed
    assert lines[0] == "FAIL settings: .env: cannot be read (Is a directory): make it a text file"


async def test_a_full_disk_takes_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, content: bytes) -> int:
        if content:
            raise OSError(errno.ENOSPC, "No space left on device")
        return 0

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(DigestError, match="No space left on device"):
        checks._try_folder(Path("var"), "DATA_DIR")


async def test_what_fails_is_named_and_the_others_still_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> str:
        raise DigestError("no font has Han characters: install the font package")

    Path("jianbao.db").write_bytes(b"not a database" * 100)
    Path("var").write_bytes(b"")
    Path("topics.toml").write_text(TOPICS.replace("sample", "pigeon"))
    monkeypatch.setattr("bot.checks.MOUNTS", Path("nowhere"))
    monkeypatch.setattr("digest.cloud.font_check", broken)
    passed, lines = await said()
    assert not passed
    failed = [line.split(":")[0] for line in lines if line.startswith("FAIL")]
    assert failed == ["FAIL topics", "FAIL database", "FAIL data folder", "FAIL font"]
    assert "ok   encoder: an encoder" in lines


async def test_a_model_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_MODEL", MODEL)
    async with ModelServer(lambda _: {"ok": True}) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        passed, lines = await said()
        assert passed
        assert len(server.requests) == 1
    assert lines[7].startswith(f"ok   model: {MODEL} at 127.0.0.1")
    assert lines[7].endswith("price unknown: tokens are counted")


async def test_a_model_that_refuses_the_key_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_MODEL", MODEL)
    async with ModelServer(lambda _: unauthorized()) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        passed, lines = await said()
    assert not passed
    assert lines[7].startswith("FAIL model: ")
    assert "OPENAI_API_KEY" in lines[7]
    assert KEY not in lines[7]


async def test_both_tokens_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async with TelegramServer() as one, DiscordServer() as other:
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", one.token)
        monkeypatch.setenv("TELEGRAM_API_URL", one.url)
        monkeypatch.setenv("DISCORD_BOT_TOKEN", TOKEN)
        monkeypatch.setenv("DISCORD_API_URL", other.api_url)
        passed, lines = await said()
        assert passed, lines
        assert "https://discord.com/oauth2/authorize?client_id=" in lines[-1]
        assert "startgroup=" in lines[-2]
        monkeypatch.setenv("DISCORD_BOT_TOKEN", "wrong.token.here")
        passed, lines = await said()
    assert not passed
    assert lines[-1].startswith("FAIL discord: Discord does not accept the token")
    assert lines[-2].startswith("ok   telegram: @")


async def test_many_chats_are_all_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PATIENCE", 0.5)
    async with TelegramServer() as server, await Store.open("sqlite:///jianbao.db") as store:
        for number in range(5):
            group = server.group(-number - 1, "A group")
            chat = Chat("telegram", str(group.id), kind="group")
            await store.subscribe(Subscription(chat, "ai", time(8), "UTC"), datetime.now(UTC))
        server.delay("getChat", 0.4)
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", server.token)
        monkeypatch.setenv("TELEGRAM_API_URL", server.url)
        passed, lines = await said()
    assert passed, lines
    assert lines[-2].endswith("5 subscribed chats")


@pytest.mark.parametrize(
    ("where", "told"), [("Asia/Shanghai", True), ("Europe/Berlin", False), ("UTC", False)]
)
async def test_a_topic_whose_reports_come_late_to_new_chats_is_named(
    monkeypatch: pytest.MonkeyPatch, where: str, told: bool
) -> None:
    monkeypatch.setenv("TIMEZONE", where)
    passed, lines = await said()
    assert passed, "it is only a warning"
    assert any(f'write timezone = "{where}"' in line for line in lines) is told


async def test_a_chat_that_is_gone_fails_on_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with TelegramServer() as server, await Store.open("sqlite:///jianbao.db") as store:
        for thread in ("1", "2"):
            chat = Chat("telegram", "-5", thread, kind="group")
            await store.subscribe(Subscription(chat, "ai", time(8), "UTC"), datetime.now(UTC))
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", server.token)
        monkeypatch.setenv("TELEGRAM_API_URL", server.url)
        passed, lines = await said()
    assert not passed
    assert lines[-3].startswith("ok   telegram: @jianbao_bot")
    assert lines[-2] == "FAIL telegram: chat -5: chat not found"


async def test_a_proxy_that_nobody_answers_at_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    passed, lines = await said()
    assert not passed
    assert "FAIL proxy: 127.0.0.1:1 cannot be reached (Connection refused)" in lines[8]
    assert lines[8].endswith("check HTTPS_PROXY")


async def test_where_pages_cannot_be_served_check_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with await asyncio.start_server(Mock(), "127.0.0.1", 0) as other:
        taken = f"127.0.0.1:{other.sockets[0].getsockname()[1]}"
        for address, line in (
            ("127.0.0.1:0", "ok   pages: 127.0.0.1:0; no feeds: they need PUBLIC_URL"),
            (taken, f"ok   pages: {taken} (in use, by the running bot or by another program)"),
            ("192.0.2.1:80", "FAIL pages: cannot listen at 192.0.2.1:80 ("),
            (
                "http://127.0.0.1:80",
                "FAIL settings: WEB_ADDRESS: write an address to listen on, like 127.",
            ),
        ):
            monkeypatch.setenv("WEB_ADDRESS", address)
            passed, lines = await said()
            assert passed == line.startswith("ok")
            assert [shown for shown in lines if shown.startswith(line)], lines


async def test_files_are_named_and_a_misspelled_folder_is_not_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, lines = await said()
    assert lines[0] == f"ok   settings: no .env in {Path.cwd()}"
    assert lines[1] == f"ok   topics: {Path('topics.toml').resolve()}: ai (sources: 1)"
    Path("file").write_text("")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///mistyped/jianbao.db")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "1:x")
    monkeypatch.setenv("PUBLISH_DIR", "file/pages")
    passed, lines = await said()
    assert not passed
    missing = "folder mistyped does not exist: create it or correct DATABASE_URL"
    assert [line for line in lines if line.startswith("FAIL")] == [
        f"FAIL database: {missing}",
        "FAIL pages: file/pages cannot be written (Not a directory): set PUBLISH_DIR to another"
        " folder",
        f"FAIL telegram: {missing}",
    ]
    assert not Path("mistyped").exists()
    Path("index.html").write_text("mine")
    monkeypatch.setenv("PUBLISH_DIR", ".")
    _, lines = await said()
    assert any(line.startswith("FAIL pages: index.html was not written by") for line in lines)
    monkeypatch.setenv("PUBLISH_DIR", "long" * 99)
    _, lines = await said()
    assert any("cannot be written (File name too long)" in line for line in lines)


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ('kind = "jsonl", address = "nope.jsonl"', "nope.jsonl: no such file"),
        ('kind = "rss", address = "http://127.0.0.1:9/x"', "set private = true"),
        ('kind = "sample", fallback_for = "list:404"', 'matches no earlier source: "list:404"'),
        ('kind = "rss"', "no address: write an address like https://example.com/feed"),
        ('kind = "x", address = "user:ada"', "set X_BEARER_TOKEN"),
        ('kind = "rss", address = "http://127.0.0.1:9/x", private = true', ""),
        ('kind = "rss", address = "https://blog.example/feed"', ""),
        ('kind = "hackernews", address = "http://[words]"', ""),
    ],
)
async def test_sources_that_can_give_nothing_fail(source: str, advice: str) -> None:
    Path("topics.toml").write_text(TOPICS.replace('kind = "sample"', source))
    passed, lines = await said()
    assert passed == (not advice)
    assert lines[1].startswith("FAIL topics: [ai] sources: " if advice else "ok")
    assert advice in lines[1]
