"""Where posts come from. A new source is one new file here with a function `open_source(spec)`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from digest.models import DigestError, Post, SourceSpec


class SourceError(DigestError):
    """A source gave nothing. The message says why and what to do."""


class Source(Protocol):
    """Gives posts. `name` is what the report calls it."""

    @property
    def name(self) -> str: ...

    async def fetch(self) -> Sequence[Post]:
        """All posts it has now, of whatever day. Raises SourceError where it has none to give."""
        ...


def kinds() -> list[str]:
    """The kinds of source found in this folder."""
    return sorted(module.name for module in iter_modules(__path__))


def open_source(spec: SourceSpec) -> Source:
    """The source a topic lists; raises SourceError for a kind there is no file for."""
    if spec.kind not in kinds():
        known = ", ".join(kinds())
        raise SourceError(f'no source of kind "{spec.kind}": use one of {known}')
    return cast(Source, import_module(f"{__name__}.{spec.kind}").open_source(spec))
