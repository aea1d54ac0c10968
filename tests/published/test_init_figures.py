"""What `custkit init` makes of public data sets without a hint: columns mapped right, of those that have a right answer, and what it asks.

The answers are ours, as in tests/clients and clients/complete_journey. A file of which nothing is written here must not be read: it lacks
what no table can do without (a time, a customer, an amount).
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
from dataclasses import replace
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import pytest

from custkit.client import load_client
from custkit.demo.export import write_shop
from custkit.intake.delimited import NAMED
from custkit.intake.guess.proposal import Proposal, propose
from custkit.intake.guess.samples import read_samples
from custkit.intake.guess.vocabulary import TRADITIONAL

CLIENTS = Path(__file__).resolve().parents[2] / "clients"
WHERE = {"currency", "time_zone"}
Answers = dict[str, tuple[str, dict[str, str]]]


def answers(slug: str, path: Path) -> Answers:
    """File → table and field: column, as a client file that was written by hand says."""
    found: Answers = {}
    for source in load_client(slug, path=path).sources:
        columns = {f: m.column for f, m in source.columns.items() if m.column is not None}
        found |= {Path(name).name: (source.table, columns) for name in source.files}
    return found


ONLINE_RETAIL = answers("online_retail", CLIENTS.parent / "tests" / "clients" / "online_retail" / "client.yml")
TYPED = {"online_retail_2010_2011.parquet": ONLINE_RETAIL["Online Retail.xlsx"]}
CDNOW = answers("cdnow", CLIENTS.parent / "tests" / "clients" / "cdnow" / "client.yml")
SAMPLE = {"customer_id": "column_1", "ordered_at": "column_3", "quantity": "column_4", "amount": "column_5"}
EVENTS = {"visitor_id": "user_id", "occurred_at": "timestamp", "event_type": "event"}
SETS: dict[str, tuple[list[str], Answers, int, int, set[str]]] = {  # files, answers, columns right, columns with an answer, questions
    "complete_journey": (
        [f"completejourney/{name}.parquet" for name in (
            "campaign_descriptions", "campaigns", "coupon_redemptions", "coupons", "demographics", "products", "transactions")],
        answers("complete_journey", CLIENTS / "complete_journey" / "client.yml"), 27, 27, WHERE,
    ),
    "online_retail": (["online_retail/Online Retail.xlsx"], ONLINE_RETAIL, 8, 8, WHERE),
    "online_retail_parquet": (["online_retail/online_retail_2010_2011.parquet"], TYPED, 8, 8, WHERE),
    "cdnow": (["cdnow/CDNOW_master.txt", "cdnow/cdnow_customers_summary_with_transactions.csv"], CDNOW, 4, 4, WHERE),
    "cdnow_sample": (["cdnow/CDNOW_sample.txt"], {"CDNOW_sample.txt": ("order_lines", SAMPLE)}, 3, 4,
                     WHERE | {"CDNOW_sample.txt.customer_id", "CDNOW_sample.txt.amount"}),
    "groceries": (["groceries/groceries_long.csv"], {}, 0, 0, WHERE),
    "hillstrom": (["hillstrom/hillstrom.csv"], {}, 0, 0, WHERE),
    "airline_loyalty": (["airline_loyalty/Airline_Loyalty_Program.zip"], {
        "Customer Loyalty History.csv": ("customers", {"customer_id": "Loyalty Number", "gender": "Gender", "region": "Province"})},
        3, 3, WHERE),
    "funnel": (
        ["funnel/ecom.csv.gz", *(f"funnel/{name}.csv" for name in (
            "home_page_table", "search_page_table", "payment_page_table", "payment_confirmation_table", "online_shoppers_intention",
            "simple_onlineshop", "user_table"))],
        {
            "ecom.csv": ("events", {**EVENTS, "session_id": "session_id", "device": "platform", "channel": "acquisition_channel"}),
            "simple_onlineshop.csv": ("events", EVENTS),
            "user_table.csv": ("customers", {
                "customer_id": "user_id", "registered_at": "date", "gender": "sex", "occupation": "Employment_status"}),
        }, 13, 13, WHERE | {"values:ecom.csv.event_type", "values:simple_onlineshop.csv.event_type"},
    ),
    "price": (["price/cheese.csv", "price/orangeJuice_storedemo.csv", "price/orangeJuice_yx.csv.gz"], {}, 0, 0, WHERE),
    "survey": (["survey/customerSat.csv"], {}, 0, 0, WHERE),
    "churn": (["churn/wa_churn.csv"], {}, 0, 0, WHERE),
    "campaign": (["campaign/CharlesBookClub.csv.gz"], {}, 0, 0, WHERE),
}  # fmt: skip


def unpacked(path: Path, folder: Path) -> list[Path]:
    """The file, or what is packed in it: custkit asks people to unpack."""
    if path.suffix == ".gz":
        (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        return [folder / path.stem]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return [Path(archive.extract(name, folder)) for name in archive.namelist() if not name.startswith("__MACOSX")]
    return [path]


def judged(proposal: Proposal, truth: Answers) -> tuple[int, int, list[str]]:
    """Columns right, columns with an answer, and what was mapped that has none or another."""
    right, wrong = 0, []
    for source in proposal.sources:
        name = source.sample.files[0].name
        table, columns = truth.get(name, (None, {}))
        if not source.is_used:
            continue
        if source.table != table:
            wrong.append(f"{name} as {source.table}")
            continue
        right += sum(field in source.mapped and source.mapped[field].column == column for field, column in columns.items())
        wrong += [f"{name} {f} = {m.column}" for f, m in source.mapped.items() if columns.get(f) != m.column]
    return right, sum(len(columns) for _table, columns in truth.values()), wrong


@pytest.mark.parametrize("name", SETS)
def test_public_files_are_mapped_without_a_hint(name: str, real_data: Any, tmp_path: Path) -> None:
    files, truth, right, known, questions = SETS[name]
    paths = [path for file in files for path in unpacked(real_data(file), tmp_path)]
    proposal = propose(read_samples(paths))
    assert judged(proposal, truth) == (right, known, [])
    assert {q.key for q in proposal.questions} == questions


def test_signs_of_returns_and_of_what_is_no_product_are_found(real_data: Any) -> None:
    rules = propose(read_samples([real_data("online_retail/online_retail_2010_2011.parquet")])).rules
    assert rules["cancelled_order_prefixes"][0] == ["C"]
    assert "POST" in rules["non_products"][0]


# The sales of the demo shop under other names, chosen once the kit's list of words was made; some happen to be in it.
OTHER_WORDS = {
    "en": ["Voucher nr", "Purchased on", "Shopper", "Article code", "Pcs", "Before rebate", "Rebate", "Gift code value", "Charged",
           "Landed cost", "Order state", "Route", "Gadget", "Outlet", "Ship-to state", "Tender"],
    "zh_CN": ["凭证编号", "成交时刻", "会员", "SKU编码", "销售件数", "吊牌额", "让利", "券额", "应收",
              "进价额", "单据状态", "来源平台", "终端机", "网点", "配送省份", "结算方式"],
}  # fmt: skip


@pytest.mark.parametrize(("language", "client"), [("en", "client.yml"), ("zh_CN", "client_zh_CN.yml")])
def test_the_demo_shops_exports_are_mapped_as_their_client_files_say(language: Any, client: str, tmp_path: Path) -> None:
    """Every column of every table; the kit's words know these headers. What to do with copies is asked: no value can tell."""
    write_shop(tmp_path, customers=300, months=4, language=language)
    proposal = propose(read_samples([tmp_path]))
    truth = answers("demo", Path(str(package_files("custkit"))) / "demo" / client)
    truth |= {"sales_2026-07.csv": truth.pop("sales_*.csv")}
    assert judged(proposal, truth) == (77, 77, [])
    assert {q.key for q in proposal.questions} == {"time_zone", "duplicates"}
    assert set(proposal.rules) == {"cancelled_order_prefixes", "non_products", "statuses", "exclude", "duplicates"}


