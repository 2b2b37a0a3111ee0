"""Labelled texts of the shared data, for `make train` and `make evaluate`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any
from zlib import crc32

from digest.reading.injection import list_sentences, unmask, unquote_sentence
from digest.reading.sentences import (
    split_line,
    split_sentences,
    strip_addressees,
    strip_marks,
    strip_repost,
    tidy,
)
from digest.text import URL, clean
from tests.posts import INJECTIONS, NEWS
from tools.injection_set import make_news, make_orders
from tools.train_linear import Penalty


@dataclass(frozen=True, slots=True)
class Labelled:
    """One text with its label and the day that it is left out with."""

    text: str
    label: bool
    day: str
    importance: float = 1.0
    """How much the text counts among those of its label."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a head learns."""

    read: Callable[[Path], list[Labelled]]
    buckets: int
    penalty: Penalty
    encoded: bool = True
    """Read the encoder's vector besides the n-grams."""
    rarity: bool = False
    """Weigh n-grams by their rarity: what sells is said in rare words."""


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSONL file; none where there is no such file."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


OWN_LABELS = Path(__file__).parents[1] / "tests" / "data" / "sentences.jsonl"
"""Sentences that reports without a model printed or nearly printed, read one by one: key of the post,
checksum of the sentence, label."""
OWN_JUDGEMENTS = OWN_LABELS.with_name("judgements.jsonl")
"""Days that were read whole, a line each, as in labels/gold: stories with their importance and posts, the other
posts by what they are, and for some posts what they are about (`GROUPS`)."""


def read_sentences(data: Path) -> list[Labelled]:
    """Return sentences, true where one may stand alone in a digest."""
    return [replace(row, label=kind != "bad") for row, kind in _read_kinds(data)]


def read_views(data: Path) -> list[Labelled]:
    """Return sentences that may stand alone, true where one is somebody's view."""
    return [replace(row, label=kind == "view") for row, kind in _read_kinds(data) if kind != "bad"]


@dataclass(frozen=True, slots=True)
class _OwnLabel:
    """A sentence that was read, the key and text of its post, and its kind: `news`, `detail`, `view`,
    `offtopic` or `bad`."""

    sentence: str
    post: str
    text: str
    kind: str
    day: str


def _read_kinds(data: Path) -> list[tuple[Labelled, str]]:
    """Return the labelled sentences, each with its kind."""
    rows = read_rows(data / "labels" / "sentences_dev.jsonl")
    kinds = [(Labelled(row["text"], True, row["day"]), row["label"]) for row in rows]
    return kinds + [
        (Labelled(own.sentence, True, own.day), own.kind)
        for own in _read_own_labels(data)
        if own.kind != "offtopic"  # it may stand alone all the same, in a report on something else
    ]


def _list_pieces(text: str) -> Iterator[str]:
    """Yield what a label may be of: the sentences of a text, and the clauses of its lines, which
    were sentences when most labels were given."""
    yield from split_sentences(text)
    for line in strip_addressees(strip_repost(text)).split("\n"):
        for words in (line, strip_marks(line)):
            for part in split_line(words):
                yield from (tidy(part), part.strip())


@cache
def _read_own_labels(data: Path) -> list[_OwnLabel]:
    """Return the labels of OWN_LABELS whose posts are in the folder."""
    labels = []
    rows = sorted(read_rows(OWN_LABELS), key=lambda row: str(row["day"]))
    for day, group in groupby(rows, key=lambda row: str(row["day"])):
        posts = read_day(data, day)
        for row in group:
            text, _ = posts.get(row["post"], ("", set()))
            for sentence in _list_pieces(clean(text)):
                if crc32(sentence.encode()) == row["crc"]:
                    labels.append(_OwnLabel(sentence, row["post"], text, row["label"], day))
                    break
    return labels


