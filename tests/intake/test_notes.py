"""What intake remarks on: by month, merged, in the reader's language, on the page and to readers outside the house."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from custkit import words
from custkit.book import Book
from custkit.cli import main
from custkit.client import load_client
from custkit.intake import take_snapshot
from custkit.intake.notes import SAYS, Note, merged, note_on_busiest, note_on_largest, together
from custkit.period import Period
from custkit.present.findings import data_health as findings

CLIENT = """name: Odd
currency: EUR
language: {language}
time_zone: UTC
privacy: {{ids: as_sent}}
limits: {{quarantine_rows: 1, quarantine_revenue: 1}}
rules: {{statuses: [paid]}}
sources:
  - table: order_lines
    files: sales.csv
    columns: {{order_id: order, ordered_at: date, customer_id: customer, product_id: item, product_name: name, amount: amount, order_status: status}}
  - table: customers
    files: people.csv
    columns: {{customer_id: customer, registered_at: since}}
"""  # noqa: E501
SALES = """order,date,customer,item,name,amount,status
1,2026-08-03,c1,tea,Tea,5.00,paid
1,2026-08-03,c1,tea,Tea,5.00,paid
2,2026-09-04,C1,tea,TÃ¼rkischer Tee,7.00,paid
3,2026-09-05,c2,mug,Mug,9.00,open
3,2026-10-05,c2,mug,Mug,9.00,open
4,2026-10-06,c3,mug,Mug,-9.00,paid
4,2026-10-06,c3,mug,Mug,-9.00,paid
"""
PEOPLE = "customer,since\nc1,2026-09-09\nC1,2026-10-09\n"


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """`odd("en")`: the client above, its file written in that language, ready to be taken in."""
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path))
    (tmp_path / "notebooks").mkdir()
    folder = tmp_path / "clients" / "odd"
    folder.mkdir(parents=True)

    def made(language: str = "en", sales: str = SALES):
        (folder / "client.yml").write_text(CLIENT.format(language=language), "utf-8")
        (folder / "sales.csv").write_text(sales, "utf-8")
        (folder / "people.csv").write_text(PEOPLE, "utf-8")
        return load_client("odd")

    return made


def book(client, month: str) -> Book:
    return Book.of(client, take_snapshot(client, progress=False), Period.parse(month))


def told(notes: list[Note]) -> dict[tuple[str, str], tuple[int, str | None]]:
    return {(note.code, note.column): (note.rows, note.amount) for note in notes}


def test_a_month_is_told_what_had_been_odd_by_its_end(odd):
    client = odd()
    assert told(book(client, "2026-08").notes) == {("mojibake", "name"): (1, None), ("duplicates", ""): (1, "5.00")}
    september = told(book(client, "2026-09").notes)
    assert september[("duplicates", "")] == (1, "5.00") and september[("status_left_out", "open")] == (1, "9.00")
    assert september[("ids_alike", "customer_id")] == (2, None) and september[("product_renamed", "product_id")] == (1, None)
    assert september[("registered_after_order", "registered_at")] == (1, None)
    october = told(book(client, "2026-10").notes)
    assert october[("duplicates", "")] == (2, "-4.00") and october[("status_left_out", "open")] == (2, "18.00")
    assert october[("returns_without_sale", "")] == (2, "-18.00") and october[("registered_after_order", "registered_at")] == (2, None)


def test_what_comes_later_changes_no_remark_of_an_older_month(odd):
    whole = told(book(odd(), "2026-09").notes)
    cut = "".join(line for line in SALES.splitlines(keepends=True) if ",2026-10" not in line)
    assert told(book(odd(sales=cut), "2026-09").notes) == whole


def test_an_older_state_of_the_exports_is_no_news_on_a_page(odd):
    book(odd(), "2026-09")
    september = [line for line in SALES.splitlines(keepends=True) if ",2026-10" not in line]
    nameless = "".join(line.replace(",Tea,", ",,").replace(",TÃ¼rkischer Tee,", ",,").replace(",Mug,", ",,") for line in september)
    older = book(odd(sales=nameless), "2026-09")
    assert "filled_less" in {note.code for note in older.snapshot.changes}, "the command line tells it"
    assert "filled_less" not in {note.code for note in older.notes}


def test_a_month_told_otherwise_than_before_stands_on_its_pages_and_no_older_ones(odd):
    assert "month_restated" not in {note.code for note in book(odd(), "2026-10").notes}
    more = odd(sales=SALES + "9,2026-09-28,c1,tea,Tea,3.00,paid\n")
    assert told(book(more, "2026-09").notes)[("month_restated", "2026-09")] == (1, "3.00")
    assert "month_restated" not in {note.code for note in book(more, "2026-08").notes}


def test_months_of_one_thing_are_added_up_and_places_gathered():
    notes = [
        Note("parts_differ", "order_lines", "", 2, "1.50", "2026-08"),
        Note("mojibake", "order_lines", "a", 1, month="2026-08"),
        Note("parts_differ", "order_lines", "", 3, "-0.50", "2026-09"),
        Note("mojibake", "order_lines", "b", 4),
    ]
    assert merged(notes, "2026-09") == [
        Note("parts_differ", "order_lines", "", 2, "1.50"), Note("mojibake", "order_lines", "a", 1), Note("mojibake", "order_lines", "b", 4)
    ]  # fmt: skip
    assert [(one.code, one.rows, one.amount, places) for one, places in together(notes)] == [
        ("parts_differ", 5, "1.00", []), ("mojibake", 5, None, ["a", "b"]),
    ]  # fmt: skip


def test_one_line_dominates_only_until_others_outweigh_it():
    months = [["2026-08", 12, "100.0000", "60.0000"], ["2026-09", 12, "100.0000", "10.0000"]]
    assert [(note.column, note.amount) for note in note_on_largest(months, "2026-09")] == [("2026-08", "0.6000")]
    assert note_on_largest(months) == []


def test_one_customer_dominates_who_has_a_twentieth_of_all_orders_and_ten_times_the_mean():
    def told(*months, before="9999-12"):
        return [(note.rows, note.amount) for note in note_on_busiest([list(month) for month in months], before)]

    assert told(("2026-08", 1000, 400, 50)) == [(50, "0.0500")] and told(("2026-08", 1000, 400, 49)) == []
    assert told(("2026-08", 100, 50, 20)) == [(20, "0.2000")] and told(("2026-08", 100, 50, 19)) == [], "ten times two orders"
    assert told(("2026-08", 100, 10, 99)) == [], "a shop of few customers may have one great one"
    later = (("2026-08", 100, 50, 20), ("2026-09", 900, 150, 20))
    assert told(*later) == [] and told(*later, before="2026-09") == [(20, "0.2000")]
    assert told() == []


def test_an_id_that_stands_for_guests_is_told_with_its_share_and_without_its_name(odd, monkeypatch):
    rows = [(f"{i},2026-{8 + i % 2:02}-03,{'Walk-in' if i % 3 == 0 else f'k{i}'},tea,Tea,5.00,paid") for i in range(90)]
    made = book(odd(sales=SALES.splitlines()[0] + "\n" + "\n".join(rows) + "\n"), "2026-09")
    (note,) = [note for note in made.notes if note.code == "one_customer_dominates"]
    assert (note.rows, note.amount, note.column) == (30, "0.3333", "customer_id")
    shown = json.dumps(findings.notes_table(made.notes).payload)
    assert "33%" in shown and "30 orders" in shown and "Walk-in" not in shown
    monkeypatch.setattr(findings.few, "shared", lambda: True)
    assert "30 orders" not in json.dumps(findings.notes_table(made.notes).payload), "a reader outside is told of no single customer"


def test_the_page_tells_what_where_how_many_and_what_to_do(odd):
    notes = book(odd(), "2026-10").notes
    rows = {row[0]["text"]: [cell["text"] for cell in row[1:]] for row in findings.notes_table(notes).payload["rows"]}
    assert rows["lines that equal another in every field that is read"] == [
        "2 lines", "−$4.00", "order lines", "Where a copy is no second sale: rules: {duplicates: drop}.",
    ]  # fmt: skip
    assert rows["products sold under more than one name"][:3] == ["1 product", "", "order lines: product_id"]
    assert next(iter(rows)) == "lines that equal another in every field that is read", "what may be counted twice comes first"
    assert findings.notes_finding(notes).facts[0].value == len(rows)
    assert findings.notes_finding([]).headline == "Nothing odd was taken." and findings.notes_table([]).payload["rows"] == []


def test_many_places_are_named_by_the_first_three():
    notes = [Note("control_total_differs", "order_lines", f"{i}.csv", 1, "1.00") for i in range(5)]
    ((row),) = findings.notes_table(notes).payload["rows"]
    assert [cell["text"] for cell in row[1:4]] == ["5 files", "$5.00", "order lines: 0.csv, 1.csv, 2.csv and 2 more"]


def test_pages_speak_the_clients_language_and_the_command_line_english(odd):
    client = odd("zh_CN")
    words.use("zh_CN", "EUR")
    page = json.dumps(findings.notes_table(book(client, "2026-10").notes).payload, ensure_ascii=False)
    assert "各个读入字段与另一行完全相同的行" in page and "2行" in page
    assert not any(saying.met in page for saying in SAYS.values())
    output = CliRunner().invoke(main, ["intake", "odd"]).output
    assert "note: order_lines: lines that equal another in every field that is read (2 lines, −€4.00)." in output
    assert "各字段" not in output and "行" not in output


def test_a_reader_outside_the_house_is_told_of_no_few_people(odd):
    notes = [*book(odd(), "2026-10").notes, Note("one_line_dominates", "order_lines", "2026-10", 1, "0.6000")]
    words.use("en", "EUR", 10)
    page = json.dumps(findings.notes_table(notes).payload, ensure_ascii=False)
    assert "< 10 customers" in page and "< 10 ids" in page
    assert "€" not in page and "60%" not in page and "1 customer" not in page
    assert findings.notes_finding(notes).headline.startswith(f"{len(SAYS.keys() & {note.code for note in notes}) - 1} things")


def test_every_remark_has_words_for_what_it_counts():
    for code, saying in SAYS.items():
        note = Note(code, "order_lines", "x", 1, "0.5000" if saying.is_share else "1.00")
        assert note.counted.startswith(("1 ", "+1 ")) and note.worth and saying.remedy
        assert note.text().startswith(f"order_lines, x: {saying.met} ({note.counted}")
        assert note.text().isprintable()
