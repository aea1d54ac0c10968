"""What stands on a page: everything from outside is text, nothing runs, nothing is asked of the network."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from custkit import words
from custkit.book import NEED
from custkit.present.mime import BRIEF, FINDING, TABLE, TILES
from custkit.reporting.assemble import changes, recounts
from custkit.reporting.execute import Failure, Fault
from custkit.reporting.harvest import Told, harvest, results
from custkit.reporting.page import Change, Pack, Recount, _laid_out, render_index, render_page, signed, spark
from custkit.reporting.plan import page_name
from custkit.reporting.provenance import provenance

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'\" onmouseover=alert(1) x='",
    "</style><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "<iframe src=https://example.org></iframe>",
    "[x](javascript:alert(1))",
    "![x](https://example.org/x.png)",
    "&lt;b&gt; $5 … $9",
    "\u202egnp.exe",
)
ALLOWED: set[str] = set()
for _line in (
    "html head meta title link style body header div p h1 h2 h3 bdi dl dt dd nav ol ul li a main section strong em details summary code",
    "span figure figcaption table thead tbody tr th td svg g path rect text defs use clippath polyline circle footer br",
):
    ALLOWED |= set(_line.split())


class Seen(HTMLParser):
    """Tags and attributes of a page, and what it would ask of the network."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _value in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def cell(data: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": "", "outputs": [{"output_type": "display_data", "data": data, "metadata": {}}]}