@pytest.mark.parametrize(("language", "right"), [("en", 13), ("zh_CN", 13)])
def test_the_demo_shops_sales_under_other_names(language: Any, right: int, tmp_path: Path) -> None:
    """So many of sixteen columns; none is taken for another. The rest is named in the file as not read."""
    write_shop(tmp_path / "shop", customers=300, months=4, language=language)
    (sales,) = read_samples(sorted((tmp_path / "shop").glob("sales_*.csv")))
    ours = propose([sales]).sources[0].mapped
    place = {f: sales.names.index(m.column) for f, m in ours.items()}
    other = propose([replace(sales, names=tuple(OTHER_WORDS[language]))]).sources[0]
    found = {f: other.sample.names.index(m.column) for f, m in other.mapped.items()}
    assert {f: OTHER_WORDS[language][i] for f, i in found.items() if place.get(f) != i} == {}
    assert len(found) == right


# The same exports as other programmes write them: language, encoding, delimiter, whether decimals are commas, and what is asked beside.
FORMS: dict[str, tuple[Any, str, str, bool, set[str]]] = {
    "a German spreadsheet": ("en", "cp1252", ";", True, set()),
    "tabs": ("en", "utf-8", "tab", False, set()),
    "Excel's Unicode text": ("en", "utf-16", "tab", False, set()),
    "Chinese as UTF-16": ("zh_CN", "utf-16", ",", False, set()),
    "traditional Chinese": ("zh_TW", "utf-8", ",", False, set()),
    "traditional Chinese as Big5, which has no sign for the euro": ("zh_TW", "big5", ",", False, {"currency"}),
}
_TO_TRADITIONAL = {simple: many for many, simple in TRADITIONAL.items() if chr(many) not in "劵龄"}
_DECIMAL = re.compile(r"-?\d{1,3}(,?\d{3})*\.\d+")


