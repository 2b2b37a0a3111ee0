"""Verify an item against the posts it cites. Pure: the same item and posts give the same result.

Every number, day, version, ticker and name of the item must occur in the cited posts, in any
language or notation, or be derived from two of their figures as the sentence says. A view must
belong to the author of a cited post or to a person named in it. Unsupported claims are returned in
the item's words.
"""

import logging
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import isclose
from typing import Literal

from digest.models import Item, Post
from digest.reading.amounts import find_amounts
from digest.reading.assets import blank_tickers, find_tickers
from digest.reading.contexts import (
    count_entries,
    find_aim,
    find_clause,
    find_direction,
    find_moves,
    find_pace,
    find_reversed_words,
    has_cue,
    is_in_top,
    joins_things,
)
from digest.reading.days import NOON, blank_days, blank_zones, find_terms, read_spans
from digest.reading.markup import (
    blank_handles,
    find_commands,
    find_handles,
    find_numeric_words,
    fold_text,
    has_markup,
)
from digest.reading.mentions import find_words, follows_name, has_word, join_versions
from digest.reading.names import find_ticker
from digest.reading.numerals import find_per_scales
from digest.reading.sentences import list_addressees, strip_addressees
from digest.reading.speakers import is_addressed_speaker, is_named
from digest.reading.units import Amount
from digest.reading.vocabulary import CURRENCIES
from digest.text import MAX_CHARS
from digest.write.verify.evidence import CHANGES, Evidence, read_evidence
from digest.write.verify.figures import (
    LARGE,
    SPANS,
    is_converted,
    is_derived,
    is_magnitude,
    is_supported,
    is_uncontradicted,
    is_worked_out,
    read_counts,
    read_parts,
)
from digest.write.verify.naming import find_missing_names
from digest.write.verify.periods import (
    find_missing_days,
    find_missing_spans,
    find_month_days,
    is_between,
    is_until_short_day,
)
from digest.write.verify.versions import find_missing_versions

log = logging.getLogger(__name__)

ClaimKind = Literal[
    "cite", "link", "figure", "derived", "direction", "exchanged", "day", "version", "ticker",
    "name", "speaker", "unrelated",
]  # fmt: skip

_MONEY = frozenset("usd usdt usdc us hk nt".split())
_HALF_OF = frozenset("of the as its their that all".split())
MAX_CHAINED = 8
"""Maximum derived figures that may be operands of each other: 240 a year, so 250 in all."""
LINK = "a link, markup or mention"


@dataclass(frozen=True, slots=True)
class Claim:
    """A part of an item that its posts do not support.

    A `derived` figure can be computed from two figures of the posts, but the sentence does not say
    how. A `figure`, `day` or `version` cannot come from the posts at all. A `direction` is the
    opposite of theirs: up for down, from 53 to 51 for from 51 to 53.
    """

    kind: ClaimKind
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The claims that the cited posts do not support; empty if everything is proved."""

    claims: tuple[Claim, ...]

    @property
    def ok(self) -> bool:
        return not self.claims

    @property
    def unsupported(self) -> tuple[str, ...]:
        """Return the unsupported claims in the item's own words, each once."""
        return tuple(dict.fromkeys(claim.words for claim in self.claims))


def verify(item: Item, posts: Sequence[Post], *, view: bool = False) -> Verdict:
    """Return the claims of an item that its posts do not support. Of `posts` only the cited ones
    count. With `view`, the item's title names the speaker."""
    by_key = {post.key: post for post in posts}
    claims = [
        Claim("cite", f"cites {key}, which is not among the posts")
        for key in item.cites
        if key not in by_key
    ]
    cited = [by_key[key] for key in dict.fromkeys(item.cites) if key in by_key]
    if not cited:
        return Verdict((*claims, Claim("cite", "cites no post")))
    if len(item.title) + len(item.text) > MAX_CHARS:
        return Verdict((*claims, Claim("cite", f"longer than {MAX_CHARS} characters")))
    try:
        evidence = read_evidence(cited)
        claims += _find_claims(join_versions(fold_text(f"{item.title}\n{item.text}")), evidence)
        claims += [Claim("speaker", words) for words in _find_addressees(item, cited)]
        if view:
            claims += [Claim("speaker", words) for words in _find_missing_speakers(item, evidence)]
    except Exception as error:  # a fault costs one item, not the report
        fault, debug = type(error).__name__, log.isEnabledFor(logging.DEBUG)
        log.error("an item about %s cannot be judged (%s)", cited[0].key, fault, exc_info=debug)
        claims.append(Claim("cite", "cannot be judged"))
    stripped = [Claim(claim.kind, claim.words.strip()) for claim in claims if claim.words.strip()]
    return Verdict(tuple(dict.fromkeys(stripped)))


