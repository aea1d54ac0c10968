"""`custkit init` on exports whose truth is known: what each column is, how it is read, what is asked, and what the written file says."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sheets import Day, workbook

from custkit.cli import main
from custkit.client import load_client
from custkit.errors import BAD_INPUT, GOOD, BadInput
from custkit.intake import take_snapshot
from custkit.intake.guess.command import begin_client
from custkit.intake.guess.encodings import guess_encoding
from custkit.intake.guess.headers import header_score, tokens
from custkit.intake.guess.proposal import Proposal, propose
from custkit.intake.guess.samples import all_words, pattern_of, read_samples
from custkit.intake.guess.values import Column, read_times

DAYS = [datetime(2026, 3, 1, 9, 30) + timedelta(hours=31 * i) for i in range(60)]
NAMES = ["绿茶礼盒", "红茶二百克", "手工陶瓷杯", "不锈钢茶壶"]


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], *, delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerows([header, *rows] if header else rows)
    return out.getvalue()


def sold(date: str = "%Y-%m-%d %H:%M", mark: str = ".", names: Sequence[str] = ("tea", "cup", "pot", "milk jug")) -> list[list[Any]]:
    """120 lines of 60 orders of 23 customers: order, customer, when, product, its name, pieces, price, what the line brought in."""
    rows = []
    for i in range(120):
        order, item, pieces = i // 2, (i * 7) % 4, 1 + i % 3
        price = (250, 499, 1250, 375)[item]
        money = [f"{cents / 100:.2f}".replace(".", mark) for cents in (price, price * pieces)]
        rows.append([f"R{7000 + order}", f"K{order % 23:03}", DAYS[order].strftime(date), f"A{item}", names[item], pieces, *money])
    return rows


def proposed(tmp_path: Path, files: Mapping[str, str | bytes], **answers: str) -> Proposal:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return propose(read_samples([tmp_path]), answers)


def mapped(proposal: Proposal, number: int = 0) -> dict[str, str]:
    return {field: one.column for field, one in proposal.sources[number].mapped.items()}


LINES = ("order_id", "customer_id", "ordered_at", "product_id", "product_name", "quantity", "unit_price", "amount")
HEADERS = {
    "snake": ["order_id", "customer_id", "order_date", "product_id", "product_name", "qty", "unit_price", "total_amount"],
    "camel": ["orderNo", "custId", "orderDate", "prodCode", "prodDesc", "qty", "unitPrice", "lineTotal"],
    "run_together": ["orderid", "customerid", "orderdate", "productid", "productname", "quantity", "unitprice", "netamount"],
    "till": ["RECEIPT NO.", "MEMBER CARD", "TRX DATE", "SKU", "ITEM DESCRIPTION", "UNITS SOLD", "PRICE EACH", "NET SALES"],
    "simplified": ["订单编号", "会员卡号", "下单日期", "商品编码", "商品名称", "购买数量", "商品单价", "实付金额（元）"],
    "traditional": ["訂單編號", "會員編號", "訂購日期", "商品編號", "商品名稱", "數量", "單價", "實付金額"],
    "french": ["N° ticket", "Code client", "Date", "Article", "Libellé", "Quantité", "Prix unitaire TTC", "Montant TTC"],
    "office": [
        "Rechnungsnummer",
        "Kundennr",
        "Rechnungsdatum",
        "Artikelnummer",
        "Artikelbezeichnung",
        "Menge",
        "Einzelpreis",
        "Betrag netto",
    ],
    "german": ["Beleg-Nr.", "Kunde", "Datum", "Artikel", "Bezeichnung", "Menge", "Einzelpreis", "Umsatz"],
}


@pytest.mark.parametrize("way", HEADERS)
def test_headers_of_many_ways_name_the_same_columns(tmp_path, way):
    proposal = proposed(tmp_path, {"sales.csv": table(HEADERS[way], sold())})
    assert mapped(proposal) == dict(zip(LINES, HEADERS[way], strict=True))
    assert proposal.sources[0].identities == (f"{HEADERS[way][5]} × {HEADERS[way][6]} = {HEADERS[way][7]}",)


def test_headers_that_say_nothing_leave_the_values_to_speak(tmp_path):
    """Words of another language: the time, the pieces, the price and the sum are found by what they are; what is doubtful is asked."""
    header = ["Kvittering", "Kortnr", "Dato", "Varenr", "Vare", "Antall", "Pris", "Belop"]
    found = proposed(tmp_path, {"utskrift.csv": table(header, sold())}).sources[0]
    assert {f: m.column for f, m in found.mapped.items() if f in ("ordered_at", "quantity", "amount", "order_id")} == {
        "order_id": "Kvittering", "ordered_at": "Dato", "quantity": "Antall", "amount": "Belop"}  # fmt: skip


def test_a_file_without_header_gets_names_in_the_client_file(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path / "home"))
    rows = [[row[1], DAYS[i // 2].strftime("%Y%m%d"), row[5], row[7]] for i, row in enumerate(sold())]
    (tmp_path / "cds.txt").write_text(table([], rows, delimiter=" "))
    result = CliRunner().invoke(main, ["init", "cds", str(tmp_path / "cds.txt"), "--yes"])
    assert result.exit_code == GOOD, result.output
    (source,) = load_client("cds").sources
    assert source.header == ("column_1", "column_2", "column_3", "column_4") and source.delimiter == "whitespace"
    assert {f: m.column for f, m in source.columns.items()} == {
        "customer_id": "column_1", "ordered_at": "column_2", "quantity": "column_3", "amount": "column_4"}  # fmt: skip
    assert "order_lines                  120            0         120          0" in result.output


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030", "big5"])
def test_chinese_exports_in_any_common_encoding(tmp_path, encoding):
    names = ["綠茶禮盒", "紅茶二百克", "手工陶瓷杯", "不鏽鋼茶壺"] if encoding == "big5" else NAMES
    text = table(HEADERS["traditional" if encoding == "big5" else "simplified"], sold(names=names))
    proposal = proposed(tmp_path, {"销售.csv": text.encode(encoding)})
    found = proposal.sources[0]
    assert found.sample.encoding.name == encoding.removesuffix("-sig") and found.sample.encoding.certain
    assert list(mapped(proposal)) == [f for f in mapped(proposal) if f in LINES] and len(mapped(proposal)) == 8
    assert found.columns[found.mapped["product_name"].column].cells[0] == names[0]
    assert proposal.settings["language"][0] == "zh_CN"


JAPANESE = (
    "受注番号,受注日,氏名,商品コード,商品名,金額\n"
    'J1,2026年02月01日,山田太郎,P8,緑茶,"19,800円"\n'
    "J2,2026年02月02日,佐藤花子,P5,湯呑み,550円\n"
)
KOREAN = "주문번호,회원번호,주문일자,상품명,금액\n1,김민수,서울특별시 강남구,녹차 선물세트,카드\n2,이영희,부산광역시,머그컵,현금\n"


@pytest.mark.parametrize(("text", "encoding"), [(JAPANESE, "cp932"), (JAPANESE, "euc_jp"), (KOREAN, "cp949")])
def test_japanese_and_korean_exports_are_no_chinese(text, encoding):
    found = guess_encoding(text.encode(encoding), whole=True)
    assert (found.name, found.certain) == (encoding, True)


def test_an_encoding_between_japanese_and_chinese_is_asked_with_both_readings(tmp_path):
    raw = table(["order", "customer", "date", "product", "price"], [[i, f"k{i % 7}", "2026-03-01", "絹", "2.50"] for i in range(30)])
    proposal = proposed(tmp_path, {"sales.csv": raw.encode("euc_jp")})
    (question,) = [q for q in proposal.questions if q.key == "encoding:sales.csv"]
    assert "euc_jp reads 絹" in question.shows and "gb18030 reads" in question.shows
    answered = propose(read_samples([tmp_path / "sales.csv"], {"sales.csv": "euc_jp"}), {"encoding:sales.csv": "euc_jp"})
    assert answered.sources[0].columns["product"].cells[0] == "絹"


def test_western_text_is_no_chinese():
    found = guess_encoding("Artikel;Größe\nMüller Käse;süß\nBäcker Öl;groß\nCafé crème;2,50 €\n".encode("cp1252"), whole=True)
    assert (found.name, found.certain) == ("cp1252", True)


def test_an_encoding_in_doubt_is_asked_with_what_each_would_read(tmp_path):
    """Three characters say too little: both readings are shown, and an answer settles it."""
    text = table(["order", "customer", "date", "product", "price"], [[i, f"k{i % 7}", "2026-03-01", "茶", "2.50"] for i in range(30)])
    raw = text.replace("茶", "锦").encode("gb18030")
    proposal = proposed(tmp_path, {"sales.csv": raw})
    (question,) = [q for q in proposal.questions if q.key == "encoding:sales.csv"]
    assert "big5" in question.text and "锦" in question.shows and "锦" not in question.text
    answered = propose(read_samples([tmp_path / "sales.csv"], {"sales.csv": "gb18030"}), {"encoding:sales.csv": "gb18030"})
    assert not [q for q in answered.questions if q.key.startswith("encoding")]


def test_semicolons_and_decimal_commas(tmp_path):
    proposal = proposed(tmp_path, {"umsatz.csv": table(HEADERS["german"], sold("%d.%m.%Y %H:%M", ","), delimiter=";")})
    found = proposal.sources[0]
    assert (found.sample.delimiter, found.decimal) == (";", ",")
    assert found.mapped["amount"].options["decimal"] == ","
    assert found.mapped["ordered_at"].options == {"format": "%d.%m.%Y %H:%M"}
    assert len(found.mapped) == 8


def test_a_decimal_mark_in_doubt_is_asked(tmp_path):
    rows = [[f"R{i}", f"K{i % 7}", "2026-03-01", f"{1 + i % 8},{100 + i}"] for i in range(40)]
    proposal = proposed(tmp_path, {"sales.csv": table(["order", "customer", "date", "amount"], rows, delimiter="|")})
    assert "decimal:sales.csv" in {q.key for q in proposal.questions}
    settled = proposed(tmp_path, {"sales.csv": table(["order", "customer", "date", "amount"], rows)}, **{"decimal:sales.csv": "."})
    assert "decimal" not in settled.sources[0].mapped["amount"].options


def test_notes_above_the_header_are_passed_over(tmp_path):
    text = "Report of March\nprinted by the till\n" + table(HEADERS["till"], sold())
    assert proposed(tmp_path, {"till.csv": text}).sources[0].sample.skip_rows == 2
    noted = proposed(tmp_path, {"till.csv": "sep=;\n" + table(HEADERS["till"], sold(), delimiter=";")}).sources[0].sample
    assert (noted.skip_rows, noted.delimiter) == (1, ";")


@pytest.mark.parametrize(
    ("cells", "form", "rival"),
    [
        (["2026-03-01", "2026-03-31"], "iso", ""),
        (["2026/3/1 8:05", "2026/12/31 18:05"], "%Y/%m/%d %H:%M", ""),
        (["31/03/2026", "01/04/2026"], "%d/%m/%Y", ""),
        (["03/31/2026 10:15 PM", "04/01/2026 09:15 AM"], "%m/%d/%Y %I:%M %p", ""),
        (["03/04/2026", "05/04/2026"], "%m/%d/%Y", "%d/%m/%Y"),
        (["01.02.26", "03.04.26"], "%d.%m.%y", ""),
        (["2026年3月1日", "2026年12月31日"], "%Y年%m月%d日", ""),
        (["20260301", "20261231"], "%Y%m%d", ""),
        (["1-Mar-2026", "31-Dec-2026"], "%d-%b-%Y", ""),
        (["1772323200", "1798675199"], "epoch_s", ""),
        (["1772323200000", "1798675199000"], "epoch_ms", ""),
        (["46082.5", "46387"], "excel_serial", ""),
        (["2026-03-01 15:00:00 +0100", "2026-03-31 15:00:00 +0200"], "iso", ""),
        (["2026-03-01 15:00:00 UTC", "2026-03-31T15:00:00.000+01:00"], "iso", ""),
    ],
)
def test_ways_to_write_a_time(cells, form, rival):
    best = read_times(cells)[0]
    assert (best.format, best.rival, best.share) == (form, rival, 1.0)


def test_a_date_order_in_doubt_is_asked_unless_another_column_settles_it(tmp_path):
    vague = [[f"R{i}", f"K{i % 7}", f"0{1 + i % 9}/0{1 + i % 8}/2026", "2.50"] for i in range(60)]
    alone = proposed(tmp_path, {"sales.csv": table(["order", "customer", "date", "amount"], vague)})
    (question,) = [q for q in alone.questions if q.key == "date:sales.csv.date"]
    assert "January 2026" in question.text and question.choices == ("%m/%d/%Y", "%d/%m/%Y")
    people = [[f"K{i}", f"{13 + i}/05/2025"] for i in range(7)]
    both = proposed(tmp_path, {"members.csv": table(["customer", "registered"], people)})
    assert not [q for q in both.questions if q.key.startswith("date:")]
    assert both.sources[1].mapped["ordered_at"].options["format"] == "%d/%m/%Y"


def daily(first: datetime, form: str, days: int = 12, start: int = 0) -> str:
    rows = [[f"R{start + i}", f"K{i % 7}", f"{first + timedelta(days=i):{form}}", "2.50"] for i in range(days)]
    return table(["order", "customer", "date", "amount"], rows)


@pytest.mark.parametrize("names", [("sales_jan.csv", "sales_feb.csv"), ("sales_2026-01.csv", "sales_2026-02.csv")])
def test_the_order_of_a_sibling_is_not_taken_where_the_days_would_scatter(tmp_path, names):
    """February's file, day first and of twelve days, would lie all over the year as January's is read."""
    files = {names[0]: daily(datetime(2026, 1, 1), "%m/%d/%Y", 31), names[1]: daily(datetime(2026, 2, 1), "%d/%m/%Y", 12, 50)}
    proposal = proposed(tmp_path, files)
    (question,) = [q for q in proposal.questions if q.key == f"date:{names[1]}.date"]
    assert "Other dates are month first; so read, these lie between 2 January 2026 and 2 December 2026." in question.text
    assert question.proposed == "%d/%m/%Y"
    formats = {s.sample.label: s.mapped["ordered_at"].options["format"] for s in proposal.sources}
    assert formats == {names[0]: "%m/%d/%Y", names[1]: "%d/%m/%Y"}
    settled = proposed(tmp_path, files, **{f"date:{names[1]}.date": "%d/%m/%Y"})
    assert not [q for q in settled.questions if q.key.startswith("date:")]


@pytest.mark.parametrize("names", [("sales_jan.csv", "sales_feb.csv"), ("sales_2026-01.csv", "sales_2026-02.csv")])
def test_the_order_of_a_sibling_is_taken_and_told_where_the_days_then_follow_it(tmp_path, names):
    files = {names[0]: daily(datetime(2026, 1, 1), "%m/%d/%Y", 31), names[1]: daily(datetime(2026, 2, 1), "%m/%d/%Y", 12, 50)}
    proposal = proposed(tmp_path, files)
    assert not [q for q in proposal.questions if q.key.startswith("date:")]
    assert {s.mapped["ordered_at"].options["format"] for s in proposal.sources} == {"%m/%d/%Y"}
    assert len(proposal.sources) == 1 or any("month first" in n for s in proposal.sources for n in s.mapped["ordered_at"].notes)


def test_days_outside_the_series_are_asked_however_close_they_lie(tmp_path):
    files = {"sales_jan.csv": daily(datetime(2026, 1, 1), "%m/%d/%Y", 31), "sales_feb.csv": daily(datetime(2026, 2, 7), "%d/%m/%Y", 1, 50)}
    assert [q.key for q in proposed(tmp_path, files).questions if q.key.startswith("date:")] == ["date:sales_feb.csv.date"]


def mixed_dates(texts: Mapping[int, str], lines: int = 40) -> Any:
    rows = [[f"R{i}", f"K{i % 7}", texts.get(i, Day(46023 + i)), "tea", 2.5 + i] for i in range(lines)]
    return workbook({"Sales": [["Invoice", "Customer No", "Date", "Item", "Amount"], *rows]})


def found_date(tmp_path: Path, texts: Mapping[int, str]) -> Proposal:
    mixed_dates(texts)(tmp_path / "s.xlsx")
    return propose(read_samples([tmp_path / "s.xlsx"]))


def test_texts_among_date_cells_get_their_format_beside_the_cells(tmp_path):
    proposal = found_date(tmp_path, {i: f"{1 + i % 28:02}.01.2026" for i in range(0, 40, 5)})
    assert proposal.sources[0].mapped["ordered_at"].options == {"format": ("excel", "%d.%m.%Y")}


def test_texts_among_date_cells_whose_order_is_in_doubt_are_asked(tmp_path):
    proposal = found_date(tmp_path, {5: "05/01/2026", 7: "07/01/2026", 9: "06/02/2026"})
    (question,) = [q for q in proposal.questions if q.key == "date:s.xlsx.Date"]
    assert question.choices == ("%m/%d/%Y", "%d/%m/%Y")
    answered = propose(read_samples([tmp_path / "s.xlsx"]), {"date:s.xlsx.Date": "%d/%m/%Y"})
    assert answered.sources[0].mapped["ordered_at"].options == {"format": ("excel", "%d/%m/%Y")}


def test_a_few_texts_that_are_no_date_leave_the_column_what_it_is(tmp_path):
    mapped_as = found_date(tmp_path, {5: "soon", 9: "?"}).sources[0].mapped["ordered_at"]
    assert mapped_as.options == {"format": "excel"} and "5.0% of its cells are written another way" in mapped_as.notes


def test_days_that_a_spreadsheet_took_for_months_are_not_read(tmp_path):
    """Day first in a program that reads month first: 13/01 stays a text, 01/02 becomes the second of January."""
    days = [f"{i}/01/2026" if i > 12 else Day(46023 + 31 * (i - 1)) for i in range(1, 29)]
    rows = [[f"R{i}", f"K{i % 7}", day, "tea", 2.5 + i] for i, day in enumerate(days)]
    workbook({"Sales": [["Invoice", "Customer No", "Date", "Item", "Amount"], *rows]})(tmp_path / "s.xlsx")
    (source,) = propose(read_samples([tmp_path / "s.xlsx"])).sources
    assert not source.is_used and "day and month were turned" in source.why_unused


def test_numbers_as_texts_among_numbers_give_the_decimal_mark(tmp_path):
    rows = [[f"R{i}", f"K{i % 7}", Day(46023 + i), "tea", f"1.{100 + i},25" if i % 3 == 0 else 1100.25 + i] for i in range(40)]
    workbook({"Sales": [["Invoice", "Customer No", "Date", "Item", "Amount"], *rows]})(tmp_path / "s.xlsx")
    (source,) = propose(read_samples([tmp_path / "s.xlsx"])).sources
    assert source.mapped["amount"].options == {"decimal": ","}


def test_days_since_1900_are_read_as_dates(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path / "home"))
    first = datetime(1899, 12, 30)
    rows = [[*row[:2], f"{(DAYS[i // 2] - first) / timedelta(days=1):.5f}", *row[3:]] for i, row in enumerate(sold())]
    (tmp_path / "sales.csv").write_text(table(HEADERS["snake"], rows))
    result = CliRunner().invoke(main, ["init", "acme", str(tmp_path / "sales.csv"), "--yes"])
    assert result.exit_code == GOOD, result.output
    assert load_client("acme").sources[0].columns["ordered_at"].format == "excel_serial"


def test_reductions_are_told_from_what_they_reduce(tmp_path):
    """list − own discount − coupon = paid, with headers that hardly tell them apart."""
    rows = []
    for i in range(120):
        cents = 1000 + 37 * i
        off, coupon = (150 if i % 3 == 0 else 0), (500 if i % 10 == 0 else 0)
        rows.append(
            [
                f"R{i // 2}",
                f"K{i % 23}",
                DAYS[i // 2].isoformat(" "),
                *(f"{c / 100:.2f}" for c in (cents, -off, -coupon, cents - off - coupon)),
            ]
        )
    header = ["order", "customer", "date", "total before", "reduction", "voucher", "total after"]
    found = proposed(tmp_path, {"sales.csv": table(header, rows)}).sources[0]
    assert {f: m.column for f, m in found.mapped.items() if f.endswith("amount")} == {
        "gross_amount": "total before", "discount_amount": "reduction", "coupon_amount": "voucher", "amount": "total after"}  # fmt: skip
    assert found.mapped["discount_amount"].options["sign"] == found.mapped["coupon_amount"].options["sign"] == -1


def test_mail_addresses_and_phones_are_never_mapped(tmp_path):
    people = [[f"K{i}", f"someone{i}@example.com", f"+49 171 555{i:04}", "2025-05-13"] for i in range(30)]
    found = proposed(tmp_path, {"customers.csv": table(["customer", "user id", "account", "registered"], people)}).sources[0]
    assert {f: m.column for f, m in found.mapped.items()} == {"customer_id": "customer", "registered_at": "registered"}
    assert found.unread == {"account": "phone number", "user id": "mail address"}


def test_files_that_differ_in_digits_are_one_source(tmp_path):
    proposal = proposed(tmp_path, {f"sales_2026-{month:02}.csv": table(HEADERS["snake"], sold()) for month in (1, 2, 3)})
    assert [source.sample.label for source in proposal.sources] == ["sales_*.csv"]
    assert pattern_of(["2026/sales-1.csv", "2026/sales-2.csv"]) == "2026/sales-*.csv"


def test_words_are_taken_apart_and_abbreviations_spelt_out():
    assert tokens("CUST_NO") == tokens("customerNumber") == tokens("custno") == ("customer", "id")
    assert header_score("qty", "order_lines", "quantity") == header_score("數量", "order_lines", "quantity") == 1
    assert Column("a", ("1.234,50", "12,00")).decimal == (",", True)


def begin(tmp_path: Path, *words: str, files: Mapping[str, str] | None = None) -> Any:
    folder = tmp_path / "exports"
    folder.mkdir(exist_ok=True)
    for name, text in (files or {"sales.csv": table(HEADERS["snake"], sold())}).items():
        (folder / name).write_text(text)
    return CliRunner().invoke(main, ["init", "acme", str(folder), *words])


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_init_writes_a_file_that_loads_reads_the_exports_and_says_what_was_not_settled(tmp_path, home):
    result = begin(tmp_path, "--yes", "--answer", "currency=EUR")
    assert result.exit_code == GOOD, result.output
    text = (home / "clients" / "acme" / "client.yml").read_text()
    client = load_client("acme")
    assert (client.name, client.currency, client.time_zone) == ("Acme", "EUR", "UTC")
    assert "NOT SETTLED" in text and "In which time zone" in text and "Which currency" not in text
    assert "--answer 'time_zone=…'" in result.output
    assert "accepted                             120" in result.output and "custkit run acme" in result.output


def test_init_never_writes_over_a_file_without_force(tmp_path, home):
    assert begin(tmp_path, "--yes").exit_code == GOOD
    path = home / "clients" / "acme" / "client.yml"
    path.write_text("name: mine\n")
    again = begin(tmp_path, "--yes")
    assert again.exit_code == BAD_INPUT and "--force" in again.output and path.read_text() == "name: mine\n"
    assert begin(tmp_path, "--yes", "--force").exit_code == GOOD and "Acme" in path.read_text()


def test_init_shows_and_writes_nothing_in_a_dry_run(tmp_path, home):
    result = begin(tmp_path, "--yes", "--dry-run")
    assert result.exit_code == GOOD and "  - table: order_lines" in result.output and not home.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--answer", "curency=EUR"], "fits no question"),
        (["--answer", "currency=Euro"], "three letters"),
        (["--answer", "time_zone=Berlin"], "no such time zone"),
        (["--answer", "sales.csv.amount=Betrag"], "no such column"),
        (["--answer", "table:sales.csv=orders"], "no such table"),
        (["--answer", "currency"], "KEY=VALUE"),
    ],
)
def test_answers_that_fit_nothing_are_refused(tmp_path, home, words, says):
    result = begin(tmp_path, "--yes", *words)
    assert result.exit_code == BAD_INPUT and says in result.output and not home.exists()


def test_answers_are_taken(tmp_path, home):
    files = {"sales.csv": table(HEADERS["snake"], sold()), "notes.csv": table(["customer", "registered"], [["K001", "2025-01-01"]] * 3)}
    words = ["--answer", "sales.csv.amount=total_amount", "--answer", "sales.csv.product_name=none", "--answer", "table:notes.csv=none"]
    assert begin(tmp_path, "--yes", *words, files=files).exit_code == GOOD
    (source,) = load_client("acme").sources
    assert "product_name" not in source.columns and source.columns["amount"].column == "total_amount"


def test_a_file_that_lacks_what_it_needs_is_named_with_what_it_lacks(tmp_path, home):
    baskets = table(["transaction_id", "item"], [[i // 3, f"thing {i % 9}"] for i in range(90)])
    result = begin(tmp_path, "--yes", files={"baskets.csv": baskets})
    assert result.exit_code == BAD_INPUT
    assert "as order_lines it lacks ordered_at and amount or unit_price or gross_amount" in result.output


@pytest.mark.parametrize(
    ("date", "amount", "says"),
    [
        ("2026-03-01", ["6,67", "65.34"], "`amount` is headed as amount, but it has both decimal marks, as in `65.34` and `6,67`"),
        ("2026-03-01", ["6.67 CR", "5.00 DR"], "`amount` is headed as amount, but 60 of 60 values are no amount, such as `6.67 CR`"),
        ("Q1", ["2.50"], "`date` is headed as ordered_at, but `Q1` is not written as a date"),
    ],
)
def test_a_column_whose_values_do_not_read_is_named_with_one_of_them(tmp_path, home, date, amount, says):
    rows = [[f"R{i}", f"K{i % 7}", date, f"P{i % 4}", amount[i % len(amount)]] for i in range(60)]
    text = table(["order_id", "customer_id", "date", "product", "amount"], rows, delimiter=";")
    result = begin(tmp_path, "--yes", files={"sales.csv": text})
    assert result.exit_code == BAD_INPUT and says in result.output and "lacks" not in result.output


@pytest.mark.parametrize(
    ("form", "money"),
    [("CHF {}", "{:,.2f}"), ("{} CHF", "{:.2f}"), ("{} kr", "{:.2f}"), ("({})", "{:.2f}"), ("{}-", "{:.2f}"), ("₹{}", "1,{:.0f},000.00")],
)
def test_an_amount_is_known_however_its_currency_and_its_sign_are_written(tmp_path, form, money):
    rows = [[f"R{i}", f"K{i % 7}", "2026-03-01", f"P{i % 4}", form.format(money.format(12.5 + i))] for i in range(60)]
    proposal = proposed(tmp_path, {"sales.csv": table(["order_id", "customer_id", "date", "product", "amount"], rows)})
    assert proposal.sources[0].table == "order_lines" and mapped(proposal)["amount"] == "amount"


def test_packed_and_empty_files_are_refused_with_what_would_do(tmp_path):
    (tmp_path / "sales.csv.gz").write_bytes(b"\x1f\x8b")
    (tmp_path / "empty.csv").write_text("\n")
    with pytest.raises(BadInput, match="unpack it first"):
        read_samples([tmp_path / "sales.csv.gz"])
    with pytest.raises(BadInput, match="is empty"):
        read_samples([tmp_path / "empty.csv"])
    with pytest.raises(BadInput, match="does not exist"):
        read_samples([tmp_path / "sale.csv"])


def test_hostile_headers_stay_text_in_the_written_file(tmp_path, home):
    header = [*HEADERS["snake"], "a: [b]\n# c", '"quoted", x', "null"]
    rows = [[*row, "x", "y", "z"] for row in sold()]
    result = begin(tmp_path, "--yes", files={"sales.csv": table(header, rows)})
    assert result.exit_code == GOOD, result.output
    assert load_client("acme").sources[0].columns["amount"].column == "total_amount"


def test_check_tells_what_intake_would_do_and_keeps_nothing(tmp_path, home):
    assert begin(tmp_path, "--yes").exit_code == GOOD
    kept = sorted(p for p in home.rglob("*"))
    good = CliRunner().invoke(main, ["check", "acme"])
    assert good.exit_code == GOOD and "would keep 120 rows, set 0 aside" in good.output and "Intake would go through" in good.output
    sales = tmp_path / "exports" / "sales.csv"
    sales.write_text(sales.read_text().replace("2.50,2.50", "2.50,n/k"))
    bad = CliRunner().invoke(main, ["check", "acme"])
    assert bad.exit_code == BAD_INPUT and "intake would stop" in bad.output and "amount_unparsable, first sales.csv line" in bad.output
    assert sorted(p for p in home.rglob("*")) == kept


def test_clocks_of_the_web_are_taken_for_utc(tmp_path):
    stamps = [
        [f"v{i % 9}", int(DAYS[i].replace(tzinfo=UTC).timestamp()), ("page_view", "add_to_cart", "purchase")[i % 3]] for i in range(60)
    ]
    found = proposed(tmp_path, {"clicks.csv": table(["visitor", "time_utc", "event"], stamps)}).sources[0]
    assert found.table == "events"
    assert found.mapped["occurred_at"].options == {"format": "epoch_s", "time_zone": "UTC"}
    assert found.mapped["event_type"].options["values"] == {"add_to_cart": "cart", "page_view": "visit", "purchase": "order"}


def test_a_database_is_sampled_copied_and_named_by_its_variable_only(tmp_path, home, monkeypatch):
    """The address, password and all, stands in no file and in nothing printed."""
    url = os.environ.get("CUSTKIT_TEST_POSTGRES")
    if not url:
        pytest.skip("no PostgreSQL: set CUSTKIT_TEST_POSTGRES")
    import psycopg

    monkeypatch.setenv("DB_ACME", "")  # init puts the address there
    address = f"{url}?application_name=canary-password"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("DROP SCHEMA IF EXISTS init_shop CASCADE; CREATE SCHEMA init_shop")
        server.execute(
            "CREATE TABLE init_shop.sales "
            "(order_no text, customer_no text, ordered_at timestamptz, sku text, phone text, qty int, total numeric)"
        )
        with server.cursor().copy("COPY init_shop.sales FROM STDIN") as rows:
            for order, customer, _date, item, _name, pieces, _price, total in sold():
                rows.write_row([order, customer, DAYS[int(order[1:]) - 7000].replace(tzinfo=UTC), item, "+49 171 5550000", pieces, total])
    try:
        result = CliRunner().invoke(
            main, ["init", "acme", address, "--yes", "--answer", "currency=EUR", "--answer", "time_zone=Europe/Berlin"]
        )
    finally:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute("DROP SCHEMA init_shop CASCADE")
    assert result.exit_code == GOOD, result.output
    (source,) = load_client("acme").sources
    assert (source.database, source.files) == ("env:DB_ACME", ("init_shop.sales.csv",))
    assert {f: m.column for f, m in source.columns.items()} == {
        "order_id": "order_no", "customer_id": "customer_no", "ordered_at": "ordered_at", "product_id": "sku", "quantity": "qty",
        "amount": "total"}  # fmt: skip
    assert "order_lines                  120            0         120          0" in result.output
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"canary-password" not in kept and "canary-password" not in result.output and b"+49 171" not in kept


def test_a_database_that_cannot_be_reached_is_named_by_its_variable(tmp_path, home, monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("ACME_DB", "postgresql://me:canary-password@127.0.0.1:1/shop")
    result = CliRunner().invoke(main, ["init", "acme", "env:ACME_DB", "--yes"])
    assert result.exit_code == BAD_INPUT
    assert "env:ACME_DB: no connection" in result.output and "canary" not in result.output


def test_at_a_terminal_it_asks_until_an_answer_fits_and_takes_an_empty_one_for_not_known(tmp_path, home):
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "sales.csv").write_text(table(HEADERS["snake"], sold()))
    asked, told = [], []
    replies = iter(["Euro", "EUR", ""])

    def ask(question):
        asked.append(question.key)
        return next(replies)

    path = begin_client("acme", [str(folder)], [], ask=ask, tell=told.append)
    assert asked == ["currency", "currency", "time_zone"] and any("three letters" in line for line in told)
    assert load_client("acme").currency == "EUR" and "In which time zone" in path.read_text()


def test_each_sheet_of_a_workbook_is_a_source(tmp_path, home):
    book = tmp_path / "shop.xlsx"
    days = [Day((day - datetime(1899, 12, 30)) / timedelta(days=1)) for day in DAYS]
    lines = [[*row[:2], days[i // 2], *row[3:6], *map(float, row[6:])] for i, row in enumerate(sold())]
    people = [[f"K{i:03}", days[i], "f" if i % 2 else "m"] for i in range(23)]
    workbook({"Sales": [HEADERS["snake"], *lines], "Members": [["Customer", "Joined", "Sex"], *people]})(book)
    result = CliRunner().invoke(main, ["init", "acme", str(book), "--yes"])
    assert result.exit_code == GOOD, result.output
    assert {(s.table, s.sheet, s.columns[f].format) for s in load_client("acme").sources for f in s.columns if f.endswith("_at")} == {
        ("order_lines", "Sales", "excel"), ("customers", "Members", "excel")}  # fmt: skip


CHINESE_SALES = "订单编号,下单时间,会员号,商品编码,商品名称,数量,实付金额,订单状态\n"


def chinese_sales(head: str = CHINESE_SALES) -> str:
    """Two hundred sales in ¥, every third of postage, some closed by the platform."""
    goods = [("A001", "茉莉花茶"), ("B010", "紫砂壶"), ("C100", "运费")]
    states = ["交易成功"] * 9 + ["已关闭"]
    rows = [
        f"SO{i:05d},2026/10/{1 + i % 28:02d} 10:{i % 60:02d},{i % 40:05d},{','.join(goods[i % 3])},1,¥{12 + i % 9}.00,{states[i % 10]}"
        for i in range(200)
    ]
    return head + "\n".join(rows) + "\n"


def test_the_sign_of_yen_and_yuan_is_told_by_the_headers(tmp_path):
    found = proposed(tmp_path, {"sales.csv": chinese_sales()})
    assert found.settings["currency"][0] == "CNY" and "currency" not in {q.key for q in found.questions}
    kana = proposed(tmp_path, {"sales.csv": chinese_sales(CHINESE_SALES.replace("商品名称", "商品名称のメモ"))})
    assert kana.settings["currency"][0] == "JPY"
    plain = proposed(tmp_path, {"sales.csv": chinese_sales("order,date,customer,product,name,quantity,amount,status\n")})
    assert plain.settings["currency"][0] not in ("CNY", "JPY") and "currency" in {q.key for q in plain.questions}


def test_postage_is_known_by_its_name_and_a_letter_is_no_name(tmp_path):
    assert proposed(tmp_path, {"sales.csv": chinese_sales()}).rules["non_products"][0] == ["C100"]
    lettered = chinese_sales().replace("运费", "M")
    assert "non_products" not in proposed(tmp_path, {"sales.csv": lettered}).rules


def test_an_order_the_platform_closed_does_not_count(tmp_path):
    found = proposed(tmp_path, {"sales.csv": chinese_sales()})
    assert found.rules["statuses"][0] == ["交易成功"] and "statuses" not in {q.key for q in found.questions}


def test_words_in_traditional_characters_are_known_in_cells_too(tmp_path):
    found = proposed(tmp_path, {"sales.csv": chinese_sales().replace("已关闭", "已關閉").replace("运费", "運費")})
    assert found.rules["statuses"][0] == ["交易成功"] and found.rules["non_products"][0] == ["C100"]


ORDERS = ["order_id", "customer_id", "date", "product", "qty", "amount"]


def orders(column: str = "", words: Sequence[str] = (), customers: Sequence[str] = ("",)) -> str:
    """240 orders of 40 customers; `words` in turn in a column of their own, and `customers` in turn, "" for one of the forty."""
    rows = []
    for i in range(240):
        customer = customers[i % len(customers)] or f"c{i * 7 % 40}"
        day = f"2026-0{1 + i % 6}-{1 + i % 28:02}"
        more = [words[i % len(words)]] if words else []
        rows.append([f"R{i}", customer, day, f"P{i % 9}", 1 + i % 3, f"{10 + i * 37 % 50}.{i % 90 + 10}", *more])
    return table([*ORDERS, *([column] if column else [])], rows)


@pytest.mark.parametrize(
    ("head", "word", "code"),
    [("currency", "EUR", "EUR"), ("币种", "人民币", "CNY"), ("Währung", "CHF", "CHF"), ("cur", "€", "EUR"), ("Currency", "nzd", "NZD")],
)
def test_a_column_of_one_currency_says_the_clients(tmp_path, head, word, code):
    found = proposed(tmp_path, {"sales.csv": orders(head, [word])})
    assert mapped(found)["currency"] == head and found.settings["currency"][0] == code
    assert "currency" not in {q.key for q in found.questions}


@pytest.mark.parametrize("answer", ["", "USD"])
def test_of_several_currencies_the_clients_is_asked_and_the_others_are_named(tmp_path, answer):
    found = proposed(tmp_path, {"sales.csv": orders("currency", ["EUR", "EUR", "USD"])}, **({"currency": answer} if answer else {}))
    assert found.settings["currency"][0] == (answer or "EUR")
    asked = {q.key: q for q in found.questions}
    if answer:
        assert "currency" not in asked
    else:
        assert asked["currency"].choices == ("EUR", "USD") and "EUR (160 rows), USD (80 rows)" in asked["currency"].text
    (note,) = found.sources[0].mapped["currency"].notes
    assert note == "holds EUR (160), USD (80): lines in another currency than the client's are set aside"


def test_a_sign_that_many_currencies_share_is_the_one_that_is_answered(tmp_path):
    found = proposed(tmp_path, {"sales.csv": orders("currency", ["$"])}, currency="CAD")
    assert found.sources[0].mapped["currency"].options == {"values": {"$": "CAD"}}


@pytest.mark.parametrize(("head", "words"), [("segment", ["ALL"]), ("size", ["TOP", "CUP"]), ("currency", ["EUR", "maybe"])])
def test_three_letters_alone_are_no_currency(tmp_path, head, words):
    found = proposed(tmp_path, {"sales.csv": orders(head, words)})
    assert "currency" not in mapped(found) and "currency" in {q.key for q in found.questions}


@pytest.mark.parametrize(
    ("head", "words", "values"),
    [
        ("type", ["Sale", "Sale", "Return"], {}),
        ("kind of row", ["SALE", "SALE", "REFUND", "VOID"], {"REFUND": "return"}),
        ("单据类型", ["销售", "销售", "退货"], {"销售": "sale", "退货": "return", "撤销": "void"}),
        ("單據類型", ["銷售", "退貨", "撤銷"], {"銷售": "sale", "退貨": "return", "撤銷": "void"}),
        ("Belegart", ["Verkauf", "Verkauf", "Retoure"], {"Verkauf": "sale", "Retoure": "return"}),
        ("Opération", ["Vente", "Vente", "Remboursement"], {"Vente": "sale", "Remboursement": "return"}),
    ],
)
def test_words_for_sales_and_returns_are_read(tmp_path, head, words, values):
    found = proposed(tmp_path, {"sales.csv": orders(head, words)}, currency="EUR", time_zone="UTC")
    assert mapped(found)["line_type"] == head and not found.questions
    assert values.items() <= dict(found.sources[0].mapped["line_type"].options.get("values", {})).items()


def test_a_word_between_sales_and_returns_is_asked(tmp_path):
    found = proposed(tmp_path, {"sales.csv": orders("type", ["Sale", "Sale", "Return", "Exchange"])}, currency="EUR", time_zone="UTC")
    (asked,) = found.questions
    assert asked.key == "values:sales.csv.line_type" and "Exchange" in asked.text and "sale, return, void" in asked.text
    told = {"currency": "EUR", "time_zone": "UTC", asked.key: "Exchange=sale"}
    assert not proposed(tmp_path, {}, **told).questions


@pytest.mark.parametrize("words", [["web", "shop"], ["Return", "Refund"], ["gold", "silver", "Sale"], ["paid", "refunded"]])
def test_other_words_under_type_are_no_kind_of_line(tmp_path, words):
    assert "line_type" not in mapped(proposed(tmp_path, {"sales.csv": orders("type", words)}))


def test_of_two_statuses_the_one_that_tells_of_refunds_is_read_and_money_given_back_is_named(tmp_path):
    rows = []
    for i in range(120):
        first = i % 2 == 0
        paid = ["paid", "paid", "refunded", "partially_refunded"][i // 2 % 4]
        back = {"refunded": "20.50", "partially_refunded": "5.00"}.get(paid, "0.00")
        gone = "2026-05-02" if i // 2 % 10 == 4 else ""
        day = f"2026-04-{1 + i // 6 % 28:02}"
        cells = [paid, "fulfilled", "EUR", gone, back] if first else [""] * 5
        rows.append([f"#{i // 2}", f"c{i // 2 % 17}", day, f"P{i % 9}", 1 + i % 3, f"{5 + i * 31 % 70}.{i % 90 + 10}", *cells])
    head = [*ORDERS, "Financial Status", "Fulfillment Status", "Currency", "Cancelled at", "Refunded Amount"]
    found = proposed(tmp_path, {"orders.csv": table(head, rows)})
    (source,) = found.sources
    assert mapped(found)["order_status"] == "Financial Status" and source.mapped["order_status"].options["fill_down"] is True
    assert source.mapped["currency"].options == {"fill_down": True} and found.settings["currency"][0] == "EUR"
    (asked,) = [q for q in found.questions if q.key == "statuses"]
    assert asked.proposed == "paid" and "partially_refunded (15)" in asked.text
    assert set(source.remarks) == {
        "Cancelled at is not read: it is filled in 6 rows sampled; see whether such orders should count",
        "Refunded Amount is not read: 30 rows sampled hold 382.50; what is given back there is not taken off",
    }


@pytest.mark.parametrize(
    ("customers", "null", "asked"),
    [
        (["NULL", "N/A", "-", "#N/A", ""], ["#N/A", "-", "N/A", "NULL"], False),
        (["0", "", ""], ["0"], True),
        (["Walk-in", "", ""], ["Walk-in"], True),
        (["散客", "", "", ""], ["散客"], True),
        (["NULL", "GUEST", ""], ["GUEST", "NULL"], True),
        ([*[""] * 59, "NA"], [], False),
        ([*[""] * 59, "0"], [], False),
        (["wholesale", "", ""], [], False),
        ([""], [], False),
    ],
)
def test_ids_that_stand_for_nobody_known_are_proposed_as_not_known(tmp_path, customers, null, asked):
    found = proposed(tmp_path, {"sales.csv": orders(customers=customers)}, currency="EUR", time_zone="UTC")
    assert found.sources[0].mapped["customer_id"].options.get("null", []) == null
    assert [q.key for q in found.questions] == (["null:sales.csv.customer_id"] if asked else [])
    if asked:
        answer = {"currency": "EUR", "time_zone": "UTC", "null:sales.csv.customer_id": "none"}
        assert "null" not in proposed(tmp_path, {}, **answer).sources[0].mapped["customer_id"].options


def test_what_init_proposes_for_returns_guests_and_currencies_makes_the_right_sums(tmp_path, home):
    sales = orders("type", ["Sale", "Sale", "Return"], ["0", "", "", ""])
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "sales.csv").write_text(sales, "utf-8")
    result = CliRunner().invoke(main, ["init", "acme", str(tmp_path / "in"), "--yes", "--answer", "currency=EUR"])
    assert result.exit_code == GOOD, result.output
    rows = list(csv.DictReader(io.StringIO(sales)))
    lines = take_snapshot(load_client("acme"), progress=False).manifest["ledger"]["tables"]["order_lines"]
    sold_for = sum(Decimal(row["amount"]) for row in rows if row["type"] == "Sale")
    back = sum(Decimal(row["amount"]) for row in rows if row["type"] == "Return")
    assert Decimal(lines["revenue"]) == sold_for
    assert {one["kind"]: Decimal(one["amount"]) for one in lines["kinds"]} == {"sale": sold_for, "return": -back}
    assert lines["guests"]["rows"] == sum(row["customer_id"] == "0" for row in rows) == 60

    (tmp_path / "in" / "sales.csv").write_text(orders("currency", ["EUR", "EUR", "USD"]), "utf-8")
    result = CliRunner().invoke(main, ["init", "two", str(tmp_path / "in"), "--yes"])
    assert result.exit_code == BAD_INPUT and "80 of 240 rows could not be read" in result.output, result.output
    assert "column currency: `USD` (currency_mismatch, 80 rows" in result.output


def merges(old: str, new: str) -> str:
    """Ten of the 23 customers had an id before, one of them two."""
    return table([old, new], [[f"K{900 + i}", f"K{max(1, i):03}"] for i in range(11)])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("old_id", "new_id"),
        ("Old customer no.", "Surviving customer no."),
        ("duplicateId", "masterId"),
        ("customer_id", "merged_into"),
        ("旧会员号", "新会员号"),
        ("原客户编号", "合并后客户编号"),
        ("舊會員編號", "新會員編號"),
        ("被合併會員", "併入會員"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_map_of_merged_customers_is_known_by_its_headers(tmp_path, old, new, turned):
    """Whichever column stands first: the old id is the one that stands once."""
    text = merges(old, new)
    if turned:
        text = "\n".join(",".join(reversed(line.split(","))) for line in text.splitlines()) + "\n"
    found = proposed(tmp_path, {"sales.csv": table(HEADERS["snake"], sold()), "ids.csv": text})
    source = next(s for s in found.sources if s.sample.label.startswith("ids"))
    assert (source.table, {f: m.column for f, m in source.mapped.items()}) == (
        "merged_customers",
        {"customer_id": old, "merged_into": new},
    )


def test_what_is_no_map_of_customers_is_not_taken_for_one(tmp_path):
    """A card's customer is no merged id, and a list of customers with their former ids is a list of customers."""
    cards = table(["card_no", "customer_id"], [[f"4711-{i:06}", f"K{i % 23:03}"] for i in range(60)])
    people = table(
        ["customer_id", "old_id", "registration_date", "gender"],
        [[f"K{i:03}", f"K{i + 900}", "2026-01-05", "fm"[i % 2]] for i in range(60)],
    )
    found = proposed(tmp_path, {"sales.csv": table(HEADERS["snake"], sold()), "cards.csv": cards, "people.csv": people})
    assert "merged_customers" not in {source.table for source in found.sources if source.is_used}


