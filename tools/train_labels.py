"""Load labelled texts from the shared data, for `make train` and `make evaluate`."""

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
from tools.injection_set import make_injections, make_news
from tools.train_linear import Penalty


@dataclass(frozen=True, slots=True)
class Labelled:
    """One labelled text, and the day by which it can be left out."""

    text: str
    label: bool
    day: str
    importance: float = 1.0
    """Weight of the text within its label."""


@dataclass(frozen=True, slots=True)
class Task:
    """Training task of a head."""

    read: Callable[[Path], list[Labelled]]
    buckets: int
    penalty: Penalty
    encoded: bool = True
    """Use the encoder's vector in addition to the n-grams."""
    rarity: bool = False
    """Weight n-grams by rarity (idf): promotion uses rare words."""


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSONL file; [] if it does not exist."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


OWN_LABELS = Path(__file__).parents[1] / "tests" / "data" / "sentences.jsonl"
"""Manually labelled sentences that the extractive writer printed or nearly printed: key of the
post, checksum of the sentence, label."""
OWN_JUDGEMENTS = OWN_LABELS.with_name("judgements.jsonl")
"""Completely labelled days, one per line, as in labels/gold: stories with their importance and
posts, the other posts by kind, and the subjects of some posts (`GROUPS`)."""


def read_sentences(data: Path) -> list[Labelled]:
    """Return sentences; true if the sentence can stand alone in a digest."""
    return [replace(row, label=kind != "bad") for row, kind in _read_kinds(data)]


def read_views(data: Path) -> list[Labelled]:
    """Return sentences that can stand alone; true if the sentence is somebody's opinion."""
    return [replace(row, label=kind == "view") for row, kind in _read_kinds(data) if kind != "bad"]


@dataclass(frozen=True, slots=True)
class _OwnLabel:
    """A manually labelled sentence with key and text of its post. Kinds: `news`, `detail`, `view`,
    `offtopic` and `bad`."""

    sentence: str
    post: str
    text: str
    kind: str
    day: str


def _read_kinds(data: Path) -> list[tuple[Labelled, str]]:
    """Return the labelled sentences with their kinds."""
    rows = read_rows(data / "labels" / "sentences_dev.jsonl")
    kinds = [(Labelled(row["text"], True, row["day"]), row["label"]) for row in rows]
    return kinds + [
        (Labelled(own.sentence, True, own.day), own.kind)
        for own in _read_own_labels(data)
        if own.kind != "offtopic"  # it could stand alone in a report on another topic
    ]


def _list_pieces(text: str) -> Iterator[str]:
    """Yield the units that may be labelled: sentences, and clauses of lines, which counted as
    sentences when most labels were made."""
    yield from split_sentences(text)
    for line in strip_addressees(strip_repost(text)).split("\n"):
        for words in (line, strip_marks(line)):
            for part in split_line(words):
                yield from (tidy(part), part.strip())


@cache
def _read_own_labels(data: Path) -> list[_OwnLabel]:
    """Return the labels in OWN_LABELS whose posts are in the folder."""
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
"""Weight of a post by the editor's judgement; those in the middle are the least informative."""
CITED_WEIGHT, UNCITED_WEIGHT = 4.0, 0.3
"""Weight of a post cited by AINews, regardless of other judgements; and, on days without
judgements, of an uncited post of the AI list, because AINews cites only few of the good posts."""


OWN_WEIGHTS: Mapping[str, float] = {
    "news": 0.5,
    "bad": 0.5,
    "offtopic": 0.5,
    "detail": 0.1,
    "view": 0.1,
}
"""Weight of a post with a manually labelled sentence, by the sentence's kind."""


def read_news(data: Path) -> list[Labelled]:
    """Return posts; true if an editor would report the post (importance 2 or 3, or cited)."""
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
"""Weight of a post that only its author declared to be paid promotion: some of these sell
nothing."""


def read_advertisements(data: Path) -> list[Labelled]:
    """Return judged posts, true for advertisements; for other days posts of the AI list, true for
    paid promotion."""
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
"""By day and key: the judgement (an importance, or `ad`, `offtopic` ...), and the number of posts
of the story."""


def read_judgements(data: Path) -> Judgements:
    """Return the judgements of labels/gold and our own of other days."""
    judged: Judgements = {}
    for day in _list_edited_days(data):
        judged |= {(day["day"], key): (kind, 1) for key, kind in day["other"].items()}
        for story in sorted(day["stories"], key=lambda story: int(story["importance"])):
            size = len(story["posts"])
            judged |= {(day["day"], key): (story["importance"], size) for key in story["posts"]}
    return judged


def _list_edited_days(data: Path) -> list[dict[str, Any]]:
    """Return the completely labelled days, in the format of labels/gold."""
    days = [
        row | {"other": {key: kind for kind, keys in row["other"].items() for key in keys}}
        for row in read_rows(OWN_JUDGEMENTS)
    ]
    paths = sorted((data / "labels" / "gold").glob("*.json"))
    return days + [json.loads(path.read_text(encoding="utf-8")) for path in paths]


@cache
def read_day(data: Path, day: str) -> dict[str, tuple[str, set[str]]]:
    """Return, by key, the longest text of each post of a day, and the streams it occurs in."""
    posts: dict[str, tuple[str, set[str]]] = {}
    for path in sorted((data / "posts" / day).glob("*.jsonl")):
        for row in read_rows(path):
            text, streams = posts.setdefault(f"{row['source']}:{row['id']}", ("", set()))
            streams.add(path.stem)
            longer = max(text, row["text"], key=len)
            posts[f"{row['source']}:{row['id']}"] = (longer, streams)
    return posts


GROUPS = ("company", "policy", "research", "product", "compute", "society")
"""Subjects of stories in `OWN_JUDGEMENTS`; stories on other subjects get no heading of their
own."""
SENTENCE_WEIGHT = 0.5
"""Weight of a sentence relative to its post."""


def read_groups(data: Path, group: str) -> list[Labelled]:
    """Return posts (one per story) and sentences; true if the story belongs to the group."""
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


INJECTIONS_MADE, NEWS_MADE = 4000, 3000
"""Numbers of texts generated by `tools.injection_set`."""
MADE_WEIGHT, WRITTEN_WEIGHT = 0.3, 4.0
"""Weights of a generated text, and of one written by hand."""
SENTENCE_STEP = 3
"""The sentences of every third post are used as harmless texts."""


def read_injections(data: Path) -> list[Labelled]:
    """Return texts; true for prompt injections. Generated and hand-written texts, and sentences of
    posts."""
    labelled = [Labelled(text, True, "", WRITTEN_WEIGHT) for text in INJECTIONS]
    labelled += [Labelled(text, False, "", WRITTEN_WEIGHT) for text in NEWS]
    labelled += [
        Labelled(text, True, "", MADE_WEIGHT) for text in make_injections(1, INJECTIONS_MADE)
    ]
    labelled += [Labelled(text, False, "", MADE_WEIGHT) for text in make_news(2, NEWS_MADE)]
    # Remove generated names, which would distinguish generated texts from real posts.
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
