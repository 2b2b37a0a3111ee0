"""Check with the encoder that every sentence of an item is about the posts it cites.

No other check catches a sentence without figures and names ("The chief executive resigned shortly
afterwards.").
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from digest.models import Item, Post
from digest.reading import Reading
from digest.reading.amounts import find_amounts
from digest.reading.markup import fold_text
from digest.reading.names import find_names
from digest.reading.numerals import has_exact_figure
from digest.reading.sentences import split_line
from digest.reading.speakers import is_named, is_speaker
from digest.select.embed import EMBED_CHARS, Vectors, embed, has_encoder
from digest.write.verify import Claim, Verdict, verify
from digest.write.verify.exchanged import list_pairs

NEAR = 0.24
"""Minimum cosine between a sentence and the nearest sentence or part of its posts. Of 841 true
sentences of nine sets 2 lie below; paired with other items' posts 88 % do."""
NEAR_AUTHOR = 0.2
"""The same for a sentence that names an author of its posts: of 394 true ones 1 lies below, of 17
about another post of that author 11."""
REMARK_BYTES = 24
"""Maximum size of a post such as "Exactly", to which "Musk agrees" has no similarity."""
FARTHER = 0.2
"""Minimum cosine by which another author's post must be nearer than that of the named one. Of 17
true sentences none lies above 0.14; both of 2 with a wrong speaker lie above this."""
OTHER_AUTHOR = "another author's words"
SHORT = 14
"""Bytes of a sentence too short to be checked alone; it is joined to the sentence before it."""
MAX_CHARS = 2400
"""Characters of a post that are compared; long posts say at the beginning what they are about."""


def split_statements(text: str) -> list[str]:
    """Return the sentences of an item's text. Short ones, and those after a semicolon ("its price
    is due later"), are joined to the sentence before."""
    statements: list[str] = []
    for sentence in filter(str.strip, split_line(text)):
        goes_on = bool(statements) and statements[-1].rstrip().endswith((";", "；"))
        if statements and (goes_on or len(sentence.strip().encode()) < SHORT):
            statements[-1] += sentence
        else:
            statements.append(sentence)
    return [statement.strip() for statement in statements]


def prove(items: Sequence[tuple[Item, Sequence[Post], bool]]) -> list[Verdict]:
    """Verify items, each with its posts and True if it is a view. Return the claims of `verify`,
    exchanged figures, and sentences that are about something else."""
    verdicts = [verify(item, posts, view=view) for item, posts, view in items]
    if not has_encoder():
        return verdicts
    cited = [[p for p in posts if p.key in item.cites] for item, posts, _ in items]
    parts = [[part for post in posts for part in _split_post(post)] for posts in cited]
    statements = [split_statements(item.text) for item, _, _ in items]
    pairs = [list_pairs(item.text, own) for (item, _, _), own in zip(items, cited, strict=True)]
    groups = (*parts, *statements, *(pair.texts for own in pairs for pair in own))
    texts = list(dict.fromkeys(text for group in groups for text in group))
    vectors = dict(zip(texts, embed(texts), strict=True)) if texts else {}
    proved = []
    for verdict, own, post_parts, figures, posts in zip(
        verdicts, statements, parts, pairs, cited, strict=True
    ):
        claims = [*verdict.claims, *_find_wrong_speakers(own, posts, vectors)]
        far = [
            Claim("unrelated", statement)
            for statement in own
            if post_parts
            and not (verdict.ok and _has_figures(statement))  # exact figures prove the subject
            and _measure(statement, post_parts, vectors) < _find_least(statement, posts)
        ]
        exchanged = [Claim("exchanged", p.words) for p in figures if p.is_exchanged(vectors)]
        proved.append(Verdict((*claims, *exchanged, *far)))
    return proved


def _measure(statement: str, parts: Iterable[str], vectors: Mapping[str, Vectors]) -> float:
    """Return the cosine between a statement and the nearest part of its posts."""
    return max(float(vectors[statement] @ vectors[part]) for part in parts)


def _find_wrong_speakers(
    statements: Sequence[str], posts: Sequence[Post], vectors: Mapping[str, Vectors]
) -> Iterator[Claim]:
    """Yield statements attributed to one of several authors that are much nearer to another
    author's post, unless that post names the first author: news about a company may cite posts of
    the company and of others."""
    parts: dict[str, list[str]] = {}
    for post in posts:
        parts.setdefault(_find_author(post), []).extend(_split_post(post))
    parts = {author: pieces for author, pieces in parts.items() if pieces}
    for statement in statements if len(parts) > 1 else ():
        if "；" in statement or ";" in statement:
            continue  # it reports two posts
        named = [post for post in posts if _names_author(statement, post)]
        authors = {_find_author(post) for post in named}
        speaks = any(is_speaker(statement, post.author_name, post.author) for post in named)
        if not speaks or len(authors) != 1 or not authors <= parts.keys():
            continue
        nearness = {author: _measure(statement, parts[author], vectors) for author in parts}
        nearest = max(parts, key=nearness.__getitem__)
        about = any(_names_author(p.text, named[0]) for p in posts if _find_author(p) == nearest)
        if not about and nearness[nearest] - nearness[authors.pop()] > FARTHER:
            yield Claim("speaker", f"{OTHER_AUTHOR}: {statement}")


def _find_author(post: Post) -> str:
    """Return the handle of a post's author, or the name if the feed has no handles."""
    return post.author or post.author_name


def _names_author(statement: str, post: Post) -> bool:
    return is_named(statement, post.author_name, post.author)


def _has_figures(statement: str) -> bool:
    measures = [amount for amount in find_amounts(statement) if amount.unit not in ("", "count")]
    return len(measures) > 1 or has_exact_figure(statement)


def _find_least(statement: str, posts: Sequence[Post]) -> float:
    """Return the minimum cosine of a sentence: lower if it names an author, who may have written
    about something else elsewhere; none if it shares another name with the posts, or names the
    author of a mere remark."""
    names = _list_keys(statement) - {key for post in posts for key in _list_keys(post.author_name)}
    if any(names & _list_keys(post.text) for post in posts):
        return -1.0
    own = [post for post in posts if _names_author(statement, post)]
    if any(len(post.text.encode()) <= REMARK_BYTES for post in own):
        return -1.0
    return NEAR_AUTHOR if own else NEAR


def _list_keys(text: str) -> set[str]:
    return {name.key for _, name in find_names(fold_text(text))}


def _split_post(post: Post) -> Iterator[str]:
    """Yield a post in pieces of the encoder's input length, its sentences, and the end of its last
    line even if the source cut it off."""
    reading = Reading(post)
    words = reading.plain[:MAX_CHARS]
    yield from (words[at : at + EMBED_CHARS] for at in range(0, len(words), EMBED_CHARS))
    yield from split_line(words.rpartition("\n")[2])[-1:]
    yield from (sentence.text for sentence in reading.sentences[:24])
