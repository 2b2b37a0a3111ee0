"""Error classes of the digest. Each message is one line: the problem and what to do about it.

DigestError                 shown to the operator as it is; exit code 1
├── TopicsError             topics.toml
├── SourceError             a source gave no posts
│   └── FeedError           a response is not a feed
├── ArchiveError            a file is not a report
├── CloudError              no picture could be drawn
├── PromptError             a prompt file is missing or wrong
├── LlmError                no model answered
├── BudgetSpent             a budget cap leaves no room for a call
│   └── ReportFull          one report has used up its tokens
└── StoreError              the database failed

`bot` adds `bot.settings.SettingsError` and the tree of `bot.platforms.PlatformError`.
"""

import os

from digest.masking import mask
from digest.text import shown


class DigestError(Exception):
    """An error the operator can act on. Its message is masked, and control characters (for example
    from a server's answer) are removed."""

    def __init__(self, message: str = "") -> None:
        super().__init__(mask(shown(message)))


def explain(error: OSError) -> str:
    """Return the system's reason alone, without the Python arguments asyncio adds."""
    if error.errno and error.errno > 0:  # name resolution errors are negative
        return os.strerror(error.errno)
    return error.strerror or "no connection"


class TopicsError(DigestError):
    """The topics file is invalid; the message has one line per problem."""


class SourceError(DigestError):
    """A source gave no posts.

    `gone`: permanent, do not retry. `wait`: seconds the server asks us to back off; this does not
    count as a failure of the source.
    """

    def __init__(self, message: str, *, gone: bool = False, wait: float = 0.0) -> None:
        super().__init__(message)
        self.gone, self.wait = gone, wait


class FeedError(SourceError):
    """A response is not a feed, or exceeds the limits for one."""


class ArchiveError(DigestError):
    """A file is not a report. The message says what a report must contain."""


class CloudError(DigestError):
    """The word cloud could not be drawn. The report is published without it."""


class PromptError(DigestError):
    """A prompt file is missing or wrong."""


class LlmError(DigestError):
    """No model answered. Shown to operators only, never to readers."""


class BudgetSpent(DigestError):
    """A budget cap leaves no room for the call. The message names the cap."""


class ReportFull(BudgetSpent):
    """The report has used up the token limit of one report."""


class StoreError(DigestError):
    """The database failed."""
