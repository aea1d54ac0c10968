"""The canonical tables: every column's name, type, unit and meaning, once.

Intake writes them, a book cuts them at `as_of`, analyses read them. Times are the client's local wall clock,
money is in the client's currency, ids are text. `custkit tables` prints this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import ibis
import ibis.expr.schema as sch
import pyarrow as pa

MONEY = "decimal(18, 4)"
TIME = "timestamp(6)"


@dataclass(frozen=True)
class Column:
    """One column: its Ibis type, what it means, whether intake insists on it, and the promises it feeds."""

    name: str
    type: str
    meaning: str
    unit: str = ""
    required: bool = False
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One canonical table: one row per `grain`, unique in `key`, cut at `as_of` by `time` (None: never cut)."""

    name: str
    grain: str
    key: tuple[str, ...]
    time: str | None
    columns: tuple[Column, ...]
    derived: bool = False

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def schema(self) -> sch.Schema:
        return ibis.schema({column.name: column.type for column in self.columns})

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        return self.schema.to_pyarrow()

    def empty(self) -> pa.Table:
        """No rows, all columns: what a table that the client did not send looks like."""
        return self.arrow_schema.empty_table()


def _table(name: str, grain: str, key: str, time: str | None, *columns: Column, derived: bool = False) -> Table:
    return Table(name, grain, tuple(key.split()), time, columns, derived)


# Kinds of order line. A purchase is an order with at least one `sale` line.
SALE, RETURN, FREE, ADJUSTMENT = "sale", "return", "free", "adjustment"
LINE_KINDS = (SALE, RETURN, FREE, ADJUSTMENT)

EVENT_TYPES = ("visit", "view", "search", "click", "cart", "favourite", "share", "question", "checkout", "order", "register")
LINE_TYPES = ("sale", "return", "void")
LEDGER_TYPES = ("earn", "redeem", "expire", "adjust", "tier")
ARMS = ("treatment", "control")
BOTH_ARMS = "both"  # made by intake, never read

ORDER_LINES = _table(
    "order_lines",
    "one product in one order",
    "order_id line_number",
    "ordered_at",
    Column("order_id", "string", "the order, basket, invoice or receipt", required=True),
    Column("line_number", "int64", "1-based rank of the line inside its order by content, whatever the file's row order"),
    Column("customer_id", "string", "who bought; empty for a guest", feeds=("S97", "S1", "S2", "S40")),
    Column("ordered_at", TIME, "when it was ordered", "local time", required=True),
    Column("product_id", "string", "what was bought", feeds=("S11", "S12", "S9", "S42")),
    Column("quantity", MONEY, "how many; negative for a return", "units", feeds=("S10",)),
    Column("gross_amount", MONEY, "list price × quantity, before any discount", "currency", feeds=("S8",)),
    Column("discount_amount", MONEY, "the shop's own price reductions, 0 or more", "currency", feeds=("S8", "S27")),
    Column("coupon_amount", MONEY, "coupons redeemed on the line, 0 or more", "currency", feeds=("S8", "S34")),
    Column("amount", MONEY, "what the line brought in after discounts; negative for a return", "currency", required=True),
    Column("cost_amount", MONEY, "what the goods cost the client", "currency", feeds=("S15", "S21")),
    Column("kind", "string", "sale, return, free (no price) or adjustment (a price below zero, a bad debt)"),
    Column("is_product", "boolean", "false for postage, fees, vouchers and whatever the client file lists as no product"),
    Column("revenue", MONEY, "the part of `amount` that the client's rules count as revenue", "currency"),
)

ORDERS = _table(
    "orders",
    "one order, folded from its lines",
    "order_id",
    "ordered_at",
    Column("order_id", "string", "the order", required=True),
    Column("customer_id", "string", "who bought; empty for a guest"),
    Column("ordered_at", TIME, "first instant of the order", "local time", required=True),
    Column("order_date", "date", "calendar day of the order in the client's time zone"),
    Column("is_purchase", "boolean", "true when at least one line is a sale; a return slip is an order but no purchase"),
    Column("lines", "int64", "lines", "lines"),
    Column("products", "int64", "distinct products sold", "products"),
    Column("items", MONEY, "pieces sold", "units"),
    Column("gross_amount", MONEY, "before any discount, sales only", "currency"),
    Column("discount_amount", MONEY, "the shop's own price reductions, sales only", "currency"),
    Column("coupon_amount", MONEY, "coupons redeemed, sales only", "currency"),
    Column("return_amount", MONEY, "value of goods returned with this document, 0 or less", "currency"),
    Column("cost_amount", MONEY, "cost of the goods counted in revenue; empty where unknown", "currency"),
    Column("revenue", MONEY, "what the client's rules count as revenue", "currency"),
    Column("order_number", "int64", "1 for a customer's first purchase, 2 for the next …; empty for guests and non-purchases"),
    Column("channel", "string", "web, app, shop …", feeds=("S75",)),
    Column("device", "string", "phone, tablet, desktop", feeds=("S75",)),
    Column("store_id", "string", "the shop it was bought in", feeds=("S42",)),
    Column("region", "string", "where it was delivered or bought", feeds=("S42",)),
    Column("payment_method", "string", "card, cash, instalment, subscription …", feeds=("S28",)),
    derived=True,
)

