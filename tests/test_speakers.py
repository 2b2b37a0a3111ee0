"""Speakers of an item: the author, but never an addressee of the author."""

import pytest

from digest.models import Item
from digest.write.verify import verify
from digest.write.verify.nearness import prove
from tests.posts import post


def missing(said: str, posted: str, author: str = "ada") -> tuple[str, ...]:
    """Return the parts of `said` that the post does not support."""
    cited = [post(posted, "1", author=author)]
    return verify(Item(said, cites=("x:1",)), cited).unsupported


@pytest.mark.parametrize(
    ("said", "posted", "wrong"),
    [
        (
            "Bob Quill says friction is the enemy.",
            "@bobquill Friction is the enemy.",
            ("@bobquill",),
        ),
        ("bobquill 表示，摩擦才是敌人。", "@bobquill Friction is the enemy.", ("@bobquill",)),
        (
            "Andrej Karpathy 认为，摩擦才是敌人。",
            "@karpathy Friction is the enemy.",
            ("@karpathy",),
        ),
        (
            "@bobquill argued that friction is the enemy.",
            "@cy @bobquill Friction it is",
            ("@bobquill",),
        ),
        ("ada 回复 @bobquill 说，摩擦才是敌人。", "@bobquill Friction is the enemy.", ()),
        ("Friction is the enemy, says @ada.", "@bobquill Friction is the enemy.", ()),
        ("bobquill argues it is the enemy.", "@bobquill argues friction is the enemy", ()),
        ("bobquill 认为摩擦才是敌人。", "@bobquill just said friction is the enemy", ()),
        ("bobquill says it is friction.", "@bobquill: friction is the enemy", ()),
        ("bobquill 说得对，摩擦才是敌人。", "@cy bobquill is right on friction", ()),
    ],
)
def test_addressees_are_not_speakers(said: str, posted: str, wrong: tuple[str, ...]) -> None:
    assert missing(said, posted) == wrong


def test_an_author_may_agree_in_a_remark() -> None:
    cited = [post("Exactly.", "1", author="quill", author_name="Bob Quill")]
    assert prove([(Item("Bob Quill 对此表示赞同。", cites=("x:1",)), cited, False)])[0].ok


def test_the_title_counts_as_naming_the_author() -> None:
    cited = [post("@bobquill Friction is the enemy.", "1")]
    view = Item("回复 bobquill 说，摩擦才是敌人。", "ada", cites=("x:1",))
    assert verify(view, cited, view=True).ok


@pytest.mark.parametrize(
    ("said", "posted", "wrong"),
    [
        ("崔泰源3日抵达河内，参观2座工厂。", "李在镕3日飞抵河内，将参观2座工厂。", ("崔泰源",)),
        ("李在镕3日抵达河内，参观2座工厂。", "李在镕3日飞抵河内，将参观2座工厂。", ()),
        ("于本周开馆的是第二馆。", "本周开馆的是第二馆。", ()),
        ("唐纳德·特朗普3日抵达河内。", "特朗普3日飞抵河内。", ()),
        ("安全性提升，白名单放开，高管层未变。", "更加安全，名额放开，高层未变。", ()),
    ],
)
def test_a_person_who_opens_a_sentence_must_be_in_the_posts(
    said: str, posted: str, wrong: tuple[str, ...]
) -> None:
    assert missing(said, posted) == wrong
