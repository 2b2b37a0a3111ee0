"""Write a report with a model: pick events, ask for pages, verify, check, repair, assemble.

The model only fills in forms about posts it was shown. Its items are checked against those posts by
code and once by the model itself. Failed items are repaired once; if they fail again, sentences of
the posts replace them or they are dropped.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel

from digest.errors import BudgetSpent, LlmError, ReportFull
from digest.llm.budget import tokens
from digest.llm.client import Call
from digest.models import Item, Quality, Refusal, Section, SectionName
from digest.select.embed import release
from digest.write import Material
from digest.write.extractive import notes
from digest.write.extractive.groups import EVENTS, NONE, Group, list_themes
from digest.write.extractive.notes import heading
from digest.write.model.assembly import GATE, NEWS_SECTIONS, Edited, assemble, list_distinct, reduce
from digest.write.model.candidates import (
    LIMIT,
    Candidate,
    read_candidates,
    require_subject,
    rewrite,
)
from digest.write.model.check import (
    apply_check,
    cut_refused,
    keep_refused,
    list_refusals,
    show_failed,
    show_items,
    strip_copied,
)
from digest.write.model.context import MUST, POST_CHARS, Context, Event, is_cut_headline, shorten
from digest.write.model.pick import (
    BRIEF_POSTS,
    MAX_STORIES,
    assign_pages,
    group_stories,
    is_plausible,
)
from digest.write.model.prompts import LANGUAGES, Prompt
from digest.write.model.schemas import Brief, Check, Events, Money, Page, Pick, Repair, Views
from digest.write.verify.screening import screen_items, trim_items

MAX_GROUPED = 300
"""Stories that are considered; the pages have room for far fewer."""
BRIEF_CHARS = (900, 280, 280, 280)
"""Characters of each post of an event in the brief."""
OTHER_CHARS = 200
"""Characters of the post of an event from another page, which the overview may mention."""
MAX_EARLIER, EARLIER_CHARS = 30, 90
"""Points of earlier days that are shown to the pick, the latest first (those of about three days),
and characters of each."""
FEW_STORIES = 12
"""With fewer stories there is nothing to pick."""
COPIED = "has the words of a post that it does not cite: say it in other words"
MISSED = "is missing: write title and text of this event"
_SECTIONS: Mapping[str, frozenset[SectionName]] = {
    "views": frozenset(["views"]),
    "events": frozenset(["events", "ai"]),
    "money": frozenset(["markets", "finance"]),
}
"""Sections written by each call besides the brief."""

ROOM = {
    **{"pick": 8_000, "brief": 6_200, "views": 1_800, "events": 4_600, "money": 1_500},
    **{"check": 8_000, "repair": 2_400},
}
"""Tokens of posts; with the fixed text of the prompts they stay below 45,000."""
ANSWER = {
    **{"pick": 700, "brief": 2_200, "views": 1_200, "events": 1_900, "money": 1_000},
    **{"check": 800, "repair": 1_000},
}
"""Tokens of answers. The calls of a report, sequential where they must be, take about 100 s at 50
tokens/s and cost, with the prompts, at most $0.03 at $0.25 and $2 per million tokens."""


@dataclass(slots=True)
class Editor:
    """Writes one report; `extractive`, the report without a model, is the fallback."""

    material: Material
    extractive: tuple[Section, ...]
    ask: Callable[[Call[Any]], Awaitable[Any]]
    """`Llm.ask`."""
    prompts: Mapping[str, Prompt]
    context: Context = field(init=False)
    _spent: bool = False
    _unused: int = 0
    """Tokens left over by the page calls; added to the check's budget so that it sees every
    item."""

    def __post_init__(self) -> None:
        self.context = Context(material=self.material)

    async def write(self) -> Edited:
        """Return the model's report if it passes the gate, else the extractive one with a note."""
        events = await self._pick()
        calls = self._page_calls(events)
        if "brief" not in calls:
            return Edited(self.extractive, None)  # no events, so there is nothing to ask
        results = await asyncio.gather(*map(self._ask, calls.values()))
        answers: dict[str, Page | None] = dict(zip(calls, results, strict=True))
        if answers["brief"] is None:
            return unedited(
                self.material, self.extractive, "budget" if self._spent else "no_answer"
            )
        candidates = [
            candidate
            for answer in answers.values()
            if answer is not None
            for candidate in read_candidates(answer, self.context.posts, self.material.topic)
        ]
        screened = self._screen(candidates)
        failed = [candidate for candidate in screened if candidate.problems]
        good = [candidate for candidate in screened if not candidate.problems]
        # The brief and a page may report one event: it is checked and repaired only once.
        distinct = list_distinct(self.material, good, events)
        unchecked = [*distinct, *failed]
        unchecked.sort(key=lambda c: c.section == "overview" and screened.index(c))
        candidates, believed = await self._check(unchecked)
        refusals = list_refusals(candidates, final=False)
        candidates = await self._repair([*candidates, *self._list_missed(screened, events)])
        candidates = [c for c in candidates if MISSED not in c.problems]
        candidates = self._trim(candidates)
        refusals += list_refusals(candidates, final=True)
        silent = {s for name, answer in answers.items() if answer is None for s in _SECTIONS[name]}
        repeated = len(good) - len(distinct)
        edited = assemble(self.material, self.extractive, candidates, silent, events, repeated)
        release()
        return self._judge(edited, believed, refusals)

    def _judge(self, edited: Edited, believed: bool, refusals: Sequence[Refusal]) -> Edited:
        """Return the report with its quality, or the extractive one if the quality is too low."""
        checked = believed and not edited.unjudged
        quality = edited.quality or Quality(0.0)
        quality = replace(quality, checked=checked, refusals=tuple(refusals))
        if quality.score < GATE:
            quality = replace(quality, reduced="gate")
            sections = reduce(self.extractive, self.material, "gate")
            return replace(edited, sections=sections, quality=quality)
        sections = edited.sections
        if not checked:
            note = _UNCHECKED[self.material.topic.language].format(n=edited.unjudged)
            sections = add_to_filtered(sections, note)
        return replace(edited, sections=sections, quality=quality)

    async def _pick(self) -> list[Event]:
        """Return the day's events in the model's order, or in rank order without its answer."""
        prospects = self.material.prospects[:MAX_GROUPED]
        if len(prospects) >= FEW_STORIES:
            points = (
                shorten(text, EARLIER_CHARS) for text in self.material.earlier_points[:MAX_EARLIER]
            )
            earlier = "\n".join(filter(None, points))
            room = ROOM["pick"] - tokens(earlier)
            lines, shown = self.context.list_stories(prospects[:MAX_STORIES], room=room)
            values = {**self._common(), "stories": lines, "told": earlier}
            pick = await self._ask(self._call("pick", Pick, values))
            if pick and is_plausible(pick, shown):
                return group_stories(prospects, pick, shown)
        return group_stories(self.context.stories()[:MAX_GROUPED])

    def _common(self) -> dict[str, object]:
        topic, window = self.material.topic, self.material.window
        one_day = window.first == window.last
        days = str(window.first) if one_day else f"{window.first} to {window.last}"
        return {"topic": topic.title[topic.language], "days": days}

    def _page_calls(self, events: Sequence[Event]) -> dict[str, Call[Any]]:
        """Return the calls that write pages, by prompt name; pages without posts have none."""
        pages = assign_pages(events, self.context)
        show, posts = self.context.show_events, self.context.show_posts
        leading = show(pages.brief, BRIEF_CHARS, room=ROOM["brief"])
        others = posts(pages.others, room=ROOM["brief"] - tokens(leading), most=OTHER_CHARS)
        # The fullest choice that has room for all events.
        least = min(POST_CHARS, 3 * ROOM["events"] // max(1, len(pages.events)))
        choices = (POST_CHARS, POST_CHARS // 2), (POST_CHARS,), (least,)
        further = show(pages.events, *choices, room=ROOM["events"])
        views = posts(pages.views, room=ROOM["views"])
        money = posts(pages.money, room=ROOM["money"])
        shown = {"brief": leading + others, "events": further, "views": views, "money": money}
        self._unused = sum(ROOM[name] - tokens(text) for name, text in shown.items())
        topic = self.material.topic
        special = heading("ai", topic)
        forms: list[tuple[str, type[BaseModel], str, dict[str, object]]] = [
            ("brief", Brief, leading, {
                "most": LIMIT["points"], "events": leading, "others": others,
            }),
            ("views", Views, views, {"most": LIMIT["views"], "posts": views}),
            ("events", Events, further, {
                "events": further, "special": special,
                "most": LIMIT["events"], "most_special": LIMIT["ai"],
                "groups": self._list_names(EVENTS), "themes": self._list_names(list_themes(topic)),
            }),
            ("money", Money, money, {
                "posts": money, "most_markets": LIMIT["markets"], "most_finance": LIMIT["finance"],
            }),
        ]  # fmt: skip
        common = {**self._common(), "language": LANGUAGES[self.material.topic.language]}
        return {
            name: self._call(name, schema, {**common, **values})
            for name, schema, text, values in forms
            if text
        }

    def _call(self, name: str, schema: type[BaseModel], values: Mapping[str, object]) -> Call[Any]:
        # Calls that write no text need no rules of style in the system prompt.
        language = values.get("language", "")
        return Call(
            name=name,
            system=self.prompts["system"].render(language=language),
            prompt=self.prompts[name].render(**values),
            schema=schema,
            answer_tokens=ANSWER[name],
        )

    def _list_names(self, groups: tuple[Group, ...]) -> str:
        return ", ".join(g.names[self.material.topic.language] for g in (*groups, NONE))

    async def _ask(self, call: Call[Any]) -> Any | None:
        """Return the answer, or None without one: that page stays extractive."""
        try:
            return await self.ask(call)
        except (LlmError, BudgetSpent) as error:
            money = isinstance(error, BudgetSpent) and not isinstance(error, ReportFull)
            self._spent = self._spent or money
            return None

    def _screen(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        stripped = strip_copied(candidates, self.material.list_all())
        screened = screen_items(stripped, self.context.posts, self.material.topic.language)
        return [
            require_subject(after)
            if after.full_text.strip()
            else replace(before, problems=(COPIED,))
            for before, after in zip(candidates, screened, strict=True)
        ]

    async def _check(self, candidates: Sequence[Candidate]) -> tuple[list[Candidate], bool]:
        """Return the candidates as judged by the model, and True if its answer was accepted."""
        posts, items, places = show_items(candidates, self.context, ROOM["check"] + self._unused)
        if not places:
            return list(candidates), True
        answer = await self._ask(self._call("check", Check, {"posts": posts, "items": items}))
        return apply_check(candidates, answer, places) if answer else (list(candidates), False)

    def _list_missed(
        self, candidates: Sequence[Candidate], events: Sequence[Event]
    ) -> list[Candidate]:
        """Return an empty item for each MUST event that no item cites."""
        cited = {p.key for c in candidates if c.section in NEWS_SECTIONS for p in c.posts}
        posts = [
            tuple(self.context.leading_posts(event)[:BRIEF_POSTS])
            for event in events
            if event.importance == MUST
            and not cited & {post.key for post in event.posts}
            and not all(map(is_cut_headline, event.posts))
        ]
        return [
            Candidate("points", Item("", cites=tuple(p.key for p in own)), own, (MISSED,))
            for own in posts
        ]

    async def _repair(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates; the failed ones as repaired by the model in one call."""
        text, places = show_failed(candidates, self.context, ROOM["repair"])
        if not places:
            return list(candidates)
        language = self.material.topic.language
        values = {"items": text, "language": LANGUAGES[language]}
        answer = await self._ask(self._call("repair", Repair, values))
        again = {item.id: item for item in answer.items} if answer else {}
        # A point may consist of its title, if it comes from a headline.
        names = [
            name
            for name in places
            if name in again
            if again[name].text.strip()
            or (again[name].title.strip() and candidates[places[name]].section == "points")
        ]
        posts = self.context.posts
        second = [rewrite(candidates[places[n]], again[n], posts, language) for n in names]
        result = list(candidates)
        for name, candidate in zip(names, self._screen(second), strict=True):
            result[places[name]] = keep_refused(candidates[places[name]], candidate)
        for name in places.keys() & again.keys() - set(names):
            result[places[name]] = replace(candidates[places[name]], withdrawn=True)
        return result

    def _trim(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates, the failed ones without their failed sentences."""
        cut = [c if _is_settled(c) else cut_refused(c) for c in candidates]
        stay = [_is_settled(c) or (bool(c.problems) and c.judge == "model") for c in cut]
        others = [c for c, stays in zip(cut, stay, strict=True) if not stays]
        results = iter(trim_items(others, self.context.posts, self.material.topic.language))
        return [c if s else require_subject(next(results)) for c, s in zip(cut, stay, strict=True)]


def _is_settled(candidate: Candidate) -> bool:
    """Return True for an item of which no sentence may stay."""
    return candidate.withdrawn or COPIED in candidate.problems


def add_to_filtered(sections: Sequence[Section], text: str) -> tuple[Section, ...]:
    """Return the sections with a line added to the filter note."""
    line = notes.note(text)
    return tuple(
        replace(s, items=(*s.items, line)) if s.name == "filtered" else s for s in sections
    )


_UNCHECKED = {
    "zh": "本期有 {n} 条未经模型复核，只由程序核对了数字、日期与名称。",
    "en": "Items not checked a second time by the model: {n}. Only the program checked their"
    " figures, dates and names.",
}


def unedited(material: Material, extractive: Sequence[Section], why: str = "no_answer") -> Edited:
    """Return the extractive report with a note on why it is used."""
    return Edited(reduce(extractive, material, why), Quality(0.0, reduced=why))