def prose(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def finding(headline: str, *facts: dict[str, Any], detail: str = "", tone: str = "plain") -> dict[str, Any]:
    return {
        FINDING: {"headline": headline, "detail": detail, "tone": tone, "facts": list(facts), "receipt": [f"{f['key']}" for f in facts]}
    }


def table(text: str) -> dict[str, Any]:
    columns = [{"name": "segment", "label": text, "unit": "text"}, {"name": "revenue", "label": "revenue", "unit": "money"}]
    return {
        TABLE: {
            "title": text,
            "note": text,
            "columns": columns,
            "rows": [[{"text": text}, {"text": "$5", "value": 5, "bar": 0.5}]],
            "quiet_rows": [0],
        }
    }


def tile(text: str, **options: Any) -> dict[str, Any]:
    fact = {"key": "revenue", "value": 5, "unit": "money"}
    made = {
        "name": text,
        "value": "$5",
        "change": text,
        "direction": "up",
        "verdict": "good",
        "year": text,
        "spark": [1, None, 2, 3],
        "receipt": text,
    }
    return {TILES: {"tiles": [{**made, "fact": fact, **options}]}}


def told_of(text: str) -> Told:
    need = {NEED: {"missing": ["events"], "feeds": ["S5"], "sentence": text}}
    cells = [
        prose(f"# {text}\n\n{text}"),
        prose(f"## {text}\n\n{text}"),
        *(cell(d) for d in (tile(text, range=text, small=text), table(text), finding(text, detail=text), brief(text), need)),
    ]
    return harvest("sketch", {"cells": cells})


def pack_of(*pages: Told, **options: Any) -> Pack:
    return Pack(
        **{
            "client": "Corner",
            "period": "2026-10",
            "as_of": "2026-11-01",
            "provenance": provenance({"key": "abc"}),
            "pages": pages,
            **options,
        }
    )


@pytest.mark.parametrize("text", PAYLOADS)
def test_whatever_a_client_typed_is_text_in_every_place(text: str) -> None:
    told = told_of(text)
    fault = Fault(text, text, text, 3, text)
    pack = pack_of(
        told,
        client=text,
        failures=[Failure("sketch", fault)],
        changes=[Change(text, text, text, text)],
        recounts=[Recount(text, text, text, text, page_name("sketch"))],
        previous=text,
        absent=[text],
    )
    for page in (render_page(pack, told), render_index(pack)):
        seen = Seen(page)
        assert seen.tags <= ALLOWED
        assert not [name for name in seen.attributes if name.startswith("on")]
        assert not [link for link in seen.links if not re.fullmatch(r"#[\w-]+|\w+\.html|data:,", link)]
        assert "49" not in seen.text.replace("{{ 7 * 7 }}", "")


def test_a_page_forbids_scripts_and_requests_by_policy() -> None:
    page = render_page(pack_of(), told_of("Plain"))
    assert 'content="default-src &#39;none&#39;; img-src data:; style-src &#39;unsafe-inline&#39;' in page
    assert "<script" not in page and "http:" not in page and "https:" not in page


def test_findings_come_first_with_their_receipt_one_click_below() -> None:
    told = harvest(
        "x",
        {
            "cells": [
                prose("# X"),
                prose("## One"),
                cell(table("a")),
                cell(finding("It rose.", {"key": "rise", "value": 1, "unit": "count"})),
            ]
        },
    )
    page = render_page(pack_of(told), told)
    assert page.index("It rose.") < page.index("<table")
    assert "<details><summary>receipt</summary>" in page


def test_a_heading_whose_only_output_was_a_finding_does_not_stand_alone() -> None:
    told = harvest(
        "x", {"cells": [prose("# X"), prose("## One\n\nLook here."), cell(finding("It rose.")), prose("## Two"), cell(table("a"))]}
    )
    assert [section.heading for section in told.sections] == ["Two"]


def test_what_is_missing_is_asked_for_on_the_first_page() -> None:
    told = told_of("No events.")
    page = render_index(pack_of(told))
    assert "What to ask for" in page and "<code>events</code>" in page


def test_a_failed_notebook_is_named_with_its_cell_and_what_would_do() -> None:
    page = render_index(pack_of(failures=[Failure("overview", Fault("KeyError", "'aov'", "Open it.", 4, "book.aov"))]))
    text = Seen(page).text
    assert all(part in text for part in ("overview", "Cell 4", "book.aov", "KeyError", "'aov'", "Open it."))


def test_small_rows_are_grey_and_say_why() -> None:
    told = told_of("Few")
    page = render_page(pack_of(told), told)
    assert '<tr class="quiet">' in page and "fewer than 30" in page


def test_the_glossary_explains_the_columns_that_the_page_shows_and_no_others() -> None:
    told = harvest(
        "x",
        {
            "cells": [
                prose("# X"),
                cell({TABLE: {**table("a")[TABLE], "columns": [{"name": "aov", "label": "order value", "unit": "money"}], "rows": []}}),
            ]
        },
    )
    text = Seen(render_page(pack_of(told), told)).text
    assert "Revenue divided by orders" in text
    assert "Revenue divided by the customers who bought" not in text


def test_a_picture_or_table_that_is_not_ours_is_left_out_and_noted() -> None:
    told = harvest("x", {"cells": [prose("# X"), cell({"text/html": "<table><tr><td>raw</td></tr></table>", "text/plain": "raw"})]})
    assert "raw" not in render_page(pack_of(told), told)
    assert told.warnings == ["x cell 2 shows what a page cannot carry; use table(…), a chart or a finding"]


def test_a_fact_told_twice_with_two_values_is_noted_and_the_first_is_kept() -> None:
    one, two = ({"key": "rise", "value": value, "unit": "count"} for value in (1, 2))
    told = harvest("x", {"cells": [prose("# X"), cell(finding("a", one)), cell(finding("b", two)), cell(finding("c", one))]})
    assert results([told]) == {"x": {"rise": {"value": 1, "unit": "count"}}}
    assert len(told.warnings) == 1


def test_a_tile_gives_its_fact_the_name_that_people_read() -> None:
    told = harvest("x", {"cells": [cell(finding("a", {"key": "revenue", "value": 5, "unit": "money"})), cell(tile("Revenue"))]})
    assert told.facts["revenue"]["name"] == "Revenue"


def test_a_sparkline_has_a_gap_where_a_month_is_missing() -> None:
    assert spark([1, 2, None, 3, 4]).count("<polyline") == 2
    assert spark([None, 1, None]) == "" and spark([]) == ""
    assert "NaN" not in spark([5, 5, 5]) and "12.0" in spark([5, 5, 5])


def test_a_sparkline_is_drawn_apart_where_the_measure_is_counted_differently() -> None:
    line = spark([1, 2, 3, 7, 8], [3])
    assert line.count("<polyline") == 2 and line.count('<polyline class="old"') == 1 and line.count("<line ") == 1
    assert '<polyline class="old" points="0.0,' in line and "<line" not in spark([1, 2, 3, 7, 8])
    first = spark([1, 2, 9], [2])  # the newest month alone is no line yet: it is the dot
    assert first.count("<polyline") == 1 and first.count("<circle") == 1
    alone = spark([1, 2, 9], [1, 2])
    assert alone.count('<circle class="old"') == 2 and "<polyline" not in alone


def brief(*texts: str) -> dict[str, Any]:
    return {BRIEF: {"lines": [finding(text)[FINDING] for text in texts]}}


def test_the_bottom_line_stands_above_everything_with_the_tiles_under_it() -> None:
    told = harvest(
        "x",
        {"cells": [prose("# X\n\nWhy?"), prose("## Month"), cell(tile("Revenue")), cell(brief("First.", "Then.")), cell(finding("Rest."))]},
    )
    assert [line["headline"] for line in told.brief] == ["First.", "Then."]
    page = render_page(pack_of(told), told)
    order = [page.index(part) for part in ("In one minute</h2>", "First.", "Then.", '<ul class="tiles">', "What we found</h2>", "Rest.")]
    assert order == sorted(order) and page.count('<ul class="tiles">') == 1
    start = render_index(pack_of(told))
    assert start.index("In one minute</h2>") < start.index("First.") < start.index('<ul class="tiles">') < start.index("What we found</h2>")


def test_a_tile_shows_its_range_and_says_when_it_rests_on_few() -> None:
    told = harvest("x", {"cells": [prose("# X"), prose("## Month"), cell(tile("Churn", range="4% to 9%", small="small sample: 12"))]})
    page = render_page(pack_of(told), told)
    assert "4% to 9%" in page and "small sample: 12" in page and 'class="value few"' in page


def test_what_last_month_counted_differently_stands_under_the_tiles_of_both_pages() -> None:
    told = harvest("overview", {"cells": [prose("# X"), prose("## Month"), cell(tile("Churn")), cell(brief("First."))]})
    recount = Recount("Churn", "7.5%", "8.0%", "Dormant at its end.", page_name("overview"))
    pack = pack_of(told, recounts=[recount], previous="September 2026", changes=[])
    for page in (render_index(pack), render_page(pack, told)):
        text = re.sub(r"<[^>]+>", "", page)
        assert "Counted differently from last month" in text
        assert "Churn: 7.5% in the pack of September 2026, 8.0% here, and not compared. Here it is: Dormant at its end." in text


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({}, {"counted": "two_days"}, False),  # a pack from before there was a choice had the kit's own
        ({}, {"counted": "two_orders"}, True),
        ({"counted": "two_orders"}, {"counted": "two_orders"}, False),
        ({"counted": "two_orders"}, {"counted": "two_days"}, True),
    ],
)
def test_a_measure_is_compared_with_last_months_pack_only_where_both_count_alike(old: Any, new: Any, told: bool) -> None:
    fact = {"value": 0.2, "unit": "share", "low": 0.19, "high": 0.21, "name": "Repurchase rate"}
    before, now = (
        {"overview": {"repurchase_rate": {**fact, **old}}},
        {"overview": {"repurchase_rate": {**fact, "value": 0.4, "low": 0.39, "high": 0.41, **new}}},
    )
    page = Told("overview")
    assert [(r.name, r.before, r.now) for r in recounts(before, now)] == ([("Repurchase rate", "20.0%", "40.0%")] if told else [])
    assert bool(changes(before, now, [page])) is not told


