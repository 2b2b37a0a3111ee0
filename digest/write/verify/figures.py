"""Verify the figures of a statement against its posts: equal, rounded as the sentence says, or the
result of one operation on two of their figures that the sentence names (a total, a difference, a
ratio, a share, price times count)."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from itertools import accumulate, chain, combinations, islice, pairwise, permutations, product

from digest.reading.amounts import find_amounts
from digest.reading.contexts import has_cue
from digest.reading.days import read_spans
from digest.reading.numerals import find_numerals
from digest.reading.units import Amount, Quantity
from digest.reading.vocabulary import CURRENCIES, load_dimensions

EXACT = 1e-6
"""Relative difference up to which figures are equal."""
LOOSE = 0.05
"""Maximum relative difference of a figure with "about": 58.5 for "about 60" (tuned on half of the
kinds `rounding` and `arithmetic` of verify_dev)."""
LARGE = 10_000.0
"""Smallest figure without a unit that can be an amount of money."""
MIN_SUM = 1000.0
"""Smallest figure without a unit that can be added to money: 底薪 6500 多 2000."""
SPANS = frozenset("hour day week month year".split())
MAX_COUNTED = 10
"""Maximum things, days or weeks that a reader counts without help."""
EXACT_STEP = 0.001
"""Largest place value, relative to a figure, of one that no other operation gives by chance."""
TELLING_DIGITS = 3
"""Digits from which equal numbers are no coincidence, whatever their units."""
LARGEST_STEP = 0.01
"""Largest place value of the last digit of a rate; a decimal with fewer digits may be a version or
a setting."""
MAX_SUMMED = 8
MAX_OPERANDS = 60
"""Maximum figures of the cited posts as operands, because a long table gives chance results."""


def read_parts(amounts: Sequence[Amount]) -> Iterator[Amount]:
    """Yield the numbers of shares that are written in digits: 22 and 36 of "22/36 benchmarks"."""
    for amount in amounts:
        for part in find_numerals(amount.text) if amount.kind == "share" else ():
            if not part.spelled:
                yield Amount(0, 0, amount.text, (Quantity(part.value, ""),), step=part.step)


def is_supported(amount: Amount, others: Sequence[Amount]) -> bool:
    """Return True if an amount of the posts equals this one in any notation, or rounds to it; "a
    nine-figure sum" does not support $100 million."""
    vague = amount.hedge == "over"  # 上千公里 are more than a thousand
    exact = (o for o in others if amount.kind == o.kind or o.kind != "magnitude" or vague)
    return any(_agrees(amount, other) for other in exact)


def _agrees(mine: Amount, other: Amount) -> bool:
    for quantity in mine.quantities:
        for fact in other.quantities:
            pair = _convert(quantity, fact, mine.counts, other.counts)
            if pair and _rounds(
                mine, other, *pair, factor=pair[0] / quantity.value if quantity.value else 1
            ):
                return True
    return _is_same_number(mine, mine.quantities[0], other.quantities[0]) or _is_rate(mine, other)


def _is_rate(amount: Amount, other: Amount) -> bool:
    """Return True for a percentage that the posts give as a decimal of two digits or more (0.212),
    and for basis points that they give as a percentage."""
    if (amount.unit, other.unit) == ("bp", "percent"):
        return abs(amount.value - 100 * other.value) <= EXACT * amount.value
    exact = 0 < other.step <= LARGEST_STEP and not other.in_name and other.value < 1
    percent = 100 * other.value
    return (
        exact
        and (amount.unit, other.unit) == ("percent", "")
        and (abs(amount.value - percent) <= amount.step / 2 * (1 + EXACT))
    )


def _is_telling(amount: Amount) -> bool:
    """Return True for a number with too many digits to be equal by chance: 32.6 万."""
    digits = f"{amount.value:.10g}".partition("e")[0].replace(".", "").strip("0")
    return amount.kind == "number" and not amount.in_name and len(digits) >= TELLING_DIGITS


