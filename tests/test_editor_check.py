"""The model's choice of stories, and its check of the items."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from digest.errors import LlmError
from digest.write.model.editor import Editor
from tests.editing import PROMPTS, Model, edited, extractive, items, material, score, text
from tests.writers import Reply, honest, sentences_of, wanted

pytestmark = pytest.mark.usefixtures("encoder_stays")


def story_numbers(prompt: str) -> list[int]:
    return [int(number) for number in re.findall(r"^\[(\d+)\] ", prompt, re.MULTILINE)]


async def test_the_model_picks_what_the_points_tell_first() -> None:
    """A story far down our rank becomes a point, told before those that were not picked."""

    def last_first(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        if wanted(prompt) == "must":
            numbers = story_numbers(prompt)
            return {**reply, "must": [*numbers[:3], *numbers[20:22]], "detail": numbers[3:12]}
        return reply

    model = Model(last_first)
    await Editor(material(), extractive(), model.ask, PROMPTS).write()
    (brief,) = [call.prompt for call in model.calls if call.name == "brief"]
    first, rest = brief.split("[6] ")[0], brief
    assert first.count("people, must be told") == rest.count("people, must be told") == 5
    (lines,) = [call.prompt for call in model.calls if call.name == "pick"]
    chosen = re.search(r"^\[21\] .*?: (.{12})", lines, re.MULTILINE)
    assert chosen
    assert chosen[1] in first


@pytest.mark.parametrize(
    "pick",
    [
        lambda numbers: {"must": numbers[-10:]},
        lambda numbers: {"must": [], "detail": []},
        lambda numbers: {"must": [9998, 9999], "same": [[9998, 1]]},
        lambda numbers: {"must": numbers[:10], "same": [numbers]},
    ],
    ids=["upside down", "nothing", "unknown numbers", "all the same"],
)
async def test_our_rank_stands_where_a_pick_cannot_be_believed(
    pick: Callable[[list[int]], Reply],
) -> None:
    def write_(system: str, prompt: str) -> Reply:
        if wanted(prompt) == "must":
            return pick(story_numbers(prompt))
        return honest(system, prompt)

    def unpicked(system: str, prompt: str) -> Reply:
        return {} if wanted(prompt) == "must" else honest(system, prompt)

    usual = [item.text for item in items(await edited(unpicked), "points")]
    assert [item.text for item in items(await edited(write_), "points")] == usual


async def test_an_item_that_the_check_refuses_is_not_printed() -> None:
    refused: list[str] = []

    def strict(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        if wanted(prompt) == "checks":
            line = re.search(r"^\[(i\d+)\] (.{20})", prompt, re.MULTILINE)
            assert line
            refused.append(line[2])
            judged = {"id": line[1], "supported": False, "words": line[2][-6:]}
            return {"items": [judged, *reply["items"][1:]]}
        return reply

    found = await edited(strict)
    assert score(found).checked
    assert refused[0][-6:] not in " ".join(i.text for i in items(found) if i.status == "new")
    judges = [(refusal.judge, refusal.final) for refusal in score(found).refusals]
    assert ("model", False) in judges
    assert ("model", True) in judges


async def test_a_check_that_refuses_everything_is_not_believed() -> None:
    def paranoid(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        if wanted(prompt) == "checks":
            return {"items": [{**item, "supported": False} for item in reply["items"]]}
        return reply

    found, usual = await edited(paranoid), await edited(honest)
    assert not score(found).checked
    assert items(found, "points") == items(usual, "points")
    assert "复核这次没有完成" in found.sections[7].items[-1].text


async def test_a_check_restores_a_name_but_never_a_figure() -> None:
    def renamed(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        if wanted(prompt) == "points":
            reply["points"][0]["text"] += "Quillmark 公司也在场。"
            reply["points"][1]["text"] += "另有 8,317 人在场。"
        return reply

    said = text(await edited(renamed))
    assert "Quillmark" in said  # the check of the honest writer says yes to everything
    assert "8,317" not in said


async def test_without_a_check_the_report_says_so() -> None:
    found = await edited(honest, failing={"check": LlmError("no answer")})
    assert score(found).reduced == ""
    assert not score(found).checked
    assert "复核这次没有完成" in found.sections[7].items[-1].text


async def test_the_overview_is_one_paragraph_without_counts() -> None:
    def trends(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        if wanted(prompt) == "points":
            (one, first), (other, second) = sentences_of(prompt, "zh")[-2:]
            reply["overview"] = [{"text": f"{first}{second}", "cites": [one, other]}]
        return reply

    (overview,) = (await edited(trends)).sections[0].items
    assert len(overview.cites) >= 2
    assert "帖子" not in overview.text
