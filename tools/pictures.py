"""`make pictures`: make the README's pictures with the program, from the sample."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib
from markdown_it import MarkdownIt
from PIL import Image, ImageChops, ImageDraw, ImageFont

from bot.alerts import Alerts
from bot.host import BotHost
from bot.messages import Reply
from bot.rich import cells
from digest.cloud import font_path
from digest.models import Language
from digest.store import Store
from digest.store.outbox import ENDED
from digest.topics import load_topics
from tests.hosts import NOW, context
from tests.source_servers import offline_topics
from tools.chat_pages import discord_pages, telegram_pages

ROOT = Path(__file__).parents[1]
EARLIER, DAY = "2025-12-05", "2025-12-06"
CELL, LINE, MARGIN = 11, 27, 24
MONOSPACE = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSansMono.ttf"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PAGE = """<!doctype html><meta charset="utf-8"><title>{title}</title>
<style>body{{font:17px/1.65 "Noto Sans SC","Noto Sans CJK SC",sans-serif;max-width:760px;margin:32px auto;color:#222}}
h2{{border-bottom:1px solid #ddd;padding-bottom:6px}}a{{color:#1b5e9b;text-decoration:none}}img{{max-width:100%}}
@font-face{{font-family:"Noto Sans SC";src:url("{font}")}}</style><h1>{title}</h1>{body}"""


def run(folder: Path, *args: str) -> str:
    """Return the output of `python -m bot` with these arguments."""
    command = [sys.executable, "-m", "bot", *args]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", cwd=folder, check=True
    ).stdout


def terminal(lines: list[str], path: Path) -> None:
    """Draw the lines as a terminal would; a Han character takes two cells."""
    wide_font = ImageFont.truetype(str(font_path()), 20)
    narrow_font = ImageFont.truetype(str(MONOSPACE), 18)
    wide = max(cells(line) for line in lines)
    size = (2 * MARGIN + CELL * wide, 2 * MARGIN + LINE * len(lines))
    image = Image.new("RGB", size, "#15181e")
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        source = "↳" in line or re.match(r"\s+@\w", line)  # the links may wrap to the next line
        colour = "#f2c14e" if line.startswith("›") else "#7f8a9b" if source else "#e6e6e6"
        x = float(MARGIN)
        for char in line:
            font = wide_font if cells(char) == 2 else narrow_font
            base = (x, MARGIN + LINE * row + 20)
            draw.text(base, char, font=font, fill=colour, anchor="ls")
            x += CELL * cells(char)
    image.quantize(64, method=Image.Quantize.MAXCOVERAGE).save(path)


def page(post: Path, path: Path) -> None:
    """Draw the exported post as a browser shows it."""
    matter, body = re.split(
        r"^---$", post.read_text(encoding="utf-8"), maxsplit=2, flags=re.MULTILINE
    )[1:]
    title = re.search(r'title: "(.*)"', matter)
    rendered = MarkdownIt("commonmark").render(body)
    filled = PAGE.format(title=title[1] if title else "", body=rendered, font=font_path().as_uri())
    shoot(filled, post.with_name("page.html"), path, (900, 1500))


def shoot(html: str, at: Path, path: Path, size: tuple[int, int], *, dark: bool = False) -> None:
    """Take a screenshot of the page in a window of that size; `at`: base path of its links."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        print(f"no Chromium here: {path.name} stays as it is")
        return
    at.write_text(html, encoding="utf-8")
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", *quiet),
                *(f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"),
                *("--hide-scrollbars", "--allow-file-access-from-files"),
                "--virtual-time-budget=10000",  # wait for fonts to load
                f"--blink-settings=preferredColorScheme={0 if dark else 1}",
                *(f"--screenshot={path.resolve()}", at.as_uri()),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
    with Image.open(path) as image:
        _crop(image.convert("RGB")).quantize(96).save(path)


def _crop(image: Image.Image) -> Image.Image:
    """Crop the empty bottom of the picture, ignoring the browser's last rows."""
    width, height = image.size
    plain = Image.new("RGB", image.size, image.getpixel((0, 0)))
    filled = ImageChops.difference(image, plain).crop((0, 0, width, height - MARGIN)).getbbox()
    return image.crop((0, 0, width, min(height, filled[3] + MARGIN))) if filled else image


def archive(folder: Path, target: Path) -> None:
    """Draw archive pages on a phone and a desktop, light and dark, in both languages."""
    run(folder, "publish", "pages")
    face = f'@font-face{{font-family:"Han";src:url("{font_path().as_uri()}")}}'
    face += 'body,input,button{font-family:"Han",sans-serif}'
    with (folder / "pages" / "style.css").open("a", encoding="utf-8") as style:
        style.write(face)
    for name, path, size, dark in (
        ("archive-phone", f"ai/{DAY}", (390, 1100), False),
        ("archive-phone-dark", f"en/ai/{DAY}", (390, 1100), True),
        ("archive-desk", f"ai/{DAY}/1", (1280, 800), False),
        ("archive-desk-dark", f"en/ai/{DAY}", (1280, 800), True),
    ):
        at = folder / "pages" / path / "index.html"
        shoot(at.read_text(encoding="utf-8"), at, target / f"{name}.png", size, dark=dark)


async def chats(folder: Path, target: Path) -> None:
    """Draw the chats of readers and operators on Telegram and Discord, from what the servers
    received."""
    languages: tuple[Language, ...] = ("zh", "en")
    for language in languages:
        database = shutil.copy(folder / "jianbao.db", folder / f"{language}.db")
        async with await Store.open(f"sqlite:///{database}") as store:
            topics = load_topics(folder / "topics.toml")
            host = BotHost(replace(context(store, folder), topics=topics), lambda _: None)
            alert = await make_alert(store, language)
            for name, made in (("telegram", telegram_pages), ("discord", discord_pages)):
                pages = await made(host, language, alert)
                for kind, html, size in zip(("", "-settings"), pages, (2100, 900), strict=True):
                    file = f"{name}{kind}{'' if language == 'zh' else '-en'}"
                    shoot(html, folder / f"{file}.html", target / f"{file}.png", (480, size))


async def make_alert(store: Store, language: Language) -> Reply:
    """Return an operator's alert after a night with faults."""
    alerts, heard = Alerts(store, lambda: NOW, language), list[Reply]()
    since = {"part": 2, "parts": 3, "since": "12-08 08:00"}
    rows = [
        {"state": "held", "title": "AI news", "why": ENDED, **since},
        {
            "state": "refused",
            "title": "Lab chat",
            "why": "not enough rights to send text messages",
            **since,
        },
    ]
    await alerts.tell("undelivered", "telegram", n=2, rows=rows)
    await alerts.tell("source_down", "ai/rss example.com", why="HTTP 500")

    async def hear(_: str, reply: Reply) -> None:
        heard.append(reply)

    await alerts.deliver("picture", [language], hear)
    return heard[0]


def main() -> None:
    """Draw all pictures into the given folder."""
    target = Path(sys.argv[1]).resolve()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        offline_topics(folder)
        for day in (EARLIER, DAY):
            run(folder, "digest", "ai", "--date", day)
        said = run(folder, "chat", "--say", "/brief", "--say", "/stocks KITE").rstrip().split("\n")
        second = next(n for n, line in enumerate(said) if n > 2 and line.startswith("人工智能 · "))
        terminal(
            ["› /brief", *said[:second], "› /stocks KITE", *said[second:]], target / "terminal.png"
        )
        shutil.copy(next((folder / "var" / "reports").glob("*.png")), target / "cloud.png")
        posts = [
            Path(line) for line in run(folder, "export", "site").split() if line.endswith(".md")
        ]
        page(folder / posts[0], target / "page.png")
        archive(folder, target)
        asyncio.run(chats(folder, target))
    print("\n".join(str(path.relative_to(target.parent)) for path in sorted(target.glob("*.png"))))


if __name__ == "__main__":
    main()
