"""Columns, workbooks, Parquet, the file system and the client file itself (COL, XLS, PAR, RUN, SEC, PRI)."""

from __future__ import annotations

import os
import zipfile
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from rows import row
from sheets import Broken, Day, Uncached, workbook

from custkit.cli import main

HEADER = "order,date,customer,product,qty,amount\n"
GOOD = "g1,2026-10-01,c9,tea,1,5.00\n"
HEAD = ["Order", "Date", "Customer", "Amount"]
SHEET = "{order_id: Order, ordered_at: {column: Date, format: excel}, customer_id: Customer, amount: Amount}"
PLAIN = ["o9", Day(46298), "c1", 2.5]


def sheet(arrive, rows, **options):
    return arrive({"book.xlsx": workbook({"Sales": rows})}, columns=options.pop("columns", SHEET), **options)


def patched(name, *changes):
    """A workbook of one plain row whose part `name` has each first text replaced by the second."""

    def write(path):
        workbook({"Sales": [HEAD, PLAIN, [None, Day(46299), "c2", 3]]})(path)
        with zipfile.ZipFile(path) as archive:
            parts = {part: archive.read(part).decode() for part in archive.namelist()}
        for old, new in changes:
            assert old in parts[name]
            parts[name] = parts[name].replace(old, new)
        with zipfile.ZipFile(path, "w") as archive:
            for part, text in parts.items():
                archive.writestr(part, text)

    return write


@row("COL-02")
def test_columns_that_differ_in_case_or_spaces_are_refused(arrive):
    arrive({"lines.csv": HEADER.replace("\n", ",Amount \n")}).refused("`amount` and `Amount ` are the same but for case")


@row("COL-03")
def test_hostile_column_names_are_names(arrive):
    names = ["order", "select", '"; drop table x;--', "a'b", 'b"c']
    columns = "{order_id: order, ordered_at: select, customer_id: '\"; drop table x;--', product_id: 'a''b', amount: 'b\"c'}"
    head = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    found = arrive({"lines.csv": head + "\n1,2026-10-01,c,tea,5\n"}, columns=columns)
    assert found.rows("order_lines", "order_id", "customer_id", "product_id", "amount") == [("1", "c", "tea", Decimal(5))]


@row("COL-04")
def test_a_column_that_was_not_there_before_is_noted(arrive):
    arrive({"lines.csv": HEADER + GOOD}).unremarked()
    arrive({"lines.csv": HEADER.replace("\n", ",coupon\n") + GOOD.replace("\n", ",X\n")}).noted("column_new", column="coupon")


@row("COL-06")
def test_columns_are_found_by_name(arrive):
    text = "amount,qty,product,customer,date,order\n5,1,tea,c1,2026-10-01,o1\n"
    assert arrive({"lines.csv": text}).rows("order_lines", "order_id", "amount") == [("o1", Decimal(5))]


@row("COL-07")
def test_one_field_from_two_columns_is_refused_with_its_line(arrive):
    columns = "{order_id: order, ordered_at: date, amount: amount, amount: qty}"
    arrive({"lines.csv": HEADER + GOOD}, columns=columns).refused("client.yml line 9: `amount` is given twice")


@row("COL-08")
def test_a_month_of_other_amounts_is_noted(lines):
    body = "".join(f"o{m}{i},2026-{m:02d}-{1 + i % 28:02d},c{i % 9},tea,1,{10 + i % 5}\n" for m in range(3, 10) for i in range(60))
    calm = body + "".join(f"p{i},2026-10-{1 + i % 28:02d},c{i % 9},tea,1,{10 + i % 5}\n" for i in range(60))
    lines(calm).unremarked()
    taxed = body + "".join(f"p{i},2026-10-{1 + i % 28:02d},c{i % 9},tea,1,{(10 + i % 5) * 1.13:.2f}\n" for i in range(60))
    lines(taxed).noted("mean_amount_jumps", column="2026-10", amount="+13%")


@row("XLS-01")
def test_several_sheets_are_listed(arrive):
    book = workbook({"Notes": [["hello"]], "Sales": [HEAD, PLAIN]})
    arrive({"book.xlsx": book}, columns=SHEET).refused("has 2 sheets, `Notes`, `Sales`; name one with `sheet`")


