"""A frozen count is verified and shown without its whole document in memory."""

import json
import tracemalloc
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.types.json import Jsonb

from jieru.database import connect
from jieru.errors import UserError
from jieru.i18n import Language
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.debian_packages import ensure_debian_packages
from tests.support.large_counts import a_large_document, kept_as_frozen
from tests.support.procedure import CHECKER, KEY, POLICY, TRUSTED, frozen, submitted
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import uscc_of
from tests.support.signed_counts import a_document, a_platform_object
from verifier.counting.decisions import record_decision
from verifier.procedure import outlines
from verifier.procedure.canonical import canonical_bytes
from verifier.procedure.comparison import compare_documents
from verifier.procedure.freezing import export_count, freeze_count
from verifier.procedure.outlines import content_of, read_outline
from verifier.procedure.overview import determination_entry
from verifier.procedure.records import CountRecord, find_count, read_document
from verifier.procedure.signed_part import signed_part
from verifier.procedure.signing import check_signed_file
from verifier.procedure.statement_records import list_statements
from verifier.procedure.stored_comparison import compare_stored
from verifier.procedure.verifying import faults
from verifier.reports import WantedReport, make_report, make_report_apart, read_signed_count
from verifier.reports.making import ReportKind

_LARGE = 2_000


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection]:
    """An empty database."""
    with connect(database_url) as connection:
        yield connection


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """As right after a start."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    monkeypatch.setattr(outlines, "_remembered", {})


def _taken(act: Callable[[], object]) -> int:
    """How many bytes more than before an act holds at its worst."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_count_is_verified_without_its_document_as_objects(database: psycopg.Connection) -> None:
    """Its canonical bytes once, for the signature, and an outline: not the objects of all of it."""
    record = kept_as_frozen(database, a_large_document(_LARGE))
    size = len(content_of(database, record))
    whole = _taken(lambda: read_document(database, record))
    assert whole > 2.5 * size
    assert _taken(lambda: faults(database, record, TRUSTED)) < 2 * size
    assert _taken(lambda: export_count(database, record)) < 3 * size


def test_one_enterprise_of_a_verified_count_is_read_alone(database: psycopg.Connection) -> None:
    """Its page and the part of the signed file for its determination."""
    record = kept_as_frozen(database, a_large_document(_LARGE))
    size = len(content_of(database, record))
    found = faults(database, record, TRUSTED)
    assert [each.code for each in found if "content" in each.code or "sign" in each.code] == []

    def shown() -> None:
        assert faults(database, record, TRUSTED) == found
        assert determination_entry(database, record, "p000", uscc_of(1)) is not None
        assert signed_part(database, record, (), "p000", uscc_of(1))

    assert _taken(shown) < size / 10


@pytest.mark.parametrize(
    "document",
    [
        a_document(),
        a_document([]),
        a_document([a_platform_object("alpha", []), a_platform_object("beta")]),
        a_document(zzz=1, aaa={"b": [1, 2]}),
        a_document(version=2, visits_not_listed=3),
        a_large_document(1_201, 2),
    ],
)
def test_pieces_are_the_bytes_that_are_signed(
    database: psycopg.Connection, document: dict[str, object]
) -> None:
    """Whatever stands before and behind the enterprises, and more of them than are read at once."""
    record = kept_as_frozen(database, document)
    whole = canonical_bytes(read_document(database, record))
    assert content_of(database, record) == whole
    outline = read_outline(database, record)
    assert (outline.digest, outline.is_signed) == (record.digest, True)
    checked = check_signed_file(export_count(database, record))
    assert (checked.finding.name, checked.digest) == ("VALID", record.digest)


def test_a_row_that_is_changed_after_it_was_verified_is_found_with_the_next_request(
    database: psycopg.Connection,
) -> None:
    """What is remembered is true of the very versions of the rows, and of none else."""
    record = kept_as_frozen(database, a_document())
    before = [each.code for each in faults(database, record, TRUSTED)]
    entry = determination_entry(database, record, "xielian", uscc_of(1))
    assert entry is not None
    database.execute("SET session_replication_role = replica")
    database.execute(
        "UPDATE count_determinations SET entry = %s WHERE count_id = %s",
        (Jsonb({**entry, "window_active_days": 90}), record.id),
    )
    after = [each.code for each in faults(database, record, TRUSTED)]
    assert "content_changed" in after
    assert "content_changed" not in before
    with pytest.raises(UserError):
        export_count(database, record)


def _two_counts(database: psycopg.Connection) -> tuple[CountRecord, CountRecord]:
    registry = RegistryBuilder(database)
    platform = registry.platform()
    uscc, _other = (registry.served_enterprise(n, platform, WORKED_EXAMPLE) for n in (1, 2))
    database.commit()
    frozen(database)
    record_decision(
        database, "exclude", "alpha", uscc, reason="虚假", decided_by="lin", policy=POLICY
    )
    frozen(database, reason="复核发现虚假接入")
    return find_count(database, 2026, 1), find_count(database, 2026, 2)


def test_a_comparison_reads_what_differs_and_finds_the_same(database: psycopg.Connection) -> None:
    """Enterprise by enterprise as from the two documents, in both directions."""
    first, second = _two_counts(database)
    for before, after in ((first, second), (second, first), (first, first)):
        expected = compare_documents(
            read_document(database, before), read_document(database, after)
        )
        assert compare_stored(database, before, after) == expected
    assert len(compare_stored(database, first, second).enterprises) == 1


def test_freezing_writes_no_enterprise_again(database: psycopg.Connection) -> None:
    """What was reviewed is what is frozen, so each lies in the database once."""
    registry = RegistryBuilder(database)
    registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    database.commit()
    versions = "SELECT xmin::text, ctid::text FROM count_determinations"
    submitted(database)
    reviewed = database.execute(versions).fetchall()
    record = find_count(database, 2026, 1)
    database.commit()
    record = freeze_count(database, record, CHECKER, KEY, trusted=TRUSTED)
    assert database.execute(versions).fetchall() == reviewed
    assert faults(database, record, TRUSTED) == []


@pytest.mark.parametrize("kind", ["notice", "approval", "enterprise", "workbook", "csv", "json"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_report_made_apart_has_the_same_bytes(
    database: psycopg.Connection, kind: ReportKind, language: Language
) -> None:
    """In a process of its own, and those that need it from a part of the signed file."""
    ensure_debian_packages("fonts-noto-cjk")
    record = kept_as_frozen(database, a_large_document(40))
    content = export_count(database, record)
    platform, uscc = ("p000", uscc_of(1)) if kind == "enterprise" else (None, None)
    signed = read_signed_count(content)
    expected = make_report(signed, kind, language, platform=platform, uscc=uscc)
    wanted = WantedReport(kind, language, platform=platform, uscc=uscc)
    assert make_report_apart(content, wanted) == expected
    if kind in {"approval", "enterprise"}:
        statements = list_statements(database, record)
        part = signed_part(database, record, statements, platform, uscc)
        assert make_report_apart(part, wanted) == expected


def test_what_a_report_refuses_is_refused_in_the_same_words(database: psycopg.Connection) -> None:
    """Also where another process found it."""
    record = kept_as_frozen(database, a_document())
    part = signed_part(database, record, (), "xielian", uscc_of(999))
    assert json.loads(part)["digest"] == record.digest
    wanted = WantedReport("enterprise", "en", platform="xielian", uscc=uscc_of(999))
    with pytest.raises(UserError, match=f"lists no enterprise {uscc_of(999)}"):
        make_report_apart(part, wanted)