def written_anew(path: Path, language: str, encoding: str, delimiter: str, *, comma: bool) -> None:
    """The CSV file in another encoding and dialect, its characters traditional where the language is."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_bytes().decode("gb18030")
    if language == "zh_TW":
        text = text.translate(_TO_TRADITIONAL)
    if encoding == "big5":
        text = text.replace("€", "")
    rows = csv.reader(io.StringIO(text, newline=""))
    turned = str.maketrans(",.", ".,")
    out = io.StringIO(newline="")
    written = csv.writer(out, delimiter=NAMED.get(delimiter, delimiter))
    written.writerows([c.translate(turned) if comma and _DECIMAL.fullmatch(c) else c for c in row] for row in rows)
    path.write_bytes(out.getvalue().encode(encoding))


@pytest.mark.parametrize("form", FORMS)
def test_the_demo_shops_exports_are_mapped_however_they_are_written(form: str, tmp_path: Path) -> None:
    language, encoding, delimiter, comma, asked = FORMS[form]
    write_shop(tmp_path, customers=300, months=4, language="en" if language == "en" else "zh_CN")
    for path in tmp_path.glob("*.csv"):
        written_anew(path, language, encoding, delimiter, comma=comma)
    client = "client.yml" if language == "en" else "client_zh_CN.yml"
    truth = answers("demo", Path(str(package_files("custkit"))) / "demo" / client)
    truth |= {"sales_2026-07.csv": truth.pop("sales_*.csv")}
    if language == "zh_TW":
        csvs = {name: (table, {f: c.translate(_TO_TRADITIONAL) for f, c in columns.items()}) for name, (table, columns) in truth.items()}
        truth |= {name: of for name, of in csvs.items() if name.endswith(".csv")}
    proposal = propose(read_samples([tmp_path]))
    assert judged(proposal, truth) == (77, 77, [])
    assert {q.key for q in proposal.questions} == {"time_zone", "duplicates"} | asked
    found = {s.sample.delimiter for s in proposal.sources if s.is_used and s.sample.format == "csv"}
    assert found == {delimiter}
