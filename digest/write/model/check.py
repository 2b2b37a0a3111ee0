"""Let the model check the items against their posts, and apply its answer.

Code decides about figures, days, names and speakers, the model about the meaning of words. The
model may restore an item that code refused if a cited post could support it in another reading, and
may refuse items that code passed, up to a limit.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from digest.llm.budget import tokens
from digest.models import Refusal
from digest.reading import Story
from digest.text import clean
from digest.write.model.candidates import Candidate, drop_failed, is_printable, split_pieces
from digest.write.model.context import ShownPosts
from digest.write.model.schemas import Check, read_numbers
from digest.write.verify import Claim, verify
from digest.write.verify.exchanged import EXCHANGED
from digest.write.verify.leniency import may_give_all
from digest.write.verify.nearness import OTHER_AUTHOR

UNSEEN_CHARS, REPAIR_CHARS = 4000, 600
"""Characters of a post that the writer was not shown, in the check and in the repair, because the
claim may be anywhere in it. (The writer of a report was shown all its posts.)"""
MAX_REFUSED = 0.4
"""Maximum share of good items that a check may refuse. An answer that refuses more is ignored: a
post may have injected a prompt."""
MIN_COPIED, MAX_REPEATS = 8, 3
"""Letters from which a shared sentence is no coincidence, and number of items that share it from
which it is removed."""
MIN_TAKEN = 1 / 3
"""Share of a sentence copied from a post of another story from which the sentence counts as copied.
A name that both mention ("the Trump administration") is a quarter."""
UNSUPPORTED = "not in the cited posts: "
UNNAMED = "is not what the cited posts say"
"""Problem of an item if the model quotes no words of it."""


def show_items(
    candidates: Sequence[Candidate], shown: ShownPosts, room: int
) -> tuple[str, str, dict[str, int]]:
    """Return the posts and items to check, up to `room` tokens, and the indices of the items by id.
    Items that cannot be restored are left out."""
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
            if cost <= room or places:  # a first item that fits no call gets shortened posts
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
    """Return the judged candidates, and True if the answer was accepted. A refusal of an unknown
    item may mean any item, so then only the refused items count as judged."""
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
    """Return the failed items with their problems and posts, up to `room` tokens, and their indices
    by id."""
    blocks, places = [], {}
    for at, candidate in enumerate(candidates):
        if not candidate.problems or not candidate.posts:
            continue
        lines = [f"[i{at + 1}] title: {candidate.item.title}", f"text: {candidate.item.text}"]
        # A problem that is a quotation of the item is missing in the posts.
        wrong = [UNSUPPORTED + p if p in candidate.full_text else p for p in candidate.problems]
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
    """Return the repaired item, refused again if it repeats the refused words, or differs from the
    old item in punctuation only."""
    if before.judge == "code":
        return after
    if _squeeze(after.full_text) == _squeeze(before.full_text) or _contains_any(
        after.full_text, _list_words(before)
    ):
        problems = dict.fromkeys((*before.problems, *after.problems))
        return replace(after, problems=tuple(problems), judge="model")
    return after


def cut_refused(candidate: Candidate) -> Candidate:
    """Return an item that the model refused without the sentences with the refused words; problems
    found by code stay."""
    words = _list_words(candidate)
    if candidate.judge == "code" or UNNAMED in candidate.problems or not words:
        return candidate
    texts = [part.item.text for part in split_pieces(candidate)]
    remaining = drop_failed(candidate, [_contains_any(text, words) for text in texts])
    if not is_printable(remaining) or not all(any(_contains(t, w) for t in texts) for w in words):
        return candidate
    others = [p for p in candidate.problems if not p.startswith(UNSUPPORTED)]
    return replace(remaining, problems=tuple(others), judge="code")


def _list_words(candidate: Candidate) -> list[str]:
    """Return the words of the item that the model quoted as wrong."""
    named = (p.removeprefix(UNSUPPORTED) for p in candidate.problems if p.startswith(UNSUPPORTED))
    return [words for words in named if words]


def _contains_any(text: str, words: Iterable[str]) -> bool:
    return any(_contains(text, part) for part in words)


def _contains(text: str, words: str) -> bool:
    """Return True if the words occur in the text, but not inside a longer Latin word."""
    starts = (at for at in range(len(text)) if text.startswith(words, at))
    return any(
        not _is_inside_word(text, start) and not _is_inside_word(text, start + len(words))
        for start in starts
    )


def _is_inside_word(text: str, at: int) -> bool:
    edge = text[max(0, at - 1) : at + 1]
    return len(edge) == 2 and edge.isascii() and edge.isalnum()


def strip_copied(candidates: Sequence[Candidate], stories: Sequence[Story]) -> list[Candidate]:
    """Return the candidates without sentences that several of them share, or that are largely
    copied from a post of a story they do not cite: a post could inject its words into other items
    this way. Items that cite the post itself may have them.
    """
    parts = [split_pieces(candidate) for candidate in candidates]
    sentences = [(_squeeze(part.item.text), part) for own in parts for part in own]
    places = _index_passages(
        stories, {run for bare, _ in sentences for _, run in _passages(bare, 1)}
    )
    # A repetition within a section about the same post is dropped elsewhere.
    counts = Counter(bare for bare, _ in {(bare, part.item.cites[:1]) for bare, part in sentences})
    counts |= Counter(bare for bare, _ in {(bare, part.section) for bare, part in sentences})

    def copied(part: Candidate) -> bool:
        bare = _squeeze(part.item.text)
        texts = [_squeeze(f"{p.author_name} {p.text}") for p in part.posts]
        is_repeated = len(bare) >= MIN_COPIED and counts[bare] >= MAX_REPEATS
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
        return len(taken) > MIN_TAKEN * len(bare)

    result = []
    for candidate, own in zip(candidates, parts, strict=True):
        failed = [copied(part) for part in own]
        result.append(drop_failed(candidate, failed) if any(failed) else candidate)
    return result


def _index_passages(stories: Sequence[Story], wanted: Set[str]) -> Mapping[str, set[str]]:
    """Return, for each wanted passage that occurs in a post, the keys of all posts of the stories
    with such a post. An index of all passages of a large day would take half a gigabyte."""
    places: dict[str, set[str]] = {}
    for story in stories:
        keys = {post.key for post in story.posts}
        for post in story.posts:
            bare = _squeeze(f"{post.author_name} {post.source} {post.text}")
            for _, passage in _passages(bare, 2):
                if passage in wanted:
                    places.setdefault(passage, set()).update(keys)
    return places


def _passages(bare: str, step: int) -> Iterator[tuple[int, str]]:
    """Yield start and text of the passages of a text, long enough not to be shared by chance. Latin
    ones start at every `step` characters; Chinese ones are shorter, maybe a whole sentence."""
    for at in range(len(bare)):
        is_wide = bare[at] >= "\u2e80"
        size = 10 if is_wide else 20
        if len(bare) >= at + size and (is_wide or at % step == 0):
            yield at, bare[at : at + size]


def _squeeze(text: str) -> str:
    """Return only the letters and digits of a text."""
    return "".join(char for char in clean(text).casefold() if char.isalnum())


def list_refusals(candidates: Sequence[Candidate], *, final: bool) -> list[Refusal]:
    """Return the refusals of the candidates, for the report."""
    return [
        Refusal(c.section, c.full_text.strip(), c.problems, c.judge, final)
        for c in candidates
        if c.problems
    ]


def _restore(candidate: Candidate, sums: Sequence[str]) -> Candidate:
    """Return an item that the model supports. It passes if each refused figure that no post has is
    the result of one of the `sums`."""
    if candidate.problems and may_give_all(
        _list_claims(candidate), candidate.full_text, candidate.posts, sums
    ):
        return replace(candidate, problems=(), judge="model")
    return candidate


def _refuse(candidate: Candidate, places: Iterable[str]) -> Candidate:
    """Return an item with the words that the model found wrong; a refusal by code stays as it
    is."""
    if candidate.problems:
        return candidate
    problems = {
        UNSUPPORTED + words if words and _contains(candidate.full_text, words) else UNNAMED: None
        for words in map(str.strip, places)
    }
    return replace(candidate, problems=tuple(problems), judge="model")


def _may_restore(candidate: Candidate) -> bool:
    """Return True if code refused only claims that a cited post may support after all, sums of its
    figures, exchanged figures or exchanged authors. Other sentences may be what a post dictated to
    the checking model by prompt injection."""
    claims = _list_claims(candidate)
    words = {claim.words for claim in claims}
    return may_give_all(claims, candidate.full_text, candidate.posts) and all(
        problem in words or problem.startswith((EXCHANGED, OTHER_AUTHOR))
        for problem in candidate.problems
    )


def _list_claims(candidate: Candidate) -> Sequence[Claim]:
    return verify(candidate.item, candidate.posts, view=candidate.section == "views").claims
