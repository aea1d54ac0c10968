"""Typed rows of order lines → canonical lines, and the orders, customers and products folded from them."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
from babel.numbers import get_currency_precision

from custkit.client import Client, Rules
from custkit.errors import BadInput
from custkit.intake.grammar import lit, name
from custkit.intake.notes import Note, notes_on_lines, notes_on_returns, notes_on_staged, refuse_mixed_tax
from custkit.intake.staging import FILE, FileCount
from custkit.tables import CARRIED, ORDER_LINES

ONLY_CHECKED = ("unit_price", "list_price", "order_total", "currency", "tax_basis")
FOR_COPIES = ("line_id",)
CARRIED_TO_ORDERS = ("channel", "device", "store_id", "region", "payment_method")
PRODUCT_FIELDS = ("product_name", "category", "department", "brand")
# Rank of a line inside its order, and the order of the file: by content alone, so that the row order of an export leaves no trace.
# What the rules derive (kind, is_product, revenue) follows from these.
CONTENT = (
    "ordered_at", "product_id", "quantity", "amount", "gross_amount", "discount_amount", "coupon_amount", "cost_amount", "customer_id",
)  # fmt: skip


def mapped_fields(client: Client, table: str) -> set[str]:
    """Every field that some source of `table` maps."""
    return {f for source in client.sources if source.table == table for f in source.columns}


def make_lines(con: duckdb.DuckDBPyConnection, client: Client, files: Sequence[FileCount], *, unit_costs: bool) -> list[Note]:
    """`staged_order_lines` → `judged` (every accepted row with its kind, revenue and the reason it is left out, if any), and remarks.

    Columns that no source fills are not there.
    """
    mapped = mapped_fields(client, "order_lines")
    _refuse_without_amount(client)
    if "tax_basis" in mapped:
        refuse_mixed_tax(con, client)
    fields = {f: (name(f) if f in mapped else None) for f in (*(c.name for c in ORDER_LINES.columns), *CARRIED["order_lines"])}

    def get(f: str, otherwise: str = "NULL") -> str:
        return fields[f] or f"CAST({otherwise} AS {'DECIMAL(18, 4)' if f.endswith(('amount', '_price')) or f == 'quantity' else 'VARCHAR'})"

    money = "DECIMAL(18, 4)"
    discount, coupon = (f"coalesce({get(f)}, 0)" for f in ("discount_amount", "coupon_amount"))
    priced = f"CAST({get('quantity', '1')} * {get('unit_price')} AS {money})"
    listed = f"coalesce({get('gross_amount')}, CAST({get('quantity', '1')} * {get('list_price')} AS {money}))"
    bare = f"CAST({listed} - {discount} - {coupon} AS {money})"
    amount = f"coalesce({get('amount')}, {priced}, {bare})"
    notes = _turn_returns(con, mapped, amount) if "line_type" in mapped else []
    notes += notes_on_staged(con, mapped, currency_digits(client.currency))
    one = f"CASE WHEN {amount} < 0 THEN -1 ELSE 1 END"
    quantity = get("quantity") if "quantity" in mapped else f"CAST({one} AS {money})"
    gross = f"coalesce({listed}, CAST({amount} + {discount} + {coupon} AS {money}))"
    if mapped & {"gross_amount", "list_price"} and "discount_amount" not in mapped:
        discount = f"CAST(coalesce({listed} - {amount} - {coupon}, 0) AS {money})"
    carried = [f for f in CARRIED["order_lines"] if f not in ONLY_CHECKED]
    plain = (
        f"SELECT {_order_id(mapped)} AS order_id, {get('customer_id')} AS customer_id, ordered_at, "
        f"{get('product_id')} AS product_id, {quantity} AS quantity, {gross} AS gross_amount, CAST({discount} AS {money}) AS "
        "discount_amount, "
        f"CAST({coupon} AS {money}) AS coupon_amount, {amount} AS amount, {get('cost_amount')} AS cost_amount, "
        f"{', '.join(f'{get(f)} AS {name(f)}' for f in carried)}, {FILE} FROM staged_order_lines"
    )
    cost, join = "p.cost_amount", ""
    if unit_costs and "cost_amount" not in mapped:
        cost = f"CAST(p.quantity * u.unit_cost AS {money})"
        join = "LEFT JOIN product_rows u USING (product_id)"
    rules = client.rules
    empty = [name(f) for f in carried if f not in mapped] + ["cost_amount"] * ("cost_amount" not in mapped and not join)
    left_out = f" EXCLUDE ({', '.join(empty)})" if empty else ""
    con.execute(
        f"CREATE TABLE judged AS SELECT *{left_out}, {_revenue(rules)} AS revenue FROM "
        f"(SELECT p.* REPLACE ({cost} AS cost_amount), {_kind(rules, mapped)} AS kind, {_is_product(rules)} AS is_product, "
        f"{_excluded(rules, mapped)} AS excluded FROM ({plain}) p {join})"
    )
    con.execute("DROP TABLE staged_order_lines")
    _mark_duplicates(con, rules)
    for column in (FILE, *(f for f in FOR_COPIES if f in mapped)):
        con.execute(f"ALTER TABLE judged DROP COLUMN {column}")
    return [*notes, *notes_on_lines(con, client, [_label(client, one) for one in files])]


def _label(client: Client, one: FileCount) -> str:
    """The file as people know it, with its sheet where the client file names one."""
    sheet = client.sources[one.source].sheet
    return f"{one.file}[{sheet}]" if sheet else one.file


def _turn_returns(con: duckdb.DuckDBPyConnection, mapped: set[str], amount: str) -> list[Note]:
    """Bring what the file's word makes a return below zero, where it stands above, and say how many lines and how much money."""
    notes = notes_on_returns(con, amount)
    counted = {"quantity"} if "quantity" in mapped else {"unit_price", "list_price"}
    money = {"amount", "gross_amount", "discount_amount", "coupon_amount", "cost_amount", "order_total"}
    turned = [name(f) for f in sorted((counted | money) & mapped)]
    con.execute(f"UPDATE staged_order_lines SET {', '.join(f'{f} = -abs({f})' for f in turned)} WHERE line_type = 'return'")
    return notes


