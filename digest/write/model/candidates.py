"""Items as a model wrote them, before they are verified."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from digest.models import MAX_POINTS, Item, Judge, Language, Post, SectionName, Topic
from digest.reading.markup import strip_markdown
from digest.reading.names import find_names
from digest.reading.sentences import split_line
from digest.reading.vocabulary import begins_with
from digest.select.embed import embed
from digest.text import EMOJI, clean, plain
from digest.write.extractive.draft import join_sentences, show_speaker
from digest.write.extractive.groups import EVENTS, NONE, Group, choose_group, list_themes
from digest.write.extractive.money import MAX_FINANCE
from digest.write.extractive.notes import CRYPTO, STOCKS
from digest.write.model.schemas import Brief, Events, Grouped, Money, Page, Rewritten, Views

LIMIT: Mapping[SectionName, int] = {
    "overview": 4,
    "points": MAX_POINTS,
    "views": 6,
    "events": 12,
    "ai": 8,
    "markets": 8,
    "finance": MAX_FINANCE,
}
"""Maximum items that a model may write for each section."""
TITLE = {"zh": 60, "en": 120}
TEXT = {"zh": 300, "en": 700}
MAX_CITES = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item as a model wrote it, with the posts it cites and the problems that checks found."""

    section: SectionName
    item: Item
    posts: tuple[Post, ...]
    problems: tuple[str, ...] = ()
    judge: Judge = "code"
    """Who found the problems: code or model."""
    cut: bool = False
    """True if failed sentences were removed."""
    judged: bool = False
    """True if the model's check judged the item, or all that is left of it."""
    withdrawn: bool = False
    """True if the model, asked to repair the item, found nothing to report."""

    @property
    def full_text(self) -> str:
        """Return title and text."""
        return f"{self.item.title}\n{self.item.text}"


def read_candidates(answer: Page, shown: Mapping[str, Post], topic: Topic) -> Iterator[Candidate]:
    """Yield the items of an answer, at most LIMIT per section, each with the posts whose ids it
    cites."""
    language = topic.language
    match answer:
        case Brief():
            for point in answer.points[: LIMIT["points"]]:
                yield _candidate(
                    "points", point.text, point.cites, shown, language, title=point.title
                )
            for statement in answer.overview[: LIMIT["overview"]]:
                yield _candidate("overview", statement.text, statement.cites, shown, language)
        case Views():
            for view in answer.views[: LIMIT["views"]]:
                post = shown.get(view.post)
                who = _tidy(view.who, TITLE[language]) or (show_speaker(post) if post else "")
                title = _name_speaker(who, post)
                yield _candidate("views", view.text, [view.post], shown, language, title=title)
        case Events():
            for entry in answer.events[: LIMIT["events"]]:
                group = _group(entry, EVENTS, language)
                yield _candidate("events", entry.text, entry.cites, shown, language, group=group)
            themes = list_themes(topic) if answer.special else ()
            for entry in answer.special[: LIMIT["ai"]]:
                group = _group(entry, themes, language)
                yield _candidate("ai", entry.text, entry.cites, shown, language, group=group)
        case Money():
            for asset in answer.markets[: LIMIT["markets"]]:
                group = (CRYPTO if "coin" in asset.kind.lower() else STOCKS)[language]
                title, text = asset.title, asset.text
                yield _candidate(
                    "markets", text, asset.cites, shown, language, title=title, group=group
                )
            for statement in answer.finance[: LIMIT["finance"]]:
                yield _candidate("finance", statement.text, statement.cites, shown, language)


def rewrite(
    candidate: Candidate, again: Rewritten, shown: Mapping[str, Post], language: Language
) -> Candidate:
    """Return the candidate with its repaired text; it may cite only the posts it had."""
    own = {key: post for key, post in shown.items() if post in candidate.posts}
    cites = [key for key in again.cites if key in own] or list(own)
    title = candidate.item.title
    is_wrong = any(words.rpartition(": ")[2] in title for words in candidate.problems)
    if candidate.section != "views" or (again.title and is_wrong):  # a view keeps its speaker
        title = again.title
    group = candidate.item.group
    rewritten = _candidate(
        candidate.section, again.text, cites, own, language, title=title, group=group
    )
    if candidate.item.title or not candidate.item.text:  # a missing item gets both title and text
        return rewritten
    return replace(rewritten, item=replace(rewritten.item, title=""))


