"""Chinese names that no list knows: people who are said to speak, titles in 《》, short quotations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from digest.write.verify.known import pieces
from digest.write.verify.postnames import Names
from digest.write.verify.surnames import SURNAMES

_TITLE = re.compile(r"《([^》]{2,40})》")
_SAID = re.compile(r"[“「『]([\u3400-\u9fff]{2,6})[”」』]")


def quoted(text: str, posts: Names) -> Iterator[str]:
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


def people(text: str, covered: Sequence[tuple[int, int]], posts: Names) -> Iterator[str]:
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
