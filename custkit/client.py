"""clients/<slug>/client.yml → Client: where the data lie, what their columns mean, and the client's own rules."""

from __future__ import annotations

import difflib
import os
import re
from decimal import Decimal
from functools import cached_property
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, ValidationInfo, field_validator, model_validator

from custkit.attribute_rules import AttributeRule
from custkit.calendar_days import PromotionDay, country_of, known_place
from custkit.errors import BadInput
from custkit.period import Period
from custkit.segments import NAMED_MAPS, TEN_SEGMENTS, Segment, named_map, settled_map, whole_map
from custkit.tables import SENT, source_fields
from custkit.topic_rules import TOPICS, Topic
from custkit.yaml_text import Lines, read_yaml

SLUG = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")
EMBEDDED = {"demo": "client.yml", "demo_zh": "client_zh_CN.yml"}  # clients that come with the kit, in custkit/demo


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnMap(_Strict):
    """How one canonical field is read: from `column`, or the constant `value`.

    format     dates only: a strptime pattern, `iso` (default), `excel` (date cells), `excel_serial` and `excel_serial_1904` (days as
               numbers), `epoch_s`, `epoch_ms`, `epoch_us`; [excel, PATTERN] for date cells among texts that are written so
    time_zone  dates only: the zone the file's times are in, where it is not the client's own
    decimal    amounts only: the decimal mark, `.` (default) or `,`
    null       texts that mean "not known" in this column
    values     a dictionary from the file's words to ours, e.g. {Y: true, N: false}
    sign       -1 turns a column that counts discounts below zero around
    width      ids only: numbers shorter than this get their leading zeros back
    fill_down  true where an order's first line alone holds the value: later lines of the order take it over. Never for amounts
    """

    column: str | None = None
    value: str | None = None
    format: str | tuple[str, str] | None = None
    time_zone: str | None = None
    decimal: Literal[".", ","] = "."
    null: tuple[str, ...] = ()
    values: dict[str, str] = Field(default_factory=dict)
    sign: Literal[1, -1] = 1
    width: int | None = Field(None, ge=1, le=64)
    fill_down: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given

    @field_validator("format", mode="before")
    @classmethod
    def _formats(cls, given: Any) -> Any:
        if not isinstance(given, list | tuple):
            return given
        # A text of the shape of a date cell is read as one; a date cell names no zone.
        if len(given) != 2 or given[0] != "excel" or not re.match(r"(?!%Y-)(?!.*%[zZ]).*%", str(given[1])):
            raise ValueError(
                "several ways to write a date in one column are a guess: write one, or [excel, PATTERN] for date cells and texts"
            )
        return tuple(given)

    @field_validator("sign", mode="before")
    @classmethod
    def _sign(cls, given: Any) -> Any:
        return int(given) if str(given) in ("1", "-1", "+1") else given

    @model_validator(mode="after")
    def _one(self) -> ColumnMap:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either `column` or `value`")
        return self

    @property
    def text_format(self) -> str:
        """How dates are written that are texts."""
        return self.format[1] if isinstance(self.format, tuple) else self.format or "iso"

    @property
    def takes_date_cells(self) -> bool:
        """Whether cells that are dates already count as they are."""
        return isinstance(self.format, tuple) or self.format in (None, "iso", "excel")


