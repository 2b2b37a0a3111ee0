"""No secret at any exit: logs, printed lines, the database, errors, messages to operators, representations."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import web

from bot import logs
from bot.alerts import Alert
from bot.checks import run_checks
from bot.platforms import Limited, Refused, Unreachable
from bot.settings import load_settings
from digest.errors import SourceError, StoreError
from digest.masking import MASK, mask, register_secrets, secrets_in
from digest.models import SourceSpec
from digest.sources import open_source

SECRETS = {
    "TELEGRAM_BOT_TOKEN": "123456:AAH-secret_of-telegram",
    "DISCORD_BOT_TOKEN": "MTIz.secret-of.discord_bot",
    "OPENAI_API_KEY": "sk-secret-of-the-model",
    "X_BEARER_TOKEN": "AAAA%2Bsecret%3Dof-x",
}
INSIDE = ["query-key-of-a-server", "p4ss-of-the-proxy", "p4ss-of-the-base", "p4ss-of-a-feed", "key-of-a-feed"]  # fmt: skip
ALL = [*SECRETS.values(), *INSIDE, "AAH-secret_of-telegram"]


@pytest.fixture
async def echo() -> AsyncIterator[str]:
    """Address of a server that answers everything with what it was asked."""

    async def answer(request: web.Request) -> web.Response:
        asked = f"{request.path_qs} {dict(request.headers)} {await request.text()}"
        return web.json_response({"ok": False, "error_code": 400, "description": f"no: {asked}", "message": asked, "code": 0, "error": {"message": asked}}, status=400)  # fmt: skip

    application = web.Application()
    application.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"{host}:{port}"
    await runner.cleanup()


def environment(echo: str) -> dict[str, str]:
    Path("topics.toml").write_text(
        f'[ai]\ntitle = "AI"\nslug = "ai"\nsources = [{{ kind = "rss", private = true,'
        f' address = "http://ann:p4ss-of-a-feed@{echo}/feed?key=key-of-a-feed" }},'
        ' { kind = "rss", address = "ftp://ann:p4ss-of-a-feed@e.example/?token=key-of-a-feed" }]\n'
    )
    return SECRETS | {
        "TELEGRAM_API_URL": f"http://{echo}",
        "DISCORD_API_URL": f"http://{echo}/api",
        "OPENAI_BASE_URL": f"http://{echo}/v1?api-key=query-key-of-a-server",
        "HTTPS_PROXY": f"http://bob:p4ss-of-the-proxy@{echo}",
        "LOG_LEVEL": "DEBUG",
    }


def assert_no_secret(text: str) -> None:
    for secret in ALL:
        assert secret not in text
        assert quote(secret, safe="") not in text


async def test_check_and_collect_print_and_store_none(echo: str) -> None:
    variables = {**os.environ, **environment(echo)}
    printed = ""
    for command in ("check", "collect"):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "ignore", "-m", "bot", command,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=variables,
        )  # fmt: skip
        output, _ = await process.communicate()
        printed += output.decode()
    assert "FAIL telegram" in printed
    assert "FAIL model" in printed
    assert "no answer" in printed
    assert_no_secret(printed)
    stored = b"".join(path.read_bytes() for path in Path().glob("jianbao.db*"))
    for secret in SECRETS.values():
        assert secret.encode() not in stored


async def test_errors_alerts_and_checks_are_masked(
    echo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(echo).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p4ss-of-the-base@127.0.0.1:1/x")
    settings = load_settings()
    spec = SourceSpec("rss", f"http://ann:p4ss-of-a-feed@{echo}/f?key=key-of-a-feed", private=True)
    open_source(spec, settings.access)
    everything = " ".join(ALL)
    for error in (SourceError, StoreError, Refused, Unreachable):
        assert_no_secret(str(error(everything)))
    why = str(Refused(f"Not Found: /bot{SECRETS['TELEGRAM_BOT_TOKEN']}/sendMessage"))
    assert why == f"Not Found: /bot{MASK}/sendMessage"
    assert str(Limited(3)) == "too many messages; asks to wait 3 s"
    lines: list[str] = []
    assert not await run_checks(lines.append)
    assert_no_secret("\n".join(lines))
    shown = [settings, settings.access, settings.setup("telegram"), settings.providers, spec]
    assert_no_secret(" ".join(map(repr, shown)))
    assert Alert.__dataclass_fields__["values"], "alerts are made of errors, which are masked"


def test_logs_hold_no_secret_and_no_words_of_a_post(
    echo_log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_secrets(ALL)
    log, post = logging.getLogger("digest.any"), "the words of a post, and key-of-a-feed"
    log.debug("asked %s", "https://e.example/?key=key-of-a-feed")
    try:
        raise ValueError(post)
    except ValueError:
        log.exception("source failed")
    for library in ("httpx", "aiosqlite", "openai", "telegram", "discord", "sqlalchemy"):
        logging.getLogger(library).info("POST the words of a post")
    text = echo_log.getvalue()
    assert f"asked https://e.example/?key={MASK}" in text
    assert "ValueError" in text
    assert "words of a post" not in text
    assert_no_secret(text)


@pytest.fixture
def echo_log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers)
    monkeypatch.setattr(root, "level", root.level)
    for name in (*logs.OURS, "apscheduler"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.getLogger(name).level)
    logs.set_up_logging("DEBUG")
    return stream


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("https://ann:s3cret@e.example/", ["s3cret", "YW5uOnMzY3JldA=="]),
        ("https://0123abcd@e.example/", ["0123abcd"]),
        ("https://e.example/?lang=en&api_key=k1234567&page=2", ["k1234567"]),
        ("https://e.example/?access_token=t1234567&api-version=2024-10-21", ["t1234567"]),
        ("https://e.example/?author=karpathy&monkey=chimpanzee&zip=12345678", []),
        ("https://e.example/feed?lang=en", []),
        ("list:42", []),
        ("http://[", []),
    ],
)
def test_secrets_of_addresses(address: str, secrets: list[str]) -> None:
    assert list(secrets_in(address)) == secrets


def test_the_longest_secret_goes_first_and_short_ones_stay() -> None:
    register_secrets(["abcd", "abcdef", "a"])
    assert mask("a abcdef abcd") == f"a {MASK} {MASK}"
    register_secrets(["p&ss word"])
    assert mask("p%26ss%20word p%26ss+word") == f"{MASK} {MASK}"
