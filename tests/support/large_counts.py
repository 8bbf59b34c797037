"""A frozen count of any size, put into the database as it is after freezing, without evidence."""

from collections.abc import Mapping
from typing import Any

import psycopg

from tests.support.procedure import KEY
from tests.support.signed_counts import (
    a_device_object,
    a_document,
    a_platform_object,
    an_enterprise_object,
)
from verifier.procedure.canonical import canonical_bytes, sha256_of
from verifier.procedure.document import content_sha256
from verifier.procedure.records import CountRecord, count_by_id, store_content

__all__ = ["a_large_document", "kept_as_frozen"]

_INSERT = """
    INSERT INTO counts (year, revision, opened_by, policy_name, policy_sha256, as_of, drafted_at,
                        drafted_by, content_sha256, submitted_at, submitted_by)
    VALUES (2026, 1, 'lin', %(policy)s, %(policy_sha256)s, %(as_of)s, %(frozen_at)s, 'lin',
            %(content_sha256)s, %(frozen_at)s, 'lin')
    RETURNING id
"""
_FREEZE = """
    UPDATE counts SET state = 'frozen', frozen_at = %(frozen_at)s, frozen_by = %(frozen_by)s,
                      code_version = %(code_version)s, digest = %(digest)s,
                      signature = %(signature)s, public_key = %(public_key)s
    WHERE id = %(id)s
"""


def a_large_document(enterprises: int, platforms: int = 4) -> dict[str, Any]:
    """A document of counted enterprises with ten devices each, no two of them alike."""
    return a_document(
        [
            a_platform_object(
                f"p{index:03}",
                [
                    an_enterprise_object(
                        number,
                        devices=[a_device_object(number * 10 + place) for place in range(10)],
                    )
                    for number in range(index + 1, enterprises + 1, platforms)
                ],
            )
            for index in range(platforms)
        ]
    )


def kept_as_frozen(connection: psycopg.Connection, document: Mapping[str, Any]) -> CountRecord:
    """Store a document and let it be frozen; commits."""
    kept = {**document, "platforms": [_sorted(each) for each in document["platforms"]]}
    content = canonical_bytes(kept)
    values = {
        **kept,
        "content_sha256": content_sha256(kept),
        "digest": sha256_of(kept),
        "signature": KEY.sign(content),
        "public_key": KEY.public_key,
    }
    connection.execute("SET session_replication_role = replica")
    (record_id,) = connection.execute(_INSERT, values).fetchone() or (0,)
    store_content(connection, record_id, kept)
    connection.execute(_FREEZE, {**values, "id": record_id})
    connection.execute("SET session_replication_role = origin")
    connection.commit()
    return count_by_id(connection, record_id)


def _sorted(platform: Mapping[str, Any]) -> dict[str, Any]:
    return {**platform, "enterprises": sorted(platform["enterprises"], key=lambda e: e["uscc"])}
