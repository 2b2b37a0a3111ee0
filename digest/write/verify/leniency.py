"""Decide which refusals by code the model may overrule: names, and figures, days and versions that
a cited post may support in another reading (a misread unit, a number inside a name, a day in
another time zone) or that a calculation on its figures gives. Everything else stays refused."""

from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise, permutations, product

from digest.models import Post
from digest.reading.amounts import find_amounts
from digest.reading.contexts import has_cue
from digest.reading.days import (
    Hour,
    as_day,
    find_days,
    find_hours,
    find_terms,
    read_spans,
    resolve_days,
)
from digest.reading.markup import fold_text
from digest.reading.mentions import cut_segments, find_bare_versions, find_variants, find_versions
from digest.reading.numerals import find_numerals
from digest.reading.units import Amount, Quantity
from digest.reading.vocabulary import load_dimensions
from digest.write.verify import Claim
from digest.write.verify.evidence import SPAN_DAYS, Evidence, list_lengths, read_evidence
from digest.write.verify.figures import EXACT, MAX_COUNTED, RIVALS, find_trailing_step
from digest.write.verify.sums import FACTORS, list_results

MAX_ROUNDED = 0.06
"""Maximum relative difference due to rounding: 60 for 62.4."""
MIN_ROUNDED = 0.01
"""The same if nothing says that the result of a calculation is rounded: 1,600 for 1,612."""
BEYOND, BEYOND_SHARE = 0.1, 0.25
"""Relative excess of a result over a hedged figure or a share: 8 % is "less than a tenth"."""
ZONES = (-12, 0, 14)
"""Offsets from UTC, in hours, of the earliest and latest time zones."""
SPAN_MINUTES = {"hour": 60, "minute": 1}
MAX_MONTHS = 24
"""Maximum months between two months that the posts name."""
MAX_SPAN, NEAR_MINUTES = 200, 15
"""Maximum hours or minutes from a post to an hour that it means by "in 90 mins"; tolerance in
minutes."""


MAX_RESTORED = 3
"""Maximum figures, days and versions of one item that the model may restore. No true item refused
by code had more; an item about another post has many, each of which may match something by
chance."""


def may_give_all(
    claims: Sequence[Claim], text: str, posts: Sequence[Post], sums: Sequence[str] | None = None
) -> bool:
    """Return True if the cited posts may support all claims of an item that code refused, with the
    help of `sums`; None allows for sums that the model may still give."""
    exact = [claim for claim in claims if claim.kind in ("figure", "derived", "day", "version")]
    return len(exact) <= MAX_RESTORED and all(
        may_give(claim, text, posts)
        or (_may_follow(claim, text) if sums is None else _follows(claim, text, posts, sums))
        for claim in claims
    )


def may_give(claim: Claim, text: str, posts: Sequence[Post]) -> bool:
    """Return True if the cited posts may support a refused claim in this text.

    Never restored are figures without any such number in the posts, of another magnitude or
    currency, and other versions of a product.
    """
    evidence = read_evidence(posts)
    match claim.kind:
        case "name":
            return all(_may_give_word(word, evidence) for word in claim.words.split())
        case "figure" if claim.words.endswith(("日", "号")):
            return any(claim.words[:-1].strip() == str(day.day) for day in _list_days(evidence))
        case "figure":
            amounts = _read_amounts(claim, text)
            return bool(amounts) and all(_may_give_amount(a, evidence) for a in amounts)
        case "day":
            hours = [hour for hour in find_hours(fold_text(text)) if hour.text == claim.words]
            return any(_may_give_hour(hour, evidence) for hour in hours) or (
                not hours and _may_give_day(claim.words, evidence)
            )
        case "version":
            return _may_give_version(claim.words, evidence)
    return claim.kind == "derived"


def _read_amounts(claim: Claim, text: str) -> Sequence[Amount]:
    """Return the figures of a claim as the text gives them; 1 小时 33 分 is one figure."""
    folded, sizes = fold_text(text), load_dimensions()
    every = find_amounts(folded)
    for first, second in pairwise(every):
        (left, size), (right, part) = (sizes.get(a.unit, ("", 1.0)) for a in (first, second))
        joined = (
            left == right == "time" and size > part and claim.words in (first.text, second.text)
        )
        if joined and not folded[first.end : second.start].strip():
            value = first.value + second.value * part / size
            return [replace(first, quantities=(Quantity(value, first.unit),), step=0.0)]
    return [a for a in every if a.text == claim.words] or list(find_amounts(claim.words))


def _may_follow(claim: Claim, text: str) -> bool:
    """Return True for a figure or year that a calculation may give, and for "an hour" as the time
    unit of such a figure."""
    if claim.kind == "figure":
        amounts = _read_amounts(claim, text)
        return bool(amounts) and all(amount.kind != "magnitude" for amount in amounts)
    is_span = any(claim.words == span and by for span, by, _ in read_spans(claim.words))
    return claim.kind == "day" and bool(is_span or _read_years(claim))


