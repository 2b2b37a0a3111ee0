"""Every noun of the digest. Values only: frozen, no I/O, no behaviour but to find their parts."""

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
"""Keys of users that were paid for: X takes twice as much for one as for a post ($0.010 against
$0.005, docs.x.com/x-api/getting-started/pricing)."""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One line of a topic's `sources`: where posts come from."""

    kind: str
    address: str = field(default="", repr=False)
    """May hold a password or a key."""
    weight: float = 1.0
    fallback_for: str = ""
    """Address of the source it stands in for while that one does not answer."""
    private: bool = False
    """True if private-network addresses are allowed. Only `topics.toml` may set it."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """What a source keeps for its next fetch."""

    marks: Mapping[str, str] = field(default_factory=dict)
    """ETag, newest id, cursor: whatever the source needs."""
    address: str = ""
    """The address it has moved to permanently."""
    more: bool = False
    """True if there is more to fetch at once."""
    read: tuple[str, ...] = ()
    """Keys of what this fetch was billed for: posts, and `x-user:ID`, which counts as two."""
    budget: int | None = None
    """How many billed reads the next fetch may make."""
    note: str = ""
    """What operators should know of an answer that was read: dates that could not be."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What a digest is about, as `topics.toml` describes it."""

    name: str
    title: Mapping[Language, str]
    slug: str
    timezone: str = "UTC"
    build_at: time = time(8, 0)
    language: Language = "zh"
    languages: tuple[Language, ...] = ()
    """Further languages that each report is rendered into."""
    about: str = ""
    keywords: tuple[str, ...] = ()
    special: Mapping[Language, str] = field(default_factory=dict)
    """Heading of the special section (`ai`) where the topic has its own."""
    watch: tuple[str, ...] = ()
    """Companies, tickers and coins of the markets section besides the well-known ones."""
    authors: Mapping[str, float] = field(default_factory=dict)
    """Weights of authors, by lower-cased handle; 1.0 is the usual author."""
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
    """`likes`, `reposts`, `replies`, `views`; a count the origin lacks is absent."""
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
    """A post that was left out, and why."""

    key: str
    step: Literal["outside", "ads", "offtopic", "duplicates"]
    reason: str
    """A key of `REASONS` in `digest.write.extractive.notes`, such as `giveaway` or `copy`."""
    of: str = ""
    """For a copy: key of the post that was kept."""


@dataclass(frozen=True, slots=True)
class Item:
    """One statement of a report with the posts that prove it. A `note` is written by code and
    cites nothing."""

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
    """What became of the posts that came in; `unproved`: items that failed verification."""

    collected: int = 0
    outside: int = 0
    ads: int = 0
    offtopic: int = 0
    duplicates: int = 0
    stories: int = 0
    unproved: int = 0
    refused: int = 0
    """Items of the model that were refused at first; `unproved` of them stayed so."""
    withdrawn: int = 0
    """Items that went because their posts were deleted on demand."""


@dataclass(frozen=True, slots=True)
class SourceResult:
    """How one source answered: posts it gave, and what went wrong if it did not."""

    name: str
    posts: int = 0
    ok: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """One model on one server that speaks OpenAI's chat completions."""

    model: str
    base_url: str = field(default="https://api.openai.com/v1", repr=False)  # may hold a key
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a report took of a model. `usd` is None where a call's price is not known."""

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
    """An item of the model's that its posts did not support."""

    section: SectionName
    text: str
    words: tuple[str, ...]
    """What was unsupported, in the item's own words."""
    judge: Judge = "code"
    final: bool = False
    """True where it was still refused after it had gone back to the model once."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What the publish gate measured of a model's version, each part from 0 to 1."""

    score: float
    parts: Mapping[str, float] = field(default_factory=dict)
    """`cited`, `supported`, `distinct`, `complete`, `specific`."""
    reduced: str = ""
    """Why the report is extractive although a model was asked; empty where it is the model's."""
    checked: bool = False
    """True where the model compared all its items, as they are told, with their posts once more."""
    refusals: tuple[Refusal, ...] = ()
    """First and final refusals."""


@dataclass(frozen=True, slots=True)
class Cited:
    """What a report keeps of a post it cites."""

    author: str
    url: str
    text: str
    created_at: datetime | None
    """None where it is not known: a report read back from a Jekyll post has only the links."""
    why: Mapping[str, float] = field(default_factory=dict)
    """Parts of the score of its story; empty in reports of others."""
    earlier: str = ""
    """The day that told of its story before, as 2025-12-05, where the story is an update."""


