"""Verify the names of a statement against those of its posts, in any script."""

from collections.abc import Iterator, Sequence
from itertools import pairwise, takewhile

from digest.reading.amounts import find_cues
from digest.reading.counterparts import (
    find_han_counterparts,
    find_latin_counterparts,
    match_counterparts,
    select_leads,
)
from digest.reading.han import find_foreign_names, find_han_names, find_opening_people
from digest.reading.markup import blank_handles
from digest.reading.mentions import (
    Mentions,
    cut_humps,
    cut_parts,
    cut_segments,
    find_words,
    glue,
    has_han,
    has_handle,
    has_word,
    join_name,
    keep_letters,
    looks_ordinary,
    strip_ending,
    strip_tail,
    strip_version,
)
from digest.reading.names import (
    Name,
    find_entry,
    find_names,
    find_owners,
    find_ticker,
    is_common,
    is_jargon,
    opens_sentence,
    select_names,
    simplify,
)
from digest.reading.segment import Word, segmenter
from digest.reading.sounds import Sounds, unaccent
from digest.reading.speakers import find_lower_speakers, speaks
from digest.reading.vocabulary import KnownName
from digest.text import language

MAX_SPELLED = 6
"""Maximum words of a name that an abbreviation stands for."""
TYPO_CHARS = 8
"""Minimum letters of a word that may be misspelled or cut off."""
_WIDE = frozenset({"china", "us", "europe", "asia"})
"""Places that a report may add if its posts name none, because they are its own perspective."""


def find_missing_names(text: str, mentions: Mentions) -> Iterator[str]:
    """Yield the names of a statement that the posts do not have: listed names, and unlisted ones
    that the posts would write in the same script or have no counterpart for in theirs."""
    plain = simplify(blank_handles(text))
    foreign = bool(mentions.languages - {language(plain)})
    placed = find_names(plain)
    spans = [(start, start + len(name.text)) for start, name in placed]
    unlisted: list[str] = []
    for start, name in placed:
        span = start, start + len(name.text)
        if _names_maker(name, start, plain, mentions):
            continue
        if _is_of_person(name, plain, *span):
            spans.remove(span)
            continue
        if entry := _find_known(name):
            if _has_entry(entry, name, start, plain, mentions):
                continue
            if _crosses_words(name, plain, *span):
                spans.remove(span)
            elif not foreign or not _is_rendered(entry, name, start, plain, mentions):
                yield name.text
        else:
            missing = list(_find_missing_words(name.text, plain, start, mentions))
            unlisted += missing if not _is_glossed(text, start + len(name.text), mentions) else ()
    yield from (name for name in find_lower_speakers(text) if name not in mentions.words)
    speaking = {name.text for start, name in placed if speaks(plain, start + len(name.text))}
    if "ja" in mentions.languages:
        speaking.clear()  # the reading of 健二 is ambiguous
    latin = [
        name
        for name in dict.fromkeys(unlisted)
        if foreign and name not in speaking and _is_free(name, mentions)
    ]
    yield from (name for name in unlisted if name not in latin)
    if latin and find_latin_counterparts(select_leads(mentions.plain), plain):
        yield from latin  # the posts begin with another Latin name
    elif latin:
        yield from match_counterparts(latin, find_han_counterparts(mentions.plain, plain))
    han = list(dict.fromkeys(_find_missing_han_names(plain, spans, mentions)))
    if han and foreign:
        yield from match_counterparts(han, find_latin_counterparts(mentions.plain, plain))
    else:
        yield from han


def _is_free(name: str, mentions: Mentions) -> bool:
    """Return True for a name that may render any name of the posts; its number must be theirs."""
    words = name.split()
    numbers = {word for word in words if word.isdigit()}
    return numbers <= mentions.segments and not any(
        char.isdigit() for word in words if word not in numbers for char in word
    )


SEAT_CHARS = 12
"""Characters before a place: "headquartered in San Francisco" renders no name of the posts."""


