"""`make evaluate`: the verifier's score on the labelled set, and how many odd feeds are read."""

from __future__ import annotations

from collections import Counter

from digest.write.verify import verify
from tests import feed_set
from tests.verify_set import labelled


def score() -> tuple[Counter[str], Counter[str], int, int]:
    """Planted errors and those caught, by kind; true items and those refused."""
    planted: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    true = refused = 0
    for _, kind, view, item, post in labelled():
        ok = verify(item, [post], view=view).ok
        if kind:
            planted[kind] += 1
            caught[kind] += not ok
        else:
            true += 1
            refused += not ok
    return planted, caught, true, refused


def main() -> None:
    """One table."""
    planted, caught, true, refused = score()
    print(f"{'planted error':<16}{'items':>6}{'caught':>8}")
    for kind in sorted(planted):
        print(f"{kind:<16}{planted[kind]:>6}{caught[kind]:>8}")
    total = sum(planted.values())
    print(
        f"{'all':<16}{total:>6}{sum(caught.values()):>8}  {100 * sum(caught.values()) / total:.1f} %"
    )
    print(f"{'true items':<16}{true:>6}{refused:>8}  refused, {100 * refused / true:.1f} %")
    if feed_set.FOLDER.is_dir():
        feed_set.main(feed_set.FOLDER)
    else:
        print("odd feeds: ../shared/data is absent")


if __name__ == "__main__":
    main()
