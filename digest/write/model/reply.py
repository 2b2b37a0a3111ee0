"""Answers of a model about stored items: to a question about the archive, or as the overview of a
week or month. The model names the items behind each sentence; a sentence that they and their posts
do not support is dropped.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from digest.ask import (
    MAX_HITS,
    MAX_NEAREST,
    NEAR_COVERAGE,
    ArchiveAnswer,
    ProvedSentence,
    Verdict,
    answer_without_model,
    find_hits,
)
from digest.errors import BudgetSpent, LlmError
from digest.llm.compat import Call
from digest.models import Hit, Item, Language, Post, Report
from digest.reading.injection import remove_injections
from digest.rollup import MAX_CITES
from digest.select.continuity import restore_post
from digest.select.embed import embed, has_encoder
from digest.store import Store
from digest.write.model.candidates import Candidate
from digest.write.model.context import introduce, shorten
from digest.write.model.prompts import LANGUAGES, Prompt
from digest.write.model.schemas import WrittenAnswer, WrittenSentence
from digest.write.verify.screening import GENERIC, screen_items

MAX_QUESTION_CHARS = 400
MAX_SENTENCES = 5
POST_CHARS, MAX_POSTS = 400, 2
"""Characters of each post, and posts of each item, that are shown to the model."""
ANSWER_TOKENS = 900
ALIKE_SPAN, MAX_ALIKE, MIN_ALIKE = timedelta(days=6), 8, 0.18
"""Days before the newest report whose items are compared with a question if no item has its words;
maximum similar items; their minimum cosine. Of 20 questions in two languages on two days words
found 17, and the other 3 were among the nearest five."""

AskModel = Callable[[Call[WrittenAnswer]], Awaitable[WrittenAnswer]]


def clean_question(text: str) -> str:
    """Return the question on one line without prompt injection; it may be empty."""
    return " ".join(remove_injections(text[:MAX_QUESTION_CHARS]).split())


async def _write_sentences(
    question: str,
    shown: Sequence[Hit],
    posts: Mapping[int, Sequence[Post]],
    language: Language,
    ask: AskModel,
    prompts: Mapping[str, Prompt],
) -> tuple[Verdict, list[tuple[str, list[int]]]]:
    """Return the model's verdict and its proved sentences with their item numbers, from 1. Raises
    LlmError or BudgetSpent."""
    items = "\n".join(_show(n, hit, posts[n]) for n, hit in enumerate(shown, 1))
    name = LANGUAGES[language]
    system = prompts["system"].render(language=name)
    prompt = prompts["ask"].render(question=question, items=items, language=name)
    answer = await ask(Call("ask", system, prompt, WrittenAnswer, ANSWER_TOKENS))
    copied = answer.told or not answer.asked or answer.verdict == "premise"
    if answer.verdict not in ("answer", "premise") or not copied:
        return "nothing", []
    sentences = answer.sentences[:MAX_SENTENCES]
    proved = _prove(sentences, shown, posts, language)
    if answer.verdict == "answer":
        return "answer", proved
    # The first sentence corrects the false premise; without it the others would mislead.
    first = " ".join(sentences[0].text.split()) if sentences else ""
    return "premise", proved if [text for text, _ in proved[:1]] == [first] else []


def _list_posts(
    hits: Sequence[Hit], reports: Mapping[tuple[str, date, date], Report]
) -> dict[int, list[Post]]:
    """Return the evidence for each item by its number from 1: the item as printed, and its
    posts."""
    evidence = {}
    for n, hit in enumerate(hits, 1):
        report = reports.get((hit.topic, hit.first, hit.last))
        words = f"{hit.last}: {hit.item.title}. {hit.item.text}"
        noon = datetime.combine(hit.last, time(12), UTC)
        evidence[n] = [Post(str(n), "item", "", "", words, noon, "")]
        if report:
            cited = (key for key in hit.item.cites if key in report.posts)
            evidence[n] += [restore_post(report, key) for key in cited if report.posts[key].text]
    return evidence


def _show(n: int, hit: Hit, posts: Sequence[Post]) -> str:
    """Return an item as shown to the model."""
    days = str(hit.last) if hit.first == hit.last else f"{hit.first} to {hit.last}"
    head = f"[i{n}] {days}: " + " | ".join(filter(None, (hit.item.title, hit.item.text)))
    rows = [
        f"  {introduce(post)}, {post.created_at:%Y-%m-%d}: {shorten(post.text, POST_CHARS)}"
        for post in posts[1 : 1 + MAX_POSTS]
    ]
    return "\n".join([head, *rows])


def _prove(
    sentences: Sequence[WrittenSentence],
    shown: Sequence[Hit],
    posts: Mapping[int, Sequence[Post]],
    language: Language,
) -> list[tuple[str, list[int]]]:
    """Return the sentences that their items support, with the numbers of those items."""
    candidates, numbers = [], []
    for sentence in sentences:
        cited = [n for n in dict.fromkeys(sentence.items) if 1 <= n <= len(shown)]
        evidence = [post for n in cited for post in posts[n]]
        text = " ".join(sentence.text.split())
        if cited and text:
            item = Item(text, cites=tuple(post.key for post in evidence))
            candidates.append(Candidate("points", item, tuple(evidence)))
            numbers.append(cited)
    every = {post.key: post for several in posts.values() for post in several}
    judged = screen_items(candidates, every, language)
    return [
        (candidate.item.text, cited)
        for candidate, cited in zip(judged, numbers, strict=True)
        if not set(candidate.problems) - {GENERIC}
    ]


async def ask_archive(
    store: Store,
    question: str,
    today: date,
    *,
    topic: str = "",
    language: Language,
    ask: AskModel,
    prompts: Mapping[str, Prompt],
) -> ArchiveAnswer:
    """Answer a question about the archive with the model behind `ask`. If it gives no answer or
    nothing of it is proved, return the found items."""
    asked = clean_question(question)
    if not asked:
        return ArchiveAnswer("unsure")
    hits, near = await find_hits(store, asked, today, topic=topic)
    if not any(hit.coverage >= NEAR_COVERAGE for hit in hits):  # `near` hits share a name only
        similar = await _find_similar(store, asked, topic)
        listed = {hit.item for hit in similar}
        hits = [hit for hit in hits if hit.item not in listed][: MAX_HITS - len(similar)]
        near = [*similar, *(hit for hit in near if hit.item not in listed)]
    shown = [*hits, *near][:MAX_HITS]
    if not shown:
        return ArchiveAnswer("unsure")
    spans = dict.fromkeys((hit.topic, hit.first, hit.last) for hit in shown)
    reports = {span: report for span in spans if (report := await store.load_report(*span))}
    posts = _list_posts(shown, reports)
    try:
        verdict, proved = await _write_sentences(asked, shown, posts, language, ask, prompts)
    except (LlmError, BudgetSpent):
        return answer_without_model(hits, near)
    if verdict == "nothing":
        return ArchiveAnswer("nothing", hits=tuple(shown[:MAX_NEAREST]))
    if not proved:
        return answer_without_model(hits, near)
    cited = list(dict.fromkeys(n for _, numbers in proved for n in numbers))
    sentences = tuple(
        ProvedSentence(text, tuple(cited.index(n) + 1 for n in numbers)) for text, numbers in proved
    )
    return ArchiveAnswer(verdict, sentences, tuple(shown[n - 1] for n in cited))


async def _find_similar(store: Store, question: str, topic: str) -> list[Hit]:
    """Return the items of the newest week that are similar in meaning to a question, best first: it
    may use other words or another language. Without the encoder, return none."""
    items: list[Hit] = []
    for name in [topic] if topic else [row.name for row in await store.list_topics()]:
        for last in (await store.list_days(name))[-1:] if has_encoder() else ():
            for report in await store.load_daily(name, last - ALIKE_SPAN, last):
                days = (name, report.first, report.last, report.language)
                items += [
                    Hit(*days, section, number, item, 0.0, 0.0)
                    for number, section, item in report.numbered_items()
                    if section != "overview" and item.cites
                ]
    asked, *vectors = embed([question, *(f"{hit.item.title}\n{hit.item.text}" for hit in items)])
    scored = [
        replace(hit, score=float(asked @ vector))
        for hit, vector in zip(items, vectors, strict=True)
    ]
    similar = [hit for hit in scored if hit.score >= MIN_ALIKE]
    return sorted(similar, key=lambda hit: -hit.score)[:MAX_ALIKE]


async def write_overview(
    report: Report, ask: AskModel, prompts: Mapping[str, Prompt]
) -> tuple[Item, ...]:
    """Return proved sentences on the points of a week or month; maybe none. Raises LlmError or
    BudgetSpent.

    The text of `prompts/overview.md` is asked like a reader's question about these days.
    """
    days = (report.topic, report.first, report.last)
    hits = [
        Hit(*days, report.language, name, number, item, 1.0, 1.0)
        for number, name, item in report.numbered_items()
        if name == "points"
    ]
    if not hits:
        return ()
    question = prompts["overview"].render(first=str(report.first), last=str(report.last))
    posts = _list_posts(hits, {days: report})
    _, rows = await _write_sentences(question, hits, posts, report.language, ask, prompts)
    return tuple(
        Item(text, cites=_cites([hits[n - 1].item for n in places])) for text, places in rows
    )


def _cites(items: Sequence[Item]) -> tuple[str, ...]:
    """Return the first post of each item, then the second of each, and so on."""
    ranked = sorted(
        (place, n, key) for n, i in enumerate(items) for place, key in enumerate(i.cites)
    )
    return tuple(dict.fromkeys(key for _, _, key in ranked))[:MAX_CITES]