def _is_rendered(entry: KnownName, name: Name, start: int, text: str, mentions: Mentions) -> bool:
    """Return True for a name that posts in another script may write in a form that no list has (DC,
    SoCal): all their names of its kind are in the statement. People are never accepted, and
    companies only if no list has their Chinese name, because these are exchanged most often."""
    end = start + len(name.text)
    unspelled = _is_cjk(mentions) and all(map(str.isascii, entry.spellings))
    exchanged = entry.kind == "person" or (entry.kind == "company" and not unspelled)
    if exchanged or (entry.coin and name.text.isupper()) or speaks(text, end):
        return False  # SOL is SOL in every script
    if any(find_cues(text[max(0, start - SEAT_CHARS) : start], "seat")):
        return False
    stated = [known for _, name in find_names(text) if (known := _find_known(name))]
    keys = {known.key for known in stated}
    owned = {s for known in stated if not _is_capital(known) for s in known.owns}
    posted = [k for _, name in find_names(mentions.plain) if (k := _find_known(name))]
    return not any(
        other.kind == entry.kind
        and other.key not in {*keys, "x"}
        and owned.isdisjoint((*other.spellings, *other.owns))
        for other in posted
    )


NAME_CHARS = 24
"""Maximum characters from a word of a name to the bracket after it."""


def _is_glossed(text: str, end: int, mentions: Mentions) -> bool:
    """Return True for a name followed in brackets by its ticker (blanked out, because it is
    verified separately) or by an abbreviation that the posts have: Realty Income ($O)."""
    words, bracket, behind = text[end : end + NAME_CHARS].replace("（", "(").partition("(")
    short = behind.replace("）", ")").partition(")")[0].strip()
    written = not short or (short in mentions.capitals and not find_entry(short))
    return bool(bracket) and written and all(map(str.istitle, words.split()))


def _is_of_person(name: Name, text: str, start: int, end: int) -> bool:
    """Return True if a Chinese name is part of a person's name: 罗伯特·西奥迪尼 is not 奥迪."""
    return (
        not name.text.isascii()
        and name.kind != "person"
        and any(
            at <= start and end <= at + len(person.text) for at, person in find_foreign_names(text)
        )
    )


def _crosses_words(name: Name, text: str, start: int, end: int) -> bool:
    """Return True if a Chinese name crosses word boundaries: 强生 in 增强生成."""
    if name.text.isascii():
        return False
    segmenter().prepare([text])
    words = ((at, at + len(word)) for word, _, at in segmenter().cut(text))
    return any(a < start < b < end or start < a < end < b for a, b in words)


def _find_known(name: Name) -> KnownName | None:
    bare = strip_version(name.text)
    ticker = find_ticker(name.text) if name.text.isupper() else None
    return find_entry(name.text) or ticker or (find_entry(bare) if name.kind else None)


ADDED_LETTERS = 4
"""Maximum letters that a handle adds to the name of a product: @geminiapp."""
BESIDE_CHARS, MAKER_CHARS = 60, 12
"""Maximum characters between a company and its product or person, and between a product and the
word "maker"."""
_POSSESSIVES = (
    "'s ",
    "-led ",
    "的",
    " 的",
    "旗下",
    " 旗下",
    "执掌",
    "领导",
    "掌舵",
    "创办",
    "创立",
)


def _has_entry(entry: KnownName, name: Name, start: int, text: str, mentions: Mentions) -> bool:
    if {entry.key, name.key} & mentions.keys or _is_spelled(entry, name, mentions):
        return True
    end = start + len(name.text)
    spelled = (name.text, join_name(text, start, end), _spell_out(text, start))
    if any(_has_initials(words, mentions) for words in spelled):
        return True
    beside = text[max(0, start - BESIDE_CHARS) : end + BESIDE_CHARS]
    # Sora in the posts proves "OpenAI's Sora", but not that OpenAI said something.
    if (not speaks(text, end) or _is_author(entry, mentions)) and any(
        _stands_beside(owned, beside) and _is_owned(owned, mentions) for owned in entry.owns
    ):
        return True
    short = find_entry(entry.key.split()[0]) if entry.ticker else None
    if short and (short.key in mentions.keys or _is_written(short.key, mentions)):
        return True  # CRCL is Circle Internet, Circle for short
    if entry.kind == "place":
        implied = entry.key in _list_homes(mentions)
        placed = text[:start].lower().endswith(_PLACING) and _is_capital(entry)
        implied |= not placed and any(_is_owned(owned, mentions) for owned in entry.owns)
        home = {"china": "zh", "japan": "ja"}.get(entry.key) in mentions.languages
        return (
            implied
            or home
            or _has_code(name.text, mentions)
            or (entry.key in _WIDE and not mentions.places)
        )
    if entry.kind == "person":
        return mentions.sounds.match(name.text)
    return name.text.isascii() and mentions.sounds.match_script(name.text)