def test_a_map_that_init_proposes_joins_the_customers(tmp_path, home):
    files = {"sales.csv": table(HEADERS["simplified"], sold()), "合并.csv": merges("旧会员号", "新会员号")}
    told = begin(tmp_path, "--yes", files=files)
    assert told.exit_code == GOOD, told.output
    assert "merged_customers" in told.output
    sources = {source.table: {f: m.column for f, m in source.columns.items()} for source in load_client("acme").sources}
    assert sources["merged_customers"] == {"customer_id": "旧会员号", "merged_into": "新会员号"}


def turned(header: Sequence[str], rows: Sequence[Sequence[Any]], by: int) -> str:
    """The same table with its columns in another order."""
    return table([*header[by:], *header[:by]], [[*row[by:], *row[:by]] for row in rows])


def test_months_whose_columns_stand_in_another_order_are_one_source_that_takes_the_next(tmp_path, home):
    """Six months were six sources of one file each, and July was lost."""
    files = {f"sales_2026-{i + 1:02}{'.CSV' if i == 3 else '.csv'}": turned(HEADERS["snake"], sold()[i * 20 :][:20], i) for i in range(5)}
    result = begin(tmp_path, "--yes", files=files)
    assert result.exit_code == GOOD, result.output
    (source,) = load_client("acme").sources
    assert sorted(source.files) == ["sales_*.CSV", "sales_*.csv"]
    assert {f: m.column for f, m in source.columns.items()} == dict(zip(LINES, HEADERS["snake"], strict=True))
    (tmp_path / "exports" / "sales_2026-06.csv").write_text(turned(HEADERS["snake"], sold()[100:], 5))
    after = CliRunner().invoke(main, ["intake", "acme"])
    assert "accepted                             120" in after.output and "not read" not in after.output


