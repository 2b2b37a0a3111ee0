"""Cross-validated heads: measure the product on labelled days with heads trained without them.

Days are split into folds, with the days of `labels/gold` in different ones; a fold's heads are
trained on the other folds. `prepare` trains them once, before worker processes start.
"""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from digest.reading.heads import linear
from tools.evaluate_data import days
from tools.train import pack_head, train_head
from tools.train_labels import TASKS

FOLDS = 7
"""With this number, the four days of labels/gold are in different folds."""
_folders: dict[tuple[Path, int], Path] = {}


def prepare(data: Path) -> None:
    """Train the heads of each fold; delete them at exit."""
    root = Path(mkdtemp(prefix="heads-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    for fold in range(FOLDS):
        folder = root / str(fold)
        folder.mkdir()
        for name in TASKS:
            head = train_head(name, data, days(data)[fold::FOLDS])
            (folder / f"{name}.npz").write_bytes(pack_head(head))
        _folders[data, fold] = folder


@contextmanager
def heads_without(data: Path, day: str) -> Iterator[None]:
    """Use the heads of the day's fold, or the committed ones if there are no labels to train on."""
    if (data, 0) not in _folders and (data / "labels").is_dir():
        prepare(data)
    usual = linear.FOLDER
    folder = _folders.get((data, days(data).index(day) % FOLDS), usual)
    linear.FOLDER = folder
    linear.load_head.cache_clear()
    try:
        yield
    finally:
        linear.FOLDER = usual
        linear.load_head.cache_clear()
