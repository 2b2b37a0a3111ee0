"""Ask the model whether its items say what their posts say, and take back what they do not.

The code decides on figures, days, names and speakers; the model on what words mean. It may restore
an item that the code refused for what a cited post may give in another reading, and refuse one that
the code passed, within a bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from digest.llm.budget import tokens
from digest.models import Refusal
from digest.reading import Story
from digest.text import clean
from digest.write.model.candidates import Candidate, pieces, tells, without
from digest.write.model.context import ShownPosts
from digest.write.model.schemas import Check, read_numbers
from digest.write.verify import Claim, verify
from digest.write.verify.exchanged import EXCHANGED
from digest.write.verify.leniency import may_give_all
from digest.write.verify.nearness import OTHER_AUTHOR

UNSEEN_CHARS, REPAIR_CHARS = 4000, 600
"""Characters of a post that the writer saw nothing of, in the check and in the repair: what an item
says of it may stand anywhere. A report's writer saw all its posts."""
MAX_REFUSED = 0.4
"""Share of good items that a check may refuse. An answer that refuses more is not believed: a
post may have talked to the model."""
LEAST_COPIED, MAX_REPEATS = 8, 3
"""Letters of a sentence that is no chance agreement; items that may not have it in common."""
LEAST_TAKEN = 1 / 3
"""Share of a sentence in runs of a post of another story from which its words are that post's: the
name that both tell of ("the Trump administration") is a quarter."""
UNSUPPORTED = "not in the cited posts: "
UNNAMED = "is not what the cited posts say"
"""What is wrong where the model names no words of the item."""


def show_items(
    candidates: Sequence[Candidate], shown: ShownPosts, room: int
) -> tuple[str, str, dict[str, int]]:
    """Return the posts and the items to check, as far as `room` tokens go, and the places of the
    items by id. Items that failed for good are left out."""
    posts: dict[str, str] = {}
    lines: list[str] = []
    places: dict[str, int] = {}
    for at, candidate in enumerate(candidates):
        if not candidate.posts or (candidate.problems and not _may_restore(candidate)):
            continue
        cites = ", ".join(map(shown.find_id, candidate.posts))
        title = candidate.item.title and f"{candidate.item.title}: "
        doubts = f" doubted: {', '.join(candidate.problems)}" if candidate.problems else ""
        line = f"[i{at + 1}] {title}{candidate.item.text} ({cites}){doubts}"
        others = [post for post in candidate.posts if post.key not in posts]
        for most in (UNSEEN_CHARS, REPAIR_CHARS):
            added = {post.key: shown.repeat_post(post, most) for post in others}
            cost = tokens(line) + sum(map(tokens, added.values()))
            if cost <= room or places:  # else it fits no call, and the posts' beginnings must do
                break
        if cost > room:
            continue
        room -= cost
        posts |= added
        lines.append(line)
        places[f"i{at + 1}"] = at
    return "\n".join(posts.values()), "\n".join(lines), places


def apply_check(
    candidates: Sequence[Candidate],
    answer: Check,
    places: Mapping[str, int],
    max_refused: float = MAX_REFUSED,
) -> tuple[list[Candidate], bool]:
    """Return the candidates as judged, and True if the answer was believed. One that refuses an
    item nobody knows may mean any of those that it does not refuse."""
    wrong: dict[str, list[str]] = {}
    judged = {f"i{number}" for number in answer.judged}
    for entry in answer.wrong:
        names = {f"i{number}" for number in read_numbers(entry.id)}
        for name in names:
            wrong.setdefault(name, []).append(entry.words)
        if (entry.id or entry.words) and not names & places.keys():
            judged.clear()
    judged |= wrong.keys()
    good = [name for name, at in places.items() if not candidates[at].problems]
    refused = [name for name in good if name in wrong]
    believed = len(refused) <= max(2, max_refused * len(good))
    if not believed or not judged & places.keys():
        return list(candidates), False
    result = list(candidates)
    for name in judged & places.keys():
        candidate = replace(candidates[places[name]], judged=True)
        sums = [entry.sum for entry in answer.sums if entry.id == name]
        result[places[name]] = (
            _refuse(candidate, wrong[name]) if name in wrong else _restore(candidate, sums)
        )
    return result, True