def require_subject(candidate: Candidate) -> Candidate:
    """Add a problem if the candidate has no name although its posts do ("down again": what is?).
    Views are exempt, because their title names the speaker."""
    text = candidate.full_text.casefold()
    if candidate.problems or candidate.section == "views" or find_names(candidate.full_text):
        return candidate
    names = [name.text for p in candidate.posts for _, name in find_names(plain(p.text))]
    authors = [clean(p.author_name) or p.author for p in candidate.posts]
    if not names or any(word and word.casefold() in text for word in (*names, *authors)):
        return candidate
    subjects = ", ".join(list(dict.fromkeys(names))[:MAX_CITES])
    return replace(candidate, problems=(f"does not say what it is about: {subjects}",))


def split_pieces(candidate: Candidate) -> list[Candidate]:
    """Split a candidate into title and sentences to check one by one; each keeps the speaker."""
    title = candidate.item.title if candidate.section == "views" else ""
    texts = [s.strip() for s in split_line(candidate.item.text) if s.strip()]
    texts = texts if title else [candidate.item.title, *texts]
    return [
        replace(candidate, item=replace(candidate.item, title=title, text=text)) for text in texts
    ]


def drop_failed(candidate: Candidate, failed: Sequence[bool]) -> Candidate:
    """Return the candidate without its failed pieces and without sentences that refer back to one
    ("It came from Sequoia"), unless there is a title to refer to."""
    is_view = candidate.section == "views"
    title = candidate.item.title if is_view or not failed[0] else ""
    sentences, is_dropped = list[str](), False
    for at, (part, wrong) in enumerate(zip(split_pieces(candidate), failed, strict=True)):
        text = part.item.text
        can_lean = is_dropped and (is_view or not title)
        leans = can_lean and begins_with(text, "sentences", "backward")
        is_dropped = bool(text) and (wrong or leans)
        if not is_dropped and (at or is_view):
            sentences.append(text)
    text = join_sentences(sentences)
    if text.endswith((";", "；")):
        text = text[:-1].rstrip() + ("。" if text[-1] == "；" else ".")
    first = text.split(" ", 1)[0]
    if text[:1] != candidate.item.text[:1] and first.islower() and first.isalpha():
        text = first.capitalize() + text[len(first) :]  # "...; an analyst says" starts a sentence
    return replace(candidate, item=replace(candidate.item, title=title, text=text), cut=True)


def is_printable(candidate: Candidate) -> bool:
    """Return True if there is something to print; a point may consist of its title."""
    return bool(candidate.item.text or (candidate.section == "points" and candidate.item.title))


def _candidate(
    section: SectionName,
    text: str,
    ids: Sequence[str],
    shown: Mapping[str, Post],
    language: Language,
    *,
    title: str = "",
    group: str = "",
) -> Candidate:
    posts = tuple({shown[key].key: shown[key] for key in ids if key in shown}.values())[:MAX_CITES]
    text = _tidy(text, TEXT[language])
    if section != "views":
        title = _tidy(title, (TEXT if section == "points" else TITLE)[language])
        # Stripping the dots of "$294,00..." would make it a complete figure.
        title = title if title.endswith(("..", "…")) else title.rstrip("。.")
    if section == "points" and title and not (text and len(title) <= TITLE[language]):
        stop = "" if title[-1] in "?!…？！" else "。" if language == "zh" else "."
        space = " " if language == "en" and text else ""
        text, title = _tidy(f"{title}{stop}{space}{text}", TEXT[language]), ""
    item = Item(
        text, title=title, group=group, cites=tuple(post.key for post in posts), status="new"
    )
    return Candidate(section, item, posts)


def _tidy(text: str, most: int) -> str:
    """Return one line without Markdown and repeated sentences, cut after the last sentence that
    fits."""
    line = " ".join(EMOJI.sub(" ", strip_markdown(clean(text))).split())
    sentences: dict[str, str] = {}
    for sentence in split_line(line):
        sentences.setdefault(sentence.strip(), sentence)
    shortened = ""
    for sentence in sentences.values():
        if len(shortened) + len(sentence) > most:
            break
        shortened += sentence
    return shortened.strip()


def _name_speaker(name: str, post: Post | None) -> str:
    """Return a view's speaker; the post's author is always named in the same form."""
    if post is None:
        return name
    bare = name.replace("（", "(").partition("(")[0].strip().lstrip("@").casefold()
    if bare in (post.author.casefold(), clean(post.author_name).casefold()):
        return show_speaker(post)
    return name


def _group(entry: Grouped, groups: tuple[Group, ...], language: Language) -> str:
    """Return the group that the model chose, or the nearest one if it is unknown."""
    if entry.group in [group.names[language] for group in (*groups, NONE)]:
        return entry.group
    return choose_group(groups, [entry.text], embed([entry.text])).names[language]
