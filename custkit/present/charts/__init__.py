"""Charts, named by what they answer. Each draws a small frame on axes and returns them."""

from custkit.present.charts.segmentation import group_profile, lorenz_curve, segment_migration, segment_shares

from custkit.present.charts.loyalty_tracking import loyalty_ladder as loyalty_ladder
from custkit.present.charts.loyalty_tracking import offer_use as offer_use
from custkit.present.charts.loyalty_tracking import tier_effect as tier_effect
from custkit.present.charts.loyalty_tracking import tier_members as tier_members
