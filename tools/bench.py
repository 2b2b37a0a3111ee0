"""`make bench`: print the main performance figures. Asserts nothing, because machines differ."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wordcloud import WordCloud

from digest.cloud import drawable, font_path, render
from digest.reading import read
from digest.reading.words import count_words
from digest.sources.jsonl import PostRows
from tests.model_server import KEY, ModelServer, Request, count
from tests.rendered import check_replies
from tests.source_servers import offline_topics
from tests.writers import honest

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "posts"
SAMPLE = ROOT / "digest" / "sources" / "sample.jsonl"
PRICED = "gpt-5-mini"
DAYS = ("2025-10-16", "2025-12-05", "2025-12-16")


def run_bot(*args: str, folder: Path) -> tuple[float, float, str]:
    """Return wall seconds, peak memory in MB and output of `python -m bot` with these arguments."""
    script = (
        "import resource, sys\nfrom bot.__main__ import main\n"
        f"sys.argv = ['bot', *{list(args)!r}]\n"
        "try:\n    main()\nfinally:\n"
        "    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "    print(f'PEAK {peak:.0f}', file=sys.stderr)\n"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=folder, check=True
    )
    seconds = time.perf_counter() - began
    return seconds, float(done.stderr.rsplit("PEAK ", 1)[1]), done.stdout


def print_days(folder: Path) -> None:
    """Print time, memory and counts of the three real days."""
    for day in DAYS:
        files = [str(path) for path in sorted((DATA / day).glob("*.jsonl"))]
        seconds, peak, out = run_bot(
            "digest", "ai", "--date", day, "--posts", *files, "--json", folder=folder
        )
        data = json.loads(out)
        print(
            f"{day}: {data['counts']['collected']} posts, {seconds:.1f} s, {peak:.0f} MB, {data['counts']}"
        )


def print_cloud() -> None:
    """Time our picture against wordcloud's own with the same words: best of three, alternating."""
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    words = count_words(read(PostRows("sample").parse(lines)), limit=200)
    drawable(words)  # load the font first
    ours, stock = [], []
    for _ in range(3):
        began = time.perf_counter()
        render(words)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        whole = WordCloud(width=1600, height=900, max_words=200, font_path=str(font_path()))
        whole.generate_from_frequencies(words).to_image()
        stock.append(time.perf_counter() - began)
    print(f"cloud: {min(ours):.2f} s, stock {min(stock):.2f} s, ratio {min(ours) / min(stock):.2f}")


def print_model(folder: Path, day: str, *files: str) -> None:
    """Print calls, tokens, seconds and cost of a report by a simulated model: 1 s to the first
    token, 50 tokens per second, gpt-5-mini's price."""

    def script(request: Request) -> object:
        system, prompt = (str(m["content"]) for m in request.body["messages"])
        reply = honest(system, prompt)
        # Pad to the answer limit, to measure the longest possible time.
        left = request.body["max_tokens"] - count(json.dumps(reply, ensure_ascii=False)) - 10
        return {**reply, "note": "four" * left}

    with ModelServer(script, model=PRICED, first_token=1.0, tokens_per_second=50.0) as server:
        settings = {"BASE_URL": server.base_url, "MODEL": PRICED, "API_KEY": KEY}
        os.environ.update({f"OPENAI_{name}": value for name, value in settings.items()})
        more = ("--posts", *files) if files else ()
        seconds, peak, out = run_bot("digest", "ai", "--date", day, *more, "--json", folder=folder)
        for name in settings:
            del os.environ[f"OPENAI_{name}"]
    cost = json.loads(out)["cost"]
    print(
        f"{day} by a model, answers as long as they may be: {seconds:.1f} s, {peak:.0f} MB,"
        f" {cost['calls']} calls, {cost['prompt_tokens']} tokens in, {cost['answer_tokens']} out,"
        f" ${cost['usd']:.4f}"
    )


def print_rendering(count: int = 100_000) -> None:
    """Render generated replies for every platform, check them, and print the time."""
    began = time.process_time()
    number = check_replies(count, seed=2)
    print(
        f"{count} replies in {number} messages, all taken: {time.process_time() - began:.0f} s CPU"
    )


def main() -> None:
    """Print all figures, measured in a temporary folder."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    print_cloud()
    print_rendering()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        offline_topics(folder)
        seconds, peak, _ = run_bot("digest", "ai", "--date", "2025-12-06", folder=folder)
        print(f"first report and picture of the sample: {seconds:.1f} s, {peak:.0f} MB")
        print_model(folder, "2025-12-05")
        if DATA.is_dir():
            print_days(folder)
            for day in DAYS[:2]:
                print_model(folder, day, *map(str, sorted((DATA / day).glob("*.jsonl"))))
        else:
            print("real days: ../shared/data is absent")


if __name__ == "__main__":
    main()
