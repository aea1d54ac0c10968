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
    "attribute": Entry(
        mark("attribute"),
        mark(
            "What purchases suggest about a customer by a rule in the client file; a guess, no knowledge, and never of health, religion, politics, origin or sexual life."
        ),
        ("S80", "S81", "S82"),
    ),
    "attribute_lift": Entry(
        mark("times the others"),
        mark(
            "How many times as often customers whom a rule fits buy what it predicts as others do whose orders of the month hold as many products; the rule looked only at what came before the month."
        ),
        ("S51", "S81"),
    ),
    "base_share": Entry(
        mark("their other looks"),
        mark("What the same customers bought within 30 days of the products they looked at without the signal."),
        ("S76",),
    ),
    "before_effect": Entry(
        mark("revenue in the week before"),
        mark("Revenue of the seven days before a holiday against comparable days."),
        ("S71",),
    ),
    "best_seller_rate": Entry(
        mark("hit rate"),
        mark(
            "Customers who bought at least one of the five items on their list in the month, divided by those who bought anything; the lists were made before the month."
        ),
        ("S88", "S53"),
    ),
    "best_value": Entry(
        mark("best sellers"),
        mark("The tenth of products with most orders a day on sale; set beside all other products."),
        ("S84",),
    ),
    "big_spenders": Entry(mark("big spenders"), mark("Customers with the best spend score: about the top fifth."), ("S42",)),
    "bounce_rate": Entry(mark("bounce rate"), mark("Visits in which nothing followed the first page, of all visits."), ("S19",)),
    "breakage_rate": Entry(
        mark("breakage"),
        mark("Of the points whose time has run out, the share that lapsed unused. Points that are still valid are not in it."),
        ("S67",),
    ),
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
    "buyer_share": Entry(
        mark("bought while it ran"),
        mark("Customers with an order while the campaign ran, of those it reached."),
        ("S7",),
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
            "Of the customers who bought in the days before the month after which one counts as dormant, the share that is gone at its end: dormant or by a farewell. The lifecycle page asks everybody on a buying stage, whom a visit keeps there too, so its base may be a few larger."
        ),
        ("S4", "S60"),
    ),
    "click_through_rate": Entry(mark("searches clicked"), mark("Searches followed by a click on a result, of all searches."), ("S20",)),
    "cohort": Entry(mark("cohort"), mark("The customers whose first order fell in the same month."), ("S6",)),
    "comparable": Entry(
        mark("purchases that can be compared"),
        mark("A product on a day that another customer of the same segment bought too."),
        ("S92",),
    ),
    "confidence": Entry(
        mark("share of A with B"),
        mark("Of the orders that hold A, the share that holds B too, called confidence; the other direction divides by the orders with B."),
        ("S11",),
    ),
    "control": Entry(
        mark("control group"),
        mark("Customers drawn by chance whom a campaign leaves alone, so that they show what would have happened anyway."),
        ("S91",),
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
    "cost_per_customer": Entry(
        mark("cost per customer won"),
        mark("Marketing spend of a channel divided by the customers whose first order fell in the same months."),
        ("S15",),
    ),
    "cost_per_new": Entry(
        mark("cost per registration"), mark("Marketing spend of a channel divided by its registrations of the same months."), ("S57",)
    ),
    "credit_limit": Entry(
        mark("credit limit"),
        mark(
            "A suggestion for customers with a history of orders by instalments or invoice, by the formula named; whether they paid in time is not known."
        ),
        ("S38",),
    ),
    "customer_value": Entry(
        mark("customer value"),
        mark(
            "What a customer brings in 365 days after the cost of goods, less what it cost to win them; the corrected formula counts each order once, the common short one twice."
        ),
        ("S3",),
    ),
    "days_per_piece": Entry(
        mark("days a piece lasts"),
        mark(
            "Median days from one purchase of a product to the customer's next one, per piece, of those who come back; by Kaplan–Meier, so that gaps that are not over yet count as long as they have lasted."
        ),
        ("S9",),
    ),
    "decile": Entry(
        mark("tenth of customers"),
        mark("Customers ordered by spend and cut into ten groups of equal size; the first spends most, and equals are in the same one."),
        ("S13",),
    ),
    "detectable": Entry(
        mark("found from"),
        mark("The smallest true difference that a comparison of this size finds four times in five; a smaller one may well go unseen."),
        ("S91",),
    ),
    "dimension": Entry(
        mark("dimension"),
        mark(
            "One of the four sides of the spending score: means (income, occupation, money paid in ahead), behaviour, expected value, engagement (reviews, shares, questions, favourites)."
        ),
        ("S23", "S24", "S25", "S26", "S31"),
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
    "error_saved": Entry(
        mark("error saved against naive"),
        mark(
            "How much smaller the forecast's mean error was on past weeks than that of the better of two naive ones: the last week again, and the same week a year before."
        ),
        ("S86",),
    ),
    "ever_offer_share": Entry(
        mark("customers who ever used an offer"),
        mark("Customers who have used a coupon or a reduced price so far, divided by the customers who have ordered so far."),
        ("S34",),
    ),
    "expected_categories": Entry(
        mark("categories luck would give"),
        mark(
            "How many categories a customer would have bought from if each line were of any category by that category's share of all lines."
        ),
        ("S26",),
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
    "forecast_error": Entry(
        mark("mean error of the forecast"),
        mark("Mean distance between forecast and what came over the weeks of all past cuts, as a share of mean demand."),
        ("S86",),
    ),
    "gamma_gamma": Entry(
        mark("Gamma-Gamma"),
        mark("What an order of a customer brings, from their own orders and, where these are few, from everybody's."),
        ("S21",),
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
    "held_out_miss": Entry(
        mark("held-out weeks"),
        mark("The last weeks, a third of the history or half a year at most, that a model was not shown and had to foretell."),
        ("S21", "S95"),
    ),
    "hidden": Entry(
        mark("hidden"),
        mark(
            "A count of few people, at least one and fewer than the client file says, or a figure from which such a count could be worked out; only in copies for readers outside the house. Nobody at all is not hidden."
        ),
        ("S102",),
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
    "km_median": Entry(
        mark("all-in days"),
        mark(
            "Days per piece until half of all purchases were followed by another one, with those who never came back counted in (Kaplan–Meier); longer than the days a piece lasts wherever customers leave."
        ),
        ("S9",),
    ),
    "km_median_days": Entry(
        mark("half are back within"),
        mark(
            "Days until half of all first-time buyers have bought on a second day, counting those who have not had the time yet (Kaplan–Meier)."
        ),
        ("S6",),
    ),
    "leverage": Entry(mark("leverage"), mark("The share of orders that holds both items, less the product of their shares."), ("S73",)),
    "liability": Entry(
        mark("liability"),
        mark("What it would cost if every point held were redeemed: points held × the value of a point in the client file."),
        ("S67",),
    ),
    "lift": Entry(
        mark("lift"),
        mark(
            "How many times more often B lies in orders with A than in all orders; large orders raise it for every pair, so read it beside times expected."
        ),
        ("S73",),
    ),
    "like_customers": Entry(
        mark("like customers"),
        mark(
            "Customers whom no campaign reached at that time and who had bought as lately, as often and for as much, and as many times in the days just before."
        ),
        ("S89",),
    ),
    "likely_reason": Entry(
        mark("likely reason"),
        mark(
            "Why a product may sell slowly, the first that fits: newly launched, no longer sold, returned often, dear within its category, buyers who do not come back for it; else few buyers."
        ),
        ("S84",),
    ),
    "line_share": Entry(
        mark("share of the group's lines"),
        mark("Order lines of the category, of all order lines of the group; a group that buys more of everything stands out in nothing."),
        ("S45",),
    ),
    "look_alikes": Entry(
        mark("look-alikes"),
        mark("Newcomers whose first 30 days resemble most those of today's best, the tenth that brought most in the last year."),
        ("S66", "S52"),
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
    "margin_return": Entry(
        mark("margin back for each 1 spent"),
        mark(
            "Margin of the customers won through a channel divided by what was spent on it in the same months: 1 is the money back, and what is above 1 is the return on it."
        ),
        ("S16",),
    ),
    "margin_share": Entry(
        mark("share of margin"),
        mark("Revenue less the cost of the goods, of all customers whose costs are known."),
        ("S13", "S50"),
    ),
    "median_months": Entry(
        mark("median stay"), mark("The months after which half have left a stage, counting stays that go on as going on."), ("S61",)
    ),
    "merged_customers": Entry(
        mark("merged customers"),
        mark("Customer ids that the client says are one person; everything of theirs counts under the id that was kept."),
    ),
    "missing_orders": Entry(
        mark("orders behind the category"),
        mark("Orders a product lacks to the usual product of its category over the days it was on sale."),
        ("S84",),
    ),
    "moved_by_borders": Entry(
        mark("left by shifted borders"),
        mark("Changed segment only because other customers moved the score borders; behaviour is the rest."),
        ("S40",),
    ),
    "near_missers": Entry(
        mark("near-missers"),
        mark(
            "Members who had at least 60% of the spend that a tier takes after an order, and had not reached it; compared only with members who had ordered as often."
        ),
        ("S65",),
    ),
    "new_customers": Entry(
        mark("new customers"),
        mark("Customers whose first order falls in the month; the lifecycle page counts registrations, which may come earlier."),
        ("S57",),
    ),
    "newcomers": Entry(
        mark("newcomers"),
        mark("Customers whose first 30 days ended in the last 90 days."),
        ("S32",),
    ),
    "next_weeks": Entry(
        mark("next four weeks"),
        mark(
            "Demand that Theta and the mean of the last eight weeks foretell on average; blank where this has not beaten naive figures on past weeks."
        ),
        ("S86",),
    ),
    "nps": Entry(
        mark("net promoter score"),
        mark("Share of answers of 9 and 10 less the share of answers of 0 to 6, of all answers to whether one would recommend."),
        ("S14",),
    ),
    "occasion": Entry(
        mark("comparable days"),
        mark(
            "The four days of the same weekday before a day and the four after it that are neither holiday nor promotion, at most eight weeks away."
        ),
        ("S71",),
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
    "outcome": Entry(
        mark("not incremental"),
        mark("Bought by customers some of whom would have bought anyway; how many, only a control group can tell."),
        ("S7",),
    ),
    "own_offer_share": Entry(
        mark("of an order on offer"),
        mark(
            "Share of the product lines of an order that were bought with a coupon or at a reduced price, the mean over a customer's orders."
        ),
        ("S27", "S34"),
    ),
    "p_alive": Entry(
        mark("purchase model"),
        mark(
            "Reckons from how often, how lately and for how long somebody has bought whether they still are a customer and what comes next: BG/NBD, MBG/NBD, Pareto/NBD."
        ),
        ("S21",),
    ),
    "payback_month": Entry(
        mark("paid back in month"),
        mark(
            "The month since the first order by whose end a customer's margin has covered what winning one cost; 0 is the month of that order."
        ),
        ("S16",),
    ),
    "pieces_per_line": Entry(
        mark("pieces on a line"),
        mark(
            "Mean pieces of a product on one order line; a product counts the first time a customer buys it, and lines of more than five times what is usual count as bulk purchases and are left out."
        ),
        ("S42",),
    ),
    "placebo": Entry(
        mark("placebo"),
        mark(
            "The same comparison one campaign's length earlier, when nothing had happened; a difference there says that the customers were different anyway."
        ),
        ("S89",),
    ),
    "plain_rule": Entry(
        mark("plain rule"),
        mark("Customers will buy as those did who stood where they stand: as many purchases, as long silent."),
        ("S21",),
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
    "price_index": Entry(
        mark("price index"),
        mark(
            "What a segment was asked, before coupons, over what other customers were asked for the same products on the same days; 1 is the same."
        ),
        ("S92",),
    ),
    "price_tier": Entry(
        mark("price tier"),
        mark(
            "Low, middle or high third of a category's products by their usual price, the median list price over the lines sold; products of one price share a tier."
        ),
        ("S29", "S46"),
    ),
    "pulled_forward": Entry(
        mark("bought ahead"),
        mark(
            "Share of the pieces bought beyond the customer's usual that only moved the next purchase: days by which it came later, divided by the days that the extra pieces last. The rest is new need."
        ),
        ("S10",),
    ),
    "q_value": Entry(
        mark("false-discovery rate"),
        mark("The share of false alarms to expect when this pair and all clearer ones are believed."),
        ("S11",),
    ),
    "regular": Entry(mark("regular"), mark("Customers with purchases on two days or more who are no VIPs."), ("S59",)),
    "regularity": Entry(
        mark("regularity"),
        mark("How even in time customers buy a product again: nothing at random moments, everything by the clock."),
        ("S9",),
    ),
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
        mark("goods that came back"),
        mark(
            "Orders or order lines of which anything was returned, divided by all; a return is put to the customer's latest purchase of the product."
        ),
        ("S77",),
    ),
    "revenue_at_risk": Entry(
        mark("revenue at risk"),
        mark("What active customers brought in the last year, each one's times the chance of buying nothing in the next 90 days."),
        ("S68",),
    ),
    "revenue_effect": Entry(
        mark("part of the change"),
        mark(
            "How much of the change in revenue a factor explains; the parts sum to the change, whichever comes first (logarithmic mean weights)."
        ),
    ),
    "risk": Entry(
        mark("risk of leaving"),
        mark("The chance that a customer who bought lately buys nothing in the next 90 days: low below a third, high from two thirds."),
        ("S68",),
    ),
    "route": Entry(mark("route"), mark("An item and another that the same customer bought later, on another day."), ("S12",)),
    "saved_share": Entry(
        mark("saved by offers"),
        mark("What coupons and reduced prices took off a customer's orders, as a share of the list prices."),
        ("S8",),
    ),
    "score": Entry(
        mark("RFM score"),
        mark("From 1 to 5, higher is better: the share of customers who are no better, in fifths. Equal customers have equal scores."),
        ("S40",),
    ),
    "season_index": Entry(
        mark("season"),
        mark("Orders a day of a month against those that the trend alone would bring, over at least two whole years."),
        ("S72",),
    ),
    "segment": Entry(
        mark("segment"),
        mark("Customers whom the same row of a map fits first, by scores or plain values; everybody is in exactly one."),
        ("S40",),
    ),
    "shrunk_score": Entry(
        mark("drawn to the mean"),
        mark("A product's mean score, moved towards that of all by as much as chance alone makes products differ."),
        ("S84",),
    ),
    "silhouette": Entry(mark("silhouette"), mark("How well groups are told apart: 1 is perfect, 0 is not at all."), ("S41",)),
    "spend_order": Entry(
        mark("order of spend found"),
        mark("How much of the perfect order of customers by later spend a rule finds (normalised Gini): all of it is 100%, none is 0%."),
        ("S33",),
    ),
    "spend_per_customer": Entry(
        mark("spend per customer"), mark("Revenue of known customers divided by those who bought, in the time named."), ("S2", "S18")
    ),
    "spending_score": Entry(
        mark("spending score"),
        mark(
            "From 0 to 100: the weighted mean of the dimensions known of a customer, each the share of customers who have less and half of those who have as much; what is missing is left out, never 0."
        ),
        ("S23", "S31"),
    ),
    "stage": Entry(
        mark("stage"),
        mark("Where a customer stands: registered, active, first payment, regular, VIP, dormant or lost; exactly one for each customer."),
        ("S56", "S63"),
    ),
    "standing_high": Entry(
        mark("stand high"),
        mark(
            "Customers whose spending score is among the best, as large a share as the client file says, of those whose score is made of the same dimensions."
        ),
        ("S23",),
    ),
    "step_conversion_rate": Entry(
        mark("of the step before"), mark("Visits that took this step, of those that took the step before it."), ("S75",)
    ),
    "stop_share": Entry(
        mark("stop after reaching a tier"),
        mark(
            "Of the members who would have bought again in the 90 days after reaching the tier, the share who did not. How many would have is taken from near-misses who had ordered as often in the last 365 and 90 days."
        ),
        ("S65",),
    ),
    "support": Entry(
        mark("share of all orders with both"),
        mark("Orders that hold both items divided by all orders, called support."),
        ("S73",),
    ),
    "suspected_abuse": Entry(
        mark("suspected of abuse"),
        mark(
            "Customers whom one of the client's rules on refunds, round trips, thresholds, quantities or coupons fits; a reason to look, no verdict."
        ),
        ("S35",),
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
    "trend": Entry(
        mark("trend"),
        mark(
            "Rising or falling when the share of orders that hold the item changed by a tenth or more in the last 91 days and beyond chance."
        ),
        ("S72",),
    ),
    "uplift": Entry(
        mark("uplift"),
        mark("What the customers a campaign reached did beyond those it kept back by chance: the part that would not have come anyway."),
        ("S91",),
    ),
    "value_at_stake": Entry(
        mark("value at stake"),
        mark("What a dormant customer brought in the year up to the last order, returns off, less what is expected of them anyway."),
        ("S68",),
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
    "weight": Entry(
        mark("weight"),
        mark(
            "Share of the spending score that a part makes up where everything known here is known of a customer; the client file sets the weights of the dimensions."
        ),
        ("S23",),
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
