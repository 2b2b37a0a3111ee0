"""Evaluate stories: an editor's stories among our first twenty, clusters of news titles, paraphrase
pairs, and copies planted in a day."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from digest.models import Post
from digest.reading import read
from digest.select.cluster import cluster_posts
from digest.select.dedupe import drop_copies, merge_streams
from digest.select.embed import embed
from digest.select.selection import Selection, select
from digest.text import plain
from tests.posts import post
from tools.evaluate_data import (
    Row,
    best_threshold,
    counted,
    days,
    f1,
    lines,
    of_day,
    topic,
)
from tools.evaluate_gold import write_sections
from tools.left_out import heads_without

FIRST = 20


def list_bullets(data: Path, day: str, ids: set[str]) -> list[set[str]]:
    """Return the editor's bullets that cite posts of this day, as sets of ids."""
    bullets = lines(data / "refs" / "ainews_stories.jsonl")
    found = {frozenset(ids & set(bullet["tweet_ids"])) for bullet in bullets}
    return [set(bullet) for bullet in found if bullet]


def _recall(data: Path) -> tuple[int, dict[str, int]]:
    bullets, found = 0, Counter[str]()
    chance = random.Random(8)  # noqa: S311 - no secret
    for day in days(data):
        given, _ = merge_streams(of_day(data, day))
        wanted = list_bullets(data, day, {p.id for p in given})
        if len(wanted) < 3:
            continue
        with heads_without(data, day):
            chosen = select(topic(), given, lambda step: None)
            told_of, points = _report(day, chosen, given)
        orders = {
            "ours": _stories(chosen, given)[:FIRST],
            "report": told_of,
            "points": points,
            "longest first": [{p.id} for p in sorted(given, key=lambda p: -len(p.text))[:FIRST]],
            "likes": [
                {p.id} for p in sorted(given, key=lambda p: -p.metrics.get("likes", 0))[:FIRST]
            ],
            "random": [{p.id} for p in chance.sample(given, min(FIRST, len(given)))],
        }
        bullets += len(wanted)
        for name, first in orders.items():
            shown = set().union(*first)
            found[name] += sum(bool(bullet & shown) for bullet in wanted)
    return bullets, dict(found)


def _stories(chosen: Selection, given: Sequence[Post]) -> list[set[str]]:
    """Return the post ids of each story, best story first."""
    whole = _group_ids(chosen, given)
    return [whole[story.posts[0].key] for story in chosen.stories if not story.market]


def _group_ids(chosen: Selection, given: Sequence[Post]) -> dict[str, set[str]]:
    """Return, by post key, the ids of all posts of its story; a copy belongs to the story of its
    original."""
    ids = {p.key: p.id for p in given}
    copies: defaultdict[str, set[str]] = defaultdict(set)
    for drop in chosen.dropped:
        copies[drop.of].add(ids[drop.key])
    return {
        p.key: {q.id for q in s.posts}.union(*(copies[q.key] for q in s.posts))
        for s in chosen.stories
        for p in s.posts
    }


def _report(
    day: str, chosen: Selection, given: Sequence[Post]
) -> tuple[list[set[str]], list[set[str]]]:
    """Return the stories cited anywhere in the extractive report, and those cited in its points."""
    whole = _group_ids(chosen, given)
    cited = {
        section.name: [whole[key] for item in section.items for key in item.cites]
        for section in write_sections(day, chosen)
    }
    return [story for named in cited.values() for story in named], cited["points"]


def count_found(data: Path) -> list[Row]:
    """Count bullets with a post in one of our first twenty stories, and in the report."""
    bullets, found = _recall(data)
    share = {name: f"{100 * n / max(1, bullets):.0f} %" for name, n in found.items()}
    ours, report, points = (share.pop(n, "no data") for n in ("ours", "report", "points"))
    return [
        Row(
            f"AINews: {bullets} stories, whole days",
            "recall in the first 20 stories",
            ours,
            counted(share),
            "60 %",
        ),
        Row(
            "AINews: the same stories, report without a model",
            "reported anywhere; among the points",
            f"{report}; {points}",
        ),
    ]


def nmi_ari(ours: Sequence[int], true: Sequence[int]) -> tuple[float, float]:
    """Return normalised mutual information (arithmetic mean) and adjusted Rand index of two
    partitions."""
    both, left, right = Counter(zip(ours, true, strict=True)), Counter(ours), Counter(true)
    total = len(ours)
    mutual = sum(n / total * np.log(n * total / (left[a] * right[b])) for (a, b), n in both.items())

    def entropy(sizes: Counter[int]) -> float:
        return float(-sum(n / total * np.log(n / total) for n in sizes.values()))

    def pairs(sizes: Counter[int] | Counter[tuple[int, int]]) -> float:
        return sum(n * (n - 1) / 2 for n in sizes.values())

    expected = pairs(left) * pairs(right) / (total * (total - 1) / 2)
    most = (pairs(left) + pairs(right)) / 2
    return (
        2 * float(mutual) / (entropy(left) + entropy(right)),
        (pairs(both) - expected) / (most - expected),
    )


def titles(data: Path) -> Row:
    """Cluster news titles in file order, as the product does."""
    given = lines(data / "clusters" / "news_titles_152.jsonl")
    if not given:
        return Row("news_titles_152", "NMI / ARI", "no data")
    texts = [row["text"] for row in given]
    true = [row["cluster"] for row in given]
    found = cluster_posts(read([post(text, str(i)) for i, text in enumerate(texts)]), embed(texts))
    label = {i: n for n, cluster in enumerate(found) for i in cluster.members}
    ours = nmi_ari([label[i] for i in range(len(texts))], true)
    simple = nmi_ari(one_pass(texts), true)
    return Row(
        f"news_titles_152: {len(texts)} titles in file order",
        "NMI / ARI",
        "{:.3f} / {:.3f}".format(*ours),
        "one-pass tf-idf {:.3f} / {:.3f}; published: .860 / .622".format(*simple),
        ".88 / .75",
    )


