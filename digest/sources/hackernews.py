"""Hacker News stories above a score, through Algolia's search API (https://hn.algolia.com/api).

Every round requests all stories of the window again, to update points and comments.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import BaseModel, ValidationError

from digest.calendar import day_start
from digest.errors import SourceError
from digest.fetch import load_object
from digest.fetch.addresses import make_link
from digest.fetch.http import Fetcher
from digest.fetch.pages import fold_spaces, plain_text
from digest.models import Post, SourceSpec, SourceState, Window
from digest.sources import Access, Source

API = "https://hn.algolia.com/api/v1/search_by_date"
POINTS = 20
"""Minimum points of a story; about 60 stories a day reach it."""
PAGE, PAGES = 200, 5
MAX_TEXT = 2_000


class _Hit(BaseModel):
    objectID: str
    title: str | None = None
    url: str | None = None
    author: str | None = None
    points: int | None = None
    num_comments: int | None = None
    story_text: str | None = None
    created_at_i: int


class HackerNews(Source):
    """Hacker News stories; the address is a search query, or empty for all."""

    def __init__(self, spec: SourceSpec, access: Access) -> None:
        self._query, self._access, self._private = spec.address.strip(), access, spec.private
        self.name = f"hackernews {self._query}".strip()

    async def fetch(self, window: Window, state: SourceState) -> tuple[Sequence[Post], SourceState]:
        """Return the stories since the first day of the window. Raise SourceError."""
        posts: list[Post] = []
        first = day_start(window.first, window.timezone)
        params = {
            "query": self._query,
            "tags": "story",
            "numericFilters": f"points>={POINTS},created_at_i>={int(first.timestamp())}",
            "hitsPerPage": str(PAGE),
        }
        async with Fetcher(proxy=self._access.proxy, private=self._private) as fetcher:
            for page in range(PAGES):
                answer = await fetcher.get(API, params={**params, "page": str(page)})
                data = load_object(answer.body)
                if not isinstance(hits := data.get("hits"), list):
                    raise SourceError(
                        "hackernews: its answer broke off or is empty; it is asked again later"
                    )
                posts += filter(None, map(_post, hits))
                pages = data.get("nbPages")
                if not isinstance(pages, int) or page + 1 >= pages:
                    break
        return posts, SourceState()


open_source = HackerNews


def _post(hit: object) -> Post | None:
    try:
        story = _Hit.model_validate(hit)
        created = datetime.fromtimestamp(story.created_at_i, UTC)
    except (ValidationError, ValueError, OverflowError, OSError):
        return None
    if not story.title or not story.objectID.isdigit():
        return None
    body = plain_text(story.story_text or "")
    counts = {"likes": story.points, "replies": story.num_comments}
    link = make_link(story.url or "")
    return Post(
        id=story.objectID[:20],
        source="hn",
        author=(story.author or "")[:100],
        author_name="",
        text=f"{fold_spaces(story.title)}\n\n{body}".strip()[:MAX_TEXT],
        created_at=created,
        url=f"https://news.ycombinator.com/item?id={story.objectID}",
        metrics={name: count for name, count in counts.items() if count is not None and count >= 0},
        links=(link,) if link else (),
    )
