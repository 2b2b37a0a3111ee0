"""Atomic file writes: a file is complete under its name or does not exist."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from digest.errors import StoreError


@contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, named like no other writer's; on success, rename it to
    `path`, replacing a symlink. If the body raises, `path` is unchanged."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(6)}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_below(path: Path, content: bytes, hint: str = "name another folder") -> None:
    """Write the bytes to `path` atomically, unless it has them; create its folder. A symlink at
    `path` is replaced; those in its folders are followed. Raises StoreError with the hint."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or not path.is_file() or path.read_bytes() != content:
            with replace_atomically(path) as part, part.open("xb") as file:
                file.write(content)
    except OSError as error:
        raise StoreError(f"cannot write {path} ({error.strerror}): {hint}") from None