def currency_digits(currency: str) -> int:
    """Decimals of the currency: 2 of most, 0 of the yen, 3 of the dinar."""
    return get_currency_precision(currency)


def rank_lines(con: duckdb.DuckDBPyConnection, buyers: str) -> None:
    """`judged` → `lines`: the rows that count, in the order of the file and numbered inside their order. `judged` is gone afterwards.

    `spread`: the orders whose lines do not lie together, because they have several instants.

    buyers: SQL of `judged`, or of a join that names its customers otherwise.
    """
    there = _columns(con, "judged")
    order = ", ".join(["ordered_at", "order_id", *(_sort(c) for c in CONTENT if c in there and c != "ordered_at")])
    first = "(lag(order_id) OVER () IS DISTINCT FROM order_id OR lag(ordered_at) OVER () <> ordered_at)"
    con.execute(
        f"CREATE TABLE lines AS SELECT * EXCLUDE (row, is_first), row - max(CASE WHEN is_first THEN row END) OVER (ROWS BETWEEN "
        "UNBOUNDED PRECEDING AND CURRENT ROW) + 1 AS line_number FROM "
        f"(SELECT *, row_number() OVER () AS row, {first} AS is_first FROM "
        f"(SELECT * EXCLUDE (excluded) FROM {buyers} WHERE excluded IS NULL ORDER BY {order}))"
    )
    con.execute("DROP TABLE judged")
    # Lines of one order and instant lie together and have their numbers; those of an order with several instants are numbered here.
    con.execute("CREATE TABLE spread AS SELECT order_id FROM lines WHERE line_number = 1 GROUP BY order_id HAVING count(*) > 1")
    con.execute(
        "UPDATE lines SET line_number = n.number FROM (SELECT rowid AS row, row_number() OVER (PARTITION BY order_id ORDER BY rowid) "
        "AS number FROM lines SEMI JOIN spread USING (order_id)) n WHERE lines.rowid = n.row"
    )


