"""Names of a statement against those of its posts: people, companies, products with their versions, titles."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from digest.write.known import Found, beside, common, jargon, names_in, pieces
from digest.write.surnames import SURNAMES

_LATIN = re.compile(
    r"[A-Za-z\u00c0-\u024f][A-Za-z0-9\u00c0-\u024f]*(?:['.&+_-][A-Za-z0-9\u00c0-\u024f]+)*"
)
_SEGMENT = re.compile(r"[A-Za-z\u00c0-\u024f]+|\d+(?:\.\d+)*")
_CAMEL = re.compile(r"[A-Z]?[a-z\u00c0-\u024f]+|[A-Z]+(?![a-z])|\d+")
_GLUED = re.compile(r"[@#]\w+|\b[\w-]+(?:\.[\w-]+)+")
_ENDING = re.compile(r"(?:'s|s|es|ed|ing|d|er|ers|ly|'s)$")
_HAN = re.compile(r"[\u3400-\u9fff]")
_TITLED = re.compile(
    r"(?:\b[A-Z][a-z]+\s){1,4}(?:Act|Law|Hospital|University|Institute|Office|Bank|Court|Ministry|Agency|Commission|Parliament|"
    r"School|College|Museum|Library|Council|Committee|Bureau|Association|Bill|Plan)\b"
)
"""An institution or law by an English name made of words: it stands for a Chinese one that cannot be looked up."""
VARIANTS = frozenset(
    "pro max mini ultra flash turbo lite nano plus air opus sonnet haiku code codex thinking instruct vision preview oss base large"
    " small medium xl high low coder omni".split()
)


@dataclass(slots=True)
class Names:
    """What the posts name, in the forms that names of a statement are looked up by."""

    text: str = ""
    words: set[str] = field(default_factory=set)
    glued: set[str] = field(default_factory=set)
    known: set[int] = field(default_factory=set)
    places: int = 0
    after: dict[str, set[str]] = field(default_factory=dict)
    """By segment, the segments that follow it at once."""
    near: set[tuple[str, str]] = field(default_factory=set)
    """Segments and those within three after them, or just before."""
    segments: set[str] = field(default_factory=set)


def read_names(text: str) -> Names:
    """The names of a post's text."""
    found = Names(text.lower())
    tokens = [fold(match.group()) for match in _LATIN.finditer(text)]
    for match in _LATIN.finditer(text):
        _add_word(found, match.group())
    for first, second in pairwise(tokens):
        found.words.add(_bare(first + second))
    found.glued = {re.sub(r"[\W_]", "", match.group().lower()) for match in _GLUED.finditer(text)}
    tags = " | ".join(" ".join(_CAMEL.findall(match.group())) for match in _GLUED.finditer(text))
    known = [*names_in(text, exact=False), *names_in(tags, exact=False)]
    found.known = {id(one.name) for one in known}
    for spelling in {spelling for one in known for spelling in one.name.spellings}:
        found.words.update(pieces(spelling))
    found.places = sum(one.name.kind == "places" for one in known)
    _add_segments(found, text, names_in(text, exact=False))
    return found


def _add_word(found: Names, word: str) -> None:
    whole = fold(word)
    parts = [part for part in re.split(r"[-.&+'_]", whole) if part]
    camel = [part.lower() for part in _CAMEL.findall(unaccented(word))]
    found.words.update((whole, _bare(whole), *parts, *camel))
    found.words.update(_ENDING.sub("", part) for part in parts)


def _add_segments(found: Names, text: str, known: Sequence[Found]) -> None:
    cut = segments(text)
    found.segments = set(cut)
    for n, segment in enumerate(cut):
        following = cut[n + 1 : n + 4]
        if following:
            found.after.setdefault(segment, set()).add(following[0])
        for other in following:
            found.near.add((segment, other))
            if other[0].isdigit():
                break
        found.near.update((other, segment) for other in following[:1])
    # 混元3.0 is Hunyuan 3.0: a version after any spelling belongs to all of them.
    for one in known:
        number = re.match(r"[\s-]?v?(\d+(?:\.\d+)*)", text[one.end : one.end + 12], re.IGNORECASE)
        if number:
            for spelling in one.name.spellings:
                for piece in pieces(spelling)[-1:]:
                    found.after.setdefault(piece, set()).add(number[1])
                    found.near |= {(piece, number[1]), (number[1], piece)}