CUSTOMERS = _table(
    "customers",
    "one customer, registered or seen in an order",
    "customer_id",
    "registered_at",
    Column("customer_id", "string", "the customer", required=True),
    Column("registered_at", TIME, "when the account was opened; first order where unknown", "local time", feeds=("S5", "S22", "S56")),
    Column("closed_at", TIME, "an explicit farewell: account closed, card returned, unreachable", "local time", feeds=("S60",)),
    Column("acquisition_channel", "string", "how the customer came", feeds=("S15", "S57")),
    Column("gender", "string", "as the client records it", feeds=("S45",)),
    Column("birth_year", "int64", "year of birth", "year", feeds=("S45",)),
    Column("age_band", "string", "age in bands, where the year is unknown", "years", feeds=("S45",)),
    Column("region", "string", "home region or city", feeds=("S42",)),
    Column("income_band", "string", "income in bands", feeds=("S24",)),
    Column("occupation", "string", "occupation", feeds=("S24",)),
    Column("household_size", "string", "people in the household", feeds=("S45",)),
    Column("is_vip", "boolean", "VIP by identity, as the client declares it", feeds=("S59",)),
    Column("prepaid_amount", MONEY, "money paid in ahead", "currency", feeds=("S59",)),
    Column("consent", "boolean", "agreed to marketing; not known is no", feeds=("S102",)),
)

PRODUCTS = _table(
    "products",
    "one product under one name",
    "product_id named_at",
    None,
    Column("product_id", "string", "the product", required=True),
    Column("product_name", "string", "its name"),
    Column("category", "string", "category", feeds=("S42", "S46", "S64")),
    Column("department", "string", "the level above category"),
    Column("brand", "string", "brand", feeds=("S46",)),
    Column("unit_cost", MONEY, "what one piece costs the client", "currency", feeds=("S21",)),
    Column("named_at", TIME, "when it was first sold under this name; empty in a list of products. A book shows the latest", "local time"),
)

EVENTS = _table(
    "events",
    "one thing a visitor did",
    "event_id",
    "occurred_at",
    Column("event_id", "string", "the event"),
    Column("visitor_id", "string", "cookie, device or customer id", required=True, feeds=("S75",)),
    Column("customer_id", "string", "empty until the visitor is known", feeds=("S5", "S56")),
    Column("session_id", "string", "one visit", feeds=("S19",)),
    Column("occurred_at", TIME, "when", "local time", required=True),
    Column("event_type", "string", " ".join(EVENT_TYPES), required=True),
    Column("product_id", "string", "the product looked at, where there is one", feeds=("S74",)),
    Column("channel", "string", "how the visit came", feeds=("S75",)),
    Column("device", "string", "phone, tablet, desktop", feeds=("S75",)),
    Column("query", "string", "what was searched for", feeds=("S83",)),
    Column("results", "int64", "how many results the search showed", feeds=("S83",)),
    Column("dwell_seconds", "float64", "how long it lasted", "seconds", feeds=("S19",)),
)

CAMPAIGNS = _table(
    "campaigns",
    "one campaign",
    "campaign_id",
    "starts_at",
    Column("campaign_id", "string", "the campaign", required=True),
    Column("campaign_name", "string", "its name"),
    Column("campaign_type", "string", "kind of campaign"),
    Column("channel", "string", "mail, SMS, app …"),
    Column("starts_at", TIME, "first instant", "local time", required=True, feeds=("S7",)),
    Column("ends_at", TIME, "end, exclusive", "local time"),
    Column("cost_amount", MONEY, "what it cost", "currency", feeds=("S16",)),
)

CAMPAIGN_CONTACTS = _table(
    "campaign_contacts",
    "one customer in one campaign",
    "campaign_id customer_id",
    "contacted_at",
    Column("campaign_id", "string", "the campaign", required=True),
    Column("customer_id", "string", "the customer", required=True),
    Column("contacted_at", TIME, "when; the campaign's start where unknown", "local time"),
    Column("arm", "string", "treatment or control", feeds=("S91",)),
    Column("offer", "string", "what was offered", feeds=("S92",)),
    Column("redeemed_at", TIME, "first use of the offer", "local time", feeds=("S7",)),
)