def _columns(con: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    return {c for (c,) in con.execute(f"SELECT column_name FROM (DESCRIBE {table})").fetchall()}


def _or_null(fields: tuple[str, ...], there: set[str]) -> list[str]:
    """SQL of each text field of `lines`, null where no source fills it."""
    return [name(f) if f in there else f"CAST(NULL AS VARCHAR) AS {name(f)}" for f in fields]


def _sort(column: str) -> str:
    return f"{name(column)} NULLS FIRST"


def _refuse_without_amount(client: Client) -> None:
    for number, source in enumerate(client.sources):
        if source.table != "order_lines":
            continue
        has = source.columns.keys()
        where = f"{client.folder / 'client.yml'}: source {number + 1} (order_lines)"
        if "ordered_at" not in has:
            raise BadInput(f"{where}: map `ordered_at`, the time of the order")
        if "order_id" not in has and "customer_id" not in has:
            raise BadInput(f"{where}: map `order_id`, or `customer_id` where one customer's lines of one time are one order")
        if not has & {"amount", "unit_price", "gross_amount", "list_price"}:
            raise BadInput(f"{where}: map `amount`, or `quantity` and `unit_price`")


def _order_id(mapped: set[str]) -> str:
    """Without order ids, one customer's lines of one instant are one order; a guest's line is an order of its own."""
    at = "strftime(ordered_at, '%Y%m%d%H%M%S')"
    if "order_id" in mapped and "customer_id" not in mapped:
        return "order_id"
    rank = f"row_number() OVER (PARTITION BY customer_id, ordered_at ORDER BY {', '.join(_sort(f) for f in sorted(mapped))})"
    made = f"CASE WHEN customer_id IS NOT NULL THEN customer_id || '@' || {at} ELSE 'guest@' || {at} || '#' || {rank} END"
    return "order_id" if "order_id" in mapped else made


def _prefixed(prefixes: tuple[str, ...]) -> str:
    return "(" + (" OR ".join(f"starts_with(p.order_id, {lit(prefix)})" for prefix in prefixes) or "false") + ")"


def _kind(rules: Rules, mapped: set[str]) -> str:
    """A quantity below zero with an amount above it is neither sale nor return, as an amount below zero without a return is neither."""
    below = "p.quantity < 0" if "quantity" in mapped else "p.amount < 0"
    said = "WHEN p.line_type = 'return' THEN 'return' " if "line_type" in mapped else ""
    return (
        f"CASE WHEN {_prefixed(rules.cancelled_order_prefixes)} THEN 'return' WHEN "
        f"{_prefixed(rules.adjustment_order_prefixes)} THEN 'adjustment' "
        f"{said}WHEN {below} THEN CASE WHEN p.amount > 0 THEN 'adjustment' ELSE 'return' END WHEN p.amount < 0 THEN 'adjustment' "
        f"WHEN p.amount = 0 THEN {lit('free' if rules.free == 'separate' else 'sale')} ELSE 'sale' END"
    )


def _is_product(rules: Rules) -> str:
    exact = [item.lower() for item in rules.non_products if not any(mark in item for mark in "*?[")]
    shapes = [item.lower() for item in rules.non_products if any(mark in item for mark in "*?[")]
    tests = [f"lower(p.product_id) IN ({', '.join(lit(item) for item in exact)})"] if exact else []
    tests += [f"lower(p.product_id) GLOB {lit(shape)}" for shape in shapes]
    return f"NOT coalesce({' OR '.join(tests)}, false)" if tests else "true"


def _revenue(rules: Rules) -> str:
    kinds = "kind = 'sale'" if rules.returns == "separate" else "kind IN ('sale', 'return')"
    goods = "" if rules.non_products_are_revenue else " AND is_product"
    return f"CASE WHEN {kinds}{goods} THEN amount ELSE CAST(0 AS DECIMAL(18, 4)) END"


def _excluded(rules: Rules, mapped: set[str]) -> str:
    """SQL of the first reason to leave a row out; null where it counts."""
    tests = []
    for rule in rules.exclude:
        at = f"p.{name(rule.field)}"
        parts = [f"CAST({at} AS VARCHAR) IN ({', '.join(lit(v) for v in rule.equals)})"] if rule.equals else []
        parts += [f"starts_with(CAST({at} AS VARCHAR), {lit(v)})" for v in rule.starts_with]
        if parts:
            tests.append(f"WHEN {' OR '.join(parts)} THEN {lit(rule.reason)}")
    if "line_type" in mapped:
        tests.append("WHEN p.line_type = 'void' THEN 'void'")
    if rules.statuses:
        tests.append(f"WHEN p.order_status IS NULL OR p.order_status NOT IN ({', '.join(lit(s) for s in rules.statuses)}) THEN 'status'")
    if rules.guests == "drop":
        tests.append("WHEN p.customer_id IS NULL THEN 'guest'")
    return f"CASE {' '.join(tests)} END" if tests else "CAST(NULL AS VARCHAR)"


def _mark_duplicates(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """`copies`: rows equal in every mapped field to another that counts; those that the rule names are left out.

    What stands so often in one file and so often in another was sold as often as it stands in one: the rest `is_again`, `first` the file
    that has it. `is_again` needs half of the lines that the two files have under one order and day to agree, so that equal numbers of
    two tills are no copies.
    """
    columns = [name(c) for c in sorted(_columns(con, "judged") - {"excluded", FILE})]
    everything = ", ".join(columns)
    # Rows whose hashes differ are different; only those whose hashes agree are compared.
    mark = f"hash({everything})"
    con.execute(
        f"CREATE TABLE alike AS SELECT rowid AS row FROM judged WHERE excluded IS NULL AND {mark} IN (SELECT mark FROM "
        f"(SELECT {mark} AS mark FROM judged WHERE excluded IS NULL) GROUP BY mark HAVING count(*) > 1)"
    )
    same = f"min(a.row) OVER (PARTITION BY {', '.join('j.' + c for c in columns)}) AS same"
    both = f"SELECT a.row, j.{FILE}, j.revenue, j.amount, j.ordered_at, {same} FROM alike a JOIN judged j ON j.rowid = a.row"
    nth = f"SELECT *, row_number() OVER (PARTITION BY same, {FILE} ORDER BY row) AS nth FROM ({both})"
    sent = f"row_number() OVER (PARTITION BY same, nth ORDER BY {FILE}) AS sent, min({FILE}) OVER (PARTITION BY same, nth) AS first"
    con.execute(
        f"CREATE TABLE copies AS SELECT row, {FILE}, first, sent > 1 AS is_again, revenue, amount, ordered_at FROM "
        f"(SELECT *, {sent} FROM ({nth})) WHERE nth > 1 OR sent > 1"
    )
    con.execute("DROP TABLE alike")
    if con.execute("SELECT 1 FROM copies WHERE is_again LIMIT 1").fetchone():
        met = f"SELECT order_id, CAST(ordered_at AS DATE) AS day, {FILE}, count(*) AS n FROM judged WHERE excluded IS NULL GROUP BY ALL"
        con.execute(
            f"UPDATE copies SET is_again = false WHERE {FILE} IN (SELECT {FILE} FROM (SELECT {FILE}, sum(n) AS met FROM "
            f"(SELECT *, min({FILE}) OVER (PARTITION BY order_id, day) AS first FROM ({met})) WHERE first < {FILE} GROUP BY ALL) JOIN "
            f"(SELECT {FILE}, count(*) AS again FROM copies WHERE is_again GROUP BY ALL) USING ({FILE}) WHERE met > 2 * again)"
        )
    if rules.duplicates != "keep":
        theirs = "" if rules.duplicates == "drop" else " WHERE is_again"
        con.execute(f"UPDATE judged SET excluded = 'duplicate' WHERE rowid IN (SELECT row FROM copies{theirs})")


def fold_orders(con: duckdb.DuckDBPyConnection, client: Client) -> None:
    """`lines` → `order_rows`: one row per order. Channel and the like are the smallest value met, so that row order leaves no trace."""
    goods = "true" if client.rules.non_products_are_revenue else "is_product"
    product = "kind = 'sale' AND is_product"
    sold = f"kind = 'sale' AND {goods}"
    back = f"kind = 'return' AND {goods}"
    counted = sold if client.rules.returns == "separate" else f"kind IN ('sale', 'return') AND {goods}"

    def total(column: str, where: str) -> str:
        return f"CAST(coalesce(sum({column}) FILTER (WHERE {where}), 0) AS DECIMAL(18, 4))"

    there = _columns(con, "lines")
    carried = "".join(f", min({name(f)}) AS {name(f)}" for f in CARRIED_TO_ORDERS if f in there)
    region = "" if "region" in there else ", CAST(NULL AS VARCHAR) AS region"
    cost = (
        f", CASE WHEN count(*) FILTER (WHERE {counted}) > count(cost_amount) FILTER (WHERE {counted}) THEN NULL "
        f"ELSE CAST(sum(cost_amount) FILTER (WHERE {counted}) AS DECIMAL(18, 4)) END AS cost_amount"
        if "cost_amount" in there
        else ""
    )
    con.execute(
        "CREATE TABLE order_rows AS SELECT * EXCLUDE (again) REPLACE (products - coalesce(again, 0) AS products), "
        "CAST(ordered_at AS DATE) AS order_date, CASE WHEN is_purchase AND "
        "customer_id IS NOT NULL THEN "
        "row_number() OVER (PARTITION BY customer_id, is_purchase ORDER BY ordered_at, order_id) END AS order_number FROM ("
        "SELECT order_id, min(customer_id) AS customer_id, min(ordered_at) AS ordered_at, bool_or(kind = 'sale') AS "
        "is_purchase, count(*) AS lines, "
        f"count(product_id) FILTER (WHERE {product}) AS products, "
        f"{total('quantity', product)} AS items, {total('gross_amount', sold)} AS gross_amount, "
        f"{total('discount_amount', sold)} AS discount_amount, {total('coupon_amount', sold)} AS coupon_amount, "
        f"{total('amount', back)} AS return_amount, {total('revenue', 'true')} AS revenue, min(customer_id) <> max(customer_id) AS "
        f"has_two_customers{region}{cost}{carried} FROM lines GROUP BY order_id) "
        f"LEFT JOIN ({_again(product)}) USING (order_id)"
    )


def _again(sold: str) -> str:
    """SQL of the lines of each order whose product another line of it has already: told from the line before, where lines lie together."""
    before = " AND ".join(f"lag({column}) OVER () = {column}" for column in ("order_id", "product_id"))
    return (
        f"SELECT order_id, count(*) AS again FROM (SELECT order_id, {before} AS same FROM lines WHERE {sold}) "
        "WHERE same AND order_id NOT IN (FROM spread) GROUP BY order_id UNION ALL "
        f"SELECT order_id, count(product_id) - count(DISTINCT product_id) FROM lines SEMI JOIN spread USING (order_id) WHERE {sold} "
        "GROUP BY order_id"
    )


def fold_customers(con: duckdb.DuckDBPyConnection, has_source: bool) -> None:
    """`customer_rows` (the customers source, one row each) ∪ customers seen in orders, in place."""
    seen = (
        "SELECT customer_id, min(ordered_at) AS first_at, arg_min(region, (ordered_at, order_id)) FILTER (WHERE region IS "
        "NOT NULL) AS region "
        "FROM order_rows WHERE customer_id IS NOT NULL GROUP BY customer_id"
    )
    if not has_source:
        con.execute(f"CREATE TABLE customer_rows AS SELECT customer_id, first_at AS registered_at, region FROM ({seen})")
        return
    columns = _columns(con, "customer_rows")
    rest = "".join(f", c.{name(c)}" for c in sorted(columns - {"customer_id", "registered_at", "region"}))
    registered = "coalesce(c.registered_at, s.first_at)" if "registered_at" in columns else "s.first_at"
    region = "coalesce(c.region, s.region)" if "region" in columns else "s.region"
    con.execute(
        f"CREATE OR REPLACE TABLE customer_rows AS SELECT customer_id, {registered} AS registered_at, {region} AS region{rest} "
        f"FROM customer_rows c FULL JOIN ({seen}) s USING (customer_id)"
    )


def fold_products(con: duckdb.DuckDBPyConnection, has_source: bool) -> None:
    """`product_rows` (the products source, one row each) ∪ products seen in lines, a row for each name they were sold under, in place.

    A name holds from the first sale under it; return slips and write-offs ("damaged", "check") name nothing. What the source leaves
    open is filled from the first name, so that no later line changes what an older month showed.
    """
    fields = ", ".join(name(f) for f in PRODUCT_FIELDS)
    told = ", ".join(_or_null(PRODUCT_FIELDS, _columns(con, "lines")))
    named = (
        f"SELECT product_id, {fields}, min(ordered_at) AS named_at FROM (SELECT product_id, kind, ordered_at, {told} FROM lines) "
        f"WHERE product_id IS NOT NULL AND kind = 'sale' AND coalesce({fields}) IS NOT NULL GROUP BY ALL"
    )
    met = "SELECT product_id, min(ordered_at) AS named_at FROM lines WHERE product_id IS NOT NULL GROUP BY product_id"
    con.execute(
        f"CREATE TABLE product_names AS WITH named AS ({named}) SELECT * FROM named UNION ALL BY NAME SELECT * FROM ({met}) m "
        "WHERE NOT EXISTS (FROM named n WHERE n.product_id = m.product_id AND n.named_at <= m.named_at)"
    )
    if not has_source:
        con.execute("CREATE TABLE product_rows AS SELECT * FROM product_names")
        return
    columns = _columns(con, "product_rows")
    first = ", ".join(
        f"arg_min({name(f)}, (named_at, {name(f)})) FILTER (WHERE {name(f)} IS NOT NULL) AS {name(f)}" for f in PRODUCT_FIELDS
    )
    merged = ", ".join(
        f"coalesce(p.{name(f)}, s.{name(f)}) AS {name(f)}" if f in columns else f"s.{name(f)} AS {name(f)}" for f in PRODUCT_FIELDS
    )
    cost = ", p.unit_cost" if "unit_cost" in columns else ""
    con.execute(
        f"CREATE OR REPLACE TABLE product_rows AS SELECT p.product_id, {merged}{cost} FROM product_rows p LEFT JOIN "
        f"(SELECT product_id, {first} FROM product_names GROUP BY product_id) s USING (product_id) UNION ALL BY NAME "
        "SELECT * FROM product_names n WHERE NOT EXISTS (FROM product_rows p WHERE p.product_id = n.product_id)"
    )
