"""The environment: every problem named at once, secrets from files, nothing undocumented."""

import os
import re
from pathlib import Path

import pytest

from bot.settings import VARIABLES, SettingsError, limit_threads, load_settings

EXAMPLE = Path(__file__).parents[1] / ".env.example"


def test_defaults_need_no_environment() -> None:
    settings = load_settings()
    assert settings.database_url == "sqlite:///jianbao.db"
    assert settings.timezone == "UTC"


def test_every_problem_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMEZONE", "Mars/Base")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    monkeypatch.setenv("DATABASE_URL_FILE", "missing.txt")
    with pytest.raises(SettingsError) as problem:
        load_settings()
    lines = str(problem.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["DATABASE_URL_FILE", "TIMEZONE", "LOG_LEVEL"]
    assert "Europe/Berlin" in lines[1]


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://u:hidden@host/db\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(secret))
    settings = load_settings()
    assert settings.database_url == "postgresql://u:hidden@host/db"
    assert "hidden" not in repr(settings)


def test_dotenv_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TIMEZONE=Asia/Shanghai\nUNRELATED=1\n")
    assert load_settings().timezone == "Asia/Shanghai"


def test_a_file_named_in_dotenv_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "zone").write_text("Asia/Shanghai\n")
    (tmp_path / ".env").write_text("\ufeffTIMEZONE_FILE=zone\n", encoding="utf-8")
    assert load_settings().timezone == "Asia/Shanghai"
    monkeypatch.setenv("TIMEZONE", "Europe/Berlin")
    assert load_settings().timezone == "Europe/Berlin"


def test_a_dotenv_that_is_no_text_says_so(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"^\.env: cannot be read"):
        load_settings()


def test_the_example_names_every_variable_with_its_default() -> None:
    shown = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))
    assert tuple(shown) == VARIABLES
    settings = load_settings()
    assert {name: str(getattr(settings, name.lower())) for name in shown} == shown


def test_no_key_and_no_server_means_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().providers == ()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    assert [p.model for p in load_settings().providers] == ["gpt-5-mini"]
    assert "sk-hidden" not in repr(load_settings()) + repr(load_settings().providers)
    monkeypatch.setenv("OPENAI_API_KEY", "")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1/")
    assert [p.base_url for p in load_settings().providers] == ["http://127.0.0.1:8080/v1"]


def test_providers_are_listed_by_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_MODEL", "one, two")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://a.example/v1,https://b.example/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    found = load_settings().providers
    assert [(p.model, p.base_url, p.key) for p in found] == [
        ("one", "https://a.example/v1", "key"),
        ("two", "https://b.example/v1", "key"),
    ]
    monkeypatch.setenv("OPENAI_API_KEY", "a,b,c")
    with pytest.raises(SettingsError, match="OPENAI_MODEL has 2 entries where another list has 3"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OPENAI_BASE_URL", "api.example/v1", "must look like https://"),
        ("OPENAI_BASE_URL", "https://me:secret@api.example/v1", "must look like https://"),
        ("BUDGET_USD_DAY", "-1", "BUDGET_USD_DAY: write 0 or more"),
        ("KEEP_DAYS", "3", "KEEP_DAYS: write 7 or more"),
        ("KEEP_DAYS", "1000000", "KEEP_DAYS: write 100000 or less"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT: write 'text' or 'json'"),
        ("ADMINS", "telegram:1 discord:2", "with a comma between"),
        ("BUDGET_USD_MONTH", "nan", "BUDGET_USD_MONTH: write a number"),
        ("HTTPS_PROXY", "socks5://host:1", "HTTPS_PROXY: write a proxy like http://"),
        ("HTTPS_PROXY", "http://127.0.0.1:99999", "HTTPS_PROXY: write a proxy like http://"),
        ("HTTPS_PROXY", "http://a..b:3128", "HTTPS_PROXY: write a proxy like http://"),
        ("WEB_ADDRESS", "a..b:8080", "WEB_ADDRESS: write an address to listen on, like"),
        ("TELEGRAM_API_URL", "http://a..b", "TELEGRAM_API_URL: write a server like"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:99999/v1", "must look like https://"),
        ("ADMINS", "telegram:me", "telegram:123456"),
    ],
)
def test_what_a_model_needs_is_checked(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=said) as problem:
        load_settings()
    assert "secret" not in str(problem.value)


def test_who_runs_the_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMINS", "telegram:12, discord:34")
    settings = load_settings()
    assert settings.is_admin("telegram", "12")
    assert settings.is_admin("terminal", "anybody")
    assert not settings.is_admin("discord", "12")


@pytest.mark.parametrize("before", ["", " ", "\ufeff", '"', "\u200b ", "\u201c"])
@pytest.mark.parametrize("after", ["", "\n", " \r\n", '"', "\u200b", "\u201d"])
def test_one_rule_cleans_every_value(
    monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    if (before[-1:] in {'"', "\u201c"}) != (after[:1] in {'"', "\u201d"}) or before + after in {
        '"\u201d',
        '\u201c"',
    }:
        pytest.skip("a quotation mark alone is part of the value")
    values = {
        "TELEGRAM_BOT_TOKEN": "123:abc-DEF_ghi",
        "DISCORD_BOT_TOKEN": "abc.def-1.ghi_2",
        "OPENAI_API_KEY": "sk-one,sk-two",
        "OPENAI_MODEL": "one,two",
        "TIMEZONE": "Asia/Shanghai",
        "LOG_LEVEL": "DEBUG",
        "KEEP_DAYS": "30",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "ADMINS": "telegram:12",
        "DATA_DIR": "some/where",
        "TELEGRAM_API_URL": "http://127.0.0.1:8081",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, before + value + after)
    settings = load_settings()
    assert {name: str(getattr(settings, name.lower())) for name in values} == values


def test_blanks_count_as_not_set_and_other_spellings_are_understood(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TIMEZONE", ' "" ')
    monkeypatch.setenv("LOG_LEVEL", "info")
    monkeypatch.setenv("DISCORD_BOT_TOKEN", "Bot abc.def.ghi")
    monkeypatch.setenv("X_BEARER_TOKEN", "Bearer AAA%3D")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DATA_DIR", "~/digests")
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbfsk-1\r\n")
    monkeypatch.setenv("OPENAI_API_KEY_FILE", "'~/key'")
    settings = load_settings()
    assert (settings.timezone, settings.log_level) == ("UTC", "INFO")
    assert (settings.discord_bot_token, settings.x_bearer_token) == ("abc.def.ghi", "AAA%3D")
    assert (settings.data_dir, settings.openai_api_key) == (tmp_path / "digests", "sk-1")


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("TELEGRAM_BOT_TOKEN", "AAH-hidden", "10 characters"),
        ("TELEGRAM_BOT_TOKEN", "123:AAH hidden", "a space"),
        ("TELEGRAM_BOT_TOKEN", "123:hidd\u0435n", "not ASCII"),
        ("DISCORD_BOT_TOKEN", "https://discord.com/hidden", "looks like an address"),
        ("DISCORD_BOT_TOKEN", "hidden", "6 characters"),
        ("OPENAI_API_KEY", "sk-hidden sk-hidden", "a space"),
        ("X_BEARER_TOKEN", "hidden\u2026", "not ASCII"),
    ],
)
def test_a_token_that_cannot_be_one_is_refused_unseen(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, fault: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: not valid .*{fault}") as problem:
        load_settings()
    assert "hidd" not in str(problem.value)


def test_sums_take_one_thread_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    limit_threads()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "4")
    limit_threads()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "4"
