"""Atomic file writes: a file is complete under its name or does not exist."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from digest.errors import StoreError


@contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success, rename it to `path`.

    Each writer has its own temporary name, so concurrent writers do not collide, and an existing
    symlink is replaced, not followed. If the body raises, `path` is unchanged.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(6)}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_below(path: Path, content: bytes, hint: str = "name another folder") -> None:
    """Write the bytes to `path` atomically and create its folder. Skip the write if the file
    already has this content. A symlink at `path` itself is replaced; symlinks in its folders are
    followed.

    Raises StoreError with the hint if the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or not path.is_file() or path.read_bytes() != content:
            with replace_atomically(path) as part, part.open("xb") as file:
                file.write(content)
    except OSError as error:
        raise StoreError(f"cannot write {path} ({error.strerror}): {hint}") from None