LOYALTY_LEDGER = _table(
    "loyalty_ledger",
    "one movement of points or of tier",
    "entry_id",
    "occurred_at",
    Column("entry_id", "string", "the entry"),
    Column("customer_id", "string", "the member", required=True),
    Column("occurred_at", TIME, "when", "local time", required=True),
    Column("entry_type", "string", " ".join(LEDGER_TYPES), required=True),
    Column("points", MONEY, "points in (above 0) or out (below 0); 0 for a tier move", "points", feeds=("S67",)),
    Column("expires_at", TIME, "when the points earned lapse", "local time", feeds=("S67",)),
    Column("tier", "string", "the tier after a tier move", feeds=("S65", "S67")),
    Column("order_id", "string", "the order that earned or used the points"),
)

SURVEYS = _table(
    "surveys",
    "one answer",
    "response_id",
    "answered_at",
    Column("response_id", "string", "the answer"),
    Column("customer_id", "string", "who answered; empty when anonymous"),
    Column("answered_at", TIME, "when", "local time", required=True),
    Column("question", "string", "what was asked"),
    Column("score", "float64", "the answer as a number; 0 to 10 for likelihood to recommend", feeds=("S14",)),
    Column("topic", "string", "what it is about", feeds=("S84",)),
    Column("product_id", "string", "the product it is about", feeds=("S84",)),
    Column("comment", "string", "in the customer's words", feeds=("S85",)),
)

MARKETING_SPEND = _table(
    "marketing_spend",
    "money spent on one channel on one day",
    "spent_at channel",
    "spent_at",
    Column("spent_at", TIME, "the day, or the first day of the month it covers", "local time", required=True),
    Column("channel", "string", "channel, as in customers.acquisition_channel", required=True, feeds=("S15",)),
    Column("spend_amount", MONEY, "money spent", "currency", required=True, feeds=("S3", "S15", "S57")),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        ORDER_LINES,
        ORDERS,
        CUSTOMERS,
        PRODUCTS,
        EVENTS,
        CAMPAIGNS,
        CAMPAIGN_CONTACTS,
        LOYALTY_LEDGER,
        SURVEYS,
        MARKETING_SPEND,
    )
}

# Read by intake and not handed on: which ids are one customer.
MERGED_CUSTOMERS = _table(
    "merged_customers",
    "one customer id that was merged into another",
    "customer_id",
    None,
    Column("customer_id", "string", "the id that is no longer used", required=True),
    Column("merged_into", "string", "the id that its customer has now, or had next", required=True),
)
# Every table that a file can feed, and those that intake derives.
SENT: dict[str, Table] = {**TABLES, MERGED_CUSTOMERS.name: MERGED_CUSTOMERS}

# What a source may map beside its table's own columns: read once, carried where it belongs.
CARRIED: dict[str, dict[str, str]] = {
    "order_lines": {
        "unit_price": "price of one piece: amount = quantity × unit_price where no amount is mapped",
        "list_price": "price of one piece before discounts: gross_amount = quantity × list_price where no gross amount is mapped",
        "product_name": "feeds products",
        "category": "feeds products",
        "department": "feeds products",
        "brand": "feeds products",
        "channel": "feeds orders",
        "device": "feeds orders",
        "store_id": "feeds orders",
        "region": "feeds orders and customers",
        "payment_method": "feeds orders",
        "order_status": "for the rule `rules.statuses`",
        "order_total": "the order's total as the shop knows it, on every line or the first: compared with the sum of the lines",
        "line_type": f"{' '.join(LINE_TYPES)}: a return counts below zero however it is written, a void line is left out",
        "currency": "the currency of the line, by code or sign: lines in another than the client's are set aside",
        "line_id": "the line's own number: lines that differ in it are two, however alike; read only to tell copies",
        "tax_basis": "whether amounts hold tax, in the file's words: refused where a client's lines differ in it",
    },
}

# Filled by intake, never mapped from a file.
COMPUTED: dict[str, frozenset[str]] = {
    "products": frozenset({"named_at"}),
    "order_lines": frozenset({"line_number", "kind", "is_product", "revenue"}),
}


def source_fields(table: str) -> tuple[str, ...]:
    """Names a client file may map for `table`, in order."""
    own = (c.name for c in SENT[table].columns if c.name not in COMPUTED.get(table, ()))
    return (*own, *CARRIED.get(table, ()))
