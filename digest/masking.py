"""Mask registered secrets wherever text leaves: logs, terminal, chats, database.

Secrets are registered on entry: settings when loaded, source addresses when opened. Errors mask
their message on creation, so a server that echoes a request path cannot leak a token; log lines and
printed lines are masked again on output.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import partial
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

MASK = "***"
MIN_CHARS = 4
"""Shorter secrets are not masked: they protect nothing, and masking would hide ordinary words."""

MIN_QUERY_CHARS, MIN_KEY_CHARS = 8, 20
"""Minimum length of a secret query value: with a name like a key's, and with any other name."""

_KEY_NAME = re.compile(
    r"(?:.*[_-])?(?:(?:api)?key|auth|sig|pwd|pass)"
    r"|.*(?:token|secret|signature|credential|passw(?:or)?d)",
    re.IGNORECASE,
)
_forms: list[str] = []
"""All spellings of all secrets, longest first because one may contain another."""


def register_secrets(secrets: Iterable[str]) -> None:
    """Register texts to mask, with their URL-encoded and decoded spellings."""
    texts = [text for secret in secrets if len(text := secret.strip()) >= MIN_CHARS]
    merged = {*_forms, *texts}
    for write in (unquote, partial(quote, safe=""), quote_plus):
        merged.update(map(write, texts))
    _forms[:] = sorted(merged, key=lambda form: (-len(form), form))


def forget_secrets() -> None:
    """Stop masking: unregister all secrets."""
    _forms.clear()


def mask(text: str) -> str:
    """Return the text with every registered secret replaced by `***`."""
    for form in _forms:
        if form in text:
            text = text.replace(form, MASK)
    return text


def secrets_in(address: str, *, own_server: bool = False) -> Iterator[str]:
    """Yield the secrets in an address: its password, and query values whose names look like keys.

    `own_server`: the operator's own server, where a key may have any name.
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
        yield user  # some services expect the key in place of the user name
    for name, value in parse_qsl(url.query):
        named = _KEY_NAME.fullmatch(name) and len(value) >= MIN_QUERY_CHARS
        if named or (own_server and len(value) >= MIN_KEY_CHARS and not value.isalpha()):
            yield value
