"""One mask for every exit: no registered secret reaches a log, a terminal, a chat or the database.

Secrets are registered where they enter: settings when they are loaded, addresses of sources when
they are opened. Errors mask their message when they are made, so a server that echoes a request
path cannot spread a token; logs and printed lines are masked once more as they leave.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import partial
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

MASK = "***"
MIN_CHARS = 4
"""A shorter secret would blot out ordinary words, and guards nothing."""

MIN_QUERY_CHARS, MIN_KEY_CHARS = 8, 20
"""Of values of a query: those that are named like keys, and those that look like keys."""

_KEY_NAME = re.compile(
    r"(?:.*[_-])?(?:(?:api)?key|auth|sig|pwd|pass)"
    r"|.*(?:token|secret|signature|credential|passw(?:or)?d)",
    re.IGNORECASE,
)
_forms: list[str] = []
"""Every spelling of every secret of this process, the longest first: one may be part of another."""


def register_secrets(secrets: Iterable[str]) -> None:
    """Mask these texts from now on, also as they are written in addresses and headers."""
    texts = [text for secret in secrets if len(text := secret.strip()) >= MIN_CHARS]
    merged = {*_forms, *texts}
    for write in (unquote, partial(quote, safe=""), quote_plus):
        merged.update(map(write, texts))
    _forms[:] = sorted(merged, key=lambda form: (-len(form), form))


def forget_secrets() -> None:
    """Mask nothing any more."""
    _forms.clear()


def mask(text: str) -> str:
    """Return the text with stars in place of every registered secret."""
    for form in _forms:
        if form in text:
            text = text.replace(form, MASK)
    return text


def secrets_in(address: str, *, own_server: bool = False) -> Iterator[str]:
    """Yield what an address keeps secret: its password, and query values that are named like keys.

    `own_server`: a server of the operator, whose query may hold keys under any name.
    """
    try:
        url = urlsplit(address)
        user, password = url.username or "", url.password or ""
    except ValueError:
        return
    if password:
        yield password
        yield b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    elif user and url.scheme in ("http", "https"):
        yield user  # a key in the place of the name, as some services have it
    for name, value in parse_qsl(url.query):
        named = _KEY_NAME.fullmatch(name) and len(value) >= MIN_QUERY_CHARS
        if named or (own_server and len(value) >= MIN_KEY_CHARS and not value.isalpha()):
            yield value