GOLD_WEIGHTS: Mapping[int | str, float] = {
    3: 2.0, 2: 0.7, 1: 0.15, "minor": 0.3, "unsure": 0.1, "ad": 0.6, "offtopic": 0.6, "chatter": 0.8,
}  # fmt: skip
"""What a post counts by the editor's judgement: the middle says least."""
CITED_WEIGHT, UNCITED_WEIGHT = 4.0, 0.3
"""What a post counts that AINews cited, whatever another editor said of it, and on days that nobody read one of the
AI list that it did not cite: it cites few of the good ones."""


OWN_WEIGHTS: Mapping[str, float] = {
    "news": 0.5,
    "bad": 0.5,
    "offtopic": 0.5,
    "detail": 0.1,
    "view": 0.1,
}
"""What a post counts one of whose sentences was read, by the kind of the sentence."""


def read_news(data: Path) -> list[Labelled]:
    """Return posts, true where they are news that an editor would tell (importance 2 or 3, or cited)."""
    cited = {(row["day"], row["id"]) for row in read_rows(data / "labels" / "ainews_cited.jsonl")}
    judged = read_judgements(data)
    days = {day for day, _ in cited} | {day for day, _ in judged}
    labelled = []
    for day in sorted(days):
        for key, (text, streams) in read_day(data, day).items():
            chosen = (day, key.partition(":")[2]) in cited
            if (day, key) in judged:
                judgement, size = judged[day, key]
                label = chosen or judgement in (2, 3)
                weight = GOLD_WEIGHTS[judgement] / (size**0.5 if label else 1.0)
                weight = CITED_WEIGHT if chosen else weight
                labelled.append(Labelled(text, label, day, weight))
            elif "x_ai_list" in streams:
                weight = CITED_WEIGHT if chosen else UNCITED_WEIGHT
                labelled.append(Labelled(text, chosen, day, weight))
    return labelled + [
        Labelled(own.text, own.kind == "news", own.day, OWN_WEIGHTS[own.kind])
        for own in _read_own_labels(data)
        if (own.day, own.post) not in judged
    ]


PROMOTED_WEIGHT = 0.1
"""What a post counts of which only the author tells whether it was paid for: some of these sell nothing."""


def read_advertisements(data: Path) -> list[Labelled]:
    """Return posts that were read, true where one is an advertisement; of the other days posts of the AI list,
    true where one was paid for."""
    judged = read_judgements(data)
    promoted = {
        (row["day"], f"x:{row['id']}"): row["promoted"]
        for row in read_rows(data / "labels" / "promoted.jsonl")
    }
    labelled = []
    for day in sorted({day for day, _ in judged} | {day for day, _ in promoted}):
        for key, (text, _) in read_day(data, day).items():
            if (day, key) in judged:
                labelled.append(Labelled(text, judged[day, key][0] == "ad", day))
            elif (day, key) in promoted:
                labelled.append(Labelled(text, promoted[day, key], day, PROMOTED_WEIGHT))
    return labelled


Judgements = dict[tuple[str, str], tuple[int | str, int]]
"""By day and key: what was said of a post (an importance, or `ad`, `offtopic` ...), and the number of
posts of its story."""


def read_judgements(data: Path) -> Judgements:
    """Return what the editor of labels/gold said of posts, and what we said of those of other days."""
    judged: Judgements = {}
    for day in _list_edited_days(data):
        judged |= {(day["day"], key): (kind, 1) for key, kind in day["other"].items()}
        for story in sorted(day["stories"], key=lambda story: int(story["importance"])):
            size = len(story["posts"])
            judged |= {(day["day"], key): (story["importance"], size) for key in story["posts"]}
    return judged


def _list_edited_days(data: Path) -> list[dict[str, Any]]:
    """Return the days that were read whole, in the shape of labels/gold."""
    days = [
        row | {"other": {key: kind for kind, keys in row["other"].items() for key in keys}}
        for row in read_rows(OWN_JUDGEMENTS)
    ]
    paths = sorted((data / "labels" / "gold").glob("*.json"))
    return days + [json.loads(path.read_text(encoding="utf-8")) for path in paths]


