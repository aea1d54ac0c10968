"""The words a report uses, explained once. A page prints the entries whose columns and words it shows."""

from __future__ import annotations

from typing import NamedTuple

from custkit.words import mark


class Entry(NamedTuple):
    """A term, its definition in one sentence, and the promises it belongs to."""

    term: str
    definition: str
    promises: tuple[str, ...] = ()


GLOSSARY: dict[str, Entry] = {
    "acquisition_cost": Entry(
        mark("cost of winning a customer"),
        mark("Marketing spend of the last 365 days divided by the customers who first bought in them."),
        ("S3", "S15"),
    ),
    "activation": Entry(
        mark("activation"),
        mark("Customers without a purchase who began to look around or bought in the month, of those registered at its start."),
        ("S62",),
    ),
    "activity_rate": Entry(
        mark("activity"),
        mark(
            "Customers who were there in the days the client file calls active, divided by all registered; what counts as being there stands where each measure's counting is told."
        ),
        ("S5",),
    ),
    "again_share": Entry(
        mark("category bought again"),
        mark("Share of a buyer's other shopping days that bring the same category; by luck, if all took it with the same chance."),
        ("S42",),
    ),
    "aov": Entry(
        mark("order value"),
        mark("Revenue divided by orders; never the mean of order lines. Of whom and since when stands where its counting is told."),
        ("S2",),
    ),
    "at_risk": Entry(
        mark("customers followed"),
        mark("Customers whose order lies far enough back that everyone had the same time to come back."),
        ("S64",),
    ),
    "big_spenders": Entry(mark("big spenders"), mark("Customers with the best spend score: about the top fifth."), ("S42",)),
    "bounce_rate": Entry(mark("bounce rate"), mark("Visits in which nothing followed the first page, of all visits."), ("S19",)),
    "bridge": Entry(
        mark("revenue bridge"),
        mark(
            "The change in revenue split among new customers, those who came back, spent more, spent less or did not buy again, and guests; it sums to the cent."
        ),
    ),
    "buyer_kind": Entry(
        mark("kind of buyer"),
        mark(
            "Customers who put about as many pieces on an order line, told apart only where neither chance nor a gradual difference explains them as well; the shares allow for customers who are hard to place."
        ),
        ("S42",),
    ),
    "by_chance": Entry(
        mark("expected by luck"),
        mark(
            "Customers who would have bought on offer only if everyone were as fond of offers as the average order of that month and size."
        ),
        ("S34",),
    ),
    "churn_rate": Entry(
        mark("churn"),
        mark(
            "Of the customers who bought in the days before the month after which one counts as dormant, the share that is gone at its end: dormant or by a farewell. The lifecycle page asks everybody on a buying stage, whom a visit keeps there too, so its base is larger."
        ),
        ("S4", "S60"),
    ),
    "click_through_rate": Entry(mark("searches clicked"), mark("Searches followed by a click on a result, of all searches."), ("S20",)),
    "cohort": Entry(mark("cohort"), mark("The customers whose first order fell in the same month."), ("S6",)),
    "confidence": Entry(
        mark("share of A with B"),
        mark("Of the orders that hold A, the share that holds B too, called confidence; the other direction divides by the orders with B."),
        ("S11",),
    ),
    "conversion_rate": Entry(
        mark("of all visits"), mark("Visits that took this step and all before it in order, of all visits that took any step."), ("S75",)
    ),
    "conviction": Entry(
        mark("conviction"),
        mark(
            "How much more often A would lie in an order without B if the two had nothing to do with each other; 1 is no tie, and it has a direction."
        ),
        ("S73",),
    ),
    "cost_per_new": Entry(
        mark("cost per registration"), mark("Marketing spend of a channel divided by its registrations of the same months."), ("S57",)
    ),
    "customer_value": Entry(
        mark("customer value"),
        mark(
            "What a customer brings in 365 days after the cost of goods, less what it cost to win them; the corrected formula counts each order once, the common short one twice."
        ),
        ("S3",),
    ),
    "decile": Entry(
        mark("tenth of customers"),
        mark("Customers ordered by spend and cut into ten groups of equal size; the first spends most."),
        ("S13",),
    ),
    "dormant": Entry(
        mark("dormant"),
        mark("Customers without a purchase, visit or registration for as many days as the client file says: silent, but within reach."),
        ("S60",),
    ),
    "effectiveness": Entry(
        mark("effectiveness"),
        mark(
            "The mean of three parts from 0 to 100: the share of customers who order no more often, no more at a time and come back no sooner; who came once has no points for coming back."
        ),
        ("S47",),
    ),
    "ever_offer_share": Entry(
        mark("customers who ever used an offer"),
        mark("Customers who have used a coupon or a reduced price so far, divided by the customers who have ordered so far."),
        ("S34",),
    ),
    "expected_customers": Entry(
        mark("expected customers"),
        mark(
            "Customers who would have taken the route if each one's visits had come in any order, season by season: tastes, favourites and seasons make no route."
        ),
        ("S12",),
    ),
    "expected_orders": Entry(
        mark("orders by chance"),
        mark(
            "Orders that would hold both items if each item sold as often and each order held as many items as it does, and nothing else tied them."
        ),
        ("S11",),
    ),
    "expiring_points": Entry(
        mark("points that lapse in 90 days"),
        mark("Points earned that lapse within 90 days after the period unless used; points are used in the order in which they lapse."),
        ("S67",),
    ),
    "extra_revenue": Entry(
        mark("revenue beyond chance"),
        mark("Orders with both items beyond those by chance, times what B brings in per order; not what a campaign would add."),
        ("S11",),
    ),
    "first_payment": Entry(mark("first payment"), mark("Customers with purchases on one day so far."), ("S58",)),
    "first_purchase_rate": Entry(
        mark("first-purchase rate"),
        mark("Registered customers who have bought at least once, divided by all registered."),
        ("S22",),
    ),
    "gini": Entry(mark("Gini"), mark("How unequally customers spend: 0 where all spend the same, near 1 where one spends all."), ("S13",)),
    "go_on_rate": Entry(
        mark("go on to the next order"),
        mark("Customers followed who bought again on a later day within the days named, divided by all customers followed."),
        ("S64",),
    ),
    "going": Entry(
        mark("month's usual price"),
        mark(
            "The median price that known customers paid for a product in a month, where it stands on five lines or more; one customer's bulk order does not move it."
        ),
        ("S27",),
    ),
    "gross_share": Entry(
        mark("of the list price"),
        mark("Coupons, price reductions or both, divided by the list price of everything sold: the strength of discounts."),
        ("S8",),
    ),
    "growth": Entry(
        mark("growth"),
        mark("This month divided by the month before, less one."),
    ),
    "guests": Entry(
        mark("guests"),
        mark("Orders without a customer id: they count in revenue and in no figure per customer."),
        ("S97",),
    ),
    "high_ticket_share": Entry(
        mark("high-ticket"),
        mark("Customers who spend most: the best tenth by spend in the last 365 days, or those above the threshold in the client file."),
        ("S39",),
    ),
    "idle_members": Entry(
        mark("idle members"),
        mark("Members who neither earned nor redeemed points in the 180 days before the end of the period."),
        ("S67",),
    ),
    "k": Entry(
        mark("groups without rules"),
        mark("Customers alike in recency, orders and spend, found by K-Means without rules; Group 1 spends most."),
        ("S41",),
    ),
    "km_median_days": Entry(
        mark("half are back within"),
        mark(
            "Days until half of all first-time buyers have bought on a second day, counting those who have not had the time yet (Kaplan–Meier)."
        ),
        ("S6",),
    ),
    "leverage": Entry(mark("leverage"), mark("The share of orders that holds both items, less the product of their shares."), ("S73",)),
    "lift": Entry(
        mark("lift"),
        mark(
            "How many times more often B lies in orders with A than in all orders; large orders raise it for every pair, so read it beside times expected."
        ),
        ("S73",),
    ),
    "lost": Entry(
        mark("lost"),
        mark("Customers who said farewell: account closed, card returned, unreachable. Silence alone is dormant, not lost."),
        ("S60",),
    ),
    "loyal": Entry(
        mark("loyal buyers"),
        mark("Customers who bought the category on three days or more; the others bought it occasionally."),
        ("S42",),
    ),
    "margin_share": Entry(
        mark("share of margin"),
        mark("Revenue less the cost of the goods, of all customers whose costs are known."),
        ("S13", "S50"),
    ),
    "median_months": Entry(
        mark("median stay"), mark("The months after which half have left a stage, counting stays that go on as going on."), ("S61",)
    ),
    "moved_by_borders": Entry(
        mark("left by shifted borders"),
        mark("Changed segment only because other customers moved the score borders; behaviour is the rest."),
        ("S40",),
    ),
    "near_missers": Entry(
        mark("near-missers"),
        mark(
            "Members who had not reached the tier and stood within 25% of its threshold after an order; compared only with members of as many orders and like spend."
        ),
        ("S65",),
    ),
    "new_customers": Entry(
        mark("new customers"),
        mark("Customers whose first order falls in the month; the lifecycle page counts registrations, which may come earlier."),
        ("S57",),
    ),
    "offer_only": Entry(
        mark("buy on offer only"),
        mark("Customers who bought every product of every order with a coupon or at a reduced price."),
        ("S34",),
    ),
    "offer_share": Entry(
        mark("share of orders on offer"),
        mark("Orders with a coupon or a reduced price, divided by all orders."),
        ("S34",),
    ),
    "order_number": Entry(
        mark("order number"),
        mark("1 for the first day on which a customer bought, 2 for the next one; two orders on one day are one step."),
        ("S64",),
    ),
    "orders_per_customer": Entry(
        mark("orders per customer"),
        mark("Orders of known customers divided by the customers who bought."),
        ("S17",),
    ),
    "own_offer_share": Entry(
        mark("of an order on offer"),
        mark(
            "Share of the product lines of an order that were bought with a coupon or at a reduced price, the mean over a customer's orders."
        ),
        ("S27", "S34"),
    ),
    "pieces_per_line": Entry(
        mark("pieces on a line"),
        mark(
            "Mean pieces of a product on one order line; a product counts the first time a customer buys it, and lines of more than five times what is usual count as bulk purchases and are left out."
        ),
        ("S42",),
    ),
    "points_of_discount": Entry(
        mark("points of discount"),
        mark("Hundredths of the list price: a product at 20% off has ten points more discount than at 10% off."),
        ("S27", "S44"),
    ),
    "position": Entry(
        mark("place on the way"),
        mark(
            "New, active, quiet or asleep by the days since the first and the last order, as the client file counts active and dormant; kept apart from what a customer is worth."
        ),
        ("S48",),
    ),
    "potential": Entry(
        mark("potential"),
        mark(
            "What customers who bought lately would add in a year if their orders were as large as those of the best quarter of customers who order about as often; a gap, no forecast."
        ),
        ("S50",),
    ),
    "price_driven": Entry(
        mark("price-driven"),
        mark(
            "Customers who buy on offer far more often than others who buy the same categories in the same months: with nine chances in ten more than a quarter of the way to always; few orders are drawn towards what is usual."
        ),
        ("S27", "S44"),
    ),
    "price_elasticity": Entry(
        mark("price elasticity"),
        mark(
            "How many per cent more pieces are taken for each per cent of price: −2 means 2% more at a price 1% lower; told within the same customer and product."
        ),
        ("S27", "S44"),
    ),
    "price_tier": Entry(
        mark("price tier"),
        mark(
            "Low, middle or high third of a category's products by their usual price, the median list price over the lines sold; products of one price share a tier."
        ),
        ("S29", "S46"),
    ),
    "q_value": Entry(
        mark("false-discovery rate"),
        mark("The share of false alarms to expect when this pair and all clearer ones are believed."),
        ("S11",),
    ),
    "regular": Entry(mark("regular"), mark("Customers with purchases on two days or more who are no VIPs."), ("S59",)),
    "repurchase_rate": Entry(
        mark("repurchase rate"),
        mark(
            "Customers who bought again, divided by the customers who bought; what counts as again, and since when, stands where each measure's counting is told."
        ),
        ("S1",),
    ),
    "retention_rate": Entry(
        mark("bought again"), mark("Customers who bought again in that time, of those to whom it has happened already."), ("S1",)
    ),
    "return_rate": Entry(
        mark("came back"),
        mark(
            "Orders or order lines of which anything was returned, divided by all; a return is put to the customer's latest purchase of the product."
        ),
        ("S77",),
    ),
    "revenue_effect": Entry(
        mark("part of the change"),
        mark(
            "How much of the change in revenue a factor explains; the parts sum to the change, whichever comes first (logarithmic mean weights)."
        ),
    ),
    "route": Entry(mark("route"), mark("An item and another that the same customer bought later, on another day."), ("S12",)),
    "saved_share": Entry(
        mark("saved by offers"),
        mark("What coupons and reduced prices took off a customer's orders, as a share of the list prices."),
        ("S8",),
    ),
    "score": Entry(
        mark("score"),
        mark("From 1 to 5, higher is better: the share of customers who are no better, in fifths. Equal customers have equal scores."),
        ("S40",),
    ),
    "segment": Entry(
        mark("segment"),
        mark("Customers whom the same row of a map fits first, by scores or plain values; everybody is in exactly one."),
        ("S40",),
    ),
    "silhouette": Entry(mark("silhouette"), mark("How well groups are told apart: 1 is perfect, 0 is not at all."), ("S41",)),
    "spend_per_customer": Entry(
        mark("spend per customer"), mark("Revenue of known customers divided by those who bought, in the time named."), ("S2", "S18")
    ),
    "stage": Entry(
        mark("stage"),
        mark("Where a customer stands: registered, active, first payment, regular, VIP, dormant or lost; exactly one for each customer."),
        ("S56", "S63"),
    ),
    "step_conversion_rate": Entry(
        mark("of the step before"), mark("Visits that took this step, of those that took the step before it."), ("S75",)
    ),
    "support": Entry(
        mark("share of all orders with both"),
        mark("Orders that hold both items divided by all orders, called support."),
        ("S73",),
    ),
    "tag": Entry(
        mark("tag"),
        mark("What is known of a customer in a word or a number, by one rule for all."),
        ("S55",),
    ),
    "threshold": Entry(
        mark("spend at the threshold"),
        mark("What the members who reached the tier had spent in the year up to then; nine in ten had spent more."),
        ("S65",),
    ),
    "tier": Entry(
        mark("loyalty tier"),
        mark("The member's level in the loyalty programme at the end of the period, from the moves in the loyalty ledger."),
        ("S67",),
    ),
    "times_expected": Entry(
        mark("times expected"),
        mark("What was counted divided by what chance alone gives; a pair or route counts from a tenth above chance."),
        ("S11",),
    ),
    "value_driven": Entry(
        mark("value-driven"),
        mark(
            "Customers who buy on offer far less often than others who buy the same categories in the same months: with nine chances in ten more than a quarter below what is usual."
        ),
        ("S27", "S44"),
    ),
    "usual": Entry(
        mark("usual change"),
        mark("The line's mean change in the months before, up to twelve of them."),
        ("S70",),
    ),
    "value_level": Entry(
        mark("value today"),
        mark("High, middle or low by the score for spend in the last 365 days, whatever may come."),
        ("S48",),
    ),
    "verdict": Entry(
        mark("no significant change"),
        mark(
            "The difference may be chance: the 95% interval of the change holds zero, or among so many measures one moves that far by luck."
        ),
        ("S70",),
    ),
    "vip": Entry(
        mark("VIP"),
        mark(
            "Customers the client file counts as VIPs: by spend in the last 365 days, by money paid in ahead, or by the client's own mark."
        ),
        ("S59",),
    ),
    "visitor": Entry(mark("visitor"), mark("Someone seen on the site whom nothing ties to a customer."), ("S56",)),
    "wait_median": Entry(
        mark("half waited up to"),
        mark("Median days from the first item to the second, among those who took the step; others may still take it."),
        ("S12",),
    ),
    "win_back": Entry(
        mark("win-back"), mark("Dormant customers who bought or visited again in the month, of those dormant at its start."), ("S62",)
    ),
    "zhang": Entry(
        mark("Zhang's measure"),
        mark("From −1, never together, over 0, no tie, to 1, always together; it has a direction."),
        ("S73",),
    ),
}
