"""Heartbeats in a Parquet file: one row group at a time, so that memory stays flat."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from archive.rows import RowsDigest, decode_row, encode_row, in_batches
from jieru.publishers import CLOUD_ID

__all__ = [
    "UnreadableFileError",
    "WrittenRows",
    "digest_of_file",
    "read_keys",
    "read_rows",
    "write_rows",
]

_INSTANT: Final = pa.timestamp("us", tz="UTC")
_SCHEMA: Final = pa.schema(
    [
        pa.field("device_id", pa.int32(), nullable=False),
        pa.field("time", _INSTANT, nullable=False),
        pa.field("received_at", _INSTANT, nullable=False),
        pa.field("seq", pa.int64()),
        pa.field("status", pa.string()),
        pa.field("metrics", pa.string()),
        pa.field("publisher_id", pa.int32(), nullable=False),
        pa.field("boot", pa.int64()),
        pa.field("counter", pa.float64()),
    ]
)
_SCHEMAS: Final = (_SCHEMA, pa.schema(list(_SCHEMA)[:7]), pa.schema(list(_SCHEMA)[:6]))
"""Of files of today, from before `boot` and `counter` were kept, and from before it was kept who
published."""
_KEY_COLUMNS: Final = ("device_id", "publisher_id", "time", "received_at")
_ROWS_IN_GROUP: Final = 100_000
_ROWS_AT_ONCE: Final = 20_000
_BYTES_AT_ONCE: Final = 1 << 20

# Rows are ordered by device and time, so most numbers differ little from the one before.
_ENCODINGS: Final = dict.fromkeys(
    ("device_id", "time", "received_at", "seq"), "DELTA_BINARY_PACKED"
)


class UnreadableFileError(Exception):
    """A file that is no whole Parquet file of heartbeats."""


class WrittenRows(NamedTuple):
    """What went into a file."""

    rows: int
    sha256: str
    """Of the rows, not of the file."""


def write_rows(path: Path, rows: Iterable[bytes]) -> WrittenRows:
    """Write rows, ordered by key, into a new file and flush it to the disk.

    The same rows give the same bytes with the same release of pyarrow. No rows: no file.

    Raises:
        OSError: it cannot be written.
    """
    digest = RowsDigest()
    batches = in_batches(rows, _ROWS_IN_GROUP)
    first = next(batches, None)
    if first is None:
        return WrittenRows(0, digest.hexdigest())
    with path.open("xb") as file:
        with pq.ParquetWriter(
            file,
            _SCHEMA,
            compression="zstd",
            use_dictionary=["status", "metrics", "publisher_id", "boot"],
            column_encoding=_ENCODINGS,
            write_statistics=["device_id", "time"],
        ) as writer:
            batch: list[bytes] | None = first
            while batch:
                digest.add(batch)
                writer.write_batch(_record_batch(batch), row_group_size=_ROWS_IN_GROUP)
                batch = next(batches, None)
        file.flush()
        os.fsync(file.fileno())
    return WrittenRows(digest.rows, digest.hexdigest())


def read_rows(path: Path) -> Iterator[bytes]:
    """The rows of a file, in its order.

    Raises:
        UnreadableFileError: it is not a whole file of heartbeats.
        OSError: it cannot be read.
    """
    try:
        with pq.ParquetFile(path, memory_map=False, pre_buffer=False) as file:
            if file.schema_arrow not in _SCHEMAS:
                raise UnreadableFileError("it has other columns")
            for batch in file.iter_batches(_ROWS_AT_ONCE, use_threads=False):
                columns = [
                    (column.cast(pa.int64()) if column.type == _INSTANT else column).to_pylist()
                    for column in batch.columns
                ]
                yield from map(encode_row, *columns)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk's own; what pyarrow says of a damaged file has no number
        raise UnreadableFileError(" ".join(str(error).split())) from None


def read_keys(path: Path) -> Iterator[tuple[npt.NDArray[np.int64], ...]]:
    """Of the rows of a file device, publisher, time and received_at, a row group at a time.

    Raises:
        UnreadableFileError: it is not a whole file of heartbeats.
        OSError: it cannot be read.
    """
    try:
        with pq.ParquetFile(path, memory_map=False, pre_buffer=False) as file:
            if file.schema_arrow not in _SCHEMAS:
                raise UnreadableFileError("it has other columns")
            wanted = [name for name in _KEY_COLUMNS if name in file.schema_arrow.names]
            for batch in file.iter_batches(_ROWS_IN_GROUP, columns=wanted, use_threads=False):
                found = {
                    name: batch.column(name).cast(pa.int64()).to_numpy(zero_copy_only=False)
                    for name in wanted
                }
                by_clouds = np.full(batch.num_rows, CLOUD_ID, dtype=np.int64)
                yield tuple(found.get(name, by_clouds) for name in _KEY_COLUMNS)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise UnreadableFileError(" ".join(str(error).split())) from None


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BYTES_AT_ONCE):
            digest.update(block)
    return digest.hexdigest()


def _record_batch(rows: Iterable[bytes]) -> pa.RecordBatch:
    columns = zip(*map(decode_row, rows), strict=True)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(column, pa.int64()).cast(field.type)
            if field.type == _INSTANT
            else pa.array(column, field.type)
            for column, field in zip(columns, _SCHEMA, strict=True)
        ],
        schema=_SCHEMA,
    )
