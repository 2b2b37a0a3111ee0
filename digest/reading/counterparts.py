"""Find names of the posts in another script that an unlisted name of the statement may render: QNAP
may be 威联通, which no list has; 苏塞 may be Sousse."""

import re
from collections.abc import Iterator

from digest.reading.han import find_han_names
from digest.reading.mentions import has_han
from digest.reading.names import find_entry, find_names
from digest.reading.segment import NEW, segmenter
from digest.reading.sounds import Sounds, is_alike, may_be_alike, sound_of
from digest.reading.vocabulary import load_words

_TITLED = re.compile(r"《[^《》\n]{2,40}》|[“「『\"][\u3400-\u9fff·]{2,20}[”」』\"]")
_NAME_TAGS = frozenset({NEW, "nr", "nz", "nt", "nrt", "j"})
_LEAD = re.compile(r"^.*@\w+.*\n(.{0,40})", re.MULTILINE)
_SOURCE = re.compile(r"^(.* @\w+) .*$", re.MULTILINE)
"""The author's line of a post; the source after the handle is not a name in the post."""
MAX_CHARS = 4000
"""Characters of the posts that are searched for names; reports cite short posts."""


def select_leads(posted: str) -> str:
    """Return how each post begins after its author's line, because that says whom it is about."""
    return "\n".join(match[1] for match in _LEAD.finditer(posted[:MAX_CHARS]))


def find_han_counterparts(posted: str, statement: str) -> list[str]:
    """Return the names in Han characters for which no list has a Latin spelling, and which do not
    sound like any word of the statement."""
    posted = _SOURCE.sub(r"\1", posted[:MAX_CHARS])
    segmenter().prepare([posted])
    words = tuple(segmenter().cut(posted))
    spans = [(at, at + len(name.text)) for at, name in find_names(posted) if _is_paired(name.text)]
    names = {name.text for _, name in find_han_names(posted, "zh", words, spans)}
    names |= {match.group() for match in _TITLED.finditer(posted)}
    stop_words = load_words("stop_words", "chinese")
    for word, tag, at in words:
        listed = any(start < at + len(word) and at < end for start, end in spans)
        if tag in _NAME_TAGS and len(word) > 1 and word not in stop_words and not listed:
            names.add(word)
    spelled = Sounds(statement)
    return sorted(name for name in names if not spelled.match(name))


def find_latin_counterparts(posted: str, statement: str) -> list[str]:
    """Return the names in Latin letters for which no list has a Chinese spelling, and which the
    statement does not have."""
    lower = statement.lower()
    posted = _SOURCE.sub(r"\1", posted[:MAX_CHARS])
    names = {name.text for _, name in find_names(posted) if not _is_paired(name.text)}
    return sorted(
        name
        for name in names
        if name[:1].isascii() and name[:1].isalpha() and name.lower() not in lower
    )


def _is_paired(name: str) -> bool:
    """Return True for a listed name with spellings in both scripts."""
    entry = find_entry(name)
    if not entry:
        return False
    return len({has_han(spelling) for spelling in entry.spellings}) > 1


def match_counterparts(missing: list[str], counterparts: list[str]) -> Iterator[str]:
    """Yield the missing names that are left after matching each to one counterpart: by sound if
    both are spelled phonetically, otherwise any."""
    free = list(counterparts)
    for name in missing:
        source = next((other for other in free if _may_render(name, other)), None)
        if source is None:
            yield name
        else:
            free.remove(source)


def _may_render(name: str, other: str) -> bool:
    if not has_han(name) and not _is_phonetic(other):
        return True
    parts, others = (
        word.strip("《》").replace("·", " ").replace("・", " ").split() for word in (name, other)
    )
    cut = len(parts) > 1 and len(parts[-1]) < 2  # 杰克·阿 of 杰克·阿列塔
    if cut:
        return any(is_alike(sound_of(parts[0]), sound_of(word)) for word in others)
    return any(may_be_alike(parts[-1], word) for word in others)


def _is_phonetic(name: str) -> bool:
    """Return True for a foreign name that is spelled phonetically in Chinese characters."""
    marks = load_words("han_cues", "transliteration")
    return "·" in name or (len(name) > 1 and all(char in marks for char in name))