def one_pass(texts: Sequence[str], near: float = 0.2) -> list[int]:
    """Label texts by one-pass clustering: each joins the nearest centroid by tf-idf cosine or
    starts a group."""
    words = [sorted(set(text.split())) for text in texts]
    frequency = Counter(w for each in words for w in each)
    centres: list[defaultdict[str, float]] = []
    holders: defaultdict[str, set[int]] = defaultdict(set)
    sizes: list[float] = []
    label = []
    for each in words:
        weights = {w: float(np.log(len(texts) / frequency[w])) for w in each}
        length = float(np.sqrt(sum(v * v for v in weights.values()))) or 1.0
        scores: defaultdict[int, float] = defaultdict(float)
        for word, weight in weights.items():
            for centre in holders[word]:
                scores[centre] += weight * centres[centre][word] / length / sizes[centre] ** 0.5
        best, score = max(scores.items(), key=lambda s: s[1]) if scores else (-1, 0.0)
        if score < near:
            best = len(centres)
            centres.append(defaultdict(float))
            sizes.append(0.0)
        for word, weight in weights.items():
            before = centres[best][word]
            centres[best][word] += weight / length
            sizes[best] += centres[best][word] ** 2 - before**2
            holders[word].add(best)
        label.append(best)
    return label


def pairs(data: Path) -> Row:
    """Detect paraphrases by cosine: tune the threshold on one half, compute F1 on the other."""
    given = lines(data / "near_dup" / "twitter_url_train_sample.jsonl")
    if not given:
        return Row("Twitter URL pairs", "F1", "no data")
    true = [row["label"] == 1 for row in given]
    left, right = embed([r["a"] for r in given]), embed([r["b"] for r in given])
    meaning = (left * right).sum(axis=1)
    overlap = [_jaccard(r["a"], r["b"]) for r in given]
    both = meaning + np.array(overlap)
    half = len(given) // 2

    def tested(scores: Sequence[float]) -> float:
        at = best_threshold(scores[:half], true[:half])
        return f1([s >= at for s in scores[half:]], true[half:])

    return Row(
        f"Twitter URL pairs (do both say the same?): {len(given) - half} tested",
        "F1",
        f"{tested([float(b) for b in both]):.3f} (encoder and words), {tested([float(m) for m in meaning]):.3f} (encoder)",
        f"Jaccard {tested(overlap):.3f}",
        "print",
    )


def _jaccard(left: str, right: str) -> float:
    one, two = set(plain(left).lower().split()), set(plain(right).lower().split())
    return len(one & two) / max(1, len(one | two))


def planted(data: Path) -> Row:
    """Add reposts, truncated copies and copies from other streams to days; count those found, and
    false positives."""
    kinds: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    false = kept_before = 0
    for day in [d for d in ("2025-10-16", "2025-12-05") if d in days(data)] or days(data)[-2:]:
        own, _ = merge_streams(of_day(data, day))
        unique, _, _ = drop_copies(read(own))
        copies = _copies([r.post for r in unique if len(r.plain) >= 60][::3])
        _, dropped, _ = drop_copies([*unique, *read(p for _, p in copies)])
        pointed = {d.key: d.of for d in dropped}
        for key, planted_post in copies:
            kind = planted_post.id.split("-")[0]
            kinds[kind] += 1
            missed[kind] += not (
                pointed.get(planted_post.key) == key
                or pointed.get(key) == planted_post.key
                or (pointed.get(key) and pointed.get(planted_post.key) == pointed.get(key))
            )
        kept_before += len(unique)
        extra = {p.key for _, p in copies}
        originals = {key for key, _ in copies}
        false += sum(d.key not in extra and d.key not in originals for d in dropped)
    found = sum(kinds.values()) - sum(missed.values())
    return Row(
        f"{sum(kinds.values())} duplicates planted in real days",
        "recall / false merges",
        f"{found / max(1, sum(kinds.values())):.3f} / {false / max(1, kept_before):.4f}",
        counted({k: f"missed {n}" for k, n in missed.items() if n}),
        ".99 / .005",
    )


def _copies(given: Sequence[Post]) -> list[tuple[str, Post]]:
    made = []
    for n, original in enumerate(given):
        text = original.text
        ways = {
            "repost": f"RT @{original.author or 'someone'}: {text}",
            "cut": text[:260] + "… https://t.co/Abc123dEf"
            if len(text) > 320
            else text + " https://t.co/q",
            "stream": text,
            "escaped": text.replace("&", "&amp;").replace("<", "&lt;") + " 🔥",
            "quote": f"{text} https://t.co/x1 via @{original.author or 'someone'}",
        }
        kind, changed = list(ways.items())[n % len(ways)]
        made.append(
            (
                original.key,
                replace(original, id=f"{kind}-{n}", author=f"copier{n}", text=changed, metrics={}),
            )
        )
    return made


def rows(data: Path) -> list[Row]:
    """Return the rows on pairs, titles and copies."""
    return [pairs(data), titles(data), planted(data)]


def first_rows(data: Path) -> list[Row]:
    """Return the rows on whole days, which take longest."""
    return count_found(data)