@row("XLS-03")
def test_merged_cells_are_listed_and_filled_where_declared(arrive):
    merge = ("</sheetData>", '</sheetData><mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells>')
    book = patched("xl/worksheets/sheet1.xml", merge)
    arrive({"book.xlsx": book}, columns=SHEET).refused("1 merged ranges among the rows, such as A2:A3", "`fill_merged: true`")
    found = arrive({"book.xlsx": book}, columns=SHEET, extra="fill_merged: true")
    assert found.rows("order_lines", "order_id", "amount") == [("o9", Decimal("2.5")), ("o9", Decimal(3))]


@row("XLS-04")
def test_a_formula_never_calculated_is_named_by_sheet_and_cell(arrive):
    sheet(arrive, [HEAD, PLAIN, ["o1", Day(46298), "c1", Uncached("D2*2")]]).refused(
        "sheet `Sales` cell D3: a formula without a stored value"
    )


@row("XLS-05")
@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!"])
def test_an_error_cell_is_set_aside(arrive, error):
    assert sheet(arrive, [HEAD, PLAIN, ["o1", Day(46298), "c1", Broken(error)]]).aside() == [(3, "Amount", error, "excel_error")]


@row("XLS-06")
def test_zeros_that_only_a_format_shows_are_noted_and_given_back_where_declared(arrive):
    zeros = [
        ("<cellXfs", '<numFmts count="1"><numFmt numFmtId="164" formatCode="000000"/></numFmts><cellXfs'),
        ("</cellXfs>", '<xf numFmtId="164"/></cellXfs>'),
    ]

    def book(path):
        patched("xl/styles.xml", *zeros)(path)
        with zipfile.ZipFile(path) as archive:
            parts = {part: archive.read(part).decode() for part in archive.namelist()}
        name = "xl/worksheets/sheet1.xml"
        parts[name] = parts[name].replace('<c r="A2" t="inlineStr"><is><t>o9</t></is></c>', '<c r="A2" s="2"><v>123</v></c>')
        with zipfile.ZipFile(path, "w") as archive:
            for part, text in parts.items():
                archive.writestr(part, text)

    arrive({"book.xlsx": book}, columns=SHEET).noted("zeros_only_shown", rows=1, column="Order")
    padded = SHEET.replace("order_id: Order", "order_id: {column: Order, width: 6}")
    assert arrive({"book.xlsx": book}, columns=padded).rows("order_lines", "order_id") == [("000123",)]


@row("XLS-07")
def test_date_cells_texts_and_numbers_in_one_column_are_taken_one_way(arrive):
    rows = [HEAD, PLAIN, ["o1", "03/10/2026", "c1", 1], ["o2", 46298, "c1", 1]]
    assert sheet(arrive, rows).aside() == [(3, "Date", "03/10/2026", "date_format"), (4, "Date", "46298", "date_format")]


@row("XLS-09")
def test_a_stray_cell_far_below_makes_blank_rows(arrive):
    stray = ("</sheetData>", '<row r="20000"><c r="A20000" t="inlineStr"><is><t> </t></is></c></row></sheetData>')
    found = arrive({"book.xlsx": patched("xl/worksheets/sheet1.xml", stray)}, columns=SHEET)
    assert found.counts[0] == 19_999 and found.counts[1] == 19_997


