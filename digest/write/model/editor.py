"""The report as a model writes it: asked section by section, proved item by item, assembled by code.

The model only fills in forms about posts it was shown. What it writes is checked against those posts;
what fails goes back once; what fails again is told in a post's own words or not at all. Order,
headings, links and counts are made by code, so that nothing a post says can change them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from digest.errors import BudgetSpent, LlmError, ReportFull
from digest.llm.budget import tokens
from digest.llm.client import Call
from digest.models import Quality, Section, SectionName
from digest.select.embed import release
from digest.write import Material
from digest.write.extractive.groups import EVENTS, OTHER, THEMES, Group
from digest.write.extractive.notes import heading
from digest.write.model.assembly import assembled, reduced
from digest.write.model.candidates import MOST, Candidate, candidates, repaired
from digest.write.model.context import Desk, shown
from digest.write.model.gate import GATE, Edited
from digest.write.model.prompts import Prompt
from digest.write.model.schemas import Answer, Brief, Events, Money, Repair, Views
from digest.write.verify.screening import checked, trimmed

log = logging.getLogger(__name__)

LEADING, OVERLAP = 18, 10
"""Events the brief chooses from, and the first that the events page is shown: what the brief passes
over may still be an event."""
_LANGUAGES = {"zh": "Chinese (simplified)", "en": "English"}
_SECTIONS: Mapping[str, frozenset[SectionName]] = {
    "views": frozenset(["views"]),
    "events": frozenset(["events", "ai"]),
    "money": frozenset(["markets", "finance"]),
}
"""What a call writes besides the brief."""

# Tokens: together with the fixed text of six prompts they stay below 20,000 in and 8,000 out.
_ROOM = {"brief": 4_800, "views": 2_000, "events": 3_600, "money": 1_500, "repair": 2_200}
_ANSWER = {"brief": 1_600, "views": 1_100, "events": 1_600, "money": 900, "repair": 600}
"""The longest of those side by side and the repair take 46 s at 50 tokens a second."""


@dataclass(slots=True)
class Editor:
    """Writes one report; `extractive` is the report without a model, which stands where this fails."""

    material: Material
    extractive: tuple[Section, ...]
    ask: Callable[[Call[Any]], Awaitable[Answer]]
    """`Llm.ask`."""
    prompts: Mapping[str, Prompt]
    desk: Desk = field(init=False)
    _spent: bool = False

    def __post_init__(self) -> None:
        self.desk = Desk(self.material)

    async def write(self) -> Edited:
        """The model's version where it passes the gate, else the extractive one, marked as such."""
        calls = self._calls()
        if "brief" not in calls:
            return Edited(self.extractive, None)  # nothing happened: nothing to ask
        said = await asyncio.gather(*map(self._ask, calls.values()))
        answers = dict(zip(calls, said, strict=True))
        if answers["brief"] is None:
            why = "budget" if self._spent else "no_answer"
            return unedited(self.material, self.extractive, why)
        spoken = self.material.topic.language
        found = [
            one
            for answer in said
            if answer is not None
            for one in candidates(answer, self.desk.posts, spoken)
        ]
        found = await self._repaired(self._checked(found))
        found = trimmed(found, self.desk.posts, spoken)
        silent = {s for name, answer in answers.items() if answer is None for s in _SECTIONS[name]}
        edited = assembled(self.material, self.extractive, found, silent)
        release()
        if edited.quality and edited.quality.score < GATE:
            sections = reduced(self.extractive, self.material, "gate")
            return replace(
                edited, sections=sections, quality=replace(edited.quality, reduced="gate")
            )
        return edited

    def _checked(self, found: Sequence[Candidate]) -> list[Candidate]:
        return checked(found, self.desk.posts, self.material.topic.language)

    def _calls(self) -> dict[str, Call[Any]]:
        """The calls of this report by prompt; none where the posts hold nothing for it."""
        topic, window = self.material.topic, self.material.window
        days = (
            str(window.first) if window.first == window.last else f"{window.first} to {window.last}"
        )
        common = {"topic": topic.title[topic.language], "days": days}
        events = self.desk.events()
        leading = self.desk.show_events(events[:LEADING], each=3, room=_ROOM["brief"])
        further = self.desk.show_events(events[OVERLAP:], each=2, room=_ROOM["events"])
        held = self.desk.show_posts(self.desk.opinions(), room=_ROOM["views"])
        money = self.desk.show_posts(self.desk.money(), room=_ROOM["money"])
        special = heading("ai", topic)
        wanted: list[tuple[str, type[Answer], str, dict[str, object]]] = [
            ("brief", Brief, leading, {"most": MOST["points"], "events": leading}),
            ("views", Views, held, {"most": MOST["views"], "posts": held}),
            ("events", Events, further, {
                "events": further, "special": special, "most": MOST["events"], "most_special": MOST["ai"],
                "groups": self._names(EVENTS), "themes": self._names(THEMES),
            }),
            ("money", Money, money, {
                "posts": money, "most_markets": MOST["markets"], "most_finance": MOST["finance"],
            }),
        ]  # fmt: skip
        return {
            name: self._call(name, form, {**common, **values})
            for name, form, shown_, values in wanted
            if shown_
        }

    def _call(self, name: str, form: type[Answer], values: Mapping[str, object]) -> Call[Any]:
        language = _LANGUAGES[self.material.topic.language]
        return Call(
            name=name,
            system=self.prompts["system"].render(language=language),
            prompt=self.prompts[name].render(**values),
            schema=form,
            answer_tokens=_ANSWER[name],
        )

    def _names(self, groups: tuple[Group, ...]) -> str:
        spoken = self.material.topic.language
        return ", ".join([*(names[spoken] for names, _ in groups), OTHER[spoken]])

    async def _ask(self, call: Call[Any]) -> Answer | None:
        """The answer, or None where no model gave one: that section stays extractive."""
        try:
            return await self.ask(call)
        except (LlmError, BudgetSpent) as error:
            money = isinstance(error, BudgetSpent) and not isinstance(error, ReportFull)
            self._spent = self._spent or money
            log.warning("%s: %s", call.name, error)
            return None

    async def _repaired(self, found: Sequence[Candidate]) -> list[Candidate]:
        """The candidates, those that failed in the form they have after going back once."""
        wrong = {f"i{n}": one for n, one in enumerate(found, 1) if one.problems and one.posts}
        text, asked = self._wrong(wrong)
        if not asked:
            return list(found)
        answer = await self._ask(self._call("repair", Repair, {"items": text}))
        again = {item.id: item for item in answer.items} if isinstance(answer, Repair) else {}
        told = [key for key in asked if key in again and again[key].text]
        spoken = self.material.topic.language
        second = [repaired(wrong[key], again[key], self.desk.posts, spoken) for key in told]
        better = dict(zip(told, self._checked(second), strict=True))
        return [better.get(f"i{n}", one) for n, one in enumerate(found, 1)]

    def _wrong(self, wrong: Mapping[str, Candidate]) -> tuple[str, list[str]]:
        """The failed items with their faults and posts, as far as the room goes; their ids."""
        ids = {post.key: key for key, post in self.desk.posts.items()}
        room, blocks, asked = _ROOM["repair"], [], []
        for key, one in wrong.items():
            lines = [f"[{key}] title: {one.item.title}", f"text: {one.item.text}"]
            lines.append(f"wrong: {'; '.join(one.problems)[:300]}")
            lines += [f"{ids[post.key]}: {shown(post.text)}" for post in one.posts]
            block = "\n".join(lines)
            room -= tokens(block)
            if room < 0:
                break
            blocks.append(block)
            asked.append(key)
        return "\n\n".join(blocks), asked


def unedited(material: Material, extractive: Sequence[Section], why: str = "no_answer") -> Edited:
    """The extractive report, which says that it is one and why."""
    return Edited(reduced(extractive, material, why), Quality(0.0, reduced=why))