@dataclass(frozen=True, slots=True)
class Report:
    """One digest. `cloud` is the picture, or empty where none could be made."""

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
    """None where no model was asked."""
    posts: Mapping[str, Cited] = field(default_factory=dict)
    wordcounts: Mapping[str, int] = field(default_factory=dict)
    cloud: bytes = b""
    dropped: tuple[Dropped, ...] = ()
    source: bytes = b""
    """The file an imported report was read from; empty for one of our own."""
    created_at: datetime | None = None
    renderings: Mapping[Language, tuple[Section, ...]] = field(default_factory=dict)
    """The sections in the topic's other languages."""

    def in_language(self, language: Language) -> Report:
        """Return the report in that language where there is one, otherwise as it is."""
        if language == self.language or language not in self.renderings:
            return self
        return replace(self, language=language, sections=self.renderings[language])

    def section(self, name: SectionName) -> Section:
        """Return the section of that name; every report has all nine."""
        return next(section for section in self.sections if section.name == name)

    def distinct_sections(self, names: Iterable[SectionName]) -> list[SectionName]:
        """Return the sections without those that repeat another one's line, as empty ones do."""
        items = {name: self.section(name).items for name in names}
        first = {listed: name for name, listed in reversed(items.items())}
        return [name for name, listed in items.items() if not listed or first[listed] == name]

    def numbered_items(self) -> list[tuple[int, SectionName, Item]]:
        """Return all items but notes with the number that a link to one bears, from 1.

        Points come first, so that number 3 is point 3; then the other sections in their order.
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
        """Return the item of that number in that language with its number there, both as they are
        where the language lacks it; None where the number is no item with these cites any more."""
        row = self.numbered_item(number)
        if row is None or list(row[1].cites) != list(cites):
            return None
        return self.find_counterpart(number, self.in_language(language)) or (number, row[1])

    def find_counterpart(self, number: int, other: Report) -> tuple[int, Item] | None:
        """Return the number and item by which `other`, this report in another language, tells what
        the item of that number tells; None where it does not."""
        _, name, item = self.numbered_items()[number - 1]
        rows = other.numbered_items()
        numbers = [n for n, section, _ in self.numbered_items() if section == name]
        paired = [(n, twin) for n, section, twin in rows if section == name]
        # Each language chooses its own overview.
        if name != "overview" and len(numbers) == len(paired):
            return paired[numbers.index(number)]
        rows.sort(key=lambda row: (row[1] != name, abs(row[0] - number)))
        return next(((n, twin) for n, _, twin in rows if twin.cites == item.cites), None)


@dataclass(frozen=True, slots=True)
class Hit:
    """An item that a search brought up."""

    topic: str
    first: date
    last: date
    language: Language
    section: SectionName
    number: int
    """As `Report.numbered_items` counts."""
    item: Item
    score: float
    coverage: float
    """Share of what was asked for that the item or its cited posts hold, from 0 to 1."""
    in_posts: bool = False
    """True where only the cited posts hold it."""


ChatKind = Literal["private", "group", "channel"]
Ending = Literal["", "left", "removed", "deleted", "moved"]
Length = Literal["brief", "detail"]
PartState = Literal["waiting", "sending", "sent", "refused", "unknown", "dropped"]


@dataclass(frozen=True, slots=True)
class Chat:
    """A place that answers and digests go to."""

    platform: str
    id: str
    thread: str = ""
    """A forum topic of Telegram. Threads of Discord have ids of their own."""
    kind: ChatKind = "private"
    space: str = ""
    """The Discord server it belongs to."""
    title: str = field(default="", compare=False)
    """What people call it, where the platform says so; for operators."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A chat that gets the digest of a topic every day at its own time."""

    chat: Chat
    topic: str
    at: time
    """Local time in `timezone`."""
    timezone: str
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    """The days it is wanted; Monday is 0."""
    language: Language | None = None
    """Of the bot's own words; None: that of the report."""
    length: Length = "brief"
    sections: tuple[SectionName, ...] = ()
    """Exactly these; empty: all of that length."""
    highlight: tuple[str, ...] = ()
    """Words whose items come first."""
    without: tuple[str, ...] = ()
    """Words whose items are left out."""
    paused: bool = False
    quiet: bool = False
    """True where no part of a digest rings."""
    weekly: bool = False
    """True where each digest rolls up the seven days that end with its report."""
    threads: bool = False
    """True where each digest gets a thread of its own, on Discord."""
    id: int = 0
    """Its row; 0 for one that is not stored."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One digest that a subscription is due."""

    id: int
    subscription: Subscription
    day: date
    """The chat's own day."""
    report: date
    """The day whose report it brings."""
    due_at: datetime
    late: bool = False
    """True if it was missed at its time and is made up for."""


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a delivery."""

    id: int
    delivery: int
    chat: Chat
    position: int
    nonce: str
    """The same at every try; at most 25 characters."""
    body: str
    """What the platform made of it, as JSON."""
    attempts: int = 1
    """How often it was tried, this time included."""
    doubt_since: datetime | None = None
    """When the first attempt began of which nobody knows whether it arrived."""
    resend: bool = False
    """True where an operator has decided to send it again."""
    claimed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claimed part."""

    part: int
    state: PartState
    message: str = ""
    """The platform's id of the message."""
    error: str = ""
    """Why it was not sent; empty for one that was put back untried."""
    again_at: datetime | None = None
    """When it may be tried again; of one that was sent, the chat's next."""
    unsure: bool = False
    """True for an attempt that may have arrived all the same."""
    claimed_at: datetime | None = None
    """Of its part, where another process may have claimed that since."""


@dataclass(frozen=True, slots=True)
class UndeliveredPart:
    """A part that may not have arrived (a held one), or that was refused."""

    part: int
    chat: Chat
    topic: str
    day: date
    position: int = 0
    """The first part of a digest is 0."""
    parts: int = 1
    """Parts of that digest."""
    tried_at: datetime | None = None
    """When it was last claimed."""
    error: str = ""
    """Why it is unknown, or was refused."""
    state: PartState = "unknown"


@dataclass(frozen=True, slots=True)
class Balance:
    """Deliveries due on a platform on one UTC day: `due` is the sum of all the others."""

    due: int = 0
    delivered: int = 0
    refused: int = 0
    unknown: int = 0
    waiting: int = 0
    skipped: int = 0


def cited_keys(sections: Sequence[Section]) -> list[str]:
    """Return the keys of all posts that the sections cite, each once, in the order of first use."""
    return list(dict.fromkeys(key for s in sections for item in s.items for key in item.cites))


_NAMED = {"rss", "arxiv", "youtube"}
"""Sources whose authors have names and no handles."""


def show_author(key: str, author: str) -> str:
    """Return who wrote the post of a key, as readers see it: `@handle`, or the name of a feed; the
    key where nobody is known."""
    if not author or {*" /"} & {*author} or key.partition(":")[0] in _NAMED:  # r/singularity
        return author or key
    return f"@{author}"
