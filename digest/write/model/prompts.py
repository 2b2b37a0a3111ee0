"""The prompts: files that operators may edit, each with the variables it declares."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from jinja2 import Environment, StrictUndefined, Template, TemplateError, meta

from digest.errors import PromptError

NAMES = (
    *("system", "pick", "brief", "views", "events", "money"),
    *("check", "repair", "translate", "ask", "overview"),
)
"""Every prompt a report needs; each is `NAME.md` in the folder."""

LANGUAGES = {"zh": "Chinese (simplified)", "en": "English"}
"""What they are called in prompts."""

CHECKOUT = Path(__file__).parents[3]
"""Where `bot`, `digest` and `prompts` lie beside each other."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One file: the variables it declares, and the template."""

    name: str
    variables: frozenset[str]
    template: Template

    def render(self, **values: object) -> str:
        """Return the text. Raise PromptError where it declares a variable that is not among
        `values`; one that it leaves out, as the prompt of an earlier version may, is not shown."""
        if not values.keys() >= self.variables:
            declared, given = ", ".join(sorted(self.variables)), ", ".join(sorted(values))
            raise PromptError(
                f"{self.name}.md declares {declared}; the program gives {given}: write these"
            )
        try:
            return self.template.render(**values)
        except TemplateError as error:
            raise PromptError(f"{self.name}.md cannot be filled in: {error}") from None


def load_prompts(folder: Path) -> dict[str, Prompt]:
    """Return all prompts by name. A folder that is not here is looked for beside the program.

    Raise PromptError that names the file that is missing or wrong.
    """
    folder = folder if folder.is_dir() else CHECKOUT / folder
    # Templates make text for a model, not HTML: escaping would garble the posts.
    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701
    return {name: _load(environment, folder / f"{name}.md") for name in NAMES}


def check(folder: Path) -> str:
    """Return one line about the prompts, for `check`. Raise PromptError where one is wrong, or
    older than the program."""
    prompts, shipped = load_prompts(folder), load_prompts(CHECKOUT / "prompts")
    for name, prompt in prompts.items():
        if prompt.variables != shipped[name].variables:
            variables = ", ".join(sorted(shipped[name].variables))
            raise PromptError(f"{name}.md must declare and use {variables}, as the program's does")
    return f"{len(prompts)} in {folder}"


def _load(environment: Environment, path: Path) -> Prompt:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise PromptError(
            f"{path} cannot be read: set PROMPTS_DIR to a folder with all prompts"
        ) from None
    head, template = _parts(path, text)
    declared = head.get("variables")
    if not isinstance(declared, list) or not all(isinstance(name, str) for name in declared):
        raise PromptError(f"{path.name}: declare its variables at the top: variables: [a, b]")
    try:
        used = meta.find_undeclared_variables(environment.parse(template))
        compiled = environment.from_string(template)
    except TemplateError as error:
        raise PromptError(f"{path.name}: not a template: {error}") from None
    if used != set(declared):
        wrong = ", ".join(sorted(used ^ set(declared)))
        raise PromptError(f"{path.name}: declared and used variables differ: {wrong}")
    return Prompt(path.stem, frozenset(declared), compiled)


def _parts(path: Path, text: str) -> tuple[Mapping[str, object], str]:
    """Return what stands between the two lines of `---`, and the text behind them."""
    opening, _, rest = text.partition("---\n")
    head, found, template = rest.partition("\n---\n")
    if opening.strip() or not found:
        raise PromptError(f"{path.name}: start with a line ---, variables: [...], and a line ---")
    try:
        values = yaml.safe_load(head)
    except yaml.YAMLError:
        values = None
    return values if isinstance(values, dict) else {}, template.strip()
