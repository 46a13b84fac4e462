"""Files of somebody else's, read within bounds: what is no plain file, too large, or small and unpacks to gigabytes."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MIB = 2**20
JSON_BYTES = 256 * MIB  # the table of an index with a million ids has about 30
TENSOR_BYTES = 4096 * MIB  # weights, or the vectors of an index
TABLE_BYTES = 256 * MIB  # a table in memory, whatever its file holds
PACKED = 20  # or so many times its file: tables pack well, pictures don't
ROWS, COLUMNS = 20_000_000, 1000  # of a table
STEP = 32  # rows unpacked at once


def check_file(path: Path, most: int) -> int:
    """The bytes of a plain file. Raises ValueError for a pipe, a device or a folder, and for one above `most` bytes."""
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise ValueError(f"{path.name} is no plain file")
    if facts.st_size > most:
        raise ValueError(f"{path.name} has {facts.st_size / MIB:.0f} MB; at most {most // MIB} MB are read")
    return facts.st_size


def read_json(path: Path, most: int = JSON_BYTES) -> Any:
    """Parsed JSON. Raises ValueError when it is none, too large, or nested too deep."""
    check_file(path, most)
    try:
        return json.loads(path.read_bytes())
    except RecursionError:
        raise ValueError(f"{path.name} is nested too deep") from None


def check_table(path: Path) -> None:
    """Unpack a Parquet file bit by bit and forget it. Raises ValueError when all of it at once would be too much."""
    from pyarrow import parquet

    most = max(TABLE_BYTES, PACKED * check_file(path, TENSOR_BYTES))
    with parquet.ParquetFile(path) as file:
        facts = file.metadata
        if facts.num_rows > ROWS or facts.num_columns > COLUMNS:
            raise ValueError(f"{path.name} has {facts.num_rows} rows of {facts.num_columns} columns: too many")
        groups = (facts.row_group(n) for n in range(facts.num_row_groups))
        size = sum(group.column(n).total_uncompressed_size for group in groups for n in range(facts.num_columns))
        size = max(size, facts.num_rows * facts.num_columns)  # a byte each, at least: what repeats packs to nothing
        varied = [field.name for field in file.schema_arrow if not _fixed(field.type)]
        unpacked = 0
        for batch in file.iter_batches(STEP, columns=varied) if varied and size <= most else ():
            size = max(size, unpacked := unpacked + batch.nbytes)
            if size > most:
                break
    if size > most:
        raise ValueError(f"{path.name} unpacks to more than {most // MIB} MB: too much for a table of its size")


def _fixed(kind: Any) -> bool:
    """Whether every value of an Arrow type takes the same room."""
    try:
        return bool(kind.bit_width)
    except ValueError:
        return False


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Whatever a reader raises on hostile bytes, which is almost anything, as a ValueError: `what` can't be used."""
    try:
        yield
    except (ValueError, OSError):
        raise
    except Exception as error:
        raise ValueError(f"{what} can't be used ({brief(error)})") from error


def brief(error: object, most: int = 400) -> str:
    """The first line of an error, cut: others' bytes are no reason for a page of text."""
    line = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return line if len(line) <= most else f"{line[:most]}…"