def test_a_fact_that_speaks_of_other_months_each_time_is_no_series() -> None:
    fact = {"value": 5, "unit": "money", "low": 4, "high": 6}
    before = {"x": {"bridge_new": {**fact, "definition": "Revenue of September less revenue of August: new customers."}}}
    now = {
        "x": {
            "bridge_new": {**fact, "value": 50, "low": 40, "high": 60, "definition": "Revenue of October less revenue of September: new."}
        }
    }
    assert changes(before, now, [Told("x")]) == []


def test_a_chinese_pack_says_so_to_the_browser() -> None:
    words.use("zh_CN", "CNY")
    assert '<html lang="zh-CN">' in render_index(pack_of())


def test_a_chance_is_never_shown_as_none() -> None:
    shown = [words.p_value(value) for value in (0.03124, 0.0001, 0.00001, 0.0, float("nan"))]
    assert shown == [
        "0.0312",
        "0.0001",
        "< 0.0001",
        "< 0.0001",
        "–",
    ]


def test_no_line_ends_between_a_sign_and_its_amount():
    assert signed("变动+€26,918（通常−€31,651）") == (
        '变动<span class="signed">+€26,918</span>（通常<span class="signed">−€31,651</span>）'
    )
    assert signed("a+<b>1 & R+D 2") == "a+&lt;b&gt;1 &amp; R+D 2", "what a client typed stays text"


def test_a_table_wider_than_its_page_is_set_closer_and_its_texts_wrap_sooner() -> None:
    def laid(columns: int, text: str) -> dict[str, Any]:
        return _laid_out({"columns": [{"unit": "text"}] * columns, "rows": [[{"text": text}] * columns]})

    assert not laid(4, "BABY FOODS")["dense"] and not any(column["wraps"] for column in laid(4, "INFANT CARE PRODUCTS")["columns"])
    wide = laid(7, "INFANT CARE PRODUCTS")
    assert wide["dense"] and all(column["wraps"] for column in wide["columns"])
    assert laid(8, "1")["dense"] and not any(column["wraps"] for column in laid(8, "1")["columns"])