_PLACING = ("in ", "at ", "from ", "to ", "of ", "near ", "在", "于", "到", "飞")
"""Words before a capital that make it a place rather than a government."""


def _is_capital(entry: KnownName) -> bool:
    """Return True for a city that owns only the country that owns it."""
    countries = {owner.key for spelling in entry.spellings for owner in find_owners(spelling)}
    return len(entry.owns) == 1 and any(
        known.key in countries for owned in entry.owns if (known := find_entry(owned))
    )


def _has_code(place: str, mentions: Mentions) -> bool:
    """Return True if the posts have the first two letters of a place or its language as a code
    without another meaning: CA, FR; but UK is not Ukraine."""
    code = place[:2].upper()
    return code in mentions.capitals and not is_jargon(code) and not find_entry(code)


def _list_homes(mentions: Mentions) -> set[str]:
    """Return the home countries of the makers of the posts' products: Claude is from the US."""
    makers = {maker for key in mentions.keys for maker in find_owners(key)}
    return {home.key for maker in makers for home in find_owners(maker.spellings[0])}


def _is_author(entry: KnownName, mentions: Mentions) -> bool:
    """Return True if an author is named after something that the company owns: @claudeai, but not
    Claude Dupont."""
    names = [glue(owned.replace(" ", "")) for owned in entry.owns if len(owned) > 2]
    return any(
        author.startswith(name) and len(author) <= len(name) + ADDED_LETTERS
        for author in map(keep_letters, mentions.authors)
        for name in names
    )


def _stands_beside(owned: str, beside: str) -> bool:
    """Return True if the words have a spelling of the name, with the same capitals."""
    entry = find_entry(owned)
    spellings = (owned, *(entry.spellings if entry else ()))
    return (owned.istitle() and " " in owned and Sounds(beside).match(owned)) or any(
        spelling in beside and select_names([Name("", spelling)], beside) for spelling in spellings
    )


def _is_owned(owned: str, mentions: Mentions) -> bool:
    entry = find_entry(owned)
    known = entry and (entry.key in mentions.keys or _is_spelled(entry, Name("", owned), mentions))
    return bool(known) or _is_written(owned, mentions)


def _names_maker(name: Name, start: int, text: str, mentions: Mentions) -> bool:
    """Return True for a product or person that only identifies a company of the posts: "ChatGPT
    maker OpenAI", "Elon Musk's xAI"."""
    after = text[start + len(name.text) :][: 2 * MAKER_CHARS]
    entry = find_entry(name.text)
    owners = find_owners(entry.spellings[0] if entry else name.text)
    owners = tuple(owner for owner in owners if owner.key in mentions.keys)
    if any(find_cues(after[:MAKER_CHARS], "maker")):
        return bool(owners)
    spellings = (spelling for owner in owners for spelling in owner.spellings)
    return after.startswith(_POSSESSIVES) and any(s in after for s in spellings)


def _is_spelled(entry: KnownName, name: Name, mentions: Mentions) -> bool:
    """Return True if the posts have a spelling of the name, also inside a tag or split up."""
    han = [simplify(s).lower() for s in (*entry.spellings, *entry.short) if not s.isascii()]
    if any(spelling in mentions.text for spelling in han):
        return True
    latin = [s for s in (*entry.spellings, *entry.short, name.text) if s.isascii()]
    return any(_is_written(spelling, mentions) for spelling in latin)


def _is_written(spelling: str, mentions: Mentions) -> bool:
    spelled = unaccent(spelling).lower().split()
    parts = [part for word in spelled for part in cut_parts(word) if part not in ("", "s")]
    glued = "".join(parts)
    if not spelling.isascii():
        return simplify(spelling).lower() in mentions.text
    words = all(part in mentions.words for part in parts)
    tagged = glued in mentions.words or _is_in_tag(glued, mentions) or _is_begun(glued, mentions)
    return words or (len(glued) > 3 and tagged)