def segments(text: str) -> list[str]:
    """The text as runs of letters and numbers: "Qwen3-VL-8B" is qwen, 3, vl, 8, b."""
    cut = [match.group().lower() for match in _SEGMENT.finditer(unaccented(text))]
    return [segment.removesuffix(".0") for segment in cut if segment not in ("v", "s")]


def unaccented(text: str) -> str:
    """Latin letters without their accents."""
    if text.isascii():
        return text
    kept = (c for c in unicodedata.normalize("NFD", text) if not 0x300 <= ord(c) < 0x370)
    return unicodedata.normalize("NFC", "".join(kept))


def fold(word: str) -> str:
    """A word as it is compared."""
    return unaccented(word).lower()


def _bare(word: str) -> str:
    return re.sub(r"[-.&+'_]", "", word)


def missing_names(text: str, posts: Names, *, english: bool, chinese: bool) -> Iterator[str]:
    """Names of the statement that the posts do not have. `english`, `chinese`: languages of the posts."""
    known = names_in(text, exact=True)
    for one in known:
        if not _has(one, known, text, posts, chinese):
            yield one.said
    covered = [(one.start, one.end) for one in known]
    yield from _unknown_latin(text, covered, posts, english, chinese)
    if chinese:
        yield from _quoted(text, posts)
    yield from _han_people(text, covered, posts, english)


def _has(one: Found, known: Sequence[Found], text: str, posts: Names, chinese: bool) -> bool:
    if id(one.name) in posts.known or (one.said.isascii() and _in_words(one.said, posts)):
        return True
    if one.said.lower() in posts.text or beside(text, one):
        return True
    if one.name.kind != "places":
        return False
    implied = any(_mentions(thing, posts) for thing in one.name.owned)
    home = "China" in one.name.spellings and chinese
    wide = bool({"China", "US", "Europe", "Asia"} & one.name.spellings) and not posts.places
    return implied or home or wide


def _mentions(thing: str, posts: Names) -> bool:
    return any(id(one.name) in posts.known for one in names_in(thing, exact=False))


def _in_words(said: str, posts: Names) -> bool:
    """All pieces of a known name are words of the posts, or it is glued into a handle, tag or address."""
    cut = [piece for piece in re.split(r"[\s\-.&']+", fold(said)) if piece and piece != "s"]
    return all(piece in posts.words for piece in cut) or (
        len("".join(cut)) > 3 and _in_glued("".join(cut), posts)
    )


def _in_glued(word: str, posts: Names) -> bool:
    return any(glued.startswith(word) or glued.endswith(word) for glued in posts.glued)


def _unknown_latin(
    text: str, covered: Sequence[tuple[int, int]], posts: Names, english: bool, chinese: bool
) -> Iterator[str]:
    spoken = {fold(m.group()) for m in _LATIN.finditer(text) if m.group().islower()}
    hidden = [] if english else [match.span() for match in _TITLED.finditer(text)]
    run: list[re.Match[str]] = []
    for match in _LATIN.finditer(text):
        end = match.end() - 2 * match.group().endswith("'s")
        inside = any(a <= match.start() and end <= b for a, b in (*covered, *hidden))
        strange = not inside and _strange(match, text, posts, spoken, chinese)
        if run and (not strange or text[run[-1].end() : match.start()] != " "):
            yield text[run[0].start() : run[-1].end()]
            run = []
        if strange:
            run.append(match)
    if run:
        yield text[run[0].start() : run[-1].end()]


def _strange(
    match: re.Match[str], text: str, posts: Names, spoken: set[str], chinese: bool
) -> bool:
    """Whether a Latin word is a name that the posts lack."""
    word = match.group()
    if not _is_name(word, text, match.start(), spoken):
        return False
    if _named(word, posts) or _joined(match, text, posts):
        return False
    return not (chinese and _pinyin(word, match, text, posts))


