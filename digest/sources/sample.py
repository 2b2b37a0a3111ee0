"""Four made-up days of posts about AI, for a first look and for tests.

Every person, company, product and number in `sample.jsonl` is made up; the addresses are of the
reserved domains example.com and .example. It holds what real days hold: news told by several
people in two languages, going on the next day, opinions, talk of stocks and coins, ads, chatter,
re-posts, one quiet day, and posts that try to break or steer a program.
"""

from pathlib import Path

from digest.models import SourceSpec
from digest.sources import Access
from digest.sources.jsonl import FileSource


def open_source(spec: SourceSpec, access: Access) -> FileSource:
    return FileSource(Path(__file__).with_name("sample.jsonl"))