def _is_in_tag(word: str, mentions: Mentions) -> bool:
    return any(tag.startswith(word) or tag.endswith(word) for tag in mentions.tags)


def _find_missing_words(name: str, text: str, start: int, mentions: Mentions) -> Iterator[str]:
    """Yield the words of an unlisted Latin name that the posts lack; the whole name if they lack
    all."""
    if has_word(name.lower(), mentions.text):
        return
    checked = [word for at, word in find_words(name) if _is_telling(word, text, start + at)]
    missing = [word for word in checked if not _has_word(word, name, mentions)]
    before = text[max(0, start - 20) : start].split(" ")[-2:-1]
    first = f"{before[0]} " if before and before[0].istitle() and before[0].isalpha() else ""
    whole, sounds = first + name, mentions.sounds
    if not missing or sounds.match(whole) or sounds.match(name) or has_handle(whole, mentions):
        return
    if _has_initials(name, mentions) or _has_initials(_spell_out(text, start), mentions):
        return
    yield name if len(missing) == len(checked) else " ".join(missing)


def _spell_out(text: str, start: int) -> str:
    """Return a name with its continuation after "of": Massachusetts Institute of Technology."""
    words = text[start:].partition(",")[0].split()[:MAX_SPELLED]
    return " ".join(takewhile(lambda word: word.istitle() or word in ("of", "for", "and"), words))


def _has_initials(name: str, mentions: Mentions) -> bool:
    """Return True if the posts have the initials of these words as a word: CFTC, or CC for Claude
    Code."""
    initials = "".join(word[0] for word in name.replace("-", " ").split() if word[0].isupper())
    if len(initials) < 2 or is_jargon(initials):
        return False
    return initials in mentions.capitals or (
        len(initials) > 2 and initials.lower() in mentions.words
    )


def _is_telling(word: str, text: str, at: int) -> bool:
    """Return True for a word that names something: neither an ordinary word nor a mere figure."""
    word = word.rsplit("'", 1)[0]
    beside = text[max(0, at - 2) : at + len(word) + 2]
    if len(word) < 2 or is_jargon(word):
        return False
    if has_han(beside) and not word.islower():
        return True  # between Chinese words only names have capitals
    if opens_sentence(text, at) and looks_ordinary(word):
        return False
    parts = [part for part in cut_parts(word) if len(part) > 1 and not part.isdigit()]
    return not all(is_common(part) or is_jargon(part) for part in parts)


def _has_word(word: str, name: str, mentions: Mentions) -> bool:
    """Return True if the posts have the word, or all parts of a compound; in the same order if it
    contains a number."""
    lower = unaccent(word.rsplit("'", 1)[0]).lower()
    glued = glue(lower)
    base = strip_tail(lower)
    stem = base if find_owners(base) else strip_ending(base)  # Imagen is not a form of "image"
    if {
        lower,
        glued,
        base,
        stem,
        f"{base}s",
        base.removesuffix("s"),
        f"{base[:-1]}ies",
    } & mentions.words:
        return True
    if len(glued) > (3 if word.islower() else 2) and _is_in_tag(glued, mentions):
        return True
    if len(lower) > 3 and any(s[0].isdigit() for s in mentions.followers.get(lower, ())):
        return True  # iPhone14pro
    cut = cut_segments(strip_tail(word))
    if len(cut) > 1 and any(segment[0].isdigit() for segment in cut):
        return _has_numbered(cut, mentions)
    parts = [part for part in cut_parts(word) if len(part) > 1 and not part.islower()]
    if len(parts) > 1 and all(
        strip_ending(p.lower()) in mentions.words or is_common(p) for p in parts
    ):
        return True
    if word.isupper() and (
        (2 < len(word) < 6 and lower in mentions.initials.lower()) or word in mentions.initials
    ):
        return True  # GQA is grouped-query attention, BD Business Development
    humps = [hump.lower() for hump in cut_humps(word)]
    if len(humps) > 1 and has_word(" ".join(humps), mentions.text):
        return True  # GoFundMe is his go fund me
    humps = [hump for hump in humps if len(hump) > 3]
    if len(humps) > 1 and any(all(hump in tag for hump in humps) for tag in mentions.tags):
        return True  # OpenEvidence is @EvidenceOpen
    pairs = (glue(a + b) for a, b in pairwise(name.lower().split()) if lower in (a, b))
    known = any(pair in mentions.words for pair in pairs) or mentions.sounds.match(word)
    return known or _is_misspelled(lower, mentions) or _is_begun(lower, mentions)