def _find_claims(text: str, evidence: Evidence) -> Iterator[Claim]:
    yield from (Claim("link", words) for words in _find_markup(text, evidence))
    bare = blank_days(text)
    month_days = find_month_days(text, evidence)
    every = find_amounts(blank_handles(bare))
    yield from (Claim("figure", words) for words in _find_unread(text, bare, every, evidence))
    amounts = [
        amount
        for amount in every
        if amount.value not in month_days or not amount.text.endswith(("日", "号"))
    ]
    shares = _blank_amounts(bare, [a for a in amounts if a.kind == "share" or "half" in a.text])
    yield from (Claim("day", words) for words in find_missing_days(text, shares, evidence))
    converted = [amount for amount in amounts if _is_converted(amount, bare, evidence)]
    if not converted:
        clauses = (find_clause(bare, amount, 1) for amount in amounts)
        paces = {unit for clause in clauses for _, by, unit in read_spans(clause) if by}
        yield from (Claim("day", words) for words in find_missing_spans(shares, paces, evidence))
    yield from _find_missing_amounts([a for a in amounts if a not in converted], bare, evidence)
    yield from (Claim("figure", words) for words in _find_missing_scales(bare, evidence))
    yield from (Claim("direction", words) for words in find_reversed_words(bare, evidence.text))
    yield from (
        Claim("direction", words) for words in _find_reversed_moves(amounts, bare, evidence)
    )
    yield from (Claim("version", words) for words in find_missing_versions(bare, evidence.mentions))
    yield from (Claim("ticker", words) for words in _find_missing_tickers(text, evidence))
    measures = [
        amount
        for amount in amounts
        if (amount.unit not in ("", "count") or amount.value >= LARGE)
        and not (amount.in_name or _is_glued(amount, bare))
    ]
    plain = blank_tickers(blank_zones(_blank_amounts(text, measures)))  # kWh is not a name
    for words in find_missing_names(plain, evidence.mentions):
        yield Claim("name", words)


def _find_unread(
    text: str, bare: str, amounts: Sequence[Amount], evidence: Evidence
) -> Iterator[str]:
    """Yield words with a number that no recogniser reads and no post has: ⑥③, 0x3F, a figure of
    sixty digits. `bare` is the text without days."""
    left = _blank_amounts(bare, amounts)
    for term in find_terms(text):
        left = left[: term.start] + " " * (term.end - term.start) + left[term.end :]
    posted = evidence.text.lower()
    for start, end in find_numeric_words(blank_handles(text)):
        is_unread = any(map(str.isnumeric, left[start:end]))
        if is_unread and text[start:end].lower() not in posted:
            yield text[start:end]


def _is_glued(amount: Amount, text: str) -> bool:
    """Return True if a letter other than a Chinese character touches the amount."""
    beside = text[max(0, amount.start - 1) : amount.start], text[amount.end : amount.end + 1]
    return any(char.isalpha() and char < "\u2e80" for char in beside)


def _find_markup(text: str, evidence: Evidence) -> Iterator[str]:
    """Yield markup that a chat would act on, and handles and commands that no post has."""
    if has_markup(blank_handles(text)):  # @sl__ytt
        yield LINK
    for handle in find_handles(text):
        if handle.lower() in ("everyone", "here", "channel", "all"):
            yield LINK
        elif handle.lower() not in evidence.handles:
            yield f"@{handle}"
    yield from (name for name in find_commands(text) if name not in evidence.text)