def _is_name(word: str, text: str, at: int, spoken: set[str]) -> bool:
    parts = [part for part in re.split(r"[-.&+'_]", word) if part]
    telling = [part for part in parts if len(part) > 1 and (part != part.lower() or _digits(part))]
    in_chinese = bool(_HAN.search(text[max(0, at - 2) : at + len(word) + 2]))
    if not telling and not (in_chinese and word.islower() and len(word) > 2):
        return False
    plain = jargon if in_chinese and not word.islower() else common
    if all(plain(part) or part.isdigit() or len(part) == 1 for part in parts) or plain(word):
        return False
    # A word that the statement also has in lower case is no name; nor is a hyphenated ordinary one.
    lower = fold(word)
    return not (
        word[1:].islower()
        and word.isalpha()
        and any(other.startswith(lower[: max(4, len(lower) - 3)]) for other in spoken)
    )


def _digits(word: str) -> bool:
    return any(char.isdigit() for char in word)


def _named(word: str, posts: Names) -> bool:
    """Whether the posts have the word, or for a compound all of its parts, in order where it holds a number."""
    lower = fold(word)
    if lower in posts.words or _bare(lower) in posts.words or _ENDING.sub("", lower) in posts.words:
        return True
    if len(_bare(lower)) > 3 and _in_glued(_bare(lower), posts):
        return True
    cut = segments(word)
    if any(segment[0].isdigit() for segment in cut) and len(cut) > 1:
        return all((a, b) in posts.near for a, b in pairwise(cut)) or (
            not any(
                segment[0].isalpha() and len(segment) > 1 and segment not in posts.words
                for segment in cut
            )
            and all(
                segment in posts.after or segment in posts.words
                for segment in cut
                if segment[0].isdigit()
            )
        )
    parts = [part for part in re.split(r"[-.&+'_]", lower) if len(part) > 1]
    return (
        bool(parts)
        and len(parts) > 1
        and all(
            part in posts.words or common(part) or _ENDING.sub("", part) in posts.words
            for part in parts
        )
    )


def _joined(match: re.Match[str], text: str, posts: Names) -> bool:
    """ "Check Point" for checkpoint: the word and a neighbour are one word of the posts."""
    before = re.search(r"([A-Za-z0-9]+)[\s-]$", text[: match.start()][-24:])
    after = re.match(r"[\s-]([A-Za-z0-9]+)", text[match.end() : match.end() + 24])
    word = _bare(fold(match.group()))
    both = ([before[1].lower() + word] if before else []) + (
        [word + after[1].lower()] if after else []
    )
    return any(pair in posts.words or (len(pair) > 5 and _in_glued(pair, posts)) for pair in both)


def _pinyin(word: str, match: re.Match[str], text: str, posts: Names) -> bool:
    """ "Cao Yue" may be 曹越: a surname of a Chinese post, in Latin letters, with the name beside it."""
    around = text[max(0, match.start() - 16) : match.end() + 16]
    near = [fold(m.group()).removesuffix("'s") for m in _LATIN.finditer(around)]
    return any(
        any(char in posts.text for char in SURNAMES.get(one, "")) for one in near
    ) and _syllables(word)


_SYLLABLE = re.compile(
    r"(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:[aeiou]{1,3}(?:ng|n|r)?)){1,3}(?:'s)?",
    re.IGNORECASE,
)


def _syllables(word: str) -> bool:
    return bool(_SYLLABLE.fullmatch(word))


_TITLE = re.compile(r"《([^》]{2,40})》")
_SAID = re.compile(r"[“「『]([\u3400-\u9fff]{2,6})[”」』]")


def _quoted(text: str, posts: Names) -> Iterator[str]:
    """Titles stand in a Chinese post as they are; of a short quotation at least two characters in a row."""
    for match in _TITLE.finditer(text):
        title = match[1].lower()
        bare = re.sub(r"\W", "", title)
        if bare not in re.sub(r"\W", "", posts.text) and not pieces(title):
            yield match.group()
    for match in _SAID.finditer(text):
        if not any(match[1][n : n + 2] in posts.text for n in range(len(match[1]) - 1)):
            yield match.group()