def _is_same_number(amount: Amount, mine: Quantity, other: Quantity) -> bool:
    """Return True for equal numbers whose units do not contradict each other: different dimensions,
    as if a unit was misread. 180 MB is not 180 GB, 5.25% not 5.25 points, dollars are not euros."""
    if abs(mine.value - other.value) > EXACT * abs(mine.value):
        return False
    units = {mine.unit, other.unit} - {"", "count"}
    dimensions = {load_dimensions().get(unit, (unit, 1.0))[0] for unit in units}
    if len(units) == 2:
        exact = mine.value > MAX_COUNTED or mine.value != int(mine.value)
        same = exact and len(dimensions) == 2
        return same and dimensions.isdisjoint(RIVALS)
    return _is_telling(amount) and dimensions.isdisjoint(RIVALS)


ALIKE_UNITS = frozenset({("count", "times"), ("year", "rank")})
"""Pairs of units that mean the same in two texts: "4x RTX 4090" is 四张, ten years a tenth
birthday."""
NO_SIZES = frozenset("percent permille pp bp times rank".split())
"""Units that do not apply to a large figure without a unit beside them."""
RIVALS = CURRENCIES | {"percent", "permille", "pp", "times"}
"""Dimensions that never equal another one with the same digits: 24 hours is not 24%."""


def _convert(
    mine: Quantity, other: Quantity, counts: bool, counted: bool
) -> tuple[float, float] | None:
    """Return both values in one unit; None if the units differ. 180 ms is not 180 s, but 180
    without a unit may be either."""
    unit, fact_unit = mine.unit, other.unit
    if unit == "rank" or (unit, fact_unit) in ALIKE_UNITS:
        return mine.value, other.value
    dimension, factor = load_dimensions().get(unit, (unit, 1.0))
    if dimension == "rate" and not fact_unit:  # 200 Mbps may be written as 200M or as 200
        return mine.value * (factor if other.value >= factor else 1), other.value
    if "count" in (unit, fact_unit):
        unit, fact_unit, counted = unit.removeprefix("count"), fact_unit.removeprefix("count"), True
        if fact_unit:  # "three models" is not supported by three months
            return None
    if unit and not fact_unit and counted and unit not in CURRENCIES:
        aged = unit == "year" and mine.value > MAX_COUNTED  # 我 34 对方 31
        return (mine.value, other.value) if aged else None
    if counts and not unit and fact_unit in ("percent", "pp"):
        return None  # "28 people" is not 28%
    if not unit or not fact_unit or unit == fact_unit:
        return mine.value, other.value
    fact_dimension, fact_factor = load_dimensions().get(fact_unit, (fact_unit, 1.0))
    if dimension != fact_dimension:
        return None
    return mine.value * factor, other.value * fact_factor


def _rounds(mine: Amount, other: Amount, value: float, fact: float, factor: float) -> bool:
    """Return True if the statement's value is the fact, rounded according to its digits and
    hedge."""
    difference = abs(value - fact)
    if difference <= EXACT * max(EXACT, abs(value)):
        return True
    step = mine.step * abs(factor)
    fine = (
        other.kind == "share"
        or not other.step
        or other.step * (fact / other.value if other.value else 1) < step
    )
    loose = 2 * LOOSE if mine.hedge == "about" else LOOSE  # 211 ms are "about 0.2 seconds"
    if fine and difference <= min(step / 2 * (1 + EXACT), loose * abs(value)):
        return mine.hedge != "over" or fact >= value * 0.98
    if mine.kind == "share" and mine.hedge and difference <= 2 * LOOSE * abs(value) * (1 + EXACT):
        return True  # 30% is "almost a third"
    round_step = max(step, find_trailing_step(value / (factor or 1)) * abs(factor))
    bound = max(round_step, LOOSE * abs(value))
    if mine.hedge == "over":  # 55% is "more than half", and so is 70%
        # 16 minutes are "a little over a quarter of an hour".
        # 14 are "more than a dozen".
        wide = mine.kind == "share" or mine.text.lower().endswith("dozen")
        bound = value / 2 if wide else max(bound, 2 * LOOSE * abs(value))
        return value < fact < value + bound
    if mine.hedge == "under":
        return value - max(round_step / 2, LOOSE * abs(value)) <= fact < value
    return mine.hedge == "about" and difference <= min(
        max(step, round_step) / 2, LOOSE * abs(value)
    )


