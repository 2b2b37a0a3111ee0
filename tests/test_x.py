"""X's API: whole texts, context, threads, paging, limits and the bill."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

import pytest
from aiohttp import web

from digest.collect import collect, try_source
from digest.errors import SourceError
from digest.fetch import xposts
from digest.fetch.feeds import parse
from digest.models import Post, SourceSpec, SourceState, Window
from digest.sources import Access, open_source
from digest.sources.rss import FeedContext, posts_of
from digest.sources.x import place
from digest.store import Store
from tests.posts import TOPIC
from tests.source_servers import serving, status
from tests.x_server import KEY, XServer

TODAY = datetime.now(UTC).date()
WINDOW = Window(TODAY - timedelta(days=1), TODAY, "UTC")
ACCESS = Access(x_token=KEY)


@pytest.fixture
async def x(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[XServer]:
    server = XServer()
    async with serving(server):
        monkeypatch.setattr("digest.sources.x.API", server.base)
        yield server


async def page(
    address: str = "list:42", state: SourceState | None = None, access: Access = ACCESS
) -> tuple[list[Post], SourceState]:
    source = open_source(SourceSpec("x", address, private=True), access)
    posts, after = await source.fetch(WINDOW, state or SourceState())
    return list(posts), after


async def test_a_long_post_is_whole_and_its_links_lead_somewhere(x: XServer) -> None:
    note = {
        "text": "A long &amp; whole text about a model " + "word " * 100 + "https://t.co/a",
        "entities": {
            "urls": [
                {
                    "start": 1,
                    "end": 2,
                    "url": "https://t.co/a",
                    "expanded_url": "https://lab.example.com/m",
                }
            ]
        },
    }
    picture = {
        "start": 1,
        "end": 2,
        "url": "https://t.co/p",
        "expanded_url": "https://x.com/ada/status/1/photo/1",
    }
    id_ = x.add("A long &amp; whole… https://t.co/p", note_post=note, entities={"urls": [picture]})
    [post], _ = await page()
    assert post.key == f"x:{id_}"
    assert post.text.startswith("A long & whole text about a model word")
    assert post.text.endswith("https://lab.example.com/m")
    assert post.links == ("https://lab.example.com/m",)
    assert (post.author, post.author_name) == ("ada", "Ada")
    assert post.url == f"https://x.com/ada/status/{id_}"
    assert post.metrics == {"likes": 3, "reposts": 1, "replies": 2, "views": 40}


async def test_quotes_and_answers_bring_what_they_speak_of(x: XServer) -> None:
    first = x.refer("Prices fall by half", author="8")
    x.add("This changes things", referenced_posts=[{"type": "quoted", "id": first}])
    posts, state = await page()
    assert [post.text for post in posts] == [
        "Prices fall by half",
        "This changes things\n\n> @bob: “Prices fall by half”",
    ]
    assert [post.author for post in posts] == ["bob", "ada"]
    read = {f"x:{x.posts[0]['id']}", f"x:{first}", "x-user:7", "x-user:8"}
    assert set(state.read) == read, "what comes along is billed too"


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ('lol<div class="rsshub-quote"><br><br>Bob: Ai? Kitewick is sold.</div>', "ada: lol"),
        ("<p>No.</p><hr/><blockquote><b>Bob (@bob)</b><p>It is sold.</p></blockquote>", "ada: No."),
        ("RT&ensp;Bob<br>Kitewick is sold.", "Bob: Kitewick is sold."),
        (
            '<div><blockquote class="twitter-tweet"><p lang="en">It is <b>out</b>.</p>'
            '&mdash; Ada Li (@Ada) <a href="https://twitter.com/ada/status/1">1</a></blockquote>',
            "ada: It is out.",
        ),
        ('<blockquote class="twitter-tweet"><p>Sold.</p>— B (@bob)</blockquote>', "ada: A"),
    ],
)
def test_bridges_give_nobody_the_words_of_others(html: str, told: str) -> None:
    link = "<title>A</title><link>https://x.com/ada/status/1978777949051420918</link>"
    entry = f"<item>{link}<description>{escape(html)}</description></item>"
    feed = parse(f"<rss version='2.0'><channel>{entry}</channel></rss>".encode())
    [[post], _] = posts_of(FeedContext(feed, "https://bridge.example/", datetime.now(UTC)))
    assert f"{post.author or post.author_name}: {post.text}" == told


async def test_a_repost_is_the_post_it_repeats(x: XServer) -> None:
    first = x.refer("The real one", author="8")
    x.add("RT @bob: The real o…", referenced_posts=[{"type": "retweeted", "id": first}])
    posts, _ = await page()
    assert [(post.id, post.text, post.author) for post in posts] == [(first, "The real one", "bob")]


async def test_a_thread_is_one_post(x: XServer) -> None:
    root = x.add("1/3 A model")
    second = x.add(
        "2/3 It is cheap",
        conversation_id=root,
        referenced_posts=[{"type": "replied_to", "id": root}],
    )
    x.add(
        "3/3 Try it", conversation_id=root, referenced_posts=[{"type": "replied_to", "id": second}]
    )
    x.add("Really?", author="8", referenced_posts=[{"type": "replied_to", "id": root}])
    posts, state = await page()
    by_id = {post.id: post.text for post in posts}
    assert by_id[root] == "1/3 A model\n\n2/3 It is cheap\n\n3/3 Try it"
    assert sorted(by_id.values())[1] == "Really?\n\n> @ada: “1/3 A model”"
    assert len(by_id) == 2
    assert len(state.read) == 4 + 2


@pytest.mark.parametrize("address", ["list:42", "user:ada", "search:model lang:en"])
async def test_pages_are_followed_down_to_what_is_known(x: XServer, address: str) -> None:
    for n in range(250):
        x.add(f"Model {n}", ago=250 - n)
    found: list[Post] = []
    state = SourceState()
    for _ in range(4 if address.startswith("user") else 3):
        posts, state = await page(address, state)
        found += posts
    assert len({post.key for post in found}) == 250
    assert not state.more
    assert state.marks["since"] == x.posts[0]["id"]
    x.sent.clear()
    new = x.add("A new one")
    posts, state = await page(address, state)
    assert new in {post.id for post in posts}
    assert not state.more
    # A list has no since_id: what is read again is free on the same day, and few.
    assert sum(x.sent.values()) == (20 if address.startswith("list") else 1)


async def test_old_posts_are_not_paid_for(x: XServer) -> None:
    for n in range(300):
        x.add(f"Old {n}", ago=60 * 24 * 4 - n)
    for n in range(50):
        x.add(f"New {n}", ago=50 - n)
    _, state = await page("user:ada")
    assert (state.read, state.more) == (("x-user:7",), True), "a look-up is paid for by itself"
    posts, state = await page("user:ada", state)
    assert len(posts) == 50
    posts, state = await page("list:42")
    assert len(posts) == 100
    assert not state.more, "the rest is older than what is wanted"


async def test_a_cursor_that_is_forgotten_begins_again(x: XServer) -> None:
    for n in range(30):
        x.add(f"Model {n}", ago=30 - n)
    stale = SourceState({"token": "gone", "newest": "1"})
    posts, state = await page(state=stale)
    assert len(posts) == 30
    assert state.marks == {"since": x.posts[0]["id"]}


async def test_a_cursor_that_leads_to_itself_ends_the_round(x: XServer) -> None:
    async def repeat(_: web.Request) -> web.StreamResponse:
        return web.json_response({"data": [{"id": "9"}], "meta": {"next_token": "same"}})

    x.trouble = repeat
    _, state = await page()
    assert state.more
    _, state = await page(state=state)
    assert (state.more, state.marks) == (False, {"since": "9"})


async def test_the_budget_is_never_overdrawn(x: XServer) -> None:
    for n in range(100):
        other = x.refer(f"Other {n}", author="8", ago=100)
        x.add(f"On {n}", ago=50, referenced_posts=[{"type": "quoted", "id": other}])
    for budget in (100, 45, 18, 9):
        x.billed.clear()
        _, state = await page(state=SourceState(budget=budget))
        assert 0 < x.bill <= budget
        assert len(state.read) == len(x.billed)
    x.asked.clear()
    for address, budget in (("list:42", 8), ("user:ada", 44), ("search:model", 89)):
        with pytest.raises(SourceError, match="X_READS_MONTH") as spent:
            await page(address, SourceState(budget=budget))
        assert spent.value.wait
    assert x.asked == []


async def test_a_limit_says_until_when(x: XServer) -> None:
    x.limited = 1
    with pytest.raises(SourceError) as limited:
        await page()
    assert 290 <= limited.value.wait <= 300


async def test_servers_with_the_names_of_before_are_understood(x: XServer) -> None:
    x.old_names = True
    first = x.refer("Prices fall", author="8", public_metrics={"retweet_count": 9, "like_count": 1})
    refs = [{"type": "quoted", "id": first}]
    x.add("Look…", note_tweet={"text": "Look at this"}, referenced_tweets=refs)
    posts, state = await page()
    assert [post.text for post in posts] == ["Prices fall", "Look at this\n\n> @bob: “Prices fall”"]
    assert posts[0].metrics == {"likes": 1, "reposts": 9}
    assert state.marks["fields"] == "old"
    x.asked.clear()
    await page(state=state)
    assert len(x.asked) == 1


async def test_one_broken_post_costs_only_itself(x: XServer) -> None:
    x.add("Whole")
    x.posts.insert(0, {"id": "no number", "text": "x", "created_at": "2025-12-06T00:00:00Z"})
    x.posts.insert(0, {"id": "77", "text": "older than times in ids"})
    posts, _ = await page("list:42")
    assert [post.text for post in posts] == ["Whole"]


@pytest.mark.parametrize(
    "odd",
    [
        {"lang": None},
        {"author_id": 7},
        {"username": None},
        {"entities": {"urls": [None, "x"]}},
        {"entities": {"urls": [{"url": None}]}},
        {"public_metrics": []},
        {"note_post": {"text": None}},
        {"referenced_posts": [{"type": "quoted"}]},
        {"referenced_posts": [{"type": "quoted", "id": 5}]},
        {"created_at": None},
        {"created_at": "2025-12-06T08:00:00"},
        {"created_at": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_a_field_of_a_wrong_type_costs_only_itself(odd: dict[str, object]) -> None:
    id_ = "1990000000000000000"  # of 2025-11-16, as it says itself
    post = {"id": id_, "text": "A model", "author_id": "7", "created_at": "2025-12-06T08:00:00Z"}
    users = [{"id": "7", "username": "ada", "name": None}]
    body = {"data": [post | odd], "includes": {"users": users}, "meta": {}}
    posts = xposts.posts_of(xposts.parse_page(json.dumps(body).encode(), "x"))
    if odd == {"created_at": "0001-01-01T00:00:00+14:00"}:
        assert posts == []
        return
    [read] = posts
    assert (read.text, read.author, read.author_name) == ("A model", "ada", "")
    assert read.created_at.month == (11 if "created_at" in odd else 12)


async def test_short_links_are_told_apart(x: XServer) -> None:
    urls = [
        {"url": "https://t.co/ab", "expanded_url": "https://one.example/"},
        {"url": "https://t.co/abc", "expanded_url": "https://two.example/"},
        {"url": "https://t.co/d", "expanded_url": "https://c.example/", "unwound_url": "http://[/"},
    ]
    text = "A https://t.co/ab B https://t.co/abc C https://t.co/d"
    x.add(text, entities={"urls": urls})
    [post], _ = await page()
    assert post.text == "A https://one.example/ B https://two.example/ C https://c.example/"


async def test_the_key_is_sent_to_nobody_else(x: XServer) -> None:
    async with serving() as other:
        x.trouble = status(302, {"location": other.url("/")})
        with pytest.raises(SourceError, match="redirects too often"):
            await page()
        assert other.asked == []
    with pytest.raises(SourceError, match="X_BEARER_TOKEN"):
        await page(access=Access())


@pytest.mark.parametrize(
    ("address", "kind", "what"),
    [
        ("list:42", "list", "42"),
        ("https://x.com/i/lists/42", "list", "42"),
        ("@ada", "user", "ada"),
        ("user:ada", "user", "ada"),
        ("https://twitter.com/ada", "user", "ada"),
        ("search: llm lang:zh", "search", "llm lang:zh"),
    ],
)
def test_places(address: str, kind: str, what: str) -> None:
    assert place(address) == (kind, what)


REFUSALS = [
    (400, {"errors": [{"parameters": {"query": ["a min_faves:9"]}, "message": "Reference to invalid operator 'min_faves'."}], "title": "Invalid Request", "detail": "One or more parameters to your request was invalid."}, "Reference to invalid operator 'min_faves'. One or more parameters"),
    (401, {"title": "Unauthorized", "detail": "Unauthorized", "status": 401}, "X refuses (401): Unauthorized"),
    (402, {"title": "CreditsDepleted", "detail": "Your enrolled account does not have any credits."}, "X refuses (402): Your enrolled account"),
    (403, {"title": "Client Forbidden", "detail": "You currently have access to a subset of endpoints."}, "X refuses (403): You currently have access"),
    (429, {"title": "UsageCapExceeded", "detail": "Usage cap exceeded: Monthly product cap"}, "X refuses (429): Usage cap exceeded"),
    (200, {"errors": [{"title": "Forbidden", "type": "https://api.twitter.com/2/problems/resource-unavailable", "detail": "User has been suspended: [ada]."}]}, "X refuses: User has been suspended"),
    (200, {"errors": [{"title": "Authorization Error", "type": "https://api.twitter.com/2/problems/not-authorized-for-resource", "detail": "Sorry, you are not authorized to see the user."}]}, "X refuses: Sorry, you are not authorized"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "body", "words"), REFUSALS)
async def test_refusals_are_in_the_words_of_x(
    x: XServer, code: int, body: dict[str, object], words: str
) -> None:
    for address in ("search:model min_faves:9", "user:ada"):
        x.trouble = status(code, body=json.dumps(body).encode())
        with pytest.raises(SourceError) as refused:
            await page(address)
        assert words in str(refused.value)
        assert not refused.value.gone


async def test_a_user_who_is_not_there_is_gone_and_a_page_of_a_proxy_is_not_x(x: XServer) -> None:
    missing = {"detail": "Could not find user with username: [ada].", "type": "https://api.twitter.com/2/problems/resource-not-found"}  # fmt: skip
    x.trouble = status(200, body=json.dumps({"errors": [missing]}).encode())
    with pytest.raises(SourceError, match="X refuses: Could not find user") as refused:
        await page("user:ada")
    assert refused.value.gone
    x.trouble = status(403, body=b"<html>blocked by the office</html>")
    with pytest.raises(SourceError, match=r"not allowed \(403\)"):
        await page()


def test_the_shipped_examples_use_what_the_api_knows() -> None:
    """Operators of search that X's own site has and API v2 refuses."""
    text = (Path(__file__).parents[1] / "topics.toml").read_text()
    searches = re.findall(r'address = "(search:[^"]+)"', text)
    assert searches
    for search in searches:
        assert place(search)[0] == "search"
        assert not re.search(r"\b(?:min_|since:|until:|filter:|near:|within:|OR -)", search)


async def test_rounds_side_by_side_take_turns_at_what_is_billed(x: XServer, store_url: str) -> None:
    """Each would else spend the same reads that are left."""
    open_requests: list[web.Request] = []
    most = []

    async def answer(request: web.Request) -> web.StreamResponse:
        open_requests.append(request)
        most.append(len(open_requests))
        await asyncio.sleep(0.1)
        open_requests.remove(request)
        return x._page(request, "list")

    x.trouble = answer
    x.add("A model is out", ago=1)
    specs = [SourceSpec("x", f"list:{n}", private=True) for n in range(3)]
    topics = [replace(TOPIC, name=f"t{n}", sources=(spec,)) for n, spec in enumerate(specs)]
    now, access = datetime.now(UTC), replace(ACCESS, x_reads_month=10_000)
    async with await Store.open(store_url) as store:
        rounds = (collect(topic, store=store, access=access, now=now) for topic in topics)
        await asyncio.gather(*rounds, try_source(specs[0], store, access))
    assert most == [1] * 4
