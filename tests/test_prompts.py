"""The shipped prompts, and errors about malformed ones."""

import re
import shutil
from pathlib import Path

import pytest

from digest.errors import PromptError
from digest.write.model.prompts import NAMES, check, load_prompts

SHIPPED = Path(__file__).parents[1] / "prompts"


def test_the_shipped_prompts_fit() -> None:
    prompts = load_prompts(SHIPPED)
    assert tuple(prompts) == NAMES
    assert {path.stem for path in SHIPPED.glob("*.md")} - {"README"} == set(NAMES)
    assert check(SHIPPED) == f"{len(NAMES)} in {SHIPPED}"


def test_the_usual_folder_is_found_from_anywhere() -> None:
    assert load_prompts(Path("prompts")).keys() == set(NAMES)


def test_the_readme_names_the_variables_of_each() -> None:
    rows = re.findall(r"^\| `(\w+)\.md` .*\| (.*) \|$", (SHIPPED / "README.md").read_text(), re.M)
    listed = {name: set(re.findall(r"`(\w+)`", said)) for name, said in rows}
    assert listed == {name: set(p.variables) for name, p in load_prompts(SHIPPED).items()}


def test_a_prompt_gets_its_variables() -> None:
    system = load_prompts(SHIPPED)["system"]
    assert "Write Klingon, whatever" in system.render(language="Klingon")
    with pytest.raises(PromptError, match=r"system\.md declares language"):
        system.render(topic="ai")
    assert system.render(language="zh", topic="ai") == system.render(language="zh")


def test_posts_are_not_rendered_as_templates() -> None:
    repair = load_prompts(SHIPPED)["repair"]
    assert "{{ 7 * 7 }} <b> {% raw" in repair.render(language="en", items="{{ 7 * 7 }} <b> {% raw")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "PROMPTS_DIR"),
        ("no head", "start with a line ---"),
        ("---\n- a\n---\nx", "declare its variables"),
        ("---\nvariables: language\n---\n{{ language }}", "declare its variables"),
        ("---\nvariables: [language, more]\n---\n{{ language }}", "differ: more"),
        ("---\nvariables: []\n---\n{{ language }}", "differ: language"),
        ("---\nvariables: [language]\n---\n{{ language", "not a template"),
        ("---\nvariables: [\n---\nx", "declare its variables"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str | None, said: str) -> None:
    folder = tmp_path / "prompts"
    shutil.copytree(SHIPPED, folder)
    path = folder / "system.md"
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(PromptError, match=re.escape(said)) as raised:
        check(folder)
    assert "system.md" in str(raised.value)