def _read_years(claim: Claim) -> Sequence[float]:
    """Return the years of a claim; none if it also has another day."""
    terms = find_terms(claim.words)
    years = [float(t.value.removeprefix("year ")) for t in terms if t.value.startswith("year ")]
    return years if len(years) == len(terms) and not find_days(claim.words) else ()


def _follows(claim: Claim, text: str, posts: Sequence[Post], sums: Sequence[str]) -> bool:
    """Return True if one of the calculations on figures of the posts gives the refused claim."""
    if not _may_follow(claim, text):
        return False
    evidence = read_evidence(posts)
    facts = list(_list_facts(evidence))
    known = {fact.value for fact in facts} | set(map(float, evidence.lists))
    shares = {fact.value / 100 for fact in facts if fact.unit == "percent"}
    known |= {n for share in shares for n in (share, 1 - share, 1 + share)}
    known |= set(_convert_facts(facts))
    known |= {float(n) for at in evidence.created for n in (at.year, at.day)}
    known |= {float(t.removeprefix("year ")) for t in evidence.terms if t.startswith("year ")}
    amounts = find_amounts(fold_text(text))
    counts = {amount.value for amount in amounts if _is_scaling(amount)}

    def work_out(factors: Set[float], but: Set[float] = frozenset()) -> set[float]:
        return {value for line in sums for value in list_results(line, known - but, factors)}

    own = _read_amounts(claim, text) if claim.kind == "figure" else ()
    spans = {amount.value for amount in own if amount.unit in (*SPAN_DAYS, *SPAN_MINUTES)}
    given = work_out((FACTORS | counts) - {amount.value for amount in own})
    if years := _read_years(claim) if claim.kind == "day" else ():
        return all(year in given for year in years)
    if own and all(any(_is_result(amount, value) for value in given) for amount in own):
        return True
    # Calculate without "twelve months" or "a hundred" too, to see that the result depends on it.
    without = work_out((FACTORS | counts) - spans, spans) if spans else given
    scaled = work_out(FACTORS | counts) - without if own else given
    others = [amount for amount in amounts if amount not in own]
    return any(_is_result(amount, value) for amount in others for value in scaled)


def _is_scaling(amount: Amount) -> bool:
    """Return True for a count that an item may calculate with: a small one, or a round assumed one
    ("a hundred such wallets")."""
    value, plain = amount.value, amount.unit in ("", "count", *SPAN_DAYS, *SPAN_MINUTES)
    whole = value == int(value) and value > 1
    return whole and (value <= MAX_COUNTED or (plain and 10 * find_trailing_step(value) > value))


def _is_result(amount: Amount, value: float) -> bool:
    """Return True if a result equals the amount, rounded to its last digit or as hedged."""
    mine, bound = amount.quantities[0], amount.hedge in ("over", "under")
    for result in (value, 100 * value) if mine.unit == "percent" else (value,):
        rounded = min(find_trailing_step(mine.value) / 2, MIN_ROUNDED * abs(mine.value))
        if abs(result - mine.value) <= max(rounded, amount.step / 2, EXACT * abs(mine.value)):
            return True
        vague = amount.hedge or amount.kind in ("share", "multiple")
        if vague and _is_near(mine, Quantity(result, ""), amount.step, bound=bound):
            return True
        most = BEYOND_SHARE if amount.kind == "share" else BEYOND
        apart = (result - mine.value) * (1 if amount.hedge == "over" else -1)
        if bound and 0 <= apart <= most * mine.value:
            return True
    return False


def _may_give_word(word: str, evidence: Evidence) -> bool:
    """Return False for a number that the posts lack or have with another letter only: 32M for
    32B."""
    cut = cut_segments(word)
    near = all(pair in evidence.mentions.near for pair in pairwise(cut) if pair[0].isdigit())
    numbers = _list_numbers(evidence)
    return near and all(segment in numbers for segment in cut if segment.isdigit())


def _list_numbers(evidence: Evidence) -> Set[str]:
    """Return the numbers of the posts in digits, also those that are spelled out."""
    spelled = {f"{numeral.value:g}" for numeral in find_numerals(evidence.text)}
    return spelled | evidence.mentions.segments


def _may_give_amount(amount: Amount, evidence: Evidence) -> bool:
    if amount.kind == "magnitude":
        return False
    mine = amount.quantities[0]
    bound = amount.hedge in ("over", "under")
    if amount.unit == "month" and amount.value < MAX_MONTHS:
        months = [int(t[6:]) for t in evidence.terms if t.startswith("month ")]
        if any((a - b - amount.value) % 12 == 0 for a, b in permutations(months, 2)):
            return True  # from June of one year to September of the next
    return any(_is_near(mine, fact, amount.step, bound=bound) for fact in _list_facts(evidence))


def _list_facts(evidence: Evidence) -> Iterator[Quantity]:
    """Yield the numbers of the posts, including those inside names."""
    read = [quantity for amount in evidence.amounts for quantity in amount.quantities]
    yield from dict.fromkeys(read)
    values = {quantity.value for quantity in read}
    numbers = {numeral.value for numeral in find_numerals(evidence.text)} - values
    yield from (Quantity(value, "") for value in numbers)