class Source(_Strict):
    """One or more files of one shape that feed one canonical table.

    files     paths below the client's `data` folder, exact or with * and ?; `package:NAME/path` reads from an installed package
    format    csv, excel or parquet; from the file's ending where not given
    columns   canonical field: column of the file. Only what stands here is read
    delimiter one character, `tab`, or `whitespace` for columns set apart by spaces
    header    names for the columns of a CSV file that has no header line, in their order
    database  `env:NAME` of the variable that holds the address of a PostgreSQL database; `custkit fetch` copies its tables into `files`,
              each named schema.table.csv
    trailing_delimiter  true where every row but the header ends with one delimiter more
    fill_merged         true where the cells merged in a sheet all hold what the first of them shows
    """

    table: str
    files: tuple[str, ...] = Field(min_length=1)
    columns: dict[str, ColumnMap] = Field(min_length=1)
    format: Literal["csv", "excel", "parquet"] | None = None
    sheet: str | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    skip_rows: int = Field(0, ge=0)
    header: tuple[str, ...] = ()
    database: str | None = Field(None, pattern=r"^env:[A-Za-z_][A-Za-z0-9_]*$")
    optional: bool = False
    trailing_delimiter: bool = False
    fill_merged: bool = False

    @field_validator("files", mode="before")
    @classmethod
    def _files(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) else given

    @field_validator("delimiter")
    @classmethod
    def _delimiter(cls, given: str) -> str:
        if given not in ("tab", "whitespace") and len(given) != 1:
            raise ValueError("`delimiter` is one character, `tab` or `whitespace`")
        return given

    @field_validator("table")
    @classmethod
    def _table(cls, given: str) -> str:
        known = [name for name, table in SENT.items() if not table.derived]
        if given not in known:
            raise ValueError(f"`{given}` is not a table a file can feed{_did_you_mean(given, known)}; there are {', '.join(known)}")
        return given

    @model_validator(mode="after")
    def _fields(self) -> Source:
        allowed = source_fields(self.table)
        for field in self.columns:
            if field not in allowed:
                raise ValueError(f"`{field}` is not a field of {self.table}{_did_you_mean(field, allowed)}; there are {', '.join(allowed)}")
        # Of order lines intake says what is missing: they are known in several ways.
        needed = () if self.table == "order_lines" else SENT[self.table].columns
        if lacks := [column for column in needed if column.required and column.name not in self.columns]:
            raise ValueError(f"map `{lacks[0].name}`, which every row of {self.table} needs: {lacks[0].meaning}")
        if summed := [f for f, m in self.columns.items() if m.fill_down and (f.endswith("amount") or f in ("quantity", "order_id"))]:
            raise ValueError(f"`fill_down` would count {', '.join(summed)} once for every line of an order")
        if any(m.fill_down for m in self.columns.values()) and "order_id" not in self.columns:
            raise ValueError("`fill_down` needs `order_id`, to know where an order ends")
        return self


class Exclusion(_Strict):
    """Rows that are no business: test orders, staff. Counted with their revenue under `reason`."""

    reason: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    field: str
    equals: tuple[str, ...] = ()
    starts_with: tuple[str, ...] = ()


class Rules(_Strict):
    """What counts, decided by the client and counted by intake.

    returns   `subtract` takes returned goods off revenue; `separate` shows them beside it
    free      `sale` lets a line without a price make a purchase; `separate` does not
    duplicates  `drop` leaves a line out that equals another in every field mapped; `drop_across_files` where the other is in another file
    """

    returns: Literal["separate", "subtract"] = "separate"
    free: Literal["separate", "sale"] = "separate"
    cancelled_order_prefixes: tuple[str, ...] = ()
    adjustment_order_prefixes: tuple[str, ...] = ()
    non_products: tuple[str, ...] = ()
    non_products_are_revenue: bool = True
    duplicates: Literal["keep", "drop", "drop_across_files"] = "keep"
    guests: Literal["keep", "drop"] = "keep"
    statuses: tuple[str, ...] = ()
    exclude: tuple[Exclusion, ...] = ()


class Limits(_Strict):
    """How much may be set aside before intake stops, what no amount reaches, how long a text may be.

    min_cell   a report that leaves the house (`custkit run NAME --shared`) tells of no fewer people than these
    """

    quarantine_rows: float = Field(0.01, ge=0, le=1)
    quarantine_revenue: float = Field(0.005, ge=0, le=1)
    largest_amount: Decimal = Field(Decimal(10**12), gt=0, le=10**12)
    longest_text: int = Field(100_000, ge=1)
    min_cell: int = Field(10, ge=2)


