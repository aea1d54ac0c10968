"""Offers side by side: customers of one segment who were offered different things in one campaign are counted. [S92]"""

from __future__ import annotations

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.campaigns import CONTROL, MOST_OFFERS, NO_OFFER
from custkit.engine import frame
from custkit.words import mark

# Who had not bought in the year before the segments were made.
NO_SEGMENT = mark("not in a segment yet")
COLUMNS = ("segment", "contacts", "in_tests", "offers", "other_offers", "other_share")


def offer_fairness(contacts: ir.Table, segmented: ir.Table) -> pd.DataFrame:
    """Count, by segment, those who were offered something else than most of their segment in the same campaign.

    contacts, customer_id | segment  →  segment | contacts (customers in a campaign), in_tests (of them in campaigns with a control group,
    where chance decides who is offered what), offers (most different ones in one other campaign), other_offers (contacts with another offer
    than most of the segment), other_share (of those not in tests)

    A contact without an offer in a campaign that names offers was offered nothing, which is another offer. Left out are campaigns that
    name no offer, and those with more than eight: these are codes of each customer. Largest segment first. It says that customers were
    treated otherwise, not that they were wronged. [S92]
    """
    kinds = contacts.group_by("campaign_id").aggregate(kinds=_.offer.nunique(), is_test=(_.arm == CONTROL).fill_null(False).any())
    named = contacts.join(kinds.filter(_.kinds > 0, _.kinds <= MOST_OFFERS), "campaign_id")
    placed = named.left_join(segmented.select("customer_id", "segment"), "customer_id").mutate(
        segment=_.segment.fill_null(NO_SEGMENT),
        offer=_.offer.fill_null(NO_OFFER),
        is_drawn=_.is_test.ifelse(1, 0),
    )
    offered = placed.filter(_.is_drawn == 0).group_by("campaign_id", "segment", "offer").aggregate(n=_.count())
    of_campaign = offered.group_by("campaign_id", "segment").aggregate(offers=_.count(), told=_.n.sum(), most=_.n.max())
    counted = of_campaign.group_by("segment").aggregate(offers=_.offers.max(), other_offers=(_.told - _.most).sum())
    sizes = placed.group_by("segment").aggregate(contacts=_.count(), in_tests=_.is_drawn.sum())
    found = frame(sizes.left_join(counted, "segment").drop("segment_right"))
    found = found.fillna({"offers": 0, "other_offers": 0}).astype({"offers": "int64", "other_offers": "int64"})
    asked = found["contacts"] - found["in_tests"]
    found = found.assign(other_share=found["other_offers"] / asked.where(asked > 0))
    return found.sort_values(["contacts", "segment"], ascending=[False, True], ignore_index=True)[list(COLUMNS)]