def find_trailing_step(value: float) -> float:
    """Return the place value of the last nonzero digit of a whole number: 1,000 for 3,000."""
    if value < 10 or value != int(value):
        return 0.0
    digits = str(int(value))
    return float(10 ** (len(digits) - len(digits.rstrip("0"))))


def read_counts(amounts: Sequence[Amount]) -> Set[tuple[float, str]]:
    """Return the values of amounts in all readings, each with its unit."""
    return {(q.value, q.unit.removeprefix("count")) for a in amounts for q in a.quantities}


def is_uncontradicted(
    amount: Amount, stated: Set[tuple[float, str]], others: Sequence[Amount]
) -> bool:
    """Return True for a small count or time span that the posts do not contradict: all their
    figures of its kind are among the `stated` ones."""
    measure = _measure(amount.quantities[0])
    if amount.kind != "number" or (measure and amount.unit not in SPANS):
        return False
    if amount.in_name or amount.value > MAX_COUNTED or amount.value != int(amount.value):
        return False
    return not any(
        _measure(quantity) == measure
        and (quantity.value, quantity.unit.removeprefix("count")) not in stated
        for other in others
        if not other.in_name
        for quantity in other.quantities
    )


def _measure(quantity: Quantity) -> str:
    unit = quantity.unit.removeprefix("count")
    return load_dimensions().get(unit, (unit, 1.0))[0]


def is_magnitude(amount: Amount, others: Sequence[Amount]) -> bool:
    """Return True if the posts have a figure of the magnitude of "millions" or 数百万."""
    return any(
        amount.value < other.below and other.value < amount.below
        if other.kind == "magnitude"
        else any(amount.value <= fact.value < amount.below for fact in other.quantities)
        for other in others
        if other is not amount
    )


def is_derived(
    amount: Amount, clause: str, others: Sequence[Amount], stated: Set[float], *, summed: bool
) -> bool | None:
    """Return True if one operation on figures of the posts gives the amount; for a sum, product or
    remainder the clause must also say so, be `summed`, or both operands must be `stated`. Return
    None if the statement does not show the operation, False if there is none."""
    possible = None
    amount = _in_dollars(amount)
    target, tolerance = amount.value, _find_tolerance(amount, clause)
    tolerance = max(tolerance, 1e-4 * abs(target))
    step = max(1.0, find_trailing_step(target))
    rough = abs(target) / 5 if amount.kind == "share" else 0.0  # 30% is "less than a third"
    above = max(step, rough) if amount.hedge == "over" else 0.0
    below = max(step / 2, rough) if amount.hedge == "under" else 0.0
    others = [_in_dollars(other) for other in others if other.kind != "rank"]
    facts = [fact for other in others for fact in other.quantities[:1]]
    terms = [fact for other in others if not other.rate for fact in other.quantities[:1]]
    shown = [fact for fact in facts if fact.value not in (0, 1, target) and fact.value in stated]
    shown_results = (("", value) for _, value in _results(amount, shown, is_stated=True))
    changed = (("", value) for value in _apply_changes(amount, clause, shown))
    sums = (("", value) for value in _sums(amount.unit, terms))
    for signal, value in chain(shown_results, changed, sums, _results(amount, facts)):
        if abs(value - target) <= tolerance or target - below < value < target + above:
            joined = signal == "sum" and (summed or _shows_addend(amount, clause, facts))
            if not signal or joined or has_cue(clause, signal):
                return True
            possible = True
    return None if possible else False


def _in_dollars(amount: Amount) -> Amount:
    if amount.unit != "cent":
        return amount
    dollars = (Quantity(amount.value / 100, "usd"),)
    return replace(amount, quantities=dollars, step=amount.step / 100)


