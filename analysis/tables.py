"""Tables as files."""

import unicodedata

import pandas as pd

FORMULA = "=+-@"  # a spreadsheet would run a cell that starts so, after blanks and in full width too
CONTROL = tuple("\t\r\n\0")
INVISIBLE = dict.fromkeys(
    [*range(0x20), 0x7F, 0xAD, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF]
)


def csv(table: pd.DataFrame) -> str:
    """The table with a header; a text cell or a header that a spreadsheet would run starts with an apostrophe."""
    safe = table.rename(columns=lambda name: _plain(str(name)))
    for place, kind in enumerate(table.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            safe.isetitem(place, table.iloc[:, place].map(_plain))
    return str(safe.to_csv(index=False, lineterminator="\r\n"))


def _plain(cell: object) -> object:
    """The cell; a text that a spreadsheet would run, whatever blanks come first, with an apostrophe before it."""
    if not isinstance(cell, str):
        return cell
    first = unicodedata.normalize("NFKC", cell.translate(INVISIBLE)).lstrip()[:1]
    return f"'{cell}" if first and first in FORMULA or cell[:1] in CONTROL else cell