def _find_missing_amounts(
    amounts: Sequence[Amount], bare: str, evidence: Evidence
) -> Iterator[Claim]:
    """Yield unsupported figures. Figures derived from the posts may be operands of others."""
    dates = {at for term in find_terms(bare) for at in range(term.start, term.end)}
    has_ranks = any(amount.kind == "rank" for amount in evidence.amounts)
    checked = [
        amount
        for amount in amounts
        if not _is_in_date(amount, dates) and _is_checked(amount, bare, has_ranks=has_ranks)
    ]
    derive = partial(_find_fault, stated=read_counts(amounts), evidence=evidence)
    faults = {
        amount: derive(amount, bare)
        for amount in checked
        if amount.kind != "magnitude" and not _is_proved(amount, bare, evidence)
    }
    few = len(faults) <= MAX_CHAINED
    counts = [amount for amount in amounts if _is_proved_count(amount, bare, evidence)]
    for total, count in product(faults, (*faults, *counts)) if few else ():
        if _is_product(total, count, bare, evidence):
            faults |= {total: None} | ({count: None} if count in faults else {})
    derived = [amount for amount, fault in faults.items() if few and not fault]
    proved = [a for a in checked if a not in faults and a.kind in ("number", "share")]
    measures = [a for a in proved if a.unit not in ("", "count")]
    for amount in checked:
        if amount.kind == "magnitude":
            if not is_magnitude(amount, (*evidence.amounts, *amounts)):
                yield Claim("figure", amount.text)
        elif amount not in faults:
            if not is_between(amount, evidence) and _is_reversed(amount, bare, evidence):
                yield Claim("direction", find_clause(bare, amount).strip())
        elif fault := faults[amount]:
            fault = derive(amount, bare, derived) if derived else fault
            worked_out = is_worked_out(amount, find_clause(bare, amount), proved)
            if fault and not worked_out and not is_supported(amount, measures):
                yield Claim(fault, amount.text)  # 175 yards, or 160 metres


def _find_missing_scales(bare: str, evidence: Evidence) -> Iterator[str]:
    """Yield "per thousand" if the posts give rates per million only."""
    posted = find_per_scales(evidence.text)
    allowed = {*posted, *(amount.value for amount in evidence.amounts)}
    stated = find_per_scales(bare) if posted else {}
    yield from (words for value, words in stated.items() if value not in allowed)


def _is_in_date(amount: Amount, dates: Set[int]) -> bool:
    bare = amount.kind in ("share", "rank") or amount.unit in ("", "count", "year", "month")
    return amount.start in dates and (bare or amount.start - 1 in dates)


def _is_proved(amount: Amount, bare: str, evidence: Evidence) -> bool:
    proved = _is_stated(amount, evidence) or _is_listed(amount, bare, evidence)
    proved = proved or is_between(amount, evidence) or _is_priced(amount, bare, evidence)
    proved = proved or _is_in_top(amount, bare, evidence) or _is_century(amount, bare, evidence)
    return proved or _is_bare_hour(amount, bare, evidence) or _is_quarter(amount, bare, evidence)


def _is_bare_hour(amount: Amount, text: str, evidence: Evidence) -> bool:
    """Return True for the hours of "between seven and nine in the evening"."""
    minutes = {hour.minutes % NOON for hour in evidence.hours}
    is_hour = amount.unit in ("", "count") and 1 <= amount.value <= 12
    is_named = is_hour and has_cue(find_clause(text, amount), "part_of_day")
    return is_named and amount.value * 60 % NOON in minutes


def _is_quarter(amount: Amount, text: str, evidence: Evidence) -> bool:
    """Return True for "a quarter" of a year, which the posts name: 一个季度."""
    is_share = text[amount.end :].lstrip().startswith("of")
    return amount.text.lower() == "a quarter" and not is_share and "quarter" in evidence.spans


def _find_fault(
    amount: Amount,
    bare: str,
    more: Sequence[Amount] = (),
    *,
    stated: Set[tuple[float, str]],
    evidence: Evidence,
) -> Literal["figure", "derived"] | None:
    """Return None for a figure that can be derived from those of the posts and `more`."""
    if _is_counted_up(amount, bare, stated, evidence):
        return None
    values, operands = {value for value, _ in stated}, (*evidence.operands, *more)
    clause, summed = find_clause(bare, amount), joins_things(bare, amount)
    derived = is_derived(amount, clause, operands, values, summed=summed)
    return None if derived else "figure" if derived is False else "derived"


def _is_stated(amount: Amount, evidence: Evidence) -> bool:
    """Return True if the posts have the amount, or both numbers of a share."""
    parts = list(read_parts([amount]))
    facts = evidence.ranks if amount.kind == "rank" else evidence.amounts
    return is_supported(amount, facts) or (
        len(parts) == 2 and all(is_supported(part, evidence.amounts) for part in parts)
    )


