"""What the code refused and the model may restore: names, and figures, days and versions that a
cited post may give in another reading (a unit that was not read, a number inside a name, a day in
another zone), or that a sum over its figures gives. What no cited post can give stays refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from datetime import date, timedelta
from itertools import pairwise, product

from digest.models import Post
from digest.reading.amounts import Amount, Quantity, find_amounts
from digest.reading.days import Hour, as_day, find_days, find_hours, find_terms, resolve_days
from digest.reading.markup import fold_text
from digest.reading.mentions import cut_segments, find_bare_versions, find_variants, find_versions
from digest.reading.numerals import find_numerals
from digest.reading.vocabulary import load_dimensions
from digest.write.verify import Claim
from digest.write.verify.evidence import Evidence, list_lengths, read_evidence
from digest.write.verify.figures import EXACT, MOST_COUNTED, RIVALS, find_trailing_step
from digest.write.verify.sums import TIME_FACTORS, list_results

MOST_ROUNDED = 0.06
"""Largest relative difference that rounding makes: 60 for 62.4."""
LEAST_ROUNDED = 0.01
"""The same where nothing says that a result of a sum is rounded: 1,600 for 1,612."""
ZONES = (-12, 0, 14)
"""Hours from UTC to the first and the last zone of the earth."""
SPAN_MINUTES = {"hour": 60, "minute": 1}
MOST_SPAN, NEAR_MINUTES = 200, 15
"""Hours or minutes from a post to the hour that it means by "in 90 mins"; how rough that is."""


MOST_RESTORED = 3
"""Figures, days and versions of one item that the model may bring back: of true items refused by
the code none had more, while one that tells of another post has many, each of which may be near
to something by chance."""


def may_give_all(
    claims: Sequence[Claim], said: str, posts: Sequence[Post], sums: Sequence[str] | None = None
) -> bool:
    """Return True where the cited posts may support all that the code refused of one item, by the
    `sums` that were given; with None, by sums that are still to be found."""
    exact = [claim for claim in claims if claim.kind in ("figure", "derived", "day", "version")]
    return len(exact) <= MOST_RESTORED and all(
        may_give(claim, said, posts)
        or (_may_follow(claim, said) if sums is None else _follows(claim, said, posts, sums))
        for claim in claims
    )


def may_give(claim: Claim, said: str, posts: Sequence[Post]) -> bool:
    """Return True where the cited posts may support what the code refused in the text `said`.

    Never a figure that no number of theirs gives, another order of magnitude or currency, or
    another version of a thing.
    """
    evidence = read_evidence(posts)
    match claim.kind:
        case "name":
            return all(_may_give_word(word, evidence) for word in claim.words.split())
        case "figure":
            amounts = _read_amounts(claim, said)
            return bool(amounts) and all(_may_give_amount(a, evidence) for a in amounts)
        case "day":
            hours = [hour for hour in find_hours(fold_text(said)) if hour.text == claim.words]
            return any(_may_give_hour(hour, evidence) for hour in hours) or (
                not hours and _may_give_day(claim.words, evidence)
            )
        case "version":
            return _may_give_version(claim.words, evidence)
    return claim.kind == "derived"


def _read_amounts(claim: Claim, said: str) -> Sequence[Amount]:
    """Return the figures that a claim is about, as the text says them."""
    amounts = [a for a in find_amounts(fold_text(said)) if a.text == claim.words]
    return amounts or list(find_amounts(claim.words))


def _may_follow(claim: Claim, said: str) -> bool:
    """Return True for a figure or year that may follow from others by a sum."""
    if claim.kind == "figure":
        amounts = _read_amounts(claim, said)
        return bool(amounts) and all(amount.kind != "magnitude" for amount in amounts)
    return claim.kind == "day" and bool(_read_years(claim))


def _read_years(claim: Claim) -> Sequence[float]:
    """Return the years of a claim; none where it is about another day as well."""
    terms = find_terms(claim.words)
    years = [float(t.value.removeprefix("year ")) for t in terms if t.value.startswith("year ")]
    return years if len(years) == len(terms) and not find_days(claim.words) else ()


def _follows(claim: Claim, said: str, posts: Sequence[Post], sums: Sequence[str]) -> bool:
    """Return True where one of the sums, over figures of the posts, gives what was refused."""
    if not _may_follow(claim, said):
        return False
    evidence = read_evidence(posts)
    known = {fact.value for fact in _list_facts(evidence)}
    known |= {fact.value / 100 for fact in _list_facts(evidence) if fact.unit == "percent"}
    known |= {float(created.year) for created in evidence.created}
    known |= {float(t.removeprefix("year ")) for t in evidence.terms if t.startswith("year ")}
    counts = {amount.value for amount in find_amounts(fold_text(said))}
    small = {count for count in counts if 1 < count <= MOST_COUNTED and count == int(count)}
    given = [value for text in sums for value in list_results(text, known, TIME_FACTORS | small)]
    if claim.kind == "day":
        return all(year in given for year in _read_years(claim))
    return all(
        any(_is_result(amount, value) for value in given) for amount in _read_amounts(claim, said)
    )


def _is_result(amount: Amount, value: float) -> bool:
    """Return True where a result is the amount, rounded to its last digit, or as it is hedged."""
    mine, bound = amount.quantities[0], amount.hedge in ("over", "under")
    for result in (value, 100 * value) if mine.unit == "percent" else (value,):
        rounded = min(find_trailing_step(mine.value) / 2, LEAST_ROUNDED * abs(mine.value))
        if abs(result - mine.value) <= max(rounded, amount.step / 2, EXACT * abs(mine.value)):
            return True
        vague = amount.hedge or amount.kind in ("share", "multiple")
        if vague and _is_near(mine, Quantity(result, ""), amount.step, bound=bound):
            return True
    return False


def _may_give_word(word: str, evidence: Evidence) -> bool:
    """Return False for a number that the posts have with another letter, or not at all: 32M for
    32B."""
    cut = cut_segments(word)
    near = all(pair in evidence.mentions.near for pair in pairwise(cut) if pair[0].isdigit())
    numbers = _list_numbers(evidence)
    return near and all(segment in numbers for segment in cut if segment.isdigit())


def _list_numbers(evidence: Evidence) -> Set[str]:
    """Return the numbers of the posts in digits, whether they spell them or not."""
    spelled = {f"{numeral.value:g}" for numeral in find_numerals(evidence.text)}
    return spelled | evidence.mentions.segments


def _may_give_amount(amount: Amount, evidence: Evidence) -> bool:
    if amount.kind == "magnitude":
        return False
    mine = amount.quantities[0]
    bound = amount.hedge in ("over", "under")
    return any(_is_near(mine, fact, amount.step, bound=bound) for fact in _list_facts(evidence))


def _list_facts(evidence: Evidence) -> Iterator[Quantity]:
    """Yield the numbers of the posts, those inside names too."""
    read = [quantity for amount in evidence.amounts for quantity in amount.quantities]
    yield from dict.fromkeys(read)
    values = {quantity.value for quantity in read}
    numbers = {numeral.value for numeral in find_numerals(evidence.text)} - values
    yield from (Quantity(value, "") for value in numbers)


def _is_near(mine: Quantity, fact: Quantity, step: float, *, bound: bool) -> bool:
    """Return True where two figures are one, rounded to the last digit that is not 0, or up and
    down to it for a `bound`, in units that may be one."""
    sizes = [
        load_dimensions().get(q.unit.removeprefix("count"), (q.unit, 1.0)) for q in (mine, fact)
    ]
    dimensions = {dimension.removeprefix("count") for dimension, _ in sizes} - {""}
    if len(dimensions) > 1 and dimensions & RIVALS:
        return False
    same = len(dimensions) == 1 and all(dimension for dimension, _ in sizes)
    scale, other = (sizes[0][1], sizes[1][1]) if same else (1.0, 1.0)
    difference = abs(mine.value * scale - fact.value * other)
    rounded = max(step, find_trailing_step(mine.value)) * scale * (1.0 if bound else 0.5)
    most = min(rounded, MOST_ROUNDED * abs(mine.value * scale))
    return difference <= max(most, EXACT * abs(mine.value * scale)) * (1 + EXACT)


def _may_give_day(words: str, evidence: Evidence) -> bool:
    days, terms = find_days(words), find_terms(words)
    possible = list(_list_days(evidence))
    values = evidence.terms | {f"year {fact.value:g}" for fact in _list_facts(evidence)}
    for day in possible:
        values |= {f"month {day.month}", f"year {day.year}", f"weekday {day.weekday()}"}
    days_given = all(any(day.matches(as_day(other)) for other in possible) for day in days)
    return bool(days or terms) and days_given and all(term.value in values for term in terms)


def _may_give_hour(hour: Hour, evidence: Evidence) -> bool:
    """Return True for an hour in a named zone of an hour of the posts without one, and for so
    long after a post was written as it says."""
    minutes = {other.minutes % 30 for other in evidence.hours if not other.zone}
    if hour.zone and hour.minutes % 30 in minutes:
        return True
    spans = [timedelta()]
    spans += [
        timedelta(minutes=amount.value * SPAN_MINUTES[amount.unit])
        for amount in evidence.amounts
        if amount.unit in SPAN_MINUTES and amount.value < MOST_SPAN
    ]
    times = [created + span for created, span in product(evidence.created, spans)]
    apart = [abs(at.hour * 60 + at.minute - hour.minutes) % 1440 for at in times]
    return any(min(gap, 1440 - gap) <= NEAR_MINUTES for gap in apart)


def _list_days(evidence: Evidence) -> Iterator[date]:
    """Yield the days that the posts name, those they mean by "yesterday" somewhere on earth, and
    those on which they were written there, where they name none."""
    terms, lengths = find_terms(evidence.text), list_lengths(evidence.amounts)
    for created, hours in product(evidence.created, ZONES):
        local = created + timedelta(hours=hours)
        if not evidence.names_days:
            yield local.date()
        yield from resolve_days(evidence.text, terms, local, lengths)
    for day in evidence.days:
        with suppress(ValueError):  # 30 February
            yield date(day.year or evidence.created[0].year, day.month, day.day)


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