def show_failed(
    candidates: Sequence[Candidate], shown: ShownPosts, room: int
) -> tuple[str, dict[str, int]]:
    """Return the failed items with what is wrong and their posts, as far as `room` tokens go, and
    their places by id."""
    blocks, places = [], {}
    for at, candidate in enumerate(candidates):
        if not candidate.problems or not candidate.posts:
            continue
        lines = [f"[i{at + 1}] title: {candidate.item.title}", f"text: {candidate.item.text}"]
        # A bare word is one that no post has.
        wrong = [UNSUPPORTED + p if p in candidate.said else p for p in candidate.problems]
        lines.append(f"wrong: {'; '.join(wrong)[:300]}")
        lines += [shown.repeat_post(post, REPAIR_CHARS) for post in candidate.posts]
        block = "\n".join(lines)
        room -= tokens(block)
        if room < 0:
            break
        blocks.append(block)
        places[f"i{at + 1}"] = at
    return "\n\n".join(blocks), places


def keep_refused(before: Candidate, after: Candidate) -> Candidate:
    """Return the second version of an item, refused again where it has the words that were
    wrong, or has the old words with other signs."""
    if before.judge == "code":
        return after
    if _bare(after.said) == _bare(before.said) or _has_any(after.said, _list_words(before)):
        problems = dict.fromkeys((*before.problems, *after.problems))
        return replace(after, problems=tuple(problems), judge="model")
    return after


def cut_refused(candidate: Candidate) -> Candidate:
    """Return an item that the model refused without the sentences that have the wrong words; it
    keeps what the code found wrong besides."""
    words = _list_words(candidate)
    if candidate.judge == "code" or UNNAMED in candidate.problems or not words:
        return candidate
    texts = [part.item.text for part in pieces(candidate)]
    rest = without(candidate, [_has_any(text, words) for text in texts])
    if not tells(rest) or not all(any(_stands_in(t, w) for t in texts) for w in words):
        return candidate
    others = [p for p in candidate.problems if not p.startswith(UNSUPPORTED)]
    return replace(rest, problems=tuple(others), judge="code")


def _list_words(candidate: Candidate) -> list[str]:
    """Return the words that the model named as wrong; none where it named none."""
    named = (p.removeprefix(UNSUPPORTED) for p in candidate.problems if p.startswith(UNSUPPORTED))
    return [words for words in named if words]


def _has_any(text: str, words: Iterable[str]) -> bool:
    return any(_stands_in(text, part) for part in words)


def _stands_in(text: str, words: str) -> bool:
    """Return True where the words stand in the text, and not only inside of longer Latin ones."""
    starts = (at for at in range(len(text)) if text.startswith(words, at))
    return any(
        not _is_inside_word(text, start) and not _is_inside_word(text, start + len(words))
        for start in starts
    )


def _is_inside_word(text: str, at: int) -> bool:
    edge = text[max(0, at - 1) : at + 1]
    return len(edge) == 2 and edge.isascii() and edge.isalnum()


