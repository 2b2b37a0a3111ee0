"""Every error of the digest. A message is one line that says what is wrong and what to do next.

DigestError                 shown to the operator as it is; exit code 1
├── TopicsError             topics.toml
├── SourceError             a source gave no posts
│   └── FeedError           an answer is no feed
├── ArchiveError            a file is no report
├── CloudError              no picture could be drawn
├── PromptError             a prompt file
├── LlmError                no model answered
├── BudgetSpent             a cap leaves no room for a call
│   └── ReportFull          one report has used up its tokens
└── StoreError              the database refused

The chat program adds `bot.settings.SettingsError` and the tree of `bot.platforms.PlatformError`.
"""

import os

from digest.masking import mask
from digest.text import shown


class DigestError(Exception):
    """Something the operator can act on. Secrets in the message are masked, and what a server's
    words would do to a terminal is left out."""

    def __init__(self, message: str = "") -> None:
        super().__init__(mask(shown(message)))


def explain(error: OSError) -> str:
    """Return why the system refused, in its words alone: asyncio adds Python's arguments."""
    if error.errno and error.errno > 0:  # a name that is not found has a number below 0
        return os.strerror(error.errno)
    return error.strerror or "no connection"


class TopicsError(DigestError):
    """The topics file is wrong; a line for each problem."""


class SourceError(DigestError):
    """A source gave no posts.

    `gone`: it will never answer again. `wait`: seconds the server asks us to stay away; such a
    source is well.
    """

    def __init__(self, message: str, *, gone: bool = False, wait: float = 0.0) -> None:
        super().__init__(message)
        self.gone, self.wait = gone, wait


class FeedError(SourceError):
    """An answer is no feed, or one that cannot be read within limits."""


class ArchiveError(DigestError):
    """A file is no report. The message says what a report must have."""


class CloudError(DigestError):
    """No picture could be drawn. The report goes out without one."""


class PromptError(DigestError):
    """A prompt file is missing or wrong."""


class LlmError(DigestError):
    """No model answered. For the operator, never shown to readers."""


class BudgetSpent(DigestError):
    """A cap leaves no room for the call. The message says which cap."""


class ReportFull(BudgetSpent):
    """The report has used up the tokens that one report may take."""


class StoreError(DigestError):
    """The database refused."""
