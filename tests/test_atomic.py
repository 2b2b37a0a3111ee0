"""Files are whole under their name, whoever else writes there."""

import threading
from pathlib import Path

import pytest

from digest.atomic import replace_atomically, write_below


def test_many_writers_of_one_file_leave_one_whole_content(tmp_path: Path) -> None:
    path = tmp_path / "cloud.png"
    contents = [bytes([n]) * 200_000 for n in range(8)]
    threads = [threading.Thread(target=write_below, args=(path, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_in_the_way_is_replaced_and_not_followed(tmp_path: Path) -> None:
    outside, path = tmp_path / "outside", tmp_path / "report.md"
    outside.write_text("precious")
    path.symlink_to(outside)
    (tmp_path / "report.md.part").symlink_to(outside)
    write_below(path, b"new")
    assert outside.read_text() == "precious"
    assert not path.is_symlink()
    assert path.read_bytes() == b"new"


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("old")

    def fail() -> None:
        with replace_atomically(path) as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