@row("XLS-11")
def test_an_encrypted_workbook_is_named(arrive):
    arrive({"book.xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600}, columns=SHEET).refused("book.xlsx: the workbook is encrypted")


@row("XLS-13")
def test_a_workbook_cut_off_is_named(arrive):
    def cut(path):
        workbook({"Sales": [HEAD, PLAIN]})(path)
        path.write_bytes(path.read_bytes()[:-200])

    arrive({"book.xlsx": cut}, columns=SHEET).refused("book.xlsx: is cut off or damaged")


@row("XLS-14")
def test_titles_on_top_and_a_total_at_the_foot_of_a_sheet(arrive):
    found = sheet(arrive, [["Sales"], [None], HEAD, PLAIN, ["合计", None, None, 2.5]], extra="skip_rows: 2")
    assert found.noted("control_total_matched", amount="2.50").counts == (2, 0, 1, 1, 0)


@row("XLS-15")
def test_a_workbook_that_unpacks_to_a_mountain_is_refused_unread(arrive):
    def bomb(path):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/worksheets/sheet1.xml", b" " * (30 << 20))

    arrive({"book.xlsx": bomb}, columns=SHEET).refused("unpacks to 30 MiB, over 100 times its size")


@row("XLS-16")
@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml"])
def test_entities_in_a_workbook_expand_nowhere(arrive, part):
    tag = "<workbook" if "workbook" in part else "<worksheet"
    book = patched(part, (tag, f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>{tag}'))
    arrive({"book.xlsx": book}, columns=SHEET).refused("book.xlsx", "declares entities")


@row("PAR-01")
def test_a_parquet_file_without_its_foot_is_named(arrive):
    def cut(path):
        pq.write_table(pa.table({"a": [1]}), path)
        path.write_bytes(path.read_bytes()[:-10])

    arrive({"p.parquet": cut}).refused("p.parquet: is not a whole Parquet file")


@row("PAR-02")
def test_a_flipped_bit_is_found_by_the_pages_checksum(arrive):
    table = pa.table({"order": [f"o{i}" for i in range(900)], "date": ["2026-10-01"] * 900, "amount": [float(i) for i in range(900)]})

    def flip(path):
        pq.write_table(table, path, write_page_checksum=True, compression="none", use_dictionary=False)
        place = pq.read_metadata(path).row_group(0).column(2)
        data = bytearray(path.read_bytes())
        data[place.data_page_offset + place.total_compressed_size - 20] ^= 1
        path.write_bytes(data)

    arrive({"p.parquet": flip}, columns="{order_id: order, ordered_at: date, amount: amount}").refused("p.parquet", "is damaged")


@row("PAR-04")
def test_types_of_parquet_stay_what_they_are_and_nested_ones_are_refused(arrive):
    columns = "{order_id: order, ordered_at: date, amount: amount}"
    times = pa.array([datetime(2026, 10, 3, 20)], pa.timestamp("ns", "America/New_York"))
    table = pa.table(
        {"order": pa.array(["a"]).dictionary_encode(), "date": times, "amount": pa.array([Decimal("1.23")], pa.decimal128(9, 2))}
    )

    def ancient(path):
        pq.write_table(table, path, use_deprecated_int96_timestamps=True)

    read = arrive({"p.parquet": table}, columns=columns).rows("order_lines", "order_id", "ordered_at", "amount")
    assert read == [("a", datetime(2026, 10, 3, 20), Decimal("1.23"))]
    assert arrive({"p.parquet": ancient}, columns=columns).rows("order_lines", "order_id", "amount") == [("a", Decimal("1.23"))]
    nested = table.set_column(2, "amount", pa.array([[1.0]]))
    arrive({"p.parquet": nested}, columns=columns).refused("the column `amount` is nested")


@row("RUN-01")
def test_a_file_that_grows_while_it_is_read_is_refused(arrive, monkeypatch):
    from custkit.intake import staging

    read = staging.READERS["csv"]

    def grow(path, source):
        with path.open("a") as file:
            file.write(GOOD)
        return read(path, source)

    monkeypatch.setitem(staging.READERS, "csv", grow)
    arrive({"lines.csv": HEADER + GOOD}).refused("lines.csv: was written to while it was read")


@row("RUN-02")
def test_a_link_out_of_the_clients_folder_is_refused(arrive):
    arrive({"lines.csv": lambda path: path.symlink_to("/etc/passwd")}).refused("lines.csv: lies outside the data folder")


@row("RUN-03")
def test_a_file_nobody_may_read_and_a_place_nobody_may_write_are_named(arrive, monkeypatch):
    """By a fault in the system call: the tests may run as root, whom no permission stops."""
    from custkit.intake import inputs

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(inputs, "_sha256", refuse)
    arrive({"lines.csv": HEADER + GOOD}).refused("lines.csv: cannot be read: Permission denied")


@row("RUN-12")
def test_zone_locale_and_hash_seed_change_no_byte(arrive, tmp_path):
    import hashlib
    import subprocess
    import sys

    arrive({"lines.csv": HEADER + "".join(f"o{i % 7},2026-10-0{i % 7 + 1},c{i % 3},té{i % 5},1,{i}.5\n" for i in range(50))}).accepted()
    seen = set()
    for i, (zone, locale, seed, threads) in enumerate([("UTC", "C", "0", "1"), ("Asia/Shanghai", "C.UTF-8", "77", "2")]):
        home = tmp_path / f"home{i}"
        (home / "clients").mkdir(parents=True)
        (home / "clients" / "test").symlink_to(tmp_path / "clients" / "test")
        told = {**os.environ, "CUSTKIT_HOME": str(home), "TZ": zone, "LC_ALL": locale, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads}
        subprocess.run([sys.executable, "-m", "custkit", "intake", "test"], env=told, check=True, capture_output=True)
        made = sorted((home / ".custkit" / "test" / "snapshots").rglob("*.parquet"))
        seen.add(hashlib.sha256(b"".join(path.read_bytes() for path in made)).hexdigest())
    assert len(seen) == 1


@row("RUN-13")
@pytest.mark.parametrize("name", ["with space.csv", "星星.csv", "-dash.csv", "a[1]?.csv", "line\nbreak.csv"])
def test_a_file_is_found_by_its_exact_name(arrive, name):
    text = name.replace("\n", "\\n")
    sources = f'- table: order_lines\n  files: "{text}"\n  columns: {{order_id: order, ordered_at: date, amount: amount}}'
    assert arrive({name: HEADER + GOOD}, sources=sources).counts == (1, 0, 0, 1, 0)


@row("SEC-12")
def test_a_client_file_cannot_grow_when_read(arrive, tmp_path):
    bombs = ["a: &a [x, x]\nb: [*a, *a]\n", "[" * 3000, "name: x\n" + "# " + "x" * (1 << 20)]
    arrive({"lines.csv": HEADER + GOOD}).accepted()
    for bomb, says in zip(bombs, ("line 1: anchors", "not valid YAML", "larger than 1 MiB"), strict=True):
        path = tmp_path / "clients" / "test" / "client.yml"
        path.write_text(bomb)
        from custkit.client import load_client
        from custkit.errors import BadInput

        with pytest.raises(BadInput, match=says):
            load_client("test")


@row("SEC-13", "SEC-05")
def test_the_client_file_is_text_that_the_schema_types(arrive):
    columns = "{order_id: order, ordered_at: date, amount: amount, channel: {value: %s}}"
    for word in ("NO", "007", "12:30", "1_000", "1e5", "1.10"):
        assert arrive({"lines.csv": HEADER + GOOD}, columns=columns % word).rows("orders", "channel") == [(word,)]
    arrive({"lines.csv": HEADER + GOOD}, columns=columns % "!!python/object/apply:os.system [ls]").refused("line 9: tags such as !!python")


@row("PRI-01")
@pytest.mark.parametrize("ids", ["as_sent", "pseudonyms"])
def test_a_column_that_is_not_mapped_is_nowhere(arrive, tmp_path, ids):
    text = "order,date,customer,amount,health\n" + "1,2026-10-01,c,5,C4NARY\n2,never,c,5,C4NARY\n3,2026-10-01,c,5,C4NARY,7\n"
    arrive({"lines.csv": text}, columns="{order_id: order, ordered_at: date, customer_id: customer, amount: amount}", ids=ids).accepted()
    held = [path for path in tmp_path.rglob("*") if path.is_file() and "raw" not in path.parts]
    assert held and not [path for path in held if b"C4NARY" in path.read_bytes()]


@row("PRI-06")
def test_people_are_masked_in_messages(arrive):
    sources = "- table: customers\n  files: c.csv\n  columns: {customer_id: id, birth_year: born}"
    told = arrive({"c.csv": "id,born\njohn@example.com\x07,1980\n"}, sources=sources, more="").refused("column id: `jo…`")
    assert "john@" not in told.output


SHIFTED = "g2,c9,x,0171 5550000,5\ng3,c9,x,2026-10-01,ottokar@pf.example\ng4,c9,Ottokar Pfeffer,Elm St,2026-10-01,5\n"


@pytest.mark.parametrize("more", ["limits: {quarantine_rows: 1, quarantine_revenue: 1}", ""])
def test_shifted_cells_are_masked_wherever_they_are_told(arrive, more):
    """Any cell of a shifted row may name somebody: in what intake and check say, not in what is set aside."""
    files = {"l.csv": "order,customer,note,date,amount\ng1,c9,x,2026-10-01,5\n" + SHIFTED}
    columns = "{order_id: order, customer_id: customer, ordered_at: date, amount: amount}"
    found = arrive(files, columns=columns, more=more)
    checked = CliRunner().invoke(main, ["check", "test"]).output
    for said in (found.output, checked):
        assert "Ottokar" not in said and "5550000" not in said and "ottokar@" not in said and "nan" not in said
        assert "01…" in said and "field_count" in said
    if more:
        assert [value for _line, _column, value, _reason in found.aside()] == ["0171 5550000", "ottokar@pf.example", "6 of 5"]
