"""Where posts come from. A new source is one new file here with a function `open_source(spec, access)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from digest.errors import SourceError
from digest.models import Post, SourceSpec, SourceState, Window


@dataclass(frozen=True, slots=True)
class Access:
    """What sources need of the operator besides their own line."""

    proxy: str = ""
    x_token: str = field(default="", repr=False)
    x_reads_month: int = 0


class Source(Protocol):
    """Gives posts. `name` is what the report calls it."""

    @property
    def name(self) -> str: ...

    @property
    def reach(self) -> int | None:
        """How many days back it can still give posts; None: all it ever had, without a network."""
        ...

    @property
    def billed(self) -> bool:
        """Whether reading it costs money: then `SourceState.budget` holds how much may be read."""
        ...

    async def fetch(self, window: Window, state: SourceState) -> tuple[Sequence[Post], SourceState]:
        """Posts it has now, of whatever day, `window` being what is wanted; and what to remember.

        Posts and state are stored together, so nothing is lost or paid for twice where the process dies.
        Raises SourceError where it has none to give.
        """
        ...


def kinds() -> list[str]:
    """The kinds of source found in this folder."""
    return sorted(module.name for module in iter_modules(__path__))


def open_source(spec: SourceSpec, access: Access | None = None) -> Source:
    """The source a topic lists; raises SourceError for a kind there is no file for, or an address
    that is none of that kind."""
    if spec.kind not in kinds():
        known = ", ".join(kinds())
        raise SourceError(f'no kind "{spec.kind}": use one of {known}')
    module = import_module(f"{__name__}.{spec.kind}")
    return cast(Source, module.open_source(spec, access or Access()))


def spec_of(words: Sequence[str]) -> SourceSpec:
    """The source that somebody types: a kind and its address, or an address that tells its kind.

    Raises SourceError for what names none, and for files of this machine: only the topics file may.
    """
    kind, address = (words[0], words[1:]) if words[0] in kinds() else ("", list(words))
    spec = SourceSpec(kind or _kind(" ".join(address)), " ".join(address))
    if open_source(spec).reach is None:
        raise SourceError(f'a source of kind "{spec.kind}" can only be set in the topics file')
    return spec


def _kind(address: str) -> str:
    """The kind whose file claims such an address (`CLAIMS`, a pattern); a feed where none does."""
    for kind in kinds():
        claims = getattr(import_module(f"{__name__}.{kind}"), "CLAIMS", None)
        if claims is not None and claims.match(address):
            return kind
    return "rss"