def _is_begun(word: str, mentions: Mentions) -> bool:
    """Return True if a post has a long word without its last letters: HyperLiq'."""
    shorter = (word[:at] for at in range(max(TYPO_CHARS, len(word) - ADDED_LETTERS), len(word)))
    return not mentions.words.isdisjoint(shorter)


def _is_misspelled(word: str, mentions: Mentions) -> bool:
    """Return True if a post has a long word with one letter missing or added: PitcBook."""
    if len(word) < TYPO_CHARS or not word.isalpha():
        return False
    shorter = {word[:at] + word[at + 1 :] for at in range(1, len(word))}
    near = (w for w in mentions.words if len(w) == len(word) + 1 and w[0] == word[0])
    return bool(shorter & mentions.words) or any(
        w[:at] + w[at + 1 :] == word for w in near for at in range(1, len(w))
    )


def _has_numbered(cut: Sequence[str], mentions: Mentions) -> bool:
    """Return True if the pieces follow each other in the posts, or all occur in them ("Qwen3" for
    千问 3)."""
    apart = [(a, b) for a, b in pairwise(cut) if (a, b) not in mentions.near]
    if any(len(a) == 1 or len(b) == 1 for a, b in apart if a.isalpha() or b.isalpha()):
        return False  # 4B is not 4M, B200 not H200
    if len(cut) > 2 and all(len(segment) == 1 for segment in cut):
        return False  # A2A
    strange = [s for s in cut if s not in mentions.segments and s not in mentions.words]
    return not apart or not strange


def _find_missing_han_names(
    text: str, spans: Sequence[tuple[int, int]], mentions: Mentions
) -> Iterator[str]:
    """Yield missing Chinese names of people, and titles in 《》 if the posts are Chinese."""
    text_language = language(text)
    words: tuple[Word, ...] = ()
    if text_language == "zh":
        segmenter().prepare([text])
        words = tuple(segmenter().cut(text))
    bare = keep_letters(mentions.text)
    same = mentions.languages <= {"zh"}
    for person in find_opening_people(text, words) if same else ():
        if person[1:] not in bare and not mentions.sounds.match(person):
            yield person
    for start, name in find_han_names(text, text_language, words, list(spans)):
        lower = keep_letters(name.text.lower())
        end = start + len(name.text)
        if text[end : end + 1] == "·" and (
            any(listed == end + 1 for listed, _ in spans)
            or any(mentions.sounds.match(text[start : end + more]) for more in range(3, 7))
        ):
            continue  # the first name of a person in the posts
        at = start + name.text.rfind("·") + 1
        last = text[at:end]
        if lower in bare or (at > start and len(last) > 2 and last in bare):
            continue
        if name.kind == "person" and _sounds_alike(text, start, end, mentions):
            continue
        if not _is_cjk(mentions) and mentions.sounds.match_around(text, at, end):
            continue
        if name.kind == "person" or (name.kind == "title" and _is_cjk(mentions)):
            yield f"《{name.text}》" if name.kind == "title" else name.text


def _sounds_alike(text: str, start: int, end: int, mentions: Mentions) -> bool:
    """Return True if the posts have a name of this sound. The ends of a name with a dot may be cut
    off, because its characters spell other words too: 理查德·索彻, 奥逊·威尔斯."""
    first = text[start - 1 : start] == "·"
    more = range(3)
    before = range(2, 6) if first else more
    names = (text[max(0, start - left) : end + right] for left in before for right in more)
    return any(mentions.sounds.match(name) for name in names)


def _is_cjk(mentions: Mentions) -> bool:
    return bool(mentions.languages & {"zh"})
