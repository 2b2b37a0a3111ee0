"""Update docs/figures.md: `python -m tools.figures` runs all benchmarks and inserts their
output."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FIGURES = Path(__file__).parents[1] / "docs" / "figures.md"
BENCHMARKS = (
    "tools.bench",
    "tools.bench_sources",
    "tools.bench_chat",
    "tools.bench_ledger",
    "tools.bench_delivery",
    "tools.bench_search",
    "tools.bench_workers",
    "tools.bench_cost 3000",
    "tools.bench_cost 3000 encoder",
    "tools.bench_cost 10000",
    "tools.bench_cost 100000",
)


def write_block(name: str, text: str) -> None:
    """Write the text between the markers of that name. Raises ValueError if there are none."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, _, rest = FIGURES.read_text(encoding="utf-8").partition(begin)
    _, marker, after = rest.partition(end)
    if not marker:
        raise ValueError(f"{FIGURES.name} has no markers for {name}")
    FIGURES.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}", encoding="utf-8")


def run_benchmark(command: str) -> str:
    """Run one benchmark, show its output as it comes, and return it."""
    lines = [f"$ python -m {command}\n"]
    with subprocess.Popen(
        [sys.executable, "-m", *command.split()], stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout or ():
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line)
    if process.returncode:
        lines.append(f"exit {process.returncode}\n")
    return "".join(lines)


def main() -> None:
    """Run all benchmarks and write their output."""
    outputs = [run_benchmark(command) for command in BENCHMARKS]
    write_block("bench", "```\n" + "\n".join(outputs) + "```")


if __name__ == "__main__":
    main()
