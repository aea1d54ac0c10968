"""What of a cell stands in messages: enough to mend it, nothing that names anybody."""

from __future__ import annotations

import pytest

from custkit.errors import BadInput
from custkit.intake.masked import masked


@pytest.mark.parametrize(
    "cell",
    ["2026-02-30 10:00:00", "13/10/2026", "03-10-26", "2026年10月3日", "3. Oct 2026", "Oct 3, 2026 10:00 PM", "20261003101010", "46298.5",
     "2026-10-03T10:00:00Z", "12.50 EUR", "-1'234.50 CHF", "1,234,567.89", "$10.10", "1.23457E+15", "n/k", "k.A.", "x", "-", "#REF!"],
)  # fmt: skip
def test_dates_and_numbers_stand_as_they_are(cell):
    assert masked(cell) == cell


@pytest.mark.parametrize(
    ("cell", "shown"),
    [("Ann Lee", "An…"), ("Bo", "B…"), ("王芳", "王…"), ("ann@mail.example", "an…"), ("0171 5550000", "01…"), ("+491715550200", "+4…"),
     ("13812345678", "13…"), ("13812345678.0", "13…"), ("110101199003078888", "11…"), ("Elm St 5", "El…"), ("3 Oct Lee", "3 …")],
)  # fmt: skip
def test_what_may_name_somebody_is_cut(cell, shown):
    assert masked(cell) == shown


def test_a_word_that_wants_translating_is_shown_and_a_name_in_its_place_is_not():
    assert masked("page_view", "unknown_value") == "page_view"
    assert masked("Pfeffer", "unknown_value") == "Pf…" and masked("page_view", "amount_unparsable") == "pa…"


def test_an_id_is_cut_whatever_it_is_written_with():
    assert masked("2026", is_id=True) == "20…" and masked("7", is_id=True) == "…"


def test_a_count_of_ours_is_no_cell():
    assert masked("8 of 7", "field_count") == "8 of 7"


@pytest.mark.parametrize(("encoding", "declared"), [("gb18030", ""), ("big5", "encoding: gb18030")])
def test_an_encoding_is_shown_by_goods_and_never_by_people(take, encoding, declared):
    """Of two columns beyond ASCII the one that is read says which encoding it is; the other holds names."""
    goods = "一月不中茶茶茶月中一" if encoding == "gb18030" else "是有在國的人這我們中茶"
    text = f"order,buyer,date,product,amount\n1,張小明,2026-10-01,{goods},5\n" if encoding == "big5" else None
    text = text or f"order,buyer,date,product,amount\n1,欧阳晓明,2026-10-01,{goods},5\n"
    sources = "- table: order_lines\n  files: l.csv\n  columns: {order_id: order, ordered_at: date, product_id: product, amount: amount}\n"
    with pytest.raises(BadInput) as caught:
        take({"l.csv": text.encode(encoding)}, sources=sources + (f"  {declared}" if declared else ""))
    assert f"`{goods}`" in str(caught.value) and "晓明" not in str(caught.value) and "小明" not in str(caught.value)
