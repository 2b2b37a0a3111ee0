"""Load the prompts: files that operators may edit, each declaring its variables."""

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
"""All prompts; each is `NAME.md` in the prompts folder."""

LANGUAGES = {"zh": "Chinese (simplified)", "en": "English"}
"""Names of the languages in prompts."""

CHECKOUT = Path(__file__).parents[3]
"""Folder that contains `bot`, `digest` and `prompts`."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file: its declared variables and its template."""

    name: str
    variables: frozenset[str]
    template: Template

    def render(self, **values: object) -> str:
        """Return the rendered text. Raise PromptError if a declared variable is not in `values`;
        values that the prompt does not declare (a prompt of an earlier version) are ignored."""
        if not values.keys() >= self.variables:
            declared, given = ", ".join(sorted(self.variables)), ", ".join(sorted(values))
            raise PromptError(
                f"{self.name}.md declares {declared}; the program provides {given}: declare these"
            )
        try:
            return self.template.render(**values)
        except TemplateError as error:
            raise PromptError(f"{self.name}.md cannot be rendered: {error}") from None


def load_prompts(folder: Path) -> dict[str, Prompt]:
    """Return all prompts by name; a relative folder may also be in the program's own folder.

    Raise PromptError that names a missing or malformed file.
    """
    folder = folder if folder.is_dir() else CHECKOUT / folder
    # Templates produce text for a model, not HTML: escaping would garble the posts.
    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701
    return {name: _load(environment, folder / f"{name}.md") for name in NAMES}


def check(folder: Path) -> str:
    """Return one line about the prompts for `check`. Raise PromptError if one is malformed or older
    than the program."""
    prompts, shipped = load_prompts(folder), load_prompts(CHECKOUT / "prompts")
    for name, prompt in prompts.items():
        if prompt.variables != shipped[name].variables:
            variables = ", ".join(sorted(shipped[name].variables))
            raise PromptError(f"{name}.md must declare and use {variables}, like the shipped one")
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
    """Return the front matter between the two `---` lines, and the template after it."""
    opening, _, rest = text.partition("---\n")
    head, found, template = rest.partition("\n---\n")
    if opening.strip() or not found:
        raise PromptError(f"{path.name}: start with a line ---, variables: [...], and a line ---")
    try:
        values = yaml.safe_load(head)
    except yaml.YAMLError:
        values = None
    return values if isinstance(values, dict) else {}, template.strip()
