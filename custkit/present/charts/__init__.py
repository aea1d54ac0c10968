"""Charts, named by what they answer. Each draws a small frame on axes and returns them."""

from custkit.present.charts.association_rules import pair_directions, route_waits, strongest_pairs
from custkit.present.charts.loyalty_tracking import loyalty_ladder, offer_use, tier_effect, tier_members
from custkit.present.charts.segmentation import group_profile, lorenz_curve, segment_migration, segment_shares
