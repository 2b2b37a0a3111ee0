"""`check`: does everything that a digest needs work? A line each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.settings import Settings, load_settings
from digest.models import DigestError
from digest.sources import kinds
from digest.store import Store
from digest.topics import load_topics


async def run_checks(show: Callable[[str], None]) -> bool:
    """Shows a line for each check; whether all of them passed. Later checks need the settings."""
    try:
        settings = load_settings()
    except DigestError as error:
        for line in str(error).splitlines():
            show(f"FAIL settings: {line}")
        return False
    show("ok   settings")
    checks: tuple[tuple[str, Callable[[Settings], Awaitable[str]]], ...] = (
        ("topics", _topics),
        ("database", _database),
        ("data folder", _folder),
        ("font", _font),
        ("encoder", _encoder),
        ("prompts", _prompts),
        ("model", _model),
    )
    return all([await _passed(name, check, settings, show) for name, check in checks])


async def _passed(
    name: str,
    check: Callable[[Settings], Awaitable[str]],
    settings: Settings,
    show: Callable[[str], None],
) -> bool:
    try:
        show(f"ok   {name}: {await check(settings)}")
    except DigestError as error:
        for line in str(error).splitlines():
            show(f"FAIL {name}: {line}")
        return False
    return True


async def _topics(settings: Settings) -> str:
    topics = load_topics(settings.topics_file)
    for topic in topics.values():
        for source in topic.sources:
            if source.kind not in kinds():
                known = ", ".join(kinds())
                raise DigestError(f'[{topic.name}] sources: no kind "{source.kind}": use {known}')
    return ", ".join(f"{t.name} ({len(t.sources)} sources)" for t in topics.values())


async def _database(settings: Settings) -> str:
    async with await Store.open(settings.database_url) as store:
        return await store.check()


async def _folder(settings: Settings) -> str:
    probe = settings.data_dir / ".check"
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise DigestError(
            f"{settings.data_dir} cannot be written ({error.strerror}): set DATA_DIR to another folder"
        ) from None
    return str(settings.data_dir)


async def _font(_: Settings) -> str:
    from digest.cloud import font_check

    return font_check()


async def _encoder(_: Settings) -> str:
    from digest.select.embed import encoder_check

    return encoder_check()


async def _prompts(settings: Settings) -> str:
    from digest.write.prompts import check

    return check(settings.prompts_dir)


async def _model(settings: Settings) -> str:
    """One tiny call to each model, and what it costs."""
    from digest.write.budget import price
    from digest.write.llm import probe

    if not settings.providers:
        return "none set: reports are made of the posts' own sentences"
    said = []
    for provider in settings.providers:
        answer = await probe(provider, settings.https_proxy)
        sent, written = price(provider, 1_000_000, 0), price(provider, 0, 1_000_000)
        cost = "price unknown: tokens are counted"
        if sent is not None and written is not None:
            cost = f"${sent:.2f} in and ${written:.2f} out a million tokens"
        said.append(f"{answer}, {cost}")
    return "; ".join(said)
