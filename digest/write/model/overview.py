"""The overview of a week or month in a model's words, each sentence proved by the items it is of.

A reader could ask the archive what these days were about: so does this, in the words of
`prompts/overview.md`, with the same answer's prompt and the same proof.
"""

from collections.abc import Mapping, Sequence

from digest.models import Hit, Item, Report
from digest.rollup import MAX_CITES
from digest.write.model.prompts import Prompt
from digest.write.model.reply import AskModel, list_posts, write_sentences


async def write_overview(
    report: Report, ask: AskModel, prompts: Mapping[str, Prompt]
) -> tuple[Item, ...]:
    """Return sentences on the points of a report over several days; none where none was proved.
    Raises LlmError or BudgetSpent."""
    days = (report.topic, report.first, report.last)
    hits = [
        Hit(*days, report.language, name, number, item, 1.0, 1.0)
        for number, name, item in report.numbered_items()
        if name == "points"
    ]
    if not hits:
        return ()
    question = prompts["overview"].render(first=str(report.first), last=str(report.last))
    posts = list_posts(hits, {days: report})
    _, rows = await write_sentences(question, hits, posts, report.language, ask, prompts)
    return tuple(
        Item(text, cites=_cites([hits[n - 1].item for n in places])) for text, places in rows
    )


def _cites(items: Sequence[Item]) -> tuple[str, ...]:
    """Return the first posts of each item, then further ones."""
    ranked = sorted(
        (place, n, key) for n, i in enumerate(items) for place, key in enumerate(i.cites)
    )
    return tuple(dict.fromkeys(key for _, _, key in ranked))[:MAX_CITES]
