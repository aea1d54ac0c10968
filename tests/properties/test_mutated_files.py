"""Files damaged at random: each is refused in a sentence, or read with no row and no cent lost.

CUSTKIT_DEEP=10000 (`make test-deep`) damages so many; 150 otherwise. The seed is fixed, the two counters are independent of intake: a
count of records by Python's own csv module over the text, and a sum in Decimal over the rows of the written file.
"""

from __future__ import annotations

import csv
import io
import os
import random
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from custkit.client import load_client
from custkit.errors import BadInput
from custkit.intake import take_snapshot

FILES = int(os.environ.get("CUSTKIT_DEEP", "150"))
SLOW = 10.0
CLIENT = """
name: Damaged
currency: EUR
data: raw
privacy: {ids: as_sent}
sources:
  - table: order_lines
    files: lines.csv
    columns: {order_id: order, ordered_at: date, customer_id: customer, product_id: product, quantity: qty, amount: amount}
limits: {quarantine_rows: 1, quarantine_revenue: 1}
"""
HEAD = "order,date,customer,product,qty,amount\n"
ROWS = [
    "0001,2026-10-03,c1,tea,1,10.10\n", "0002,2026-10-03 14:05,NA,绿茶,2,-5\n", '0003,2026-10-04,,"jam, red",1,"1,010.10"\n',
    '0004,2026-10-05,c2,"5"" pipe",1,0\n', '0005,2026-10-06,c2,"two\nlines",1,3.50\n', "Total,,,,5,1018.70\n", "\n",
]  # fmt: skip
PIECES = [b",", b'"', b"\n", b"\r", b"\r\n", b"\x00", b"\x1a", b"\xff", b"\xef\xbb\xbf", b";", b"\\", b"=", b"#", "\u2212".encode(), b"1e9"]


def valid(dice: random.Random) -> bytes:
    """A good export of some rows."""
    return (HEAD + "".join(dice.choices(ROWS, k=dice.randint(1, 9)))).encode()


def flip(data: bytearray, dice: random.Random) -> bytes:
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


def cut(data: bytearray, dice: random.Random) -> bytes:
    return bytes(data[: dice.randrange(len(data))])


def insert(data: bytearray, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    return bytes(data[:at] + dice.choice(PIECES) + data[at:])


def delete(data: bytearray, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    return bytes(data[:at] + data[at + dice.randint(1, 4) :])


def splice(data: bytearray, dice: random.Random) -> bytes:
    other = valid(dice)
    return bytes(data[: dice.randrange(len(data))]) + other[dice.randrange(len(other)) :]


def recode(data: bytearray, dice: random.Random) -> bytes:
    return bytes(data).decode("utf-8", "replace").encode(dice.choice(["gb18030", "utf-16", "utf-8-sig", "big5"]), "replace")


MUTATIONS: list[Callable[[bytearray, random.Random], bytes]] = [flip, cut, insert, insert, delete, splice, recode]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path))
    (tmp_path / "raw").mkdir()
    (tmp_path / "client.yml").write_text(CLIENT)
    return tmp_path


def counted(data: bytes) -> int:
    """Records below the header, by the csv module alone."""
    text = data.decode("utf-8-sig")
    return sum(1 for _ in csv.reader(io.StringIO(text, newline=""), strict=True)) - 1


def read(home: Path, data: bytes) -> dict[str, Any] | None:
    """What the ledger says, held against the two counters; None where the file was refused."""
    (home / "raw" / "lines.csv").write_bytes(data)
    start = time.perf_counter()
    try:
        snapshot = take_snapshot(load_client("damaged", path=home / "client.yml"), progress=False)
    except BadInput as error:
        assert str(error) and "Traceback" not in str(error)
        return None
    finally:
        assert time.perf_counter() - start < SLOW
    (file,) = snapshot.manifest["ledger"]["files"]
    lines = snapshot.manifest["ledger"]["tables"]["order_lines"]
    written = pq.read_table(snapshot.folder / "order_lines.parquet")
    aside = pq.read_metadata(snapshot.folder / "quarantine.parquet").num_rows
    assert file["records"] == counted(data)
    assert file["records"] == file["blank"] + file["structural"] + file["accepted"] + file["quarantined"]
    assert aside == file["structural"] + file["quarantined"]
    assert written.num_rows == lines["rows"] == file["accepted"]
    assert sum(written["amount"].to_pylist(), Decimal(0)) == Decimal(lines["accepted_amount"])
    return file


def test_a_damaged_file_is_refused_or_loses_nothing(client: Path) -> None:
    dice = random.Random(20261126)
    refused = 0
    for number in range(FILES):
        data = valid(dice)
        for _ in range(dice.randint(1, 3)):
            data = dice.choice(MUTATIONS)(bytearray(data or b"\n"), dice)
        try:
            refused += read(client, data) is None
        except Exception as error:
            error.add_note(f"file {number}: {data!r}")
            raise
    print(f"{FILES} damaged files: {refused} refused, {FILES - refused} read, 0 silent losses")  # noqa: T201
    assert 0 < refused < FILES
