"""What `custkit init` says of sales that come twice: in two files, on two sheets, as lines and as orders."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from exports import Content, put
from sheets import Day, workbook

from custkit.intake.guess.proposal import Proposal, propose
from custkit.intake.guess.samples import read_samples

HEAD = ["order_id", "customer_id", "order_date", "sku", "qty", "amount"]
FIRST = datetime(2026, 1, 3)


def proposed(tmp_path: Path, files: Mapping[str, Content], **answers: str) -> Proposal:
    put(tmp_path, files)
    return propose(read_samples([tmp_path]), answers)


def sales(days: int, first: int = 0) -> list[list[str]]:
    """Two lines a day, of one order and one customer."""
    rows = []
    for day in range(first, first + days):
        for item in (1, 2):
            rows.append(
                [
                    f"R{day}",
                    f"K{day % 7}",
                    f"{FIRST + timedelta(days=day):%Y-%m-%d}",
                    f"A{(day + item) % 5}",
                    str(item),
                    f"{3.5 * item + day:.2f}",
                ]
            )
    return rows


def text(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(map(",".join, [head, *rows])) + "\n"


def on_sheet(rows: list[list[str]]) -> list[list[object]]:
    serial = [(datetime.fromisoformat(row[2]) - datetime(1899, 12, 30)).days for row in rows]
    return [HEAD, *([*row[:2], Day(day), row[3], float(row[4]), float(row[5])] for row, day in zip(rows, serial, strict=True))]


def used(proposal: Proposal) -> list[str]:
    return [source.sample.label for source in proposal.sources if source.is_used]


def asked(proposal: Proposal) -> dict[str, tuple[str, str]]:
    return {q.key: (q.text, q.proposed) for q in proposal.questions if q.key not in ("currency", "time_zone")}


def orders_of(rows: list[list[str]], more: float = 0) -> str:
    """The orders of these lines, each with the sum of its two lines and something on top."""
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return text(
        ["order_id", "customer_id", "order_date", "order_total"], [[*a[:3], f"{float(a[5]) + float(b[5]) + more:.2f}"] for a, b in pairs]
    )


@pytest.mark.parametrize(("postage", "says"), [(0, "for the same money"), (4.9, "against")])
def test_orders_beside_their_lines_are_the_same_sales(tmp_path, postage, says):
    rows = sales(30)
    found = proposed(tmp_path, {"orders.csv": orders_of(rows, postage), "order_items.csv": text(HEAD, rows)})
    assert used(found) == ["order_items.csv"]
    told, proposed_answer = asked(found)["table:orders.csv"]
    assert "its orders stand in order_items.csv too" in told and says in told and proposed_answer == "none"
    both = propose(read_samples([tmp_path]), {"table:orders.csv": "order_lines"})
    assert used(both) == ["order_items.csv", "orders.csv"] and not asked(both)


def test_postage_and_returns_of_the_same_orders_are_other_sales(tmp_path):
    rows = sales(30)
    fees = [[*row[:3], "POST", "1", "1.50"] for row in rows[::2]]
    back = [[*row[:4], f"-{row[4]}", f"-{row[5]}"] for row in rows[::4]]
    found = proposed(tmp_path, {"lines.csv": text(HEAD, rows), "fees.csv": text(HEAD, fees), "back.csv": text(HEAD, back)})
    assert used(found) == ["back.csv", "fees.csv", "lines.csv"] and not asked(found)


def test_a_workbook_of_the_sales_of_a_csv_is_left_out(tmp_path):
    rows = sales(20)
    found = proposed(tmp_path, {"s.csv": text(HEAD, rows), "s.xlsx": workbook({"Sheet1": on_sheet(rows)})})
    assert used(found) == ["s.csv"] and not asked(found)
    assert found.sources[1].left_out == "a copy of s.csv: the same 40 rows"


def test_of_two_sheets_alike_one_is_left_out_and_a_hidden_one_is_not_taken_unless_named(tmp_path):
    rows = sales(20)
    book = workbook({"Data": on_sheet(rows), "Data (2)": on_sheet(rows), "Old": on_sheet(sales(5, first=90))}, hidden=["Old"])
    found = proposed(tmp_path, {"s.xlsx": book})
    assert used(found) == ["s.xlsx[Data]"]
    assert {s.sample.label: s.left_out for s in found.sources if s.left_out} == {
        "s.xlsx[Data (2)]": "a copy of s.xlsx[Data]: the same 40 rows", "s.xlsx[Old]": "a hidden sheet, taken only where it is named",
    }  # fmt: skip
    named = propose(read_samples([tmp_path]), {"table:s.xlsx[Old]": "order_lines"})
    assert used(named) == ["s.xlsx[Data]", "s.xlsx[Old]"]


def test_a_sheet_that_sums_up_the_sales_is_asked_about(tmp_path):
    summary = [["Customer", "Month", "Amount"], *[[f"K{i}", f"2026-0{1 + i % 2}", 400.5 + i] for i in range(7)]]
    found = proposed(tmp_path, {"s.xlsx": workbook({"Data": on_sheet(sales(20)), "Summary": summary})})
    assert used(found) == ["s.xlsx[Data]"]
    assert asked(found)["table:s.xlsx[Summary]"][1] == "none"


def test_exports_that_overlap_are_asked_about(tmp_path):
    files = {"e_1.csv": text(HEAD, sales(20)), "e_2.csv": text(HEAD, sales(20, first=15))}
    found = proposed(tmp_path, files)
    told, answer = asked(found)["duplicates"]
    assert told.startswith("10 rows sampled stand in e_1.csv and in e_2.csv") and answer == "keep"
    assert propose(read_samples([tmp_path]), {"duplicates": "drop_across_files"}).rules["duplicates"][0] == "drop_across_files"


def test_exports_of_other_columns_that_overlap_are_asked_about(tmp_path):
    """The files name their columns otherwise and are two sources."""
    head = ["Order ID", "Customer ID", "Date", "Product ID", "Quantity", "Amount"]
    found = proposed(tmp_path, {"june.csv": text(HEAD, sales(20)), "july.csv": text(head, sales(20, first=15))})
    assert used(found) == ["july.csv", "june.csv"]
    assert "10 rows sampled stand in july.csv and in june.csv" in asked(found)["duplicates"][0]


def test_files_of_other_days_and_tills_of_one_day_are_asked_nothing(tmp_path):
    """Two tills count their receipts alike from 0; of forty lines four are the same by chance."""
    other = [[*row[:5], row[5] if i < 4 else f"{float(row[5]) + 1:.2f}"] for i, row in enumerate(sales(20))]
    files = {"till_1.csv": text(HEAD, sales(20)), "till_2.csv": text(HEAD, other), "till_3.csv": text(HEAD, sales(20, first=20))}
    found = proposed(tmp_path, files)
    assert "duplicates" not in asked(found) and len(used(found)) == 1


def test_lines_that_the_file_numbers_are_no_copies(tmp_path):
    """Every order holds one product twice, told apart by the number of the line only."""
    rows = [[*row[:3], "A1", "1", "5.00", str(1 + i % 2)] for i, row in enumerate(sales(20))]
    found = proposed(tmp_path, {"s.csv": text([*HEAD, "line_no"], rows)})
    assert found.sources[0].mapped["line_id"].column == "line_no" and "line_no" not in found.sources[0].unread
    assert not asked(found) and "duplicates" not in found.rules


def test_rows_that_differ_in_what_is_not_read_are_never_proposed_to_be_dropped(tmp_path):
    rows = [[*row[:3], "A1", "1", "5.00", "red" if i % 2 else "blue", "cotton"] for i, row in enumerate(sales(20))]
    rows += [[*row[:-2], "blue", "wool"] for row in rows[:2]]
    found = proposed(tmp_path, {"s.csv": text([*HEAD, "remark", "lining"], rows)})
    assert not asked(found) and found.rules.get("duplicates", ("keep",))[0] == "keep"


def test_an_order_that_stands_twice_is_asked_about_where_no_column_names_the_product(tmp_path):
    rows = [[row[0], row[1], row[2], row[5]] for row in sales(20)[::2]]
    found = proposed(tmp_path, {"s.csv": text(["Order", "Customer", "Date", "Amount"], [*rows, *rows[:5]])})
    told, answer = asked(found)["duplicates"]
    assert "5 of 25 rows sampled" in told and "no order stands twice otherwise" in told and answer == "keep"


def test_cells_left_empty_by_merging_are_no_copies(tmp_path):
    rows = [row if i % 2 == 0 else ["", "", "", "A1", "1", "5.00"] for i, row in enumerate(sales(20))]
    assert not asked(proposed(tmp_path, {"s.csv": text(HEAD, rows)}))