def is_worked_out(amount: Amount, clause: str, others: Sequence[Amount]) -> bool:
    """Return True for a total or average, named by the clause, of figures that the statement gives
    in these units: 10 yuan and 51 yuan, 61 in all."""
    unit = amount.quantities[0].unit
    facts = [other.quantities[0] for other in others]
    parts = [fact.value for fact in facts if _is_alike(unit, fact.unit)]
    values: list[float] = []
    if has_cue(clause, "sum"):
        values = [sum(parts), *(a + b for a, b in combinations(parts, 2))]
    if has_cue(clause, "each"):
        counts = [fact.value for fact in facts if fact.unit in ("", "count", *SPANS)]
        values += [part / count for part in parts for count in counts if count > 1]
    tolerance = _find_tolerance(amount, clause)
    return any(abs(value - amount.value) <= tolerance for value in values)


def _shows_addend(amount: Amount, clause: str, facts: Sequence[Quantity]) -> bool:
    """Return True if the clause has one of two addends of the amount that the posts have."""
    values = {fact.value for fact in facts}
    steps = {other.value for other in find_amounts(clause)} & values
    return any(amount.value - step in values for step in steps)


def is_converted(
    amount: Amount, clause: str, others: Sequence[Amount], spans: Set[str], *, paced: bool = False
) -> bool:
    """Return True if a rate of the posts, per one of their `spans` or per the figure beside it,
    gives the amount in a time unit that the clause uses for a rate or a total: $60 billion a year
    is 5 a month, one in two seconds is 30 a minute, $15 a month is 180 a year in all. With `paced`
    any time unit of the clause counts: 140 a month, 一年 1680."""
    first = (quantity for other in others for quantity in other.quantities[:1])
    facts = list(islice((q for q in first if (q.value, q.unit) != (1, "count")), MAX_OPERANDS))
    beside = [pair for pair in pairwise(facts) for pair in (pair, pair[::-1])]
    rates = [(fact, _seconds(span.unit) * span.value) for fact, span in beside]
    rates += [(fact, _seconds(unit)) for fact in facts for unit in spans]
    rates = [(fact, seconds) for fact, seconds in rates if seconds]
    if not rates:
        return False
    tolerance = _find_tolerance(amount, clause)
    exact = 0 < amount.step <= EXACT_STEP * amount.value  # 179 a month: 一年合 2148
    summed = paced or exact or has_cue(clause, "sum")
    targets = {_seconds(unit) for _, by, unit in read_spans(clause) if by or summed}
    targets -= {0.0}
    above = max(1.0, find_trailing_step(amount.value)) if amount.hedge == "over" else tolerance
    return any(
        -loose <= value * ratio - amount.value <= max(loose, above)
        for fact, seconds in rates
        if (value := _in_unit(fact, amount))
        for ratio in (target / seconds for target in targets)
        if ratio != 1 and (loose := max(tolerance, _differ(ratio) * abs(amount.value)))
    )


def _differ(ratio: float) -> float:
    """Return the relative difference to allow for: a month has 28 to 31 days, but a year always
    twelve months."""
    whole = max(ratio, 1 / ratio)
    return 0.02 if abs(whole - round(whole)) > EXACT else EXACT


def _in_unit(fact: Quantity, amount: Amount) -> float:
    """Return a figure of the posts in the unit of the amount; 0 if the units differ."""
    own = amount.quantities[0]
    if own.unit == "percent" != fact.unit:
        return 0.0
    if len({fact.unit, own.unit} - {"", "count"}) < 2:
        return fact.value
    pair = _comparable(own, fact)
    return pair[1] * _scale(own, fact, own.unit) if pair else 0.0


def _seconds(unit: str) -> float:
    dimension, size = load_dimensions().get(unit, ("", 0.0))
    return size if dimension == "time" else 0.0