@cache
def read_day(data: Path, day: str) -> dict[str, tuple[str, set[str]]]:
    """Return by key the longest text of each post of a day, and the streams that it stands in."""
    posts: dict[str, tuple[str, set[str]]] = {}
    for path in sorted((data / "posts" / day).glob("*.jsonl")):
        for row in read_rows(path):
            text, streams = posts.setdefault(f"{row['source']}:{row['id']}", ("", set()))
            streams.add(path.stem)
            longer = max(text, row["text"], key=len)
            posts[f"{row['source']}:{row['id']}"] = (longer, streams)
    return posts


GROUPS = ("company", "policy", "research", "product", "compute", "society")
"""What a story may be about, by the names of `OWN_JUDGEMENTS`; the others have no heading of their own."""
SENTENCE_WEIGHT = 0.5
"""What a sentence counts beside its post."""


def read_groups(data: Path, group: str) -> list[Labelled]:
    """Return posts, one a story, and sentences of posts, true where the story belongs to the group."""
    groups: dict[tuple[str, str], str] = {}
    labelled = []
    for row in read_rows(OWN_JUDGEMENTS):
        day, about = row["day"], row.get("groups", {})
        groups |= {(day, key): value for key, value in about.items()}
        grouped = {key for story in row["stories"] for key in story["posts"]}
        firsts = [next((k for k in s["posts"] if k in about), None) for s in row["stories"]]
        for key in dict.fromkeys([*firsts, *(key for key in about if key not in grouped)]):
            text, _ = read_day(data, day).get(key or "", ("", set()))
            if key and text:
                labelled.append(Labelled(text, about[key] == group, day))
    return labelled + [
        Labelled(own.sentence, groups[own.day, own.post] == group, own.day, SENTENCE_WEIGHT)
        for own in _read_own_labels(data)
        if own.kind in ("news", "detail") and (own.day, own.post) in groups
    ]


ORDERS_MADE, NEWS_MADE = 4000, 3000
"""Texts that are put together from the parts of `tools.injection_set`."""
MADE_WEIGHT, WRITTEN_WEIGHT = 0.3, 4.0
"""What such a text counts, and one that was written whole."""
SENTENCE_STEP = 3
"""One in so many posts gives its sentences as texts for people."""


def read_injections(data: Path) -> list[Labelled]:
    """Return texts, true where they talk to programs: made-up ones, and sentences of real posts."""
    labelled = [Labelled(text, True, "", WRITTEN_WEIGHT) for text in INJECTIONS]
    labelled += [Labelled(text, False, "", WRITTEN_WEIGHT) for text in NEWS]
    labelled += [Labelled(text, True, "", MADE_WEIGHT) for text in make_orders(1, ORDERS_MADE)]
    labelled += [Labelled(text, False, "", MADE_WEIGHT) for text in make_news(2, NEWS_MADE)]
    # Made-up names would else tell orders from real posts.
    rows = [
        replace(
            row, text=unquote_sentence(" ".join(URL.sub(" ", unmask(row.text)).split()), names=True)
        )
        for row in labelled
    ]
    for folder in sorted((data / "posts").iterdir()):
        texts = [text for text, _ in read_day(data, folder.name).values()]
        rows += [
            Labelled(sentence, False, folder.name)
            for text in texts[::SENTENCE_STEP]
            for sentence in list_sentences(unmask(clean(text)), unquote=True)
        ]
    return rows


TASKS: Mapping[str, Task] = {
    "stands_alone": Task(read_sentences, 1 << 14, Penalty(6.0, 12.0)),
    "news": Task(read_news, 1 << 15, Penalty(3.0, 10.0)),
    "advertisement": Task(read_advertisements, 1 << 15, Penalty(30.0, 8.0), rarity=True),
    "injection": Task(read_injections, 1 << 15, Penalty(0.3, 1.0), encoded=False),
    "view": Task(read_views, 1 << 12, Penalty(1.0, 1.0)),
} | {
    f"group_{group}": Task(partial(read_groups, group=group), 1 << 12, Penalty(1.0, 1.0))
    for group in GROUPS
}
