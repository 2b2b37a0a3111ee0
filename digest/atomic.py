"""Files that are whole under their name, or not there at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from digest.errors import StoreError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a new name beside `path`; what was written there takes its place at the end.

    Every writer has a name of its own, so two at once do not disturb each other, and a link that
    somebody put in the way is not followed. Where the body raises, `path` stays as it was.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(6)}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_below(path: Path, content: bytes, hint: str = "name another folder") -> None:
    """Write the bytes under that name, all or nothing, and make its folder. A file that holds them
    already stays as it is. A link in its place, though not one above it, is replaced.

    Raises StoreError with the hint where that cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or not path.is_file() or path.read_bytes() != content:
            with whole_file(path) as part, part.open("xb") as file:
                file.write(content)
    except OSError as error:
        raise StoreError(f"cannot write {path} ({error.strerror}): {hint}") from None
