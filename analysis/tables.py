"""Tables as files."""

import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a cell that starts so


def csv(table: pd.DataFrame) -> str:
    """The table with a header; a text cell or a header that a spreadsheet would run starts with an apostrophe."""
    safe = table.rename(columns=lambda name: _plain(str(name)))
    for place, kind in enumerate(table.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            safe.isetitem(place, table.iloc[:, place].map(_plain))
    return str(safe.to_csv(index=False, lineterminator="\r\n"))


def _plain(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