def _is_proved_count(amount: Amount, text: str, evidence: Evidence) -> bool:
    """Return True for a count above 1 that is proved on its own, or that the posts have. The 2 of
    "Sora 2" is not a count."""
    in_name = amount.in_name or (not amount.spelled and follows_name(text, amount.start))
    if in_name or amount.unit not in ("", "count"):
        return False
    checked = _is_checked(amount, text, has_ranks=False)
    return (
        checked or amount.value in evidence.lists or is_supported(amount, evidence.amounts)
    ) and amount.value > 1


def _is_product(total: Amount, count: Amount, bare: str, evidence: Evidence) -> bool:
    """Return True for the total of a figure of the posts times a count in the statement, which may
    be assumed: "$1,000 for each of the four, $4,000 in all"."""
    if total.unit in ("", "count") or count.in_name or count.unit in CHANGES:
        return False
    return has_cue(find_clause(bare, total), "sum") and any(
        fact.unit == total.unit and isclose(fact.value * count.value, total.value)
        for fact in evidence.operands
        if fact.value != total.value
    )


FEW = 3
"""Number of things that a reader counts without a list."""


def _is_counted_up(
    amount: Amount, bare: str, stated: Set[tuple[float, str]], evidence: Evidence
) -> bool:
    """Return True for a number that a reader can count: at most as many things as the posts or the
    statement list, or the time between days that the posts name or were written on."""
    most = max(evidence.lists | count_entries(bare) | {FEW})
    if amount.unit not in SPANS and amount.value > most:
        return False
    dated = evidence.names_days or len(evidence.created) > 1
    dated |= amount.unit in evidence.spans or is_until_short_day(amount, evidence)
    written = [other for other in evidence.amounts if other.end]
    return (dated or amount.unit not in SPANS) and is_uncontradicted(amount, stated, written)


def _find_reversed_moves(amounts: Sequence[Amount], bare: str, evidence: Evidence) -> Iterator[str]:
    """Yield "from 53 to 51" if the posts say from 51 to 53."""
    posted = {(a.value, b.value) for a, b in evidence.moves}
    for first, second in find_moves(bare, amounts):
        ends = first.value, second.value
        if ends not in posted and ends[::-1] in posted:
            yield bare[first.start : second.end]


def _blank_amounts(text: str, amounts: Sequence[Amount]) -> str:
    for amount in amounts:
        text = text[: amount.start] + " " * (amount.end - amount.start) + text[amount.end :]
    return text


def _is_reversed(amount: Amount, text: str, evidence: Evidence) -> bool:
    """Return True if the statement contradicts the posts about a figure: up instead of down, fell
    "to" it instead of "by" it, or per month instead of per day."""
    facts = [fact for fact in evidence.facts if is_supported(amount, [fact.amount])]
    pace = find_pace(text, amount)
    if pace and facts and all(fact.pace and fact.pace.isdisjoint(pace) for fact in facts):
        return True
    if amount.unit not in CHANGES:
        return False
    aim, direction = find_aim(text, amount), find_direction(text, amount)
    facts = [fact for fact in facts if fact.amount.unit in CHANGES]
    aims, directions = {fact.aim for fact in facts}, {fact.direction for fact in facts}
    is_opposite = direction != 0 and directions == {-direction}
    return is_opposite or (aim != "" and aims in ({"by"}, {"to"}) and aim not in aims)


def _is_checked(amount: Amount, text: str, *, has_ranks: bool) -> bool:
    """Return True if the posts must support this amount. Exempt: "one", a bare "two", "first",
    amounts inside names, and "second" unless the posts have ranks too."""
    value, unit = amount.value, amount.unit
    if amount.text.lower() == "half" and not _HALF_OF.intersection(text[amount.end :].split()[:1]):
        return False  # the first half, half-hearted: not a share
    glued = text[amount.start - 1 : amount.start] == "-" and amount.text.istitle()  # 7-Eleven
    if amount.in_name or glued or (not value and unit != "percent"):
        return False
    if amount.kind == "rank":
        spans = read_spans(text[: amount.end])
        is_pace = any(by and pace == amount.text for _, by, pace in spans)  # 90 frames a second
        return value >= 3 or (value == 2 and has_ranks and not is_pace)
    if amount.kind != "number" or not amount.spelled:
        return True
    sure = amount.text.isascii() or unit or value >= 10
    return bool(sure) and (value >= 3 or (value != 1 and unit not in ("", "count")))


