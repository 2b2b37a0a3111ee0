"""The environment: every problem named at once, secrets from files, nothing undocumented."""

import re
from pathlib import Path

import pytest

from bot.settings import VARIABLES, SettingsError, load_settings

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
