"""The data model. Frozen values without I/O; methods only look up their own parts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Literal, get_args

Language = Literal["zh", "en"]
Status = Literal["new", "update", "extractive", "imported", "note"]
SectionName = Literal[
    "overview", "points", "views", "events", "markets", "ai", "finance", "filtered", "cloud"
]

SECTIONS: tuple[SectionName, ...] = get_args(SectionName)
Judge = Literal["code", "model"]
BRIEF: tuple[SectionName, ...] = ("overview", "points")
"""The brief is the first two sections; the detail is the rest."""

MAX_POINTS = 10


USER, USER_READS = "x-user:", 2
"""Prefix of billing keys for user lookups, and what one counts for: X charges twice as much for a
user as for a post ($0.010 and $0.005, docs.x.com/x-api/getting-started/pricing)."""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One entry of a topic's `sources`: where posts come from."""

    kind: str
    address: str = field(default="", repr=False)
    """May hold a password or a key."""
    weight: float = 1.0
    fallback_for: str = ""
    """Address of the source that this one replaces when it fails."""
    private: bool = False
    """True if private-network addresses are allowed. Only `topics.toml` may set it."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """State a source carries from one fetch to the next."""

    marks: Mapping[str, str] = field(default_factory=dict)
    """ETag, newest id, cursor or anything else the source needs."""
    address: str = ""
    """New address after a permanent redirect."""
    more: bool = False
    """True if another page can be fetched now."""
    read: tuple[str, ...] = ()
    """Billing keys of this fetch: post keys, and `x-user:ID`, which counts as two reads."""
    budget: int | None = None
    """Billed reads allowed in the next fetch."""
    note: str = ""
    """A note for operators about a successful answer, such as unreadable dates."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What a digest is about, as `topics.toml` describes it."""

    name: str
    title: Mapping[Language, str]
    slug: str
    timezone: str = "UTC"
    build_at: time = time(5, 0)
    language: Language = "zh"
    languages: tuple[Language, ...] = ()
    """Additional languages each report is rendered in."""
    about: str = ""
    keywords: tuple[str, ...] = ()
    special: Mapping[Language, str] = field(default_factory=dict)
    """Heading of the special section (`ai`), if the topic defines its own."""
    watch: tuple[str, ...] = ()
    """Companies, tickers and coins for the markets section, beyond the well-known ones."""
    authors: Mapping[str, float] = field(default_factory=dict)
    """Author weights by lower-case handle; the default is 1.0."""
    sources: tuple[SourceSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Post:
    """One post, as its source delivered it."""

    id: str
    source: str
    author: str
    author_name: str
    text: str
    created_at: datetime
    url: str
    lang: str = ""
    metrics: Mapping[str, int] = field(default_factory=dict)
    """`likes`, `reposts`, `replies`, `views`; counts the source does not provide are absent."""
    links: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Stable across providers: `x:1978777949051420918`."""
        return f"{self.source}:{self.id}"


@dataclass(frozen=True, slots=True)
class Window:
    """The days of a report: first and last day, both included, in the topic's time zone."""

    first: date
    last: date
    timezone: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A post left out of the report, and the reason."""

    key: str
    step: Literal["outside", "ads", "offtopic", "duplicates"]
    reason: str
    """A key of `REASONS` in `digest.write.extractive.notes`, such as `giveaway` or `copy`."""
    of: str = ""
    """For a duplicate: key of the post that was kept."""


@dataclass(frozen=True, slots=True)
class Item:
    """One statement of a report and the posts that prove it. A `note` is written by code and cites
    nothing."""

    text: str
    title: str = ""
    group: str = ""
    cites: tuple[str, ...] = ()
    status: Status = "extractive"


@dataclass(frozen=True, slots=True)
class Section:
    name: SectionName
    title: str
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """Post and item counts; `unproved`: items dropped because they failed verification."""

    collected: int = 0
    outside: int = 0
    ads: int = 0
    offtopic: int = 0
    duplicates: int = 0
    stories: int = 0
    unproved: int = 0
    refused: int = 0
    """Model items refused on the first check; `unproved` of them stayed refused."""
    withdrawn: int = 0
    """Items removed because their posts were deleted on request."""


@dataclass(frozen=True, slots=True)
class SourceResult:
    """Result of asking one source: number of posts, and the error if it failed."""

    name: str
    posts: int = 0
    ok: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """A model on a server with the OpenAI chat completions API."""

    model: str
    base_url: str = field(default="https://api.openai.com/v1", repr=False)  # may hold a key
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Cost:
    """Model usage of a report. `usd` is None if the price of a call is unknown."""

    calls: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    usd: float | None = 0.0

    def __add__(self, other: Cost) -> Cost:
        priced = self.usd is not None and other.usd is not None
        return Cost(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.answer_tokens + other.answer_tokens,
            (self.usd or 0.0) + (other.usd or 0.0) if priced else None,
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """A model item that its posts did not support."""

    section: SectionName
    text: str
    words: tuple[str, ...]
    """The unsupported claims, quoted from the item."""
    judge: Judge = "code"
    final: bool = False
    """True if it was refused again after one repair by the model."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What the publish gate measured on the model's report; each part is from 0 to 1."""

    score: float
    parts: Mapping[str, float] = field(default_factory=dict)
    """`cited`, `supported`, `distinct`, `complete`, `specific`."""
    reduced: str = ""
    """Why the report fell back to the extractive writer; empty if the model's was published."""
    checked: bool = False
    """True if the model compared all final items with their posts once more."""
    refusals: tuple[Refusal, ...] = ()
    """First and final refusals."""


@dataclass(frozen=True, slots=True)
class Cited:
    """The part of a cited post that is stored with the report."""

    author: str
    url: str
    text: str
    created_at: datetime | None
    """None if unknown: a report imported from a Jekyll post has only links."""
    why: Mapping[str, float] = field(default_factory=dict)
    """Score parts of its story; empty in imported reports."""
    earlier: str = ""
    """Day of the earlier report on its story (like 2025-12-05), if the story is an update."""


@dataclass(frozen=True, slots=True)
class Report:
    """One digest. `cloud` is the picture, or b"" if none could be drawn."""

    topic: str
    first: date
    last: date
    language: Language
    writer: str
    sections: tuple[Section, ...]
    counts: Counts = Counts()
    sources: tuple[SourceResult, ...] = ()
    cost: Cost = Cost()
    quality: Quality | None = None
    """None if no model was asked."""
    posts: Mapping[str, Cited] = field(default_factory=dict)
    wordcounts: Mapping[str, int] = field(default_factory=dict)
    cloud: bytes = b""
    dropped: tuple[Dropped, ...] = ()
    source: bytes = b""
    """The imported file; empty for our own reports."""
    created_at: datetime | None = None
    renderings: Mapping[Language, tuple[Section, ...]] = field(default_factory=dict)
    """The sections in the topic's additional languages."""

    def in_language(self, language: Language) -> Report:
        """Return the report in that language if available, else unchanged."""
        if language == self.language or language not in self.renderings:
            return self
        return replace(self, language=language, sections=self.renderings[language])

    def section(self, name: SectionName) -> Section:
        """Return the section of that name; every report has all nine."""
        return next(section for section in self.sections if section.name == name)

    def distinct_sections(self, names: Iterable[SectionName]) -> list[SectionName]:
        """Return the names without sections whose items repeat an earlier one, as empty ones do."""
        items = {name: self.section(name).items for name in names}
        first = {listed: name for name, listed in reversed(items.items())}
        return [name for name, listed in items.items() if not listed or first[listed] == name]

    def numbered_items(self) -> list[tuple[int, SectionName, Item]]:
        """Return all items except notes with their link numbers, from 1.

        Points come first, so that number 3 is point 3, then the other sections in order.
        """
        ordered = sorted(self.sections, key=lambda section: section.name != "points")
        items = ((s.name, item) for s in ordered for item in s.items if item.status != "note")
        return [(number, name, item) for number, (name, item) in enumerate(items, 1)]

    def numbered_item(self, number: int) -> tuple[SectionName, Item] | None:
        rows = self.numbered_items()
        return rows[number - 1][1:] if 0 < number <= len(rows) else None

    def find_item(
        self, number: int, cites: Collection[str], language: Language
    ) -> tuple[int, Item] | None:
        """Return the item of that number and its number in that language, or unchanged if the
        language lacks it. Return None if the number no longer names an item with these cites."""
        row = self.numbered_item(number)
        if row is None or list(row[1].cites) != list(cites):
            return None
        return self.find_counterpart(number, self.in_language(language)) or (number, row[1])

    def find_counterpart(self, number: int, other: Report) -> tuple[int, Item] | None:
        """Return the number and item of `other`, this report in another language, that matches the
        item `number`; None if there is no match."""
        _, name, item = self.numbered_items()[number - 1]
        rows = other.numbered_items()
        numbers = [n for n, section, _ in self.numbered_items() if section == name]
        paired = [(n, twin) for n, section, twin in rows if section == name]
        # The overview is chosen separately for each language.
        if name != "overview" and len(numbers) == len(paired):
            return paired[numbers.index(number)]
        rows.sort(key=lambda row: (row[1] != name, abs(row[0] - number)))
        return next(((n, twin) for n, _, twin in rows if twin.cites == item.cites), None)


@dataclass(frozen=True, slots=True)
class Hit:
    """A search result."""

    topic: str
    first: date
    last: date
    language: Language
    section: SectionName
    number: int
    """Item number as in `Report.numbered_items`."""
    item: Item
    score: float
    coverage: float
    """Share of the query terms found in the item or its cited posts, from 0 to 1."""
    in_posts: bool = False
    """True if only the cited posts match."""


ChatKind = Literal["private", "group", "channel"]
Ending = Literal["", "left", "removed", "deleted", "moved"]
Length = Literal["brief", "detail"]
PartState = Literal["waiting", "sending", "sent", "refused", "unknown", "dropped"]


@dataclass(frozen=True, slots=True)
class Chat:
    """A place where the bot answers and delivers digests."""

    platform: str
    id: str
    thread: str = ""
    """Telegram forum topic. Discord threads have ids of their own."""
    kind: ChatKind = "private"
    space: str = ""
    """Id of its Discord server."""
    title: str = field(default="", compare=False)
    """Display name from the platform, for operators."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A chat that gets a topic's digest at its own local time."""

    chat: Chat
    topic: str
    at: time
    """Local time in `timezone`."""
    timezone: str
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    """Delivery days; Monday is 0."""
    language: Language | None = None
    """Language of the bot's own texts; None: the language of the report."""
    length: Length = "brief"
    sections: tuple[SectionName, ...] = ()
    """The sections to send; empty: all sections of that length."""
    highlight: tuple[str, ...] = ()
    """Items that contain one of these words come first."""
    without: tuple[str, ...] = ()
    """Items that contain one of these words are left out."""
    paused: bool = False
    quiet: bool = False
    """True: send without notification sound."""
    weekly: bool = False
    """True: each digest covers the seven days up to its report."""
    threads: bool = False
    """True: each digest gets its own thread (Discord)."""
    id: int = 0
    """Row id; 0 if not stored."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One digest due to a subscription."""

    id: int
    subscription: Subscription
    day: date
    """Local day of the chat."""
    report: date
    """Day of the report to send."""
    due_at: datetime
    late: bool = False
    """True if it missed its time and is sent late."""


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a delivery."""

    id: int
    delivery: int
    chat: Chat
    position: int
    nonce: str
    """Idempotency key, the same at every attempt; at most 25 characters."""
    body: str
    """The message as rendered by the platform, in JSON."""
    attempts: int = 1
    """Number of attempts, including the current one."""
    doubt_since: datetime | None = None
    """Start of the first attempt whose result is unknown."""
    resend: bool = False
    """True if an operator decided to send it again."""
    claimed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a claimed part."""

    part: int
    state: PartState
    message: str = ""
    """Message id on the platform."""
    error: str = ""
    """Why it was not sent; empty if it was released without an attempt."""
    again_at: datetime | None = None
    """Earliest next attempt; for a sent part, the earliest next message to this chat."""
    unsure: bool = False
    """True if the attempt failed but the message may have arrived."""
    claimed_at: datetime | None = None
    """Claim time of the part, to detect that another process has claimed it since."""


@dataclass(frozen=True, slots=True)
class UndeliveredPart:
    """A part that was refused, or a held one that may or may not have arrived."""

    part: int
    chat: Chat
    topic: str
    day: date
    position: int = 0
    """Position in the digest, from 0."""
    parts: int = 1
    """Number of parts of that digest."""
    tried_at: datetime | None = None
    """Time of the last claim."""
    error: str = ""
    """Why it was refused or is unknown."""
    state: PartState = "unknown"


@dataclass(frozen=True, slots=True)
class Balance:
    """Deliveries due on a platform on one UTC day: `due` is the sum of the other fields."""

    due: int = 0
    delivered: int = 0
    refused: int = 0
    unknown: int = 0
    waiting: int = 0
    skipped: int = 0


def cited_keys(sections: Sequence[Section]) -> list[str]:
    """Return the keys of all cited posts, without duplicates, in order of first use."""
    return list(dict.fromkeys(key for s in sections for item in s.items for key in item.cites))


_NAMED = {"rss", "arxiv", "youtube"}
"""Sources whose authors have names but no handles."""


def show_author(key: str, author: str) -> str:
    """Return the author as readers see it: `@handle`, or the name for a feed; the key if
    unknown."""
    if not author or {*" /"} & {*author} or key.partition(":")[0] in _NAMED:  # r/singularity
        return author or key
    return f"@{author}"