def _is_converted(amount: Amount, text: str, evidence: Evidence) -> bool:
    clause = find_clause(text, amount)
    return is_converted(amount, clause, evidence.operands, evidence.spans) or any(
        is_converted(amount, clause, [fact.amount], fact.pace, paced=True)
        for fact in evidence.facts
    )


def _is_priced(amount: Amount, text: str, evidence: Evidence) -> bool:
    """Return True for the million in "a million tokens cost $5" if the posts have $5/M."""
    if amount.unit not in ("", "count") or amount.value not in find_per_scales(evidence.text):
        return False
    return any(other.unit in CURRENCIES for other in find_amounts(find_clause(text, amount)))


def _is_century(amount: Amount, text: str, evidence: Evidence) -> bool:
    """Return True for the century of a year or decade in the posts: 20 世纪 20 年代, the 1920s."""
    named = text[amount.end :].lstrip().lower().startswith(("世纪", "century", "centuries"))
    years = (
        other.value
        for other in evidence.amounts
        if 1000 < other.value < 2100 and other.unit in ("", "year", "second")  # of the 1920s
        if other.text[:4].isdigit() and not other.counts
    )
    return named and any((year - 1) // 100 + 1 == amount.value for year in years)


LAST_TOP = 100
"""Largest N of a "top N" that a rank in the posts may prove."""


def _is_in_top(amount: Amount, text: str, evidence: Evidence) -> bool:
    """Return True for the N of "top N" if the posts have a rank within it: #9 is in the top ten."""
    ranks = (rank.value for rank in evidence.ranks if rank.kind == "rank")
    return is_in_top(text, amount) and any(1 < rank <= amount.value <= LAST_TOP for rank in ranks)


def _is_listed(amount: Amount, text: str, evidence: Evidence) -> bool:
    """Return True for a small bare count that is the length of a list in the posts or in the
    statement."""
    value, unit = amount.value, amount.unit
    countable = unit == "count" or (not unit and (amount.counts or amount.spelled))
    countable &= "." not in amount.text  # 2.0 alpha
    small = countable and 2 <= value <= 100 and value == int(value)
    return small and int(value) in evidence.lists | count_entries(text)


def _find_missing_tickers(text: str, evidence: Evidence) -> Iterator[str]:
    for words, ticker in find_tickers(text):
        entry = find_ticker(ticker)
        known = entry and entry.key in evidence.mentions.keys - evidence.mentions.glued
        if ticker.lower() not in _MONEY and not known and not _is_written(ticker, evidence):
            yield words


def _is_written(ticker: str, evidence: Evidence) -> bool:
    return has_word(ticker.lower(), evidence.mentions.text)


def _find_addressees(item: Item, cited: Sequence[Post]) -> Iterator[str]:
    """Yield people to whom a cited post only replies, if the item, which names no author, makes
    them the speaker."""
    text = f"{item.title}\n{item.text}"
    if any(is_named(text, post.author_name, post.author) for post in cited):
        return
    addressless = " ".join(strip_addressees(post.text) for post in cited).lower()
    for handle in dict.fromkeys(h for post in cited for h in list_addressees(post.text)):
        if not has_word(handle.lower(), addressless) and is_addressed_speaker(item.text, handle):
            yield f"@{handle}"


def _find_missing_speakers(item: Item, evidence: Evidence) -> Iterator[str]:
    """Yield the person in the title, unless a cited post is by that person or names them."""
    title = fold_text(item.title)
    handles = {handle.lower() for handle in find_handles(title)}
    name = title.replace("（", "(").replace("@", "(").partition("(")[0].strip()
    if handles and not handles <= evidence.handles:
        yield item.title
    elif name and not handles and not _is_named(name.lower(), evidence):
        yield name


def _is_named(name: str, evidence: Evidence) -> bool:
    if name in evidence.authors or name in evidence.text.lower():
        return True
    words = {word for _, word in find_words(name) if len(word) > 2} & evidence.mentions.words
    return bool(words) and not list(find_missing_names(f"x {name.title()}", evidence.mentions))
