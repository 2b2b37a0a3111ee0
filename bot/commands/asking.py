"""Parse a command's words into topic, days and number, and find the report they name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from bot import texts
from bot.compose import line_of
from bot.messages import Button, Command, Incoming, Paragraph, Reply, reply
from bot.services import Services
from bot.typed import (
    MAX_DAYS,
    DateError,
    LongRangeError,
    convert_numerals,
    fold_letters,
    index_names,
    parse_days,
    zone_label,
)
from digest.calendar import Span, closes, local_day, month_of, week_of
from digest.models import Item, Language, Report, Subscription
from digest.ranges import load_span

_NUMBER = re.compile(r"[第前#]?([1-9][0-9]{0,2})[条个]?", re.ASCII)
"""A count or an item number. 0700 and 600519 do not match: they are stock codes."""
_FIGURE = re.compile(r"\d{1,3}(?:\.\d+)?", re.ASCII)
MAX_QUERY_WORDS = 40
"""Words searched for topic, days and number; longer lines are not commands."""
CHAT_LANGUAGES = "chat languages"
"""Note platform of the language of chats without subscriptions."""
MAX_DAY_WORDS = 7
"""The number of words in "2025 12 01 to 2025 12 06"."""


class Unanswered(Exception):
    """The request cannot be answered; `reply` explains why and shows what would work."""

    def __init__(self, answer: Reply) -> None:
        super().__init__("unanswered")
        self.reply = answer


@dataclass(frozen=True, slots=True)
class Query:
    """The parsed words of a command."""

    topic: str = ""
    days: tuple[date, date] | None = None
    number: int = 0
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ask:
    """One command with its words, and access to what it asks for."""

    context: Services
    incoming: Incoming
    command: Command
    words: tuple[str, ...]
    line: str
    commands: tuple[Command, ...]
    subscriptions: tuple[Subscription, ...] = ()
    """Subscriptions of the chat when the command was given."""
    spoken: Language | None = None
    """Language chosen by a chat without subscriptions."""

    @cached_property
    def language(self) -> Language:
        """Language of the answer: the chat's; Chinese for a Chinese line; the person's; the
        topic's."""
        default = self.incoming.language or self.context.language
        return self.chosen or texts.language_of(self.line, default)

    @property
    def chosen(self) -> Language | None:
        """Return the language that the chat has chosen."""
        return chosen_language(self.subscriptions) or self.spoken

    def language_for(self, report: Report) -> Language:
        """Return the language to show a report in: the chat's, else the person's if the report has
        it, else the report's own."""
        for subscription in self.subscriptions:
            if subscription.topic == report.topic:
                return subscription.language or report.language
        own = self.incoming.language
        return self.chosen or (own if own in report.renderings else None) or report.language

    def after(self, subscription: Subscription) -> Ask:
        """Return a copy for the chat after this subscription was stored, and its language."""
        others = (row for row in self.subscriptions if row.topic != subscription.topic)
        return replace(self, subscriptions=(subscription, *others))

    async def query(self, *, versions: bool = False) -> Query:
        """Parse topic, days and number in any order. `versions`: a figure next to words is neither
        day nor number, as in GPT 5 and Veo 3.1. Raises Unanswered for an invalid day and for too
        long a range."""
        query, words, typed = Query(), list(self.words[:MAX_QUERY_WORDS]), list[str]()
        while words:
            word = words[0]
            figure = versions and _FIGURE.fullmatch(word)
            taken = 0
            for size in range(min(MAX_DAY_WORDS, len(words)), 0, -1):  # "6 Dec", "A to B"
                if await self.days(" ".join(words[:size]), query.topic, versions):
                    taken = size
                    break
            if not query.topic and (topic := await self.topic_of(word)):
                taken, query = 1, replace(query, topic=topic)
            elif taken < 2 and not figure and (number := _NUMBER.fullmatch(convert_numerals(word))):
                taken, query = 1, replace(query, number=int(number[1]))
            elif taken:
                typed += words[:taken]
            else:
                taken, query = 1, replace(query, others=(*query.others, word))
            del words[:taken]
        days = await self.days(" ".join(typed), query.topic, versions)
        if typed and days is None:
            raise Unanswered(await self.bad_date(" ".join(typed), query.topic))
        others = (*query.others, *self.words[MAX_QUERY_WORDS:])
        return replace(query, days=days, others=others)

    async def report(self, query: Query) -> Report:
        """Return the requested report in the chat's language. Raises Unanswered."""
        topic, report = await self.find(query)
        if report is None:
            raise Unanswered(await self.no_report(topic, query.days))
        return report.in_language(self.language_for(report))

    async def find(self, query: Query) -> tuple[str, Report | None]:
        """Return the requested topic, and its report for the requested days, else its newest."""
        store = self.context.store
        if query.days:
            for name in [query.topic] if query.topic else self.topics:
                if report := await store.load_report(name, *query.days):
                    return name, report
        topic = query.topic or await self.usual_topic()
        if query.days is None:
            return topic, await store.load_latest(topic)
        stored = None if query.topic else await store.load_report(topic, *query.days)
        if stored or query.days[0] == query.days[1]:
            return topic, stored
        newest = await store.load_latest(topic)
        language = self.language_for(newest) if newest else self.chosen
        described, now = self.context.topic(topic), self.context.now()
        return topic, await load_span(store, described, query.days, now, language)

    def list_settings(self) -> str:
        """Return a sentence on the possible settings, with an example."""
        names = self.listed(self.context.topics)
        return self.text(
            "setting_words", names=names, example=self.command.example_in(self.language)
        )

    async def no_report(self, topic: str, days: tuple[date, date] | None) -> Reply:
        """Return a reply that there is no such report, with alternatives."""
        store, language = self.context.store, self.language
        if days is None:
            return reply(Paragraph(await self._say_no_reports(topic)), language=language)
        names = await store.list_days(topic)
        name = "report" if self.command.who != "everybody" else self.command.name
        around = {"week": week_of, "month": month_of}.get(name)
        spans: dict[Span, date] = {}
        for day in sorted(names, key=lambda day: (abs(day - days[0]), day)):
            spans.setdefault(around(day) if around else (day, day), day)
        near = list(spans.values())[:3]
        # Show the year if reports are from another one than the user may expect.
        other_year = any(day.year != days[0].year for day in near)
        today = date.min if other_year else self.context.now().date()
        shown = texts.days_in_words(*days, language, today)
        lines = [texts.text("no_report", language, day=shown)]
        if days[0] == days[1] >= (now := self.today(topic)):  # the day is not over yet
            zone = self.context.topic(topic).timezone
            closed_at = closes(self.context.topic(topic), days[0]).astimezone(ZoneInfo(zone))
            facts = {"when": f"{closed_at:%Y-%m-%d %H:%M}", "zone": zone_label(zone, language)}
            key = "not_begun" if days[0] > now else "not_over"
            lines.append(self.text(key, at=self.text("at", **facts)))
        posts = (await store.count_posts(topic)).get(days[0], 0) if days[0] == days[1] else 0
        if posts:
            line = self.hint(topic, days[0], name="report")
            lines.append(texts.text("can_make", language, line=line, n=posts))
        if near:
            words = (f"{day:%Y-%m}" if name == "month" else day for day in near)
            listed = self.listed(self.hint(topic, word, name=name) for word in words)
            lines.append(texts.text("nearest", language, days=listed))
        elif not posts:
            lines.append(await self._say_no_reports(topic))
        return reply(*map(Paragraph, lines), language=language)

    async def _say_no_reports(self, topic: str) -> str:
        posts = await self.context.store.count_posts(topic)
        if posts:
            # Today is not over: a report of it lacks the posts to come.
            day = max((day for day in posts if day < self.today(topic)), default=max(posts))
            line = self.hint(topic, day, name="report")
            return self.text("no_reports_but", day=day, line=line, n=posts[day])
        operator = self.context.is_admin(self.incoming)
        return self.text("no_reports" if operator else "no_reports_yet", topic=topic)

    def point(self, report: Report, number: int) -> Item:
        """Return the point of that number. Raises Unanswered with the valid numbers."""
        points, day = points_of(report), self.in_words(report.first, report.last)
        if not points:
            raise Unanswered(self.say("no_points", day=day))
        if not 1 <= number <= len(points):
            example = self.first_point(report)
            raise Unanswered(self.say("points_are", day=day, n=len(points), example=example))
        return points[number - 1]

    def first_point(self, report: Report) -> str:
        """Return this command's line for the first point of the requested report."""
        plain = all(word.isdigit() and len(word) < 4 for word in self.words)
        return f"/{self.command.name} 1" if plain else f"{line_of(self.command.name, report)} 1"

    def hint(self, topic: str, *words: object, name: str = "") -> str:
        """Return this command's line for a topic, which is named if there are others."""
        named = [topic] if topic and set(self.context.topics) != {topic} else []
        return " ".join(map(str, (f"/{name or self.command.name}", *named, *words)))

    async def example(self, topic: str) -> str:
        """Return a valid line of this command, with a day that has a report."""
        _, *words = self.command.example.format(day=await self.usual_day(topic)).split(" ")
        return self.hint(topic, *words)

    async def usual_day(self, topic: str = "") -> date:
        """Return a day for examples: of the newest report or posts, else yesterday."""
        name = topic or await self.usual_topic()
        if newest := await self.context.store.load_latest(name):
            return newest.last
        posts = await self.context.store.count_posts(name)
        return max(posts, default=self.today(name) - timedelta(days=1))

    def today(self, topic: str) -> date:
        return local_day(self.context.now(), self.context.topic(topic).timezone)

    def in_words(self, first: date, last: date | None = None) -> str:
        """Return days as in a sentence."""
        today = self.context.now().date()
        return texts.days_in_words(first, last or first, self.language, today)

    def title(self, topic: str) -> str:
        """Return a topic's title in the language of the answer."""
        return self.context.topic(topic).title[self.language]

    def text(self, key: str, **values: object) -> str:
        """Return a text in the language of the answer."""
        return texts.text(key, self.language, **values)

    def listed(self, words: Iterable[str]) -> str:
        """Join words to a list in the language of the answer."""
        return texts.listed(words, self.language)

    def say(self, key: str, *buttons: tuple[Button, ...], **values: object) -> Reply:
        """Return a reply of one paragraph with these groups of buttons."""
        paragraph = Paragraph(texts.text(key, self.language, **values))
        return Reply((paragraph,), self.language, buttons)

    @cached_property
    def topics(self) -> tuple[str, ...]:
        """Return the candidate topics if none is named: the chat's subscriptions, else all."""
        here = {subscription.topic for subscription in self.subscriptions}
        return tuple(name for name in self.context.topics if name in here) or (
            *self.context.topics,
        )

    async def usual_topic(self) -> str:
        """Return the default topic if none is named: the candidate with the newest report."""
        stored = {
            row.name: row.newest for row in await self.context.store.list_topics() if row.newest
        }
        order = self.topics if self.subscriptions else (*self.topics, *stored)
        return max(order, key=lambda name: stored.get(name, date.min))

    async def topic_of(self, word: str) -> str:
        """Return the topic of that name or title, or "". The store is queried last, because most
        words are dates."""
        word, names = fold_letters(word), index_names(self.context.topics.values())
        if word in names or word[:1].isdigit():
            return names.get(word, "")
        return (await self.topic_names()).get(word, "")

    async def topic_names(self) -> dict[str, str]:
        """Map names, slugs and titles to topic names."""
        stored = index_names(await self.context.store.list_topics())
        return stored | index_names(self.context.topics.values())

    async def days(self, text: str, topic: str, beside_words: bool = False) -> Span | None:
        """Parse days. Raises Unanswered for an invalid date or too long a range."""
        today = self.today(topic or self.topics[0])
        try:
            return parse_days(text, today, beside_words=beside_words)
        except LongRangeError:
            raise Unanswered(self.say("long_range", n=MAX_DAYS)) from None
        except DateError:
            raise Unanswered(await self.bad_date(text, topic)) from None

    async def bad_words(self, query: Query) -> Reply:
        """Return a reply that the other words are unknown, with the topics and a valid line."""
        names, example = self.listed(self.context.topics), await self.example(query.topic)
        return self.say("bad_word", word=" ".join(query.others)[:40], names=names, example=example)

    async def bad_date(self, word: str, topic: str) -> Reply:
        """Return a reply that these words are not a date, with valid ones."""
        day = await self.usual_day(topic)
        facts = {"day": day, "first": day - timedelta(days=2), "example": self.hint(topic, day)}
        return self.say("bad_date", text=word[:40], **facts)


def points_of(report: Report) -> list[Item]:
    """Return a report's points in the order of their numbers."""
    return [item for item in report.section("points").items if item.status != "note"]


async def load_spoken(context: Services, incoming: Incoming) -> Language | None:
    """Return the language that a chat without subscriptions has chosen."""
    return texts.LANGUAGES.get(
        await context.store.read_note(CHAT_LANGUAGES, name_speaker(incoming))
    )


def name_speaker(incoming: Incoming) -> str:
    """Return the key of a chat's language note; in a private chat, /forget deletes it."""
    private = incoming.chat.kind == "private"
    return incoming.person if private else f"{incoming.platform}:{incoming.chat.id}"


def chosen_language(subscriptions: Iterable[Subscription]) -> Language | None:
    """Return the language of the chat's subscriptions; None if they differ or have none."""
    languages = {row.language for row in subscriptions if row.language}
    return languages.pop() if len(languages) == 1 else None
