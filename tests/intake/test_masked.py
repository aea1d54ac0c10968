"""What of a cell stands in messages: enough to mend it, nothing that names anybody."""

from __future__ import annotations

import pytest

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
