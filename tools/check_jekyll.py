"""Build an exported site with Jekyll itself, in several time zones, and check that page and picture
match.

`python -m tools.check_jekyll` needs the program `jekyll` (Debian: apt-get install jekyll); with
Chromium the page is also opened. Prints a line per zone; exit code 1 if one fails, 0 if Jekyll is
not installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from digest.cloud import as_jpeg, render
from digest.models import SECTIONS, Item, Report, Section
from digest.publish.jekyll import export, write_files
from tools.pictures import BROWSERS

DAY = date(2025, 12, 6)
ZONES = (
    "UTC",
    "Asia/Shanghai",
    "America/Los_Angeles",
    "Pacific/Auckland",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
)
"""Time zones of build machines; the report is made at 07:30 in Shanghai, the evening before in
UTC."""


def make_site(folder: Path) -> None:
    """Write an exported report and a minimal site around it."""
    items = (Item("Northlight releases {{ Meridian }} & more", status="note"),)
    report = Report(
        topic="ai",
        first=DAY,
        last=DAY,
        language="en",
        writer="extractive",
        sections=tuple(Section(name, name, items) for name in SECTIONS),
        created_at=datetime(2025, 12, 6, 23, 30, tzinfo=UTC),
    )
    picture = as_jpeg(render({"Northlight": 3, "Meridian": 2}))
    write_files(folder, export(report, "twitter_ai", "Asia/Shanghai", picture))
    (folder / "_layouts").mkdir()
    (folder / "_layouts" / "post.html").write_text("<html><body>{{ content }}</body></html>")


def build_site(folder: Path, zone: str) -> list[str]:
    """Build the site as on a machine in that zone; return the problems."""
    site = folder.with_name(f"{folder.name}-{zone.replace('/', '-')}")
    done = subprocess.run(
        ["jekyll", "build", "--quiet", "--source", str(folder), "--destination", str(site)],
        capture_output=True,
        text=True,
        env={**os.environ, "TZ": zone},
        check=False,
    )
    return [done.stderr[-300:]] if done.returncode else list(_find_faults(site))


def _find_faults(site: Path) -> Iterator[str]:
    page = site / f"{DAY:%Y/%m/%d}" / "twitter_ai_20251206_20251206.html"
    if not page.is_file():
        yield f"no page at {page.relative_to(site)}: {[*site.rglob('*.html')]}"
        return
    html = page.read_text(encoding="utf-8")
    picture = re.search(r'<img src="([^"]+)"', html)
    if picture is None or not (page.parent / picture[1]).is_file():
        yield "the page has no picture where it looks for it"
    if "{{ Meridian }} &amp; more" not in html:
        yield "text of a post was taken for markup"
    if browser := next(filter(None, map(shutil.which, BROWSERS)), None):
        shot = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--dump-dom", page.as_uri()],
            capture_output=True,
            text=True,
            check=False,
        )
        if "<img" not in shot.stdout:
            yield "the browser shows no picture"


def main() -> int:
    """Check all zones; return the exit code."""
    if shutil.which("jekyll") is None:
        print("no jekyll here: nothing was checked")
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "site"
        make_site(folder)
        for zone in ZONES:
            faults = build_site(folder, zone)
            failed += bool(faults)
            print(f"{zone}: {'; '.join(faults) or 'page and picture are there'}")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
