"""Four fictional days of posts about AI, for a first look and for tests.

Every person, company, product and number in `sample.jsonl` is fictional; addresses use the reserved
domains example.com and .example. It contains what real days contain: news by several people in two
languages, follow-ups on the next day, opinions, talk about stocks and coins, ads, chatter, reposts,
one quiet day, and posts that try to break or steer a program.
"""

from pathlib import Path

from digest.models import SourceSpec
from digest.sources import Access
from digest.sources.jsonl import FileSource


def open_source(spec: SourceSpec, access: Access) -> FileSource:
    return FileSource(Path(__file__).with_name("sample.jsonl"))
