"""`check`: one line each, and it goes on after the first that fails."""

from pathlib import Path

import pytest

from bot.checks import run_checks
from digest.models import DigestError

TOPICS = '[ai]\ntitle = "AI"\nslug = "ai"\nsources = [{ kind = "sample" }]\n'


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    """The font and the encoder are checked for real by the command line's tests."""
    Path("topics.toml").write_text(TOPICS)
    monkeypatch.setattr("digest.cloud.font_check", lambda: "a font")
    monkeypatch.setattr("digest.select.embed.encoder_check", lambda: "an encoder")


async def said() -> tuple[bool, list[str]]:
    lines: list[str] = []
    return await run_checks(lines.append), lines


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
    ]


async def test_wrong_settings_are_named_and_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    monkeypatch.setenv("TIMEZONE", "Mars")
    passed, lines = await said()
    assert not passed
    assert [line.split(":")[1] for line in lines] == [" TIMEZONE", " LOG_LEVEL"]


async def test_what_fails_is_named_and_the_others_still_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> str:
        raise DigestError("no font has Han characters: install the font package")

    Path("jianbao.db").write_bytes(b"not a database" * 100)
    Path("var").write_bytes(b"")
    Path("topics.toml").write_text(TOPICS.replace("sample", "pigeon"))
    monkeypatch.setattr("digest.cloud.font_check", broken)
    passed, lines = await said()
    assert not passed
    failed = [line.split(":")[0] for line in lines if line.startswith("FAIL")]
    assert failed == ["FAIL topics", "FAIL database", "FAIL data folder", "FAIL font"]
    assert lines[-1] == "ok   encoder: an encoder"