_SPEAKS = "表示|认为|称|指出|说|透露|宣布|预计|警告|强调|坦言|写道|提醒|建议|回应|呼吁|批评|质疑|预测|相信|指控|解释|直言|感叹|补充|介绍|分享|提到|发文|主张"
_PERSON = re.compile(
    rf"(?:^|[\s，。；：、！？“”（）(),:;|]|创始人|工程师|教授|研究员|博士|总裁|作者|主席|总经理|院士|CEO|CTO)([\u3400-\u9fff·]{{2,8}}?)(?:{_SPEAKS})",
    re.MULTILINE,
)
_TITLE_NAME = re.compile(r"\A([\u3400-\u9fff]{2,4})(?:[:：]|\n)")
_NO_PERSON = re.compile(
    r"高管|文章|程序|项目|白宫|华为|成员|金融|安全|方面|关于|时间|马上|任何|公司|有人|有网|网友|用户|作者|博主|官方|团队|专家|分析|报道|业内|市场|研究|"
    r"开发|机构|投资|他们|我们|自己|也有|同时|此外|其中|目前|最终|不少|多位|部分|许多|其他|有|该|这|那|他|她|它|曾|并|还|均|都|则|将|应|需|可|却|又|再|更|仍|被|对|和|或|与|在|从|于|向|为|以|但|而|就|只|已|要|会|能|想|来|去|上|下|前|后|中|内|外|据|经|随|因|"
    r"财报|数据|报告|论文|帖子|公告|消息|媒体|平台|产品|模型|方案|计划|时代|方法|问题|技术|系统|工具|全球|全面|全新|全体|高度|高盛|强烈|明确|公开|正式|首次|常用|安装|文档|文中|万能|万物|水平|江湖|路透|云计|黄金|白银|石油|金价|马斯|温度|季度|年度|广告|通过|进一|反复|一再|多次|简单|简称|俗称|号称|堪称|声称|宣称|自称|人称|并称|名称|职称|昵称|对称|统称|又称|合称|代称|别称|全称|尊称|所说|小说|传说|学说|据说|听说|虽说|再说|或说|也说|解说"
)


def _han_people(
    text: str, covered: Sequence[tuple[int, int]], posts: Names, english: bool
) -> Iterator[str]:
    """Chinese names of people that are said to have said something, or stand alone as the title."""
    for pattern in (_PERSON, _TITLE_NAME):
        for match in pattern.finditer(text):
            name = match[1]
            if any(a < match.end(1) and match.start(1) < b for a, b in covered):
                continue
            if (
                _is_person(name)
                and name.lower() not in posts.text
                and not _latin_person(name, posts)
            ):
                yield name


def _is_person(name: str) -> bool:
    return len(name) in (2, 3) and name[0] in _CHARS and not _NO_PERSON.match(name)


def _latin_person(name: str, posts: Names) -> bool:
    """曹越 may be the Cao Yue of an English post."""
    return any(name[0] in chars and latin in posts.words for latin, chars in SURNAMES.items())


_CHARS = frozenset("".join(SURNAMES.values()))


def missing_versions(text: str, posts: Names) -> Iterator[str]:
    """Versions and variants of things of which the posts know others, but not these: "Veo 4" for Veo 3."""
    for match in _VERSIONED.finditer(text):
        name, number = unaccented(match[1]).lower(), match[2].removesuffix(".0")
        if (common(name) and name not in VARIANTS) or (name, number) in posts.near:
            continue
        if number not in posts.segments or any(
            other[0].isdigit() for other in posts.after.get(name, ())
        ):
            yield match.group()
    for match in _BARE_VERSION.finditer(text):
        if match[1].removesuffix(".0") not in posts.segments:
            yield match.group()
    for match in _VARIED.finditer(text):
        number, variant = match[2].removesuffix(".0"), match[3].lower()
        others = posts.after.get(number, set()) & VARIANTS
        if variant not in posts.words or (
            others and variant not in others and (number, variant) not in posts.near
        ):
            yield match.group()


_VERSIONED = re.compile(
    r"([A-Za-z\u00c0-\u024f]{2,})[\s-]?v?(\d+(?:\.\d+)*)(?![\d,%]|\s?(?:%|million|billion|万|亿|美元|月|日|年))",
    re.IGNORECASE,
)
_VARIED = re.compile(
    rf"\b([A-Z][A-Za-z]+)[\s-]?v?(\d+(?:\.\d+)*)[\s-]({'|'.join(sorted(VARIANTS))})\b",
    re.IGNORECASE,
)
LONG_VERSION = re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}(?![\d.]*\d)")
_BARE_VERSION = re.compile(r"(?<![A-Za-z0-9])v(\d+(?:\.\d+)*)", re.IGNORECASE)