def _convert_facts(facts: Sequence[Quantity]) -> Iterator[float]:
    """Yield measures in the units of others of their dimension: 1 TB beside 128 GB is 1,000."""
    sizes = {f.unit: load_dimensions()[f.unit] for f in facts if f.unit in load_dimensions()}
    for fact in facts if len(sizes) > 1 else ():
        dimension, size = sizes.get(fact.unit, ("", 1.0))
        own = (other for kind, other in sizes.values() if kind == dimension and other != size)
        yield from (fact.value * size / other for other in own)


def _is_near(mine: Quantity, fact: Quantity, step: float, *, bound: bool) -> bool:
    """Return True if two figures are equal after rounding to the last nonzero digit (for a `bound`
    up or down to it), in units that may be the same."""
    sizes = [
        load_dimensions().get(q.unit.removeprefix("count"), (q.unit, 1.0)) for q in (mine, fact)
    ]
    dimensions = {dimension.removeprefix("count") for dimension, _ in sizes} - {""}
    if len(dimensions) > 1 and dimensions & RIVALS and dimensions != {"percent", "pp"}:
        return False
    same = len(dimensions) == 1 and all(dimension for dimension, _ in sizes)
    scale, other = (sizes[0][1], sizes[1][1]) if same else (1.0, 1.0)
    difference = abs(mine.value * scale - fact.value * other)
    rounded = max(step, find_trailing_step(mine.value)) * scale * (1.0 if bound else 0.5)
    most = min(rounded, MAX_ROUNDED * abs(mine.value * scale))
    return difference <= max(most, EXACT * abs(mine.value * scale)) * (1 + EXACT)


def _may_give_day(words: str, evidence: Evidence) -> bool:
    days, terms = find_days(words), find_terms(words)
    possible = list(_list_days(evidence))
    facts = product(("year", "quarter"), _list_facts(evidence))
    values = evidence.terms | {f"{unit} {fact.value:g}" for unit, fact in facts}
    for day in possible:
        values |= {f"month {day.month}", f"year {day.year}", f"weekday {day.weekday()}"}
    days_given = all(any(day.matches(as_day(other)) for other in possible) for day in days)
    return bool(days or terms) and days_given and all(term.value in values for term in terms)


def _may_give_hour(hour: Hour, evidence: Evidence) -> bool:
    """Return True for an hour of the posts in another zone if either has no zone, or in the other
    half of the day, or at a named distance after a post was written."""
    for other in evidence.hours:
        step = 30 if bool(other.zone) != bool(hour.zone) else 720
        known = hour.zone and other.zone and hour.zone != other.zone
        if hour.minutes % step == other.minutes % step and not known:
            return True
    spans = [timedelta()]
    spans += [
        timedelta(minutes=amount.value * SPAN_MINUTES[amount.unit])
        for amount in evidence.amounts
        if amount.unit in SPAN_MINUTES and amount.value < MAX_SPAN
    ]
    times = [created + span for created, span in product(evidence.created, spans)]
    apart = [abs(at.hour * 60 + at.minute - hour.minutes) % 1440 for at in times]
    return any(min(gap, 1440 - gap) <= NEAR_MINUTES for gap in apart)


def _list_days(evidence: Evidence) -> Iterator[date]:
    """Yield the days that the posts name ("September 18th, 19th in Asia"), the days that they mean
    by "yesterday" and "next week" and on which they were written in any time zone, and the days
    before and after a day with an hour, which is another day elsewhere."""
    terms, written = find_terms(evidence.text), [a for a in evidence.amounts if a.end]
    lengths = list_lengths(written)  # the 2nd of a month is not a span of two days
    for created, hours in product(evidence.created, ZONES):
        local = created + timedelta(hours=hours)
        yield local.date()
        yield from resolve_days(evidence.text, terms, local, lengths)
        if has_cue(evidence.text, "next_week"):
            monday = local.date() + timedelta(7 - local.weekday())
            yield from (monday + timedelta(n) for n in range(7))
    numbers = {int(a.value) for a in evidence.amounts if a.unit == "rank" and a.value < 32}
    for day, number in product(evidence.days, (None, *numbers)):
        with suppress(ValueError):  # 30 February
            named = date(day.year or evidence.created[0].year, day.month, number or day.day)
            yield from (named + timedelta(n) for n in ((-1, 0, 1) if evidence.hours else (0,)))


def _may_give_version(words: str, evidence: Evidence) -> bool:
    mentions = evidence.mentions
    numbers = _list_numbers(evidence)
    for version in (*find_versions(words), *find_variants(words)):
        others = {n for n in mentions.followers.get(version.name.lower(), ()) if n[0].isdigit()}
        number = version.number.removesuffix(".0")
        if (version.name.lower(), number) in mentions.near and not version.variant:
            continue
        if number not in numbers or others - {number}:
            return False
        if version.variant and version.variant.lower() not in mentions.words:
            return False
    return all(number.removesuffix(".0") in numbers for _, number in find_bare_versions(words))
