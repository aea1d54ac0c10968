"""The exports read as the client file says, and nothing kept: what would be mapped, set aside and missing."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from custkit.client import Client
from custkit.errors import BadInput
from custkit.intake.copies import settle
from custkit.intake.inputs import find_inputs
from custkit.intake.ledger import remedy, stop_past_limits
from custkit.intake.lines import make_lines
from custkit.intake.masked import columns_of_ids, masked
from custkit.intake.merges import merge_customers
from custkit.intake.staging import STRUCTURAL, FileCount, stage
from custkit.intake.unread import Unread, unread
from custkit.locked import lock
from custkit.tables import TABLES, source_fields


@dataclass(frozen=True)
class DryRun:
    """`aside`: reason, rows, place and value of the first, remedy. `missing`: fields of the tables sent that nothing feeds, with meaning.

    `stops` says why intake would stop; empty where it would not. `unread`: what lies beside the files that were read.
    """

    files: tuple[FileCount, ...]
    aside: tuple[tuple[str, int, str, str, str], ...]
    missing: tuple[tuple[str, str, str], ...]
    absent: tuple[str, ...]
    stops: str
    unread: Unread


def dry_run(client: Client) -> DryRun:
    """Read every file of `client` and forget it again; no snapshot, no key and no cache is written.

    Raises BadInput where a file cannot be read at all.
    """
    with tempfile.TemporaryDirectory(prefix="custkit-check-") as folder, duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        lock(con, spill=Path(folder))
        settle(client)
        inputs = find_inputs(client, Path(folder) / "inputs.json")
        files, _notes = stage(con, client, inputs, lambda _label, _bytes: None)
        merge_customers(con, client)
        aside = _aside(con, client)
        stops = ""
        if any(source.table == "order_lines" for source in client.sources):
            make_lines(con, client, files, unit_costs=False)
        try:
            stop_past_limits(con, client, files, Path(folder) / "aside" / "set_aside.parquet")
        except BadInput as error:
            stops = "\n".join(line for line in str(error).splitlines() if not line.startswith(("  ", "All rows set aside")))
    sent = {source.table for source in client.sources}
    fed = {(source.table, f) for source in client.sources for f in source.columns}
    missing = tuple(
        (table, f, TABLES[table].by_name[f].meaning)
        for table in TABLES
        if table in sent
        for f in source_fields(table)
        if (table, f) not in fed and f in TABLES[table].by_name
    )
    absent = tuple(name for name, table in TABLES.items() if not table.derived and name not in sent)
    lies_beside = unread(client, [one.path for one in inputs], (sheet for one in files for sheet in one.sheets))
    return DryRun(tuple(files), aside, missing, absent, stops, lies_beside)


def _aside(con: duckdb.DuckDBPyConnection, client: Client) -> tuple[tuple[str, int, str, str, str], ...]:
    ids = columns_of_ids(client)
    rows = con.execute(
        'SELECT reason, count(*), arg_min(file, (file, line)), min_by(line, (file, line)), arg_min("column", (file, line)), '
        f"arg_min(value, (file, line)) FROM quarantine WHERE reason NOT IN {STRUCTURAL!r} GROUP BY reason ORDER BY 2 DESC, 1"
    ).fetchall()
    found = []
    for reason, count, file, line, column, value in rows:
        text = masked(value, reason, is_id=column in ids) if value else "(empty)"
        found.append((reason, count, f"{file} line {line}" + (f" column {column}" if column else ""), text, remedy(reason, value, file)))
    return tuple(found)
