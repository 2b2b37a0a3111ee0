"""A sieve may let through what does not match, but never holds back what does."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest import sieve
from digest.disguise import folded
from digest.order_signs import ANYWHERE, DENSE, MARKUP, SENTENCES, SIGNS
from digest.select.ads import RULES
from digest.sieve import Sieve, needed
from tests import order_set

FLAGS = re.IGNORECASE | re.MULTILINE
PATTERNS = (
    *(*ANYWHERE, *SENTENCES, *MARKUP, *(p for ps in SIGNS.values() for p in ps), DENSE),
    *(pattern for rule in RULES for pattern in rule.patterns),
)
ALL = Sieve(PATTERNS, FLAGS)


@settings(suppress_health_check=list(HealthCheck), max_examples=300)
@given(
    st.sampled_from(PATTERNS).flatmap(
        lambda p: st.tuples(st.just(p), st.from_regex(re.compile(p, FLAGS)))
    )
)
def test_what_matches_is_let_through(found: tuple[str, str]) -> None:
    pattern, text = found
    place = PATTERNS.index(pattern)
    assert place in ALL.possible(text)
    plain = folded(text)
    # Orders are looked for in the folded text, their markup in the text as it came too.
    if pattern in MARKUP or re.search(pattern, plain, FLAGS):
        assert place in ALL.possible(plain)
    assert Sieve([pattern], FLAGS).possible(text) == [0]


@pytest.mark.parametrize("text", [*order_set.ORDERS, *order_set.NEWS])
def test_nothing_is_found_without_a_sieve_that_is_not_found_with_one(text: str) -> None:
    matching = {place for place, p in enumerate(PATTERNS) if re.search(p, text, FLAGS)}
    assert matching <= set(ALL.possible(text))


@pytest.mark.parametrize(
    ("pattern", "needs"),
    [
        (r"(?:promo|discount) codes?", {("discountcode", "promocode")}),
        (r"\bwin (?:a|the) .{0,9}prize", {("wina", "winthe"), ("prize",)}),
        (r"give-?aways?\b(?! now)", {("giveaway",)}),
        (r"(?<!not )free|抽奖", {("free", "抽奖")}),
        (r"[abc]x(?:yz)+", {("ax", "bx", "cx"), ("yz",)}),
        (r"(?:no)?|yes", set()),
        (r"(?:never)*\d+", set()),
        (r"[a-z]{3}", set()),
    ],
)
def test_what_a_pattern_cannot_do_without(pattern: str, needs: set[tuple[str, ...]]) -> None:
    found = needed(pattern)
    assert {tuple(sorted(strings)) for strings in found} == needs


def test_most_patterns_are_ruled_out() -> None:
    honest = "Northlight released Meridian 3.2 on Tuesday, with a context of two million tokens."
    assert len(ALL.possible(honest)) < len(PATTERNS) / 10


def test_letters_that_only_look_small_are_found() -> None:
    assert Sieve(["skip ink"]).possible("ſKİp ıNK") == [0]


def test_without_python_s_parser_all_patterns_are_searched_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sieve, "parser", None)
    assert Sieve(PATTERNS).possible("") == list(range(len(PATTERNS)))


@given(st.text("ab c", max_size=30))
def test_matches_are_those_of_the_patterns_joined(text: str) -> None:
    patterns = ["ab+c", "a b", "ab", "bc?", "c a"]
    whole = [match.span() for match in re.finditer("|".join(patterns), text)]
    assert [m.span() for m in Sieve(patterns).matches(text)] == whole
