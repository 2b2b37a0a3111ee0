"""One contract for every platform of the folder and every command of the table."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from bot import platforms
from bot.commands import COMMANDS
from bot.messages import Reply
from tests.rendered import expected, in_terminal, squeezed
from tests.talks import FAKES, Recording, Talk, recording

ARGUMENTS = {
    "report": "2025-12-06",
    "stocks": "NVDA",
    "detail": "views",
    "help": "en",
    "ask": "NVDA",
    "search": "NVDA",
}
"""What is asked where the bare command is not the usual way."""


def _content(replies: list[Reply], name: str, folder: Path) -> list[str]:
    """The words of the replies, but for what the terminal says about itself, and the folder."""
    own = "终端收不到推送"
    return [
        squeezed(line).replace(str(folder), "")
        for one in replies
        for line in expected(one).split("\n")
        if not (name == "terminal" and own in line)
    ]


async def test_every_command_says_the_same_on_every_platform(tmp_path: Path) -> None:
    missing = set(platforms.names()) - FAKES.keys()
    assert not missing, f"no fake for {missing}: add one to tests/talks.py"
    async with AsyncExitStack() as stack:
        talks: dict[str, tuple[Recording, Talk]] = {}
        for name in platforms.names():
            host = await stack.enter_async_context(recording(tmp_path / name))
            talks[name] = host, await stack.enter_async_context(FAKES[name](host))
        for number, command in enumerate(COMMANDS):
            said: dict[str, list[str]] = {}
            for name, (host, talk) in talks.items():
                # Other people now and then: each may ask only so often.
                person = 7 + number // 10
                words = ARGUMENTS.get(command.name, "")
                seen = squeezed(await talk.ask(command.name, words, person))
                said[name] = _content(host.answered[-1], name, tmp_path / name)
                assert said[name], f"/{command.name} says nothing on {name}"
                if name == "terminal":
                    in_terminal(host.answered[-1], seen)
                    continue
                seen, place = seen.replace(str(tmp_path / name), ""), 0
                for line in said[name]:
                    at = seen.find(line, place)
                    assert at >= 0, f"/{command.name} on {name} does not show {line!r}: {seen!r}"
                    place = at + len(line)
            texts = {tuple(lines) for lines in said.values()}
            assert len(texts) == 1, f"/{command.name} differs: {said}"