class Lifecycle(_Strict):
    """When a customer is active, dormant, VIP. Days since the last purchase, or event where the client has events."""

    active_days: int = Field(90, ge=1)
    dormant_days: int = Field(180, ge=1)
    vip_by: Literal["spend", "prepaid", "identity"] = "spend"
    vip_spend: Decimal | None = Field(None, gt=0)
    vip_share: float = Field(0.1, gt=0, lt=1)
    vip_prepaid: Decimal = Field(Decimal(1), gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Lifecycle:
        if self.dormant_days < self.active_days:
            raise ValueError(f"dormant_days ({self.dormant_days}) is below active_days ({self.active_days})")
        return self


class Payments(_Strict):
    """Words by which a payment method is known, wherever they stand in it, in small or capital letters; `full` goes before the others.

    What none of the words fits is paid in full too. A list in the client file takes the place of the one here.
    """

    full: tuple[str, ...] = ("in full", "no instalment", "全款", "一次性", "不分期", "免分期")
    instalment: tuple[str, ...] = ("instalment", "installment", "pay later", "bnpl", "hire purchase", "分期")
    subscription: tuple[str, ...] = ("subscription", "subscribe", "recurring", "订阅", "连续包", "自动续费")

    @field_validator("full", "instalment", "subscription")
    @classmethod
    def _words(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if any(not word.strip() for word in given):
            raise ValueError("an empty word stands in every payment method; write a word of the method's name")
        return given


class Weights(_Strict):
    """How much each dimension of the spending score counts, relative to the others; 0 leaves it out."""

    means: float = Field(1, ge=0)
    behaviour: float = Field(4, ge=0)
    predicted: float = Field(4, ge=0)
    engagement: float = Field(1, ge=0)

    @model_validator(mode="after")
    def _some(self) -> Weights:
        if not sum((self.means, self.behaviour, self.predicted, self.engagement)) > 0:
            raise ValueError("every weight is 0; a score needs one above 0")
        return self


class Credit(_Strict):
    """When the list suggests a credit limit, and how much: `months` times what the customer kept on average a month of the last twelve.

    methods      words by which payment on credit is known in a payment method; without such a history there is no suggestion
    min_orders   so many orders on credit make a history
    cap          the largest limit suggested
    """

    methods: tuple[str, ...] = ("instalment", "installment", "invoice", "on account", "pay later", "分期", "账单", "月结", "先用后付")
    months: float = Field(1, gt=0, le=12)
    min_orders: int = Field(3, ge=1)
    cap: Decimal | None = Field(None, gt=0)

    @field_validator("methods")
    @classmethod
    def _words(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if any(not word.strip() for word in given):
            raise ValueError("an empty word stands in every payment method; write a word of the method's name")
        return given


class Spending(_Strict):
    """What the spending score weighs and where its levels begin.

    incomes, occupations   the client's own order of bands, lowest first; income bands with numbers in their names need none
    high, low              share of customers that count as high, and as low; the rest is middle
    """

    weights: Weights = Weights()
    incomes: tuple[str, ...] = ()
    occupations: tuple[str, ...] = ()
    high: float = Field(0.2, gt=0, lt=1)
    low: float = Field(0.4, gt=0, lt=1)
    credit: Credit = Credit()

    @model_validator(mode="after")
    def _apart(self) -> Spending:
        if self.high + self.low > 1:
            raise ValueError(f"high ({self.high}) and low ({self.low}) are more than all customers together")
        return self


AbuseRule = Literal["refund_loops", "round_trips", "threshold_orders", "resale", "coupons"]
ABUSE_RULES: tuple[AbuseRule, ...] = get_args(AbuseRule)


class Abuse(_Strict):
    """What looks like cash-out or abuse, for a person to look at. Those suspected are left out of the spending score.

    rules         those that apply; all where not given
    returned      refund_loops: so much of what a customer bought came back, by value …
    returns       … in so many returns, and in more of them than chance explains
    round_trips   round_trips: so many orders came back whole, to the cent, within `round_trip_days`, `returned` of all spend or more
    thresholds    threshold_orders: order values at which instalments or points begin, e.g. [300, 500]; none, no rule
    near          … an order lies just above one within so much of it; `threshold_orders` of them, more than chance explains
    bulk_times    resale: a line of so many times what nine in ten buyers of the product take at most …
    bulk_lines    … on so many lines
    coupon_share  coupons: coupons pay for so much of what was bought at list price …
    coupon_orders … in so many orders
    """

    rules: tuple[AbuseRule, ...] = ABUSE_RULES
    returned: float = Field(0.5, gt=0)
    returns: int = Field(3, ge=1)
    round_trips: int = Field(3, ge=1)
    round_trip_days: int = Field(30, ge=1)
    thresholds: tuple[Decimal, ...] = ()
    near: float = Field(0.02, gt=0, lt=1)
    threshold_orders: int = Field(5, ge=1)
    bulk_times: float = Field(10, gt=1)
    bulk_lines: int = Field(3, ge=1)
    coupon_share: float = Field(0.5, gt=0, le=1)
    coupon_orders: int = Field(5, ge=1)

    @field_validator("thresholds")
    @classmethod
    def _above_nothing(cls, given: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
        if any(threshold <= 0 for threshold in given):
            raise ValueError("a threshold is an order value above 0")
        return given


# The definitions the field has for one word, the kit's own first. `analysis/definitions.py` says how each is counted.
DEFINITIONS: dict[str, tuple[str, ...]] = {
    "repurchase_rate": ("two_days", "two_orders", "mature", "all_time"),
    "spend_per_customer": ("month", "average_month", "cumulative"),
    "aov": ("known", "with_guests", "cumulative"),
    "churn_rate": ("dormant_or_lost", "dormant", "lost"),
    "activity_rate": ("any_event", "purchases"),
    "first_purchase_rate": ("all_registered", "mature"),
    "second_purchase": ("km_median", "median", "mean"),
    "customer_value": ("corrected", "as_briefed"),
    "lifetime_value": ("auto", "bg_nbd", "mbg_nbd", "pareto_nbd", "plain"),
}


class Counted(_Strict):
    """Which definition counts, and from which month on: `steps` are (first month, definition), the first one from the beginning."""

    steps: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, measure: str, given: str) -> Counted:
        """`two_orders`; `two_days; two_orders from 2026-07`; or `two_orders from 2026-07`, which the kit's own definition precedes."""
        steps: list[tuple[str, str]] = []
        for part in given.split(";"):
            name, dated, since = (word.strip() for word in part.partition(" from "))
            if name not in DEFINITIONS[measure]:
                known = DEFINITIONS[measure]
                raise ValueError(f"`{name}` is no definition of {measure}{_did_you_mean(name, known)}; there are {', '.join(known)}")
            if dated and not steps:
                steps.append(("", DEFINITIONS[measure][0]))
            if bool(dated) != bool(steps):
                raise ValueError(f"`{given}`: write `A; B from 2026-07`, where A counts before that month and B from it on")
            if dated and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", since):
                raise ValueError(f"`{since}` is not a month; write a year and a month, such as 2026-07")
            if steps and (steps[-1][0] >= since or steps[-1][1] == name):
                raise ValueError(f"`{given}`: months rise from left to right, and each definition differs from the one before")
            steps.append((since, name))
        return cls(steps=tuple(steps))

    def at(self, period: Period) -> str:
        """The definition that counts in `period`."""
        return [name for since, name in self.steps if since <= str(period)][-1]

    def since(self, period: Period) -> str:
        """The month from which the definition of `period` has counted; empty where it always has."""
        return [since for since, _name in self.steps if since <= str(period)][-1]


class Definitions(_Strict):
    """How a word is counted where the field has several ways; one line a measure, the kit's own where none is given.

    repurchase_rate      two_days: bought on two days of the last 365; two_orders: on one day too; mature: of those who first bought 90
                         days ago or more; all_time: since the data begin
    spend_per_customer   month; average_month: of the last twelve; cumulative: since the data begin
    aov                  known: customers with an id; with_guests: all orders; cumulative: since the data begin
    churn_rate           dormant_or_lost; dormant; lost
    activity_rate        any_event: seen, bought or registered; purchases: bought
    first_purchase_rate  all_registered; mature: registered 90 days ago or more
    second_purchase      km_median: of all first-time buyers; median, mean: of those who came back
    customer_value       corrected; as_briefed: the common short formula, which counts orders twice
    lifetime_value       auto: the model that fits; bg_nbd, mbg_nbd, pareto_nbd; plain: no model

    `two_days; two_orders from 2026-07` changes the definition in a month: the series breaks there, and months before are not compared
    with months after.
    """

    repurchase_rate: Counted = Counted(steps=(("", "two_days"),))
    spend_per_customer: Counted = Counted(steps=(("", "month"),))
    aov: Counted = Counted(steps=(("", "known"),))
    churn_rate: Counted = Counted(steps=(("", "dormant_or_lost"),))
    activity_rate: Counted = Counted(steps=(("", "any_event"),))
    first_purchase_rate: Counted = Counted(steps=(("", "all_registered"),))
    second_purchase: Counted = Counted(steps=(("", "km_median"),))
    customer_value: Counted = Counted(steps=(("", "corrected"),))
    lifetime_value: Counted = Counted(steps=(("", "auto"),))

    @field_validator("*", mode="before")
    @classmethod
    def _read(cls, given: Any, field: ValidationInfo) -> Any:
        if isinstance(given, Counted):
            return given
        if not isinstance(given, str):
            raise ValueError(f"write one definition; there are {', '.join(DEFINITIONS[str(field.field_name)])}")
        return Counted.read(str(field.field_name), given)

    def at(self, measure: str, period: Period) -> str:
        """The definition of `measure` that counts in `period`."""
        return getattr(self, measure).at(period)

    def since(self, measure: str, period: Period) -> str:
        """The month from which it has counted; empty where it always has."""
        return getattr(self, measure).since(period)


class Campaigns(_Strict):
    """How campaigns and channels are read.

    control_share   of those drawn for a test, the share that was to be kept back; equal groups are recognised where it is not given
    follow_days     for so long is a campaign followed that has no end
    payback_months  what customers bring is counted up to the end of so many months after the one in which they were won
    """

    control_share: float | None = Field(None, gt=0, lt=1)
    follow_days: int = Field(30, ge=1)
    payback_months: int = Field(6, ge=1, le=24)


class Actions(_Strict):
    """How action lists leave the house.

    max_lists  on so many lists a customer stands at most; the first lists have the first claim
    lists      the lists that are made, in the order of their claim; all, in the kit's order, where not given
    channels   a list's channel: {win_back: letter}
    owner      who answers for a list that names nobody; owners: a list's own
    worth      so much more buyers, relative, a contact should bring: the control group is large enough to see it
    """

    max_lists: int = Field(1, ge=1, le=20)
    lists: tuple[str, ...] = ()
    channels: dict[str, str] = Field(default_factory=dict)
    owner: str = ""
    owners: dict[str, str] = Field(default_factory=dict)
    worth: float = Field(0.2, gt=0, le=5)


# What a tag may ask about a customer, and of which kind it is.
TAG_COLUMNS: dict[str, Literal["text", "number", "flag"]] = {
    "stage": "text", "segment": "text", "target_group": "text", "main_category": "text", "effectiveness": "number", "potential": "number",
    "monetary_value": "number", "risk": "number", "due_chance": "number", "value_at_stake": "number", "is_high_ticket": "flag",
    "is_quiet_good": "flag", "is_look_alike": "flag",
}  # fmt: skip
_CONDITION = re.compile(r"^(?P<not>not )?(?P<column>[a-z_]+)(?: *(?P<sign>>=|<=|=|>|<) *(?P<value>.+))?$")


class TagRule(_Strict):
    """One tag: everybody to whom all of `when` applies, what they are expected to do next month, and who answers for the rule.

    when      conditions such as `segment = Champions`, `effectiveness >= 60`, `is_high_ticket`, `not is_quiet_good`
    expects   bought, silent (bought nothing) or big (among the tenth of the month's buyers who spent most)
    """

    name: str
    when: tuple[str, ...] = Field(min_length=1)
    expects: Literal["bought", "silent", "big"] = "bought"
    owner: str = ""

    @field_validator("when", mode="before")
    @classmethod
    def _one_or_more(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) else given

    @field_validator("when")
    @classmethod
    def _read(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for text in given:
            read_condition(text)
        return given

    @property
    def conditions(self) -> tuple[tuple[bool, str, str, str], ...]:
        """(is negated, column, sign, value) of each condition."""
        return tuple(read_condition(text) for text in self.when)


def read_condition(text: str) -> tuple[bool, str, str, str]:
    """`not is_quiet_good` → (True, "is_quiet_good", "", ""); raises ValueError saying what would do."""
    found = _CONDITION.match(text.strip())
    if not found:
        raise ValueError(f"`{text}` is no condition; write `segment = Champions`, `effectiveness >= 60` or `is_high_ticket`")
    negated, column, sign, value = bool(found["not"]), found["column"], found["sign"] or "", (found["value"] or "").strip()
    kind = TAG_COLUMNS.get(column)
    if kind is None:
        raise ValueError(f"`{column}` is nothing a tag can ask{_did_you_mean(column, TAG_COLUMNS)}; there are {', '.join(TAG_COLUMNS)}")
    if kind == "flag" and sign:
        raise ValueError(f"`{column}` is true or false: write `{column}` or `not {column}`")
    if kind == "text" and sign != "=":
        raise ValueError(f"`{column}` is a word: write `{column} = …`")
    if kind == "number" and not (sign and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value)):
        raise ValueError(f"`{column}` is a number: write `{column} >= 10`")
    return negated, column, sign, value


# The register of a client file that names none: one rule for each of the tags people ask for first.
DEFAULT_TAGS = (
    TagRule(name="spends most", when=("is_high_ticket",), expects="big"),
    TagRule(name="effective", when=("effectiveness >= 60",), expects="bought"),
    TagRule(name="good, gone quiet", when=("is_quiet_good",), expects="silent"),
    TagRule(name="about to leave", when=("risk >= 0.6667",), expects="silent"),
    TagRule(name="due", when=("due_chance >= 0.5",), expects="bought"),
    TagRule(name="good and due", when=("is_high_ticket", "due_chance >= 0.5"), expects="bought"),
)


class Engine(_Strict):
    """Where the tables are computed. `url` names an environment variable, so that no secret stands in the file."""

    kind: Literal["duckdb", "spark", "postgres"] = "duckdb"
    url: str | None = Field(None, pattern=r"^env:[A-Za-z_][A-Za-z0-9_]*$")
    master: str = "local[*]"

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return {"kind": given} if isinstance(given, str) else given


class Privacy(_Strict):
    """How people are named and how long things are kept.

    ids              pseudonyms: customer and visitor ids are replaced by a keyed hash as they are read. as_sent: ids stay what they are
    quarantine_days  rows set aside are kept so long; lists_days: lists of people; runs_months: report packs. `custkit purge` acts on them
    """

    ids: Literal["pseudonyms", "as_sent"] = "pseudonyms"
    quarantine_days: int = Field(30, ge=1)
    lists_days: int = Field(90, ge=1)
    runs_months: int = Field(13, ge=1)


class Client(_Strict):
    """A client file, checked. `slug` names the folder, `name` is what people read."""

    name: str
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    time_zone: str = "UTC"
    language: Literal["en", "zh_CN"] = "en"
    gross_margin: float | None = Field(None, gt=0, le=1)
    discount_rate: float = Field(0.1, ge=0, lt=1)  # a year's; money of next year in today's
    data: str = "."
    ignore: tuple[str, ...] = ()  # files, folders and sheets (book.xlsx[Sheet]) no source takes, on purpose; with * and ?
    sources: tuple[Source, ...] = Field(min_length=1)
    rules: Rules = Rules()
    limits: Limits = Limits()
    lifecycle: Lifecycle = Lifecycle()
    definitions: Definitions = Definitions()
    payments: Payments = Payments()
    spending: Spending = Spending()
    abuse: Abuse = Abuse()
    campaigns: Campaigns = Campaigns()
    segments: tuple[Segment, ...] = TEN_SEGMENTS  # or the name of a map: ten, eight, value_frequency, value_risk, target_groups
    high_ticket_spend: Decimal | None = Field(None, gt=0)  # in the last 365 days; the best tenth where not given
    tiers: tuple[str, ...] = ()  # of the loyalty programme, lowest first; from the points they take where not given
    point_value: float | None = Field(None, gt=0)  # what one loyalty point costs when redeemed, in the client's currency
    holidays: tuple[str, ...] | None = None  # DE, DE-BY, [DE, AT]; none. From time zone and currency where not given
    promotion_days: tuple[PromotionDay, ...] = ()
    attributes: tuple[AttributeRule, ...] = ()  # what purchases suggest about a customer
    topics: tuple[Topic, ...] = TOPICS  # words by which the cause of a comment is known, where the answers name none
    actions: Actions = Actions()
    tags: tuple[TagRule, ...] = DEFAULT_TAGS  # each held every month against what its people did next
    privacy: Privacy = Privacy()
    engine: Engine = Engine()

    _folder: Path = PrivateAttr(default=Path())
    _slug: str = PrivateAttr(default="")

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, given: str) -> str:
        if given not in available_timezones():
            raise ValueError(f"`{given}` is not a time zone{_did_you_mean(given, available_timezones())}")
        return given

    @field_validator("ignore", mode="before")
    @classmethod
    def _ignored(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @field_validator("holidays", mode="before")
    @classmethod
    def _places(cls, given: Any) -> Any:
        return () if given == "none" else (given,) if isinstance(given, str) else given

    @field_validator("holidays")
    @classmethod
    def _known_places(cls, given: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for place in given or ():
            known_place(place)
        return given

    @field_validator("segments", mode="before")
    @classmethod
    def _named_segments(cls, given: Any) -> Any:
        return named_map(given) if isinstance(given, str) else given

    @field_validator("segments")
    @classmethod
    def _whole_segments(cls, given: tuple[Segment, ...], info: ValidationInfo) -> tuple[Segment, ...]:
        return settled_map(given if given in NAMED_MAPS.values() else whole_map(given), _days(info.data.get("lifecycle") or Lifecycle()))

    def segment_map(self, name: str) -> tuple[Segment, ...]:
        """A map of the field with this client's own days in it."""
        return settled_map(named_map(name), _days(self.lifecycle))

    @cached_property
    def holiday_places(self) -> tuple[str, ...]:
        """Countries, and regions of them, whose holidays count: as the file says, else the one country of time zone and currency.

        Empty where the zone lies in no single country, or the country pays in another currency.
        """
        return self.holidays if self.holidays is not None else country_of(self.time_zone, self.currency)

    @property
    def slug(self) -> str:
        return self._slug

    @property
    def folder(self) -> Path:
        """Where client.yml lies."""
        return self._folder

    @cached_property
    def data_folder(self) -> Path:
        """Absolute folder of the raw files; an environment variable may stand in front (`$DATA/acme`).

        The raw files of a client that comes with the kit lie in the workspace, not in the installed package.
        """
        folder = workspace() / ".custkit" / self._slug if self.is_embedded else self._folder
        return (folder / Path(os.path.expandvars(self.data)).expanduser()).resolve()

    @property
    def is_embedded(self) -> bool:
        """True for the demo shop as it comes with the kit; its exports are written by `custkit.demo.prepare`."""
        return self._slug in EMBEDDED and self._folder == _demo_folder()

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def _days(rules: Lifecycle) -> dict[str, int]:
    return {"active_days": rules.active_days, "dormant_days": rules.dormant_days}


def workspace() -> Path:
    """The folder that holds clients/, notebooks/ and reports/.

    $CUSTKIT_HOME where set; else the nearest folder above the current one with a clients/ in it; else the checkout custkit runs from.
    """
    if home := os.environ.get("CUSTKIT_HOME"):
        return Path(home).expanduser().resolve()
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "clients").is_dir() and (folder / "notebooks").is_dir():
            return folder
    checkout = Path(str(package_files("custkit"))).resolve().parent
    return checkout if (checkout / "clients").is_dir() else here


def _demo_folder() -> Path:
    return Path(str(package_files("custkit") / "demo")).resolve()


def client_names() -> list[str]:
    """Slugs of every client there is: the folders of clients/ with a client.yml, and the demo shops."""
    root = workspace() / "clients"
    found = {folder.parent.name for folder in root.glob("*/client.yml")} if root.is_dir() else set()
    return sorted(found | set(EMBEDDED))


def load_client(slug: str, *, path: Path | None = None) -> Client:
    """Read `clients/<slug>/client.yml`, or `path` where one is given.

    Raises BadInput naming the file, the line, what is wrong and what would do.
    """
    if not SLUG.fullmatch(slug):
        raise BadInput(f"`{slug}` is not a client name: small letters, digits, - and _, at most 63, beginning with a letter or digit")
    if path is None:
        path = workspace() / "clients" / slug / "client.yml"
        if slug in EMBEDDED and not path.exists():
            path = _demo_folder() / EMBEDDED[slug]
    if not path.exists():
        known = client_names()
        raise BadInput(f"no client `{slug}`: {path} does not exist{_did_you_mean(slug, known)}; there are {', '.join(known)}")
    given, lines = read_yaml(path)
    try:
        client = Client.model_validate(given)
    except ValidationError as error:
        faults = error.errors()
        inner = [fault for fault in faults if fault["type"] != "too_short"]  # a list too short for want of its faulty members
        raise BadInput("\n".join(_explain(path, lines, given, fault) for fault in inner or faults)) from None
    client._folder = path.parent.resolve()
    client._slug = slug
    return client


def _explain(path: Path, lines: Lines, given: Any, error: Any) -> str:
    loc = tuple(error["loc"])
    at = loc
    while at not in lines and at:
        at = at[:-1]
    dotted = ".".join(str(part) for part in loc)
    if error["type"] == "extra_forbidden":
        known = _fields_at(loc[:-1])
        problem = f"`{loc[-1]}` is not a setting{_did_you_mean(str(loc[-1]), known)}; there are {', '.join(known)}"
    elif error["type"] == "missing":
        problem = f"`{dotted}` is missing"
    else:
        message = error["msg"].removeprefix("Value error, ")
        told = error["type"] == "value_error" or isinstance(error["input"], dict | list | tuple)
        problem = f"{dotted}: {message}" + ("" if told else f", not `{error['input']}`")
    return f"{path} line {lines.get(at, 1)}: {problem}"


_SECTIONS: dict[str, type[BaseModel]] = {
    "sources": Source, "columns": ColumnMap, "rules": Rules, "exclude": Exclusion, "limits": Limits,
    "lifecycle": Lifecycle, "definitions": Definitions, "payments": Payments, "segments": Segment, "engine": Engine,
    "promotion_days": PromotionDay, "attributes": AttributeRule, "spending": Spending, "weights": Weights, "credit": Credit, "abuse": Abuse,
    "campaigns": Campaigns, "topics": Topic, "actions": Actions, "tags": TagRule,
}  # fmt: skip


def _fields_at(loc: tuple[str | int, ...]) -> list[str]:
    names = [part for part in loc if part in _SECTIONS]
    model = _SECTIONS[str(names[-1])] if names else Client
    return list(model.model_fields)


def _did_you_mean(given: str, known: Any) -> str:
    close = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""
