"""`jieru archive` as an operator of the system uses it."""

from pathlib import Path

from jieru.database import connect
from tests.support.archives import insert, jieru_archive, old_beats, stored_beats


def test_from_run_to_restore(database_url: str, folder: Path) -> None:
    """What each command prints; a day is a civil one, so that it lies in two files."""
    with connect(database_url, autocommit=True) as connection:
        insert(connection, old_beats())
        run = jieru_archive("run", database_url=database_url, folder=folder)
        assert (run.returncode, run.stderr) == (0, "")
        *files, total = run.stdout.splitlines()
        assert [line.partition(":")[0] for line in files] == [
            f"heartbeats-2025030{day}T000000Z-2025030{day + 1}T000000Z-1.parquet"
            for day in (1, 2, 3)
        ]
        assert total == "Ranges dropped: 3, with 84 heartbeats."

        day = ("--from", "2025-03-02", "--to", "2025-03-02")
        restored = jieru_archive("restore", *day, database_url=database_url, folder=folder)
        assert restored.returncode == 0, restored.stderr
        assert [line.partition(": ")[2] for line in restored.stdout.splitlines()] == [
            "28 heartbeats, 28 of them added"
        ] * 2
        assert stored_beats(connection).total() == 2 * 28

        listed = jieru_archive("list", database_url=database_url, folder=folder)
        dropped = [line.rpartition("dropped: ")[2] for line in listed.stdout.splitlines()]
        assert dropped[:2] == ["-", "-"]
        assert dropped[2].endswith("Z")


def test_another_age_may_be_given(database_url: str, folder: Path) -> None:
    """For one run, in days."""
    with connect(database_url, autocommit=True) as connection:
        insert(connection, old_beats())
        arguments = ("run", "--older-than", "100000")
        run = jieru_archive(*arguments, database_url=database_url, folder=folder)
        assert run.stdout == "Ranges dropped: 0, with 0 heartbeats.\n"
        assert stored_beats(connection).total() == 84
