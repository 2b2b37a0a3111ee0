"""Every outcome of one message told apart, on both platforms' transports, against servers on loopback."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.messages import Button, Heading, Link, ListItem, Paragraph, Picture, Reply
from bot.platforms import (
    Gone,
    Limited,
    Moved,
    NotSent,
    Outgoing,
    PlatformError,
    Refused,
    Revoked,
    ServerFault,
    Unseen,
    Unsure,
)
from bot.platforms._request import ApiClient
from bot.platforms.discord.rest import DiscordDeliverer
from bot.platforms.telegram import api as telegram
from bot.platforms.telegram.api import read_refusal
from digest.models import Chat
from tests.delivery_stub import HTML, TELEGRAM_TOKEN, DeliveryStub, telegram_says
from tests.town import PNG, body, opened

PLATFORMS = ("telegram", "discord")


def outgoing(platform: str, chat: str = "5", **more: Any) -> Outgoing:
    """A message on its way."""
    return Outgoing(Chat(platform, chat), more.pop("body", "") or body(platform), "n1", **more)


async def outcome(platform: str, fault: str, patience: float = 5.0) -> PlatformError | None:
    """What comes of one message whose call meets this fault."""
    async with DeliveryStub(fault=lambda *_: fault) as stub:
        to = opened(platform, stub.url, patience)
        try:
            await to.deliver(outgoing(platform))
        except PlatformError as error:
            return error
        finally:
            await to.close()
    return None


def says(code: int, text: str, **more: Any) -> str:
    return f"{code} {telegram_says(code, text, **more)}"


def discord_says(code: int, number: int, **more: Any) -> str:
    return f"{code} {json.dumps({'message': 'made up', 'code': number} | more)}"


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("drop_before", Unsure),
        ("drop_after", Unsure),
        ("late 2", Unsure),
        (f"408 {HTML}", ServerFault),
        (f"503 {HTML}", NotSent),
        (f"504 {HTML}", ServerFault),
        (f"520 {HTML}", ServerFault),
        (f"524 {HTML}", ServerFault),
        ("200 <html>captive portal</html>", Unsure),
    ],
)
async def test_what_was_on_the_wire_decides(
    platform: str, fault: str, kind: type[PlatformError]
) -> None:
    assert type(await outcome(platform, fault, 0.5)) is kind


@pytest.mark.parametrize(
    ("platform", "fault", "kind"),
    [
        ("telegram", f"500 {HTML}", NotSent),
        ("telegram", f"502 {HTML}", NotSent),
        ("discord", f"500 {HTML}", ServerFault),
        ("discord", f"502 {HTML}", ServerFault),
        ("telegram", says(500, "Internal Server Error"), NotSent),
        ("telegram", says(502, "Bad Gateway"), NotSent),
        ("telegram", says(504, "Gateway Timeout"), ServerFault),
        (
            "telegram",
            says(500, "Internal Server Error: sent message was immediately deleted"),
            ServerFault,
        ),
        ("discord", discord_says(500, 0), ServerFault),
        ("discord", discord_says(503, 0), NotSent),
    ],
)
async def test_a_platform_that_fails_may_have_accepted(
    platform: str, fault: str, kind: type[PlatformError]
) -> None:
    assert type(await outcome(platform, fault)) is kind


async def test_a_look_that_fails_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there before is looked for: whatever becomes of that, no message is in doubt."""

    async def fail(*_: object, **__: object) -> tuple[int, bytes, dict[str, str]]:
        return 502, HTML.encode(), {}

    monkeypatch.setattr(ApiClient, "request", fail)
    to = opened("discord", "http://127.0.0.1:9")
    assert isinstance(to, DiscordDeliverer)
    with pytest.raises(NotSent):
        await to.call("GET", "/channels/5", {})
    with pytest.raises(ServerFault):
        await to.call("POST", "/channels/5/messages", {"json": {}})


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_refused_connection_never_left(platform: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        to = opened(platform, f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(NotSent):
            await to.deliver(outgoing(platform))
        await to.close()


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_connection_that_is_never_made_never_left(platform: str) -> None:
    """A listener whose queue is full: the handshake is not answered."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        to = opened(platform, f"http://127.0.0.1:{full.getsockname()[1]}", timeout=0.5)
        with pytest.raises(NotSent):
            await to.deliver(outgoing(platform))
        await to.close()


async def test_a_pool_without_room_never_left() -> None:
    async with DeliveryStub(latency=6.0) as stub:
        to = opened("telegram", stub.url, timeout=2.0)
        sends = [
            to.deliver(outgoing("telegram", str(n))) for n in range(telegram.MAX_CONCURRENT + 1)
        ]
        ends = await asyncio.gather(*sends, return_exceptions=True)
        await to.close()
    assert sum(isinstance(end, NotSent) for end in ends) == 1
    assert all(isinstance(end, NotSent | Unsure) for end in ends)


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (says(429, "Too Many Requests: retry after 17", retry_after=17), 17.0),
        (says(429, "Too Many Requests", retry_after=10**400), 86_400.0),
        (says(429, "Too Many Requests", retry_after=2.5), 5.0),
        (says(429, "Too Many Requests", retry_after=-3), 5.0),
        (says(429, "Too Many Requests", retry_after="soon"), 5.0),
        (says(429, "Too Many Requests"), 5.0),
        ("429 ", 5.0),
        (f"429 {HTML}", 5.0),
        ("429 []", 5.0),
    ],
)
async def test_telegram_says_how_long_to_wait_or_five_seconds(fault: str, seconds: float) -> None:
    error = await outcome("telegram", fault)
    assert isinstance(error, Limited)
    assert (error.seconds, error.everywhere) == (seconds, False)


@pytest.mark.parametrize(
    ("fault", "seconds", "everywhere"),
    [
        ('429 {"retry_after": 1.25, "global": false}', 1.25, False),
        ('429 {"retry_after": 64.5, "global": true}', 64.5, True),
        ('429 {"retry_after": -1, "global": false}', 5.0, False),
        ('429 {"retry_after": "x", "global": false}', 5.0, False),
        ('429 {"retry_after": NaN}', 5.0, False),
        ('429 {"message": "slow"}', 5.0, False),
        (f"429 {HTML}", 5.0, True),
        ("429 ", 5.0, True),
    ],
)
async def test_discord_says_for_whom_and_how_long(
    fault: str, seconds: float, everywhere: bool
) -> None:
    error = await outcome("discord", fault)
    assert isinstance(error, Limited)
    assert (error.seconds, error.everywhere) == (seconds, everywhere)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (says(403, "Forbidden: bot was blocked by the user"), "removed"),
        (says(403, "Forbidden: bot was kicked from the supergroup chat"), "removed"),
        (says(403, "Forbidden: bot is not a member of the channel chat"), "removed"),
        (says(403, "Forbidden: user is deactivated"), "deleted"),
        (says(403, "Forbidden: the group chat was deleted"), "deleted"),
        (says(400, "Bad Request: chat not found"), "deleted"),
        (says(400, "Bad Request: group chat was deactivated"), "deleted"),
    ],
)
async def test_a_telegram_chat_that_is_gone(fault: str, why: str) -> None:
    error = await outcome("telegram", fault)
    assert isinstance(error, Gone)
    assert (error.why, error.thread) == (why, False)


@pytest.mark.parametrize("reason", ["message thread not found", "TOPIC_DELETED"])
async def test_a_topic_that_is_gone_leaves_the_chat(reason: str) -> None:
    error = await outcome("telegram", says(400, f"Bad Request: {reason}"))
    assert isinstance(error, Gone)
    assert (error.why, error.thread) == ("deleted", True)


EDGE = [HTML, "", "Forbidden", "[]", '{"error": "access denied"}', '{"ok": false}']


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("page", EDGE)
@pytest.mark.parametrize("code", [302, 400, 401, 403, 404, 418, 503])
async def test_a_page_of_an_edge_is_not_the_word_of_the_platform(
    platform: str, code: int, page: str
) -> None:
    assert type(await outcome(platform, f"{code} {page}")) is NotSent


async def test_the_token_is_in_no_reason(caplog: pytest.LogCaptureFixture) -> None:
    text = f"Not Found: /bot{TELEGRAM_TOKEN}/sendMessage"
    error = await outcome("telegram", says(400, text))
    assert TELEGRAM_TOKEN not in f"{error!r}{caplog.text}"


@pytest.mark.parametrize(
    ("number", "code", "why"),
    [(10003, 404, "deleted"), (50001, 403, "removed"), (50007, 403, "removed")],
)
async def test_a_discord_channel_that_is_gone(number: int, code: int, why: str) -> None:
    error = await outcome("discord", discord_says(code, number))
    assert isinstance(error, Gone)
    assert error.why == why


async def test_a_group_that_became_a_supergroup_has_a_new_id() -> None:
    text = "Bad Request: group chat was upgraded to a supergroup chat"
    error = await outcome("telegram", says(400, text, migrate_to_chat_id=-100123))
    assert isinstance(error, Moved)
    assert error.new == "-100123"


@pytest.mark.parametrize(
    ("platform", "fault", "markup", "picture"),
    [
        ("telegram", says(400, "Bad Request: can't parse entities: odd"), True, False),
        ("telegram", says(400, "Bad Request: ENTITY_BOUNDS_INVALID"), True, False),
        ("telegram", says(400, "Bad Request: BUTTON_DATA_INVALID"), True, False),
        ("telegram", says(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"), False, True),
        ("telegram", says(400, "Bad Request: IMAGE_PROCESS_FAILED"), False, True),
        ("telegram", says(413, "Request Entity Too Large"), False, True),
        ("telegram", says(400, "Bad Request: not enough rights to send text"), False, False),
        ("telegram", says(400, "Bad Request: CHAT_WRITE_FORBIDDEN"), False, False),
        ("telegram", says(403, "Forbidden: CHAT_WRITE_FORBIDDEN"), False, False),
        ("telegram", says(403, "Forbidden: CHAT_SEND_PHOTOS_FORBIDDEN"), False, True),
        ("telegram", says(400, "Bad Request: CHAT_SEND_MEDIA_FORBIDDEN"), False, True),
        ("telegram", says(400, "Bad Request: SOMETHING_NEW"), True, False),
        ("discord", discord_says(400, 50035), True, True),
        ("discord", discord_says(413, 40005), False, True),
        ("discord", discord_says(403, 50013), True, True),
    ],
)
async def test_what_is_refused_may_be_taken_without_it(
    platform: str, fault: str, markup: bool, picture: bool
) -> None:
    error = await outcome(platform, fault)
    assert isinstance(error, Refused)
    assert (error.markup, error.picture) == (markup, picture)


@pytest.mark.parametrize(
    ("reason", "markup", "picture"),
    [
        ("need administrator rights in the channel chat", False, False),
        ("TOPIC_CLOSED", False, False),
        ("USER_RESTRICTED", False, False),
        ("message is too long", False, False),
        ("message text is empty", False, False),
        ("message to be replied not found", False, False),
        ("message is not modified: specified new message content and reply markup", False, False),
        ("query is too old and response timeout expired or query ID is invalid", False, False),
        ("file of size 11000000 bytes is too big for a photo", False, True),
        ("wrong type of the web page content", False, True),
        ("wrong remote file identifier specified: wrong padding in the string", False, True),
        ("file reference expired", False, True),
        ("copyrighted text", True, False),
        ("the form of the queryable text was changed", True, False),
    ],
)
def test_telegram_is_understood_by_whole_phrases(reason: str, markup: bool, picture: bool) -> None:
    error = read_refusal(400, telegram_says(400, f"Bad Request: {reason}").encode())
    assert isinstance(error, Refused)
    assert (error.markup, error.picture) == (markup, picture)


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_token_that_is_not_right(platform: str) -> None:
    async with DeliveryStub() as stub:
        to = opened(platform, stub.url, token="8:wrong")
        with pytest.raises(Revoked):
            await to.deliver(outgoing(platform))
        await to.close()


async def test_telegram_uploads_a_picture_and_takes_its_name_afterwards() -> None:
    told = body("telegram", "under it", picture="p", entities=[])
    async with DeliveryStub() as stub:
        to = opened("telegram", stub.url)
        first = await to.deliver(outgoing("telegram", body=told, picture=PNG))
        again = await to.deliver(outgoing("telegram", "6", body=told, file_id=first.file_id))
        stub.file_ids.clear()
        with pytest.raises(Refused) as refused:
            await to.deliver(outgoing("telegram", "7", body=told, file_id=first.file_id))
        bare = await to.deliver(outgoing("telegram", "8", body=told, bare=True))
        await to.close()
    assert stub.books["telegram"].uploads == 1
    assert first.file_id == again.file_id != ""
    assert refused.value.picture
    assert bare.file_id == ""


async def test_a_repeated_discord_message_is_one_message() -> None:
    async with DeliveryStub() as stub:
        to = opened("discord", stub.url)
        first, second = [await to.deliver(outgoing("discord")) for _ in range(2)]
        await to.close()
    assert first.message == second.message
    assert stub.books["discord"].doubled == 0
    assert stub.books["discord"].merged == 1


LATER = timedelta(minutes=10)
"""After an attempt that may have arrived; its nonce is forgotten."""


async def test_a_discord_message_is_found_by_its_words_where_the_nonce_is_forgotten() -> None:
    async with DeliveryStub() as stub:
        stub.forgets_nonces = True
        to = opened("discord", stub.url)
        sent = await to.deliver(outgoing("discord"))
        assert await to.deliver(outgoing("discord", doubt=LATER)) == sent
        other = outgoing("discord", body=body("discord", "something else"), doubt=LATER)
        assert (await to.deliver(other)).message != sent.message
        assert stub.books["discord"].calls == 2
        await to.close()
    with pytest.raises(NotSent):  # it is looked for again, not sent unseen
        await to.deliver(outgoing("discord", doubt=LATER))
    await to.close()


async def test_plain_text_in_several_messages_goes_on_where_it_broke_off() -> None:
    words = [f"word{number}" for number in range(700)]
    long = outgoing("discord", body=body("discord", " ".join(words)), plain=True)
    limited = '429 {"retry_after": 300, "global": false}'
    async with DeliveryStub(fault=lambda _, __, call: limited if call == 2 else None) as stub:
        stub.forgets_nonces = True
        to = opened("discord", stub.url)
        with pytest.raises(Limited) as error:
            await to.deliver(long)
        assert error.value.partial, "its beginning is there"
        await to.deliver(replace(long, doubt=LATER))
        await to.close()
        texts = [text for _, _, text in stub.order]
        assert len(texts) > 2
        assert " ".join(texts) == " ".join(words), "cut between words"


async def test_an_unreadable_channel_is_not_taken_for_an_empty_one() -> None:
    async with DeliveryStub() as stub:
        stub.forgets_nonces = stub.hides_history = True
        to = opened("discord", stub.url)
        first = outgoing("discord", doubt=LATER)
        await to.deliver(first)  # nobody has written there: it cannot have arrived
        with pytest.raises(Unseen, match="Read Message History"):
            await to.deliver(first)
        assert stub.books["discord"].calls == 1
        await to.deliver(replace(first, resend=True))
        assert stub.books["discord"].calls == 2, "an operator has decided"
        await to.close()


async def test_posts_of_an_announcement_channel_are_published() -> None:
    async with DeliveryStub() as stub:
        stub.news.add("5")
        to = opened("discord", stub.url, news=lambda channel: channel == "5")
        sent = await to.deliver(outgoing("discord"))
        assert sent.publish
        assert not (await to.deliver(outgoing("discord", "6"))).publish
        await to.publish(Chat("discord", "5"), sent.message)
        await to.close()
    assert stub.books["discord"].published == 1


def digest(picture: Callable[[], Picture] | None = None) -> Reply:
    """A reply of more than one message."""
    shown = (picture(),) if picture else ()
    entries = [
        ListItem(f"Sentence {n}. " * 60, f"Point {n}", n, (Link("@a", "https://example.com/a"),))
        for n in range(1, 12)
    ]
    blocks = (Heading("AI · 2025-12-06", 1), Paragraph("Overview"), *shown, *entries)
    return Reply(blocks, "en", ((Button("All", "/report ai 2025-12-06"),),), "post", "ai")


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_reply_becomes_messages_that_the_platform_takes(
    platform: str, tmp_path: Any
) -> None:
    to = opened(platform, "http://127.0.0.1:9")
    reply = digest(lambda: Picture(b"not read", tmp_path / "x.png", "a cloud"))
    made = to.render(reply, Chat(platform, "5"), "ai/2025-12-06")
    bodies = [json.loads(one) for one in made]
    buttons = "buttons" if platform == "telegram" else "components"
    assert len(bodies) > 1
    assert sorted(one.get("picture", "") for one in bodies)[-2:] == ["", "ai/2025-12-06"]
    silent = "silent" if platform == "telegram" else "flags"
    assert [bool(one.get(silent)) for one in bodies] == [False, *[True] * (len(bodies) - 1)]
    quiet = to.render(reply, Chat(platform, "5"), "ai/2025-12-06", quiet=True)
    assert all(json.loads(one).get(silent) for one in quiet), "a quiet chat hears nothing"
    assert [buttons in one for one in bodies] == [*[False] * (len(bodies) - 1), True]
    assert made == to.render(reply, Chat(platform, "5"), "ai/2025-12-06")
    await to.close()
    async with DeliveryStub() as stub:
        to = opened(platform, stub.url)
        for number, one in enumerate(made):
            await to.deliver(Outgoing(Chat(platform, "5"), one, f"n{number}", picture=PNG))
        await to.close()
    assert sum(stub.books[platform].taken.values()) == len(made)
    assert stub.books[platform].uploads == 1


async def test_buttons_in_a_telegram_channel_are_links_to_the_bot() -> None:
    to = opened("telegram", "http://127.0.0.1:9")
    made = to.render(digest(), Chat("telegram", "-100", kind="channel"), "")
    row = json.loads(made[-1])["buttons"]["inline_keyboard"][0]
    assert row[0]["url"] == "https://t.me/made_up_bot?start=report-ai-20251206"
    await to.close()


async def test_the_edge_of_discord_speaks_json_too() -> None:
    blocked = '403 {"message": "internal network error", "code": 40333}'
    assert type(await outcome("discord", blocked)) is NotSent


async def test_discord_takes_plain_text_in_as_many_messages_as_it_takes() -> None:
    text = "\n".join(f"Line {n} of what happened. " * 4 for n in range(60))
    told = body("discord", text, denied="An admin can grant that.")
    async with DeliveryStub() as stub:
        to = opened("discord", stub.url)
        await to.deliver(outgoing("discord", body=told, plain=True, denied=True))
        await to.deliver(outgoing("discord", body=told, plain=True, denied=True))
        await to.close()
    messages = [key.split(" ", 1)[1] for key in stub.books["discord"].taken]
    assert len(messages) == 4
    assert all(len(message) <= 2000 for message in messages)
    assert [line.strip() for line in "\n".join(messages).splitlines()] == [
        *(line.strip() for line in text.splitlines()),
        "-# An admin can grant that.",
    ]
    assert stub.books["discord"].merged == 4, "repeated whole, each is one message"


async def test_closed_connections_are_not_opened_by_a_late_answer() -> None:
    client = ApiClient(1.0, {})
    await client.close()
    with pytest.raises(NotSent, match="stopping"):
        await client.request("GET", "http://127.0.0.1:9/")