def test_words_of_a_column_are_gathered_wherever_it_stands(tmp_path):
    """Beyond what is sampled too: `all_words` reads whole files."""
    header, kinds = ["user", "when", "event"], ["view", "cart", "purchase"]
    rows = [[f"u{i % 90}", f"2026-03-0{1 + i % 9} 10:00:00", kinds[i % 3]] for i in range(9_000)]
    first, second = table(header, rows), turned(header, [*rows, ["u1", "2026-03-01 10:00:00", "wishlist"]], 1)
    found = proposed(tmp_path, {"clicks_1.csv": first, "clicks_2.csv": second}).sources
    assert [s.sample.label for s in found] == ["clicks_*.csv"]
    assert set(all_words(found[0].sample, "event")) == {*kinds, "wishlist"}


def test_a_pattern_takes_no_other_file_that_lies_there(tmp_path, home):
    lines = {f"sales_{i}.csv": turned(HEADERS["snake"], sold()[i * 30 :][:30], i) for i in (1, 2)}
    assert begin(tmp_path, "--yes", files={**lines, "sales_notes.csv": "a,b\n1,2\n"}).exit_code == GOOD
    assert load_client("acme").sources[0].files == ("sales_1.csv", "sales_2.csv")


def test_what_a_person_left_out_stands_under_ignore_and_what_fits_no_table_is_told(tmp_path, home):
    files = {"sales.csv": table(HEADERS["snake"], sold()), "notes.csv": "a,b\n1,2\n", "plan.csv": "c,d\n1,2\n", "sales.csv.bak": "x"}
    result = begin(tmp_path, "--yes", "--answer", "table:notes.csv=none", files=files)
    assert result.exit_code == GOOD and load_client("acme").ignore == ("notes.csv",)
    assert "not read: plan.csv: add it to `files`" in result.output and "not read: notes.csv:" not in result.output
    assert "left out, as `ignore` says or because it is no data: notes.csv" in result.output


