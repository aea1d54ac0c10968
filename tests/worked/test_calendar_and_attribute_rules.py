"""A client file names its holidays, its promotion days and what purchases suggest; what is misspelt or nobody's business is refused."""

from __future__ import annotations

from datetime import date

import pytest

from custkit.attribute_rules import SENSITIVE
from custkit.calendar_days import PromotionDay, country_of
from custkit.client import load_client
from custkit.errors import BadInput

CLIENT = """
name: Corner Shop
currency: EUR
time_zone: Europe/Berlin
sources: [{table: order_lines, files: sales.csv, columns: {order_id: o, customer_id: c, ordered_at: d, amount: a}}]
"""


@pytest.fixture
def client(tmp_path):
    def read(line=""):
        path = tmp_path / "client.yml"
        path.write_text(CLIENT + line, encoding="utf-8")
        return load_client("corner", path=path)

    return read


def test_holidays_are_one_line(client):
    assert client("holidays: DE-BY").holiday_places == ("DE-BY",)
    assert client("holidays: [DE, AT]").holiday_places == ("DE", "AT")
    assert client("holidays: none").holiday_places == ()
    assert client().holiday_places == ("DE",)  # Berlin lies in one country, and it pays in euros


@pytest.mark.parametrize(
    ("zone", "currency", "country"),
    [
        ("Europe/London", "GBP", ("GB",)), ("America/New_York", "USD", ("US",)), ("Asia/Shanghai", "CNY", ("CN",)),
        ("Europe/Zurich", "EUR", ()), ("UTC", "EUR", ()), ("Etc/GMT-1", "EUR", ()),
    ],
)  # fmt: skip
def test_a_country_is_only_taken_from_zone_and_currency_where_it_is_certain(zone, currency, country):
    assert country_of(zone, currency) == country


def test_promotion_days_are_a_day_a_span_or_come_back_each_year(client):
    first, last = date(2024, 11, 1), date(2026, 10, 31)
    days = client("promotion_days: [{name: Sale, days: 2026-07-01 to 2026-07-14}]").promotion_days[0]
    assert days.spans(first, last) == [(date(2026, 7, 1), date(2026, 7, 14))]
    assert PromotionDay(name="x", days="11-11").spans(first, last) == [(date(year, 11, 11),) * 2 for year in (2024, 2025)]
    winter = PromotionDay(name="x", days="12-20 to 01-06").spans(first, last)
    assert winter == [(date(2024, 12, 20), date(2025, 1, 6)), (date(2025, 12, 20), date(2026, 1, 6))]
    assert PromotionDay(name="x", days="02-29").spans(first, last) == []  # no leap year among them
    assert PromotionDay(name="x", days="02-29").spans(date(2024, 1, 1), last) == [(date(2024, 2, 29),) * 2]
    assert PromotionDay(name="x", days="2020-01-01").spans(first, last) == []


def test_a_rule_for_an_attribute_is_one_line(client):
    rule = client("attributes: [{name: has a cat, buys: cat litter*, times: 2, within_days: 180}]").attributes[0]
    assert (rule.name, rule.buys, rule.times, rule.within_days) == ("has a cat", ("cat litter*",), 2, 180)
    rule = client('attributes: [{name: large household, buys: [milk], pace: ">= 8", known: {household_size: [4, 5+]}}]').attributes[0]
    assert rule.pace_bounds == (8.0, float("inf")) and rule.known == {"household_size": ("4", "5+")}
    rule = client("attributes: [{name: late shopper, weekdays: fri-sun, hours: 18-23, share: 60%, dates: 12-24 to 01-06}]").attributes[0]
    assert (rule.weekday_numbers, rule.hour_bounds, rule.least_share, rule.date_bounds) == ((4, 5, 6), (18, 23), 0.6, (1224, 106))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("holidays: UKK", "`UKK` is no country with a calendar"),
        ("holidays: DE-BA", "`DE-BA` is no region with a calendar; of DE there are BB, BE, BW, BY"),
        ("promotion_days: [{name: Sale, days: July}]", "`July` is no day; write 2026-07-01, 2026-07-01 to 2026-07-14, or 11-11"),
        ("promotion_days: [{name: Sale, days: 2026-07-14 to 2026-07-01}]", "ends before it begins"),
        ("promotion_days: [{name: Sale, days: 02-30}]", "`02-30` is not in the calendar"),
        ("promotion_days: [{name: Sale, day: 11-11}]", "`day` is not a setting; did you mean `days`?"),
        ("attributes: [{name: has a cat, buy: litter}]", "`buy` is not a setting; did you mean `buys`?"),
        ("attributes: [{name: has a cat}]", "say what is bought (`buys`) or when"),
        ('attributes: [{name: has a cat, buys: "*"}]', "`*` alone is every product"),
        ("attributes: [{name: has a cat, buys: litter, pace: 3}]", "`3` is no pace; write >= 3 or 1-2"),
        ("attributes: [{name: at home, weekdays: mon-fri, pace: 1-2}]", "say which in `buys`"),
        ("attributes: [{name: at home, weekdays: mon-fry}]", "`fry` is no weekday; did you mean `fri`?"),
        ("attributes: [{name: at home, hours: 18-25}]", "`18-25` is no stretch of the day"),
        ("attributes: [{name: at home, dates: February}]", "`February` is no stretch of the year"),
        ("attributes: [{name: at home, weekdays: mon, share: most}]", "`most` is no share; write 60%"),
        ("attributes: [{name: at home, weekdays: mon, known: {household: [3]}}]", "did you mean `household_size`?"),
        ("attributes: [{name: at home, weekdays: mon, known: {gender: [f], region: [x]}}]", "write one column"),
    ],
)
def test_a_slip_of_the_pen_is_refused_with_what_would_do(client, line, says):
    with pytest.raises(BadInput, match="line 6") as refused:
        client(line)
    assert says in str(refused.value)


@pytest.mark.parametrize("name", ["pregnant", "Diabetic household", "Muslim family", "Union member", "probably gay", "孕妇", "少数民族"])
def test_nobody_is_told_to_be_something_sensitive_by_what_they_bought(client, name):
    with pytest.raises(BadInput, match="nobody is told to be that by what they bought"):
        client(f"attributes: [{{name: {name}, buys: x}}]")


def test_innocent_names_pass(client):
    for name in ("has a cat", "child in nappies", "gardener", "lives in Essex", "sickle and scythe"):
        assert client(f"attributes: [{{name: {name}, buys: x}}]").attributes
    assert set(SENSITIVE) == {"health", "religion", "politics", "origin", "sexual life"}
