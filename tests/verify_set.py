"""A labelled set for the verifier, built from the made-up sample: translations that are true, and the
same with one planted error each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from digest.models import Item, Post
from digest.sources.jsonl import parse_lines

SAMPLE = Path(__file__).parents[1] / "digest" / "sources" / "sample.jsonl"

# The first post's text is a true rendering of what the second says, in the other language.
TRUE = """
04-002 04-001|04-009 04-010|04-010 04-009|04-012 04-013|04-013 04-012|04-017 04-016|04-019 04-020|04-020 04-019|04-022 04-023
04-023 04-022|04-025 04-026|04-026 04-025|04-028 04-029|04-029 04-028|04-033 04-034|04-034 04-033|04-037 04-038|04-038 04-037
04-040 04-041|04-041 04-040|04-075 04-076|04-076 04-075|05-001 05-002|05-002 05-001|05-004 05-005|05-005 05-004|05-008 05-009
05-012 05-011|05-015 05-016|05-019 05-018|05-020 05-021|05-021 05-020|05-025 05-024|05-027 05-028|05-028 05-027|05-029 05-030
05-030 05-029|05-031 05-032|05-032 05-031|05-037 05-036|05-040 05-041|05-066 05-067|05-067 05-066|06-001 06-002|06-002 06-001
06-010 06-011|06-011 06-010|06-018 06-019|06-019 06-018|06-022 06-021|06-024 06-025|06-025 06-024
06-028 06-027|06-030 06-029|06-032 06-033|06-033 06-032|06-040 06-041|06-041 06-040|06-044 06-045|06-046 06-047|06-047 06-046
06-057 06-058|06-058 06-057|06-059 06-060|06-060 06-059|06-068 06-069|06-069 06-068|06-070 06-071|06-071 06-070|07-006 07-005
""".replace("\n", "|").strip("|")
VIEWS = "04-008 04-014 04-018 04-031 04-032 05-007 05-033 05-034 06-007 06-008 06-049 06-050 06-053 06-054".split()
COMPANIES = (
    "Northlight",
    "Larkspur",
    "Tesselund",
    "Kitewick Robotics",
    "Alder Institute",
    "Quarry",
    "Veland",
    "Harbor Peak Capital",
)
STRANGERS = ("Orla Quint", "钱百川", "Bram Oster", "苏晚")

Change = Callable[[str, int], str | None]


def _posts() -> dict[str, Post]:
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    found: dict[str, Post] = {}
    for post in parse_lines(lines, SAMPLE.name):
        if len(post.text) > len(found[post.id].text if post.id in found else ""):
            found[post.id] = post
    return {key.removeprefix("202512"): post for key, post in found.items()}


def _number(text: str, seed: int) -> str | None:
    """Another number, of the same form."""
    spots = list(re.finditer(r"(?<![\w.,-])\d+(?:[.,]\d+)*(?![\w]*[月日]|\.\d)", text))
    if not spots:
        return None
    spot = spots[seed % len(spots)]
    digits = spot.group()
    at = max(i for i, c in enumerate(digits) if c.isdigit())
    other = str((int(digits[at]) + 3) % 10)
    return text[: spot.start()] + digits[:at] + other + digits[at + 1 :] + text[spot.end() :]


def _swapped(pairs: tuple[tuple[str, str], ...]) -> Change:
    def change(text: str, seed: int) -> str | None:
        for old, new in pairs[seed % len(pairs) :] + pairs[: seed % len(pairs)]:
            if re.search(old, text):
                return re.sub(old, new, text, count=1)
        return None

    return change


def _company(text: str, seed: int) -> str | None:
    """Another company, one that the post does not speak of."""
    named = [name for name in COMPANIES if name in text]
    strange = [
        name
        for name in ("Verdant Labs", "Ostara AI", "Halcyon", "谷歌", "Microsoft")
        if name not in text
    ]
    return text.replace(named[0], strange[seed % len(strange)]) if named else None


_unit = _swapped(
    (
        (" ms\\b", " s"),
        ("毫秒", "秒"),
        ("(?<=\\d )days", "weeks"),
        ("billion", "million"),
        ("亿美元", "万美元"),
        ("分钟", "小时"),
        ("minutes", "hours"),
        ("megawatts", "gigawatts"),
        ("兆瓦", "吉瓦"),
        ("(?<=\\d)%", " times"),
        ("万", "亿"),
        ("hours", "minutes"),
        ("小时", "天"),
        ("GB", "TB"),
    )
)
_date = _swapped(
    (
        (r"1 March", "11 March"),
        (r"3 月 1 日", "3 月 21 日"),
        (r"15 January", "25 January"),
        (r"1 月 15 日", "2 月 15 日"),
        (r"12 月 31 日", "12 月 3 日"),
        (r"31 December", "3 December"),
        (r"12 January", "19 January"),
        (r"1 月 12 日", "1 月 22 日"),
        (r"1 June", "10 June"),
        (r"6 月 1 日", "6 月 11 日"),
    )
)
_version = _swapped(
    (
        (r"3\.2", "3.7"),
        (r"Speak 5", "Speak 8.5"),
        (r"2\.8\.3", "2.8.9"),
        (r"2\.8\.1", "2.7.1"),
        (r"Large 2\.5", "Large 3.5"),
        (r"1\.0\.1", "1.1.4"),
        (r"Quarry 1\.0", "Quarry 2.4"),
        (r"Voice 1\.0", "Voice 1.6"),
        (r"VL 2\b", "VL 6.1"),
    )
)


def _ticker(text: str, seed: int) -> str | None:
    """A ticker that nobody named."""
    return f"{text.rstrip('.。')} (${('QXZT', 'VRNT', 'OLPH')[seed % 3]})"


CHANGES: dict[str, Change] = {
    "number": _number,
    "unit": _unit,
    "date": _date,
    "company": _company,
    "version": _version,
    "ticker": _ticker,
}


def labelled() -> Iterator[tuple[str, str, bool, Item, Post]]:
    """Id, kind of error ("" for none), whether it is a view, the item and its post."""
    posts = _posts()
    for n, pair in enumerate(TRUE.split("|")):
        told, cited = (posts[key] for key in pair.split())
        text = re.sub(r"https://\S+|[#&]\S*|^RT @\w+: ", "", told.text).strip()
        item = Item(text, cites=(cited.key,), status="new")
        yield f"{pair}", "", False, item, cited
        for kind, change in CHANGES.items():
            if kind == "ticker" and n % 4:
                continue
            wrong = change(text, n)
            if wrong and wrong != text:
                yield f"{pair} {kind}", kind, False, replace(item, text=wrong), cited
    for n, key in enumerate(VIEWS):
        post = posts[key]
        item = Item(
            post.text, f"{post.author_name} (@{post.author})", cites=(post.key,), status="new"
        )
        yield key, "", True, item, post
        yield (
            f"{key} person",
            "person",
            True,
            replace(item, title=STRANGERS[n % len(STRANGERS)]),
            post,
        )