def test_a_file_of_a_header_alone_is_named_and_stops_no_other(tmp_path, home):
    """It was a fault of custkit's own: no cell told how a date is written."""
    result = begin(tmp_path, "--yes", files={"s.csv": "order_id,customer_id,date,amount\n"})
    assert result.exit_code == BAD_INPUT and "s.csv (it has a header and no rows; export it again; columns" in result.output
    result = begin(tmp_path, "--yes", files={"sales.csv": table(HEADERS["snake"], sold())})
    assert result.exit_code == GOOD and "s.csv: not read; it has a header and no rows; export it again" in result.output


def test_a_column_of_dates_that_is_empty_is_no_fault(tmp_path, home):
    rows = [[f"K{i:03}", "", "f"] for i in range(23)]
    files = {"sales.csv": table(HEADERS["snake"], sold()), "members.csv": table(["customer_id", "registered_at", "gender"], rows)}
    result = begin(tmp_path, "--yes", files=files)
    assert result.exit_code == GOOD, result.output


CANARIES = ("Jörg", "欧阳晓明", "Schloßstraße", "文三路", "0171 5550", "+49 171 5550", "canary@mail", "prefers no calls")


def of_people(name: str, street: str, customer: str) -> str:
    """Sixty orders beside what names their buyers; in one row a name stands where the status should."""
    head = ["order no", "buyer name", "phone", "delivery address", "remark", "order date", "customer no", "amount", "status"]
    rows = [
        [
            f"R{i}",
            name,
            f"0171 5550{i:03}",
            f"{street} {i}",
            "prefers no calls",
            f"2026-03-{1 + i % 28:02}",
            customer.format(i % 9),
            f"{i}.5",
        ]
        for i in range(60)
    ]
    return table(head, [[*row, name if i == 31 else "on hold" if i % 3 else "paid"] for i, row in enumerate(rows)])


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "gb18030"])
@pytest.mark.parametrize("customer", ["K{}", "canary@mail{}.example"])
def test_nothing_that_names_people_is_written_into_the_client_file(tmp_path, home, encoding, customer):
    name, street = ("欧阳晓明", "文三路") if encoding == "gb18030" else ("Jörg Müller", "Schloßstraße")
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "sales.csv").write_bytes(of_people(name, street, customer).encode(encoding))
    result = CliRunner().invoke(main, ["init", "acme", str(tmp_path / "exports"), "--yes"])
    assert result.exit_code == GOOD, result.output
    written = (home / "clients" / "acme" / "client.yml").read_text("utf-8")
    assert "on hold (39), paid (20) and 1 more, met once each" in written
    assert not [canary for canary in CANARIES if canary in written or canary in result.output], written + result.output


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "gb18030"])
def test_what_names_people_stands_nowhere_once_init_is_done(tmp_path, home, monkeypatch, encoding):
    """Not in a log, a cache or what is printed: names, numbers, addresses and remarks are not read."""
    monkeypatch.setenv("CUSTKIT_KEYS", str(tmp_path / "keys"))
    name, street = ("欧阳晓明", "文三路") if encoding == "gb18030" else ("Jörg Müller", "Schloßstraße")
    (tmp_path / "exports").mkdir()
    text = of_people(name, street, "K{}").replace(f",{name}\n", ",paid\n")
    (tmp_path / "exports" / "sales.csv").write_bytes(text.encode(encoding))
    result = CliRunner().invoke(main, ["init", "acme", str(tmp_path / "exports"), "--yes"])
    held = [path.read_bytes() for folder in (home, tmp_path / "keys") for path in folder.rglob("*") if path.is_file()]
    told = {canary.encode(code, "ignore") for canary in CANARIES for code in ("utf-8", "cp1252", "gb18030")} - {b""}
    assert len(held) > 5 and not [canary for canary in told for data in (*held, result.output.encode()) if canary in data]


def test_a_first_line_that_holds_somebodys_address_is_no_header(tmp_path):
    people = [[f"k{i}", f"canary{i}@mail.example", "gold"] for i in range(30)]
    (tmp_path / "people.csv").write_text(table([], people))
    (sample,) = read_samples([tmp_path])
    assert not sample.header and sample.names == ("column_1", "column_2", "column_3")


def test_what_each_encoding_reads_is_shown_to_whoever_is_asked_and_written_nowhere(tmp_path, home):
    folder = tmp_path / "exports"
    folder.mkdir()
    text = table(["order", "customer", "date", "name", "amount"], [[i, f"k{i % 7}", "2026-03-01", "锦", "2.50"] for i in range(30)])
    (folder / "sales.csv").write_bytes(text.encode("gb18030"))
    shown = []
    path = begin_client("acme", [str(folder)], [], ask=lambda question: shown.append(question.shows) or "", tell=lambda _line: None)
    assert any("gb18030 reads 锦" in one for one in shown) and "锦" not in path.read_text("utf-8")
    assert "which encoding reads right" in path.read_text("utf-8")
