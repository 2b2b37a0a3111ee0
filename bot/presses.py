"""What a button says: all there is to it stands in its code, so that it works after any restart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Press:
    """What a button asks: this page of what the line answers, here or in a message of its own."""

    line: str
    page: int = 1
    fresh: bool = False

    @property
    def code(self) -> str:
        """Return what a platform keeps with the button and gives back when it is pressed."""
        return f"{'+' if self.fresh else '='}{self.page}{self.line}"

    def fits(self, most: int) -> bool:
        """Return whether a platform that keeps so many bytes can keep it."""
        return self.code.isprintable() and len(self.code.encode()) <= most


def pressed(code: str) -> Press | None:
    """Return what a button asked; None for a code that is not ours."""
    place = code.find("/")
    page = code[1:place]
    if place < 2 or code[0] not in "+=" or not (page.isascii() and page.isdigit()):
        return None
    return Press(code[place:], int(page), code[0] == "+")