def _results(
    amount: Amount, facts: Sequence[Quantity], *, is_stated: bool = False
) -> Iterator[tuple[str, float]]:
    """Yield the results of operations on the posts' figures, in the amount's unit, with the cue
    that must name the operation ("" for none). `is_stated`: the statement has the operands."""
    for fact in facts:
        yield from _derive_from_one(amount.unit, fact, shared=amount.kind == "share")
    unique = list(dict.fromkeys(facts))[:MAX_OPERANDS]
    beside = {*pairwise(facts), *pairwise(unique)}
    twice = [(fact, fact) for fact in unique if facts.count(fact) > 1]
    for left, right in (*permutations(unique, 2), *twice):
        near = not beside.isdisjoint(((left, right), (right, left)))
        yield from _derive_from_two(amount, left, right, near=near, is_stated=is_stated)
        priced = right.value in (1e3, 1e6) and (left, right) in beside
        per = "" if priced else "each"  # "$66/1k images" is a price
        yield from ((per, value) for value in _rates(amount.unit, left, right))
        large = left.value >= LARGE and not left.unit and amount.unit in CURRENCIES  # 5.2 万的 28%
        if right.unit == "percent" and (large or _is_alike(amount.unit, left.unit)):
            yield "", left.value * right.value / 100


def _derive_from_one(unit: str, fact: Quantity, *, shared: bool) -> Iterator[tuple[str, float]]:
    """Yield what one figure implies: a third for three times and the reverse, 45% as the rest of
    55%, a fifth as what is left of a price, the ratio after a rise."""
    if fact.value > 0 and {unit, fact.unit} == {"times", "percent"}:
        yield "", 100 / fact.value
    if (unit, fact.unit) == ("times", "percent"):
        # Up 1000% is 11 times; a percentage above 100 is a rise even if the clause compares.
        yield "" if fact.value > 100 else "up", 1 + fact.value / 100
    if (unit, fact.unit) == ("percent", "times"):
        yield "up", 100 * (fact.value - 1)
    if unit == fact.unit == "percent" and fact.value < 100:
        yield "rest", 100 - fact.value
        if shared:
            yield "price", 100 - fact.value


def _apply_changes(amount: Amount, clause: str, facts: Sequence[Quantity]) -> Iterator[float]:
    """Yield figures before and after one of the changes in percent: 25 for "60% off, to 10"."""
    changes = [fact.value / 100 for fact in facts if fact.unit == "percent"]
    alike = [fact for fact in facts if fact.unit != "percent" and _is_alike(amount.unit, fact.unit)]
    signs = [sign for sign, other in ((1, "down"), (-1, "up")) if not has_cue(clause, other)]
    for fact, change, sign in product(alike, changes, signs or (1, -1)):
        if (factor := 1 + sign * change) > 0:
            yield from (fact.value * factor, fact.value / factor)


def _sums(unit: str, facts: Sequence[Quantity]) -> Iterator[float]:
    """Yield the totals of three and more consecutive figures."""
    for at, first in enumerate(facts[: MAX_OPERANDS - 2]):
        following = facts[at:MAX_OPERANDS]
        for addends in (following, [fact for fact in following if fact.unit == first.unit]):
            pairs = [(fact, _comparable(first, fact)) for fact in addends]
            scaled = (
                pair[1] * _scale(first, fact, unit)
                for fact, pair in pairs
                if pair and _fits(unit, first, fact)
            )
            yield from islice(accumulate(islice(scaled, MAX_SUMMED)), 2, None)


def _derive_from_two(
    amount: Amount, left: Quantity, right: Quantity, *, near: bool, is_stated: bool
) -> Iterator[tuple[str, float]]:
    """Yield ratio, difference and sum of two figures of one dimension. Small figures without a unit
    have a ratio only if they are `near` each other: 150 of 8,897."""
    unit, pair = amount.unit, _comparable(left, right)
    bare = not (left.unit or right.unit) and amount.kind == "number" and pair and min(pair) < LARGE
    shares = unit == left.unit == "percent" and not is_stated  # 31% is not derived as 57% of 54%
    if pair and pair[1] and not shares and (not bare or (near and unit in ("percent", "times"))):
        yield from (("", value) for value in _ratios(unit, *pair))
    if pair and pair[1] and unit in ("", "count") and left.unit != right.unit and near:
        yield "", pair[0] / pair[1]  # 4 GB is 40 times 100 MB
    ages = near and unit == "year" and not (left.unit or right.unit)
    if pair and (ages or _fits(unit, left, right)):
        scale = 1.0 if ages else _scale(left, right, unit)
        if pair[1] != 1 or not _is_alike(left.unit, ""):  # "41 of 45 in one take"
            yield "", (pair[0] - pair[1]) * scale
        yield "sum", (pair[0] + pair[1]) * scale