def strip_copied(candidates: Sequence[Candidate], stories: Sequence[Story]) -> list[Candidate]:
    """Return the candidates without sentences that stand in several of them, or that are, a good
    part of them, word for word in a post of another story than those they cite: that is how a post
    gets its words into the items of others. The post's own item may have them.
    """
    parts = [pieces(candidate) for candidate in candidates]
    said = [(_bare(part.item.text), part) for own in parts for part in own]
    places = _index_passages(stories, {run for bare, _ in said for _, run in _passages(bare, 1)})
    # What one section says twice about one post is a repetition, which is dropped elsewhere.
    counts = Counter(bare for bare, _ in {(bare, part.item.cites[:1]) for bare, part in said})
    counts |= Counter(bare for bare, _ in {(bare, part.section) for bare, part in said})

    def copied(part: Candidate) -> bool:
        bare = _bare(part.item.text)
        texts = [_bare(f"{p.author_name} {p.text}") for p in part.posts]
        is_repeated = len(bare) >= LEAST_COPIED and counts[bare] >= MAX_REPEATS
        if is_repeated and bare not in "".join(texts[:1]):
            return True
        own = "\n".join(texts)
        taken = {
            at + letter
            for at, passage in _passages(bare, 1)
            if passage in places and passage not in own
            if not places[passage] & set(part.item.cites)
            for letter in range(len(passage))
        }
        return len(taken) > LEAST_TAKEN * len(bare)

    result = []
    for candidate, own in zip(candidates, parts, strict=True):
        failed = [copied(part) for part in own]
        result.append(without(candidate, failed) if any(failed) else candidate)
    return result


def _index_passages(stories: Sequence[Story], said: Set[str]) -> Mapping[str, set[str]]:
    """Return for each passage that is `said` the keys of the stories whose posts have it: all
    passages of a large day would take half a gigabyte."""
    places: dict[str, set[str]] = {}
    for story in stories:
        keys = {post.key for post in story.posts}
        for post in story.posts:
            for _, passage in _passages(_bare(f"{post.author_name} {post.source} {post.text}"), 2):
                if passage in said:
                    places.setdefault(passage, set()).update(keys)
    return places


def _passages(bare: str, step: int) -> Iterator[tuple[int, str]]:
    """Yield place and letters of runs as long as few texts share by chance, of Latin ones those at
    each `step`; one in Chinese is shorter, and may be all of a sentence."""
    for at in range(len(bare)):
        is_wide = bare[at] >= "\u2e80"
        size = 10 if is_wide else 20
        if len(bare) >= at + size and (is_wide or at % step == 0):
            yield at, bare[at : at + size]


def _bare(text: str) -> str:
    """Return the letters and digits alone."""
    return "".join(char for char in clean(text).casefold() if char.isalnum())


def list_refusals(candidates: Sequence[Candidate], *, final: bool) -> list[Refusal]:
    """Return what is refused among the candidates, for the report."""
    return [
        Refusal(c.section, c.said.strip(), c.problems, c.judge, final)
        for c in candidates
        if c.problems
    ]


def _restore(candidate: Candidate, sums: Sequence[str]) -> Candidate:
    """Return an item that the model supports, as good where each refused figure that no post has
    is what one of the `sums` gives."""
    if candidate.problems and may_give_all(
        _list_claims(candidate), candidate.said, candidate.posts, sums
    ):
        return replace(candidate, problems=(), judge="model")
    return candidate


def _refuse(candidate: Candidate, places: Iterable[str]) -> Candidate:
    """Return an item with the words of each place that the model found wrong; what the code
    refused stays so."""
    if candidate.problems:
        return candidate
    problems = {
        UNSUPPORTED + words if words and _stands_in(candidate.said, words) else UNNAMED: None
        for words in map(str.strip, places)
    }
    return replace(candidate, problems=tuple(problems), judge="model")


def _may_restore(candidate: Candidate) -> bool:
    """Return True if the code refused only what a cited post may give after all, or a sum over its
    figures, exchanged figures and exchanged authors. A sentence that is about something else may
    be what a post dictated to the model that checks."""
    claims = _list_claims(candidate)
    words = {claim.words for claim in claims}
    return may_give_all(claims, candidate.said, candidate.posts) and all(
        problem in words or problem.startswith((EXCHANGED, OTHER_AUTHOR))
        for problem in candidate.problems
    )


def _list_claims(candidate: Candidate) -> Sequence[Claim]:
    return verify(candidate.item, candidate.posts, view=candidate.section == "views").claims
