"""What a client's tables can be asked for: read off the client file, never off the data."""

from __future__ import annotations

from custkit.client import Client
from custkit.intake.lines import CARRIED_TO_ORDERS, PRODUCT_FIELDS, mapped_fields
from custkit.tables import TABLES


def provided(client: Client, present: set[int]) -> list[str]:
    """Every `table` and `table.column` that a source maps or intake derives from what is mapped.

    `present` numbers the sources that have files; a source marked optional may have none. The table `customers` or `products` counts
    as provided only where a source of that table is mapped; customers and products seen in order lines are columns without it.
    """
    sources = [source for number, source in enumerate(client.sources) if number in present]
    chosen = client.model_copy(update={"sources": tuple(sources)})
    found: set[str] = set()
    for table, spec in TABLES.items():
        fields = mapped_fields(chosen, table)
        if fields:
            found |= {table} | {f"{table}.{f}" for f in fields if f in spec.by_name}
    lines = mapped_fields(chosen, "order_lines")
    if lines:
        found |= _from_lines(lines, "unit_cost" in mapped_fields(chosen, "products"))
    for table, key in (("events", "event_id"), ("loyalty_ledger", "entry_id"), ("surveys", "response_id")):
        if table in found:
            found.add(f"{table}.{key}")
    if "campaign_contacts" in found and "campaigns" in found:
        found.add("campaign_contacts.contacted_at")
    return sorted(found)


def _from_lines(lines: set[str], unit_cost: bool) -> set[str]:
    has = {"order_id", "line_number", "ordered_at", "amount", "kind", "is_product", "revenue"} | (
        lines & set(TABLES["order_lines"].by_name)
    )
    if has & {"discount_amount", "coupon_amount"} or "list_price" in lines:
        has.add("gross_amount")
    if lines & {"gross_amount", "list_price"}:
        has.add("discount_amount")
    if unit_cost and {"product_id", "quantity"} <= lines:
        has.add("cost_amount")
    orders = {"order_id", "ordered_at", "order_date", "is_purchase", "lines", "return_amount", "revenue"}
    orders |= {f for f in ("gross_amount", "discount_amount", "coupon_amount", "cost_amount", "customer_id") if f in has}
    orders |= {f for f in CARRIED_TO_ORDERS if f in lines}
    orders |= {"products"} if "product_id" in lines else set()
    orders |= {"items"} if "quantity" in lines else set()
    orders |= {"order_number"} if "customer_id" in lines else set()
    found = {"orders"} | {f"order_lines.{f}" for f in has} | {f"orders.{f}" for f in orders}
    if "customer_id" in lines:
        found |= {"customers.customer_id"} | ({"customers.region"} if "region" in lines else set())
    if "product_id" in lines:
        found |= {"products.product_id"} | {f"products.{f}" for f in PRODUCT_FIELDS if f in lines}
        found |= {"products"} if any(f in lines for f in PRODUCT_FIELDS) else set()
    return found