def _rates(unit: str, left: Quantity, right: Quantity) -> Iterator[float]:
    """Yield price times count, and a figure per count or time unit: $5 million over 90 days as a
    figure per day."""
    plain = ("", "count")
    if (
        _is_alike(unit, left.unit)
        and right.value > 1
        and right.unit not in CURRENCIES | {"percent"}
    ):
        yield left.value / right.value
        if right.unit in (*plain, *SPANS):
            yield left.value * right.value


def _is_alike(unit: str, other: str) -> bool:
    return unit == other or {unit, other} <= {"", "count"}


def _find_tolerance(amount: Amount, clause: str) -> float:
    """Return the allowed difference of a result from the amount: "nearly a third" may be 31 %."""
    tolerance = amount.step / 2
    if amount.kind == "share":
        return 2 * LOOSE * abs(amount.value) * (1 + EXACT)  # 30% is a third
    if amount.unit == "times" and (has_cue(clause, "about") or has_cue(clause, "under")):
        tolerance = 2 * LOOSE * abs(amount.value)  # 几乎是另一个的两倍
    elif amount.hedge or amount.kind == "multiple":
        tolerance = max(tolerance, find_trailing_step(amount.value) / 2)
    return min(tolerance, LOOSE * 2 * abs(amount.value))


def _ratios(unit: str, left: float, right: float) -> Iterator[float]:
    if unit == "times" and left > right:
        yield left / right
    if unit == "percent":
        if left < right:
            yield 100 * left / right
        yield 100 * abs(left - right) / right


def _comparable(left: Quantity, right: Quantity) -> tuple[float, float] | None:
    """Return two figures of one dimension in one unit; a figure without a unit goes with any
    other."""
    if left.unit == right.unit:
        return left.value, right.value
    units = {left.unit, right.unit}
    if units <= {"", "count"} or _shares_unit(left, right):
        return left.value, right.value
    dimension, factor = load_dimensions().get(left.unit, ("", 1.0))
    other_dimension, other_factor = load_dimensions().get(right.unit, ("", 1.0))
    if dimension and dimension == other_dimension:
        return left.value * factor, right.value * other_factor
    return None


def _shares_unit(left: Quantity, right: Quantity) -> bool:
    """Return True if one has a unit and the other is large and has none: 当前 70 亿美元（8 月为 50
    亿）."""
    bare = left if not left.unit else right
    other = right if bare is left else left
    return not bare.unit and bare.value >= LARGE and other.unit not in NO_SIZES


def _fits(unit: str, left: Quantity, right: Quantity) -> bool:
    """Return True if a sum or difference of the two can have this unit."""
    units = {left.unit, right.unit}
    if unit in ("pp", "bp", "percent"):
        return units == {"percent"}
    if unit in ("", "count"):
        return True
    if unit not in NO_SIZES and units <= {unit, ""} and min(left.value, right.value) >= MIN_SUM:
        return True
    dimension = load_dimensions().get(unit, (unit, 1.0))[0]
    return all(load_dimensions().get(u, (u, 1.0))[0] == dimension for u in units)


def _scale(left: Quantity, right: Quantity, unit: str) -> float:
    """Return the factor from the unit of `_comparable` to the amount's unit."""
    if unit in ("", "count", "pp", "percent") or "" in (left.unit, right.unit):
        return 1.0
    if unit == "bp":
        return 100.0
    base = load_dimensions().get(left.unit, ("", 1.0))[1] if left.unit == right.unit else 1.0
    return base / load_dimensions().get(unit, ("", 1.0))[1]
