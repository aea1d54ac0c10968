"""Charts, named by what they answer. Each draws a small frame on axes and returns them."""

from custkit.present.charts.association_rules import cycle_lengths, pair_directions, route_waits, strongest_pairs
from custkit.present.charts.campaigns import campaign_differences, campaign_uplifts, channel_payback
from custkit.present.charts.data_health import rows_by_month
from custkit.present.charts.lifecycle_funnel import (
    cohort_heat,
    funnel_bars,
    funnel_by_group,
    registrations_that_buy,
    return_curve,
    stage_bars,
    stage_moves,
    stay_curve,
)
from custkit.present.charts.lifetime_value import (
    held_out_orders,
    orders_due,
    purchases_foretold,
    risk_told_and_come,
    spend_told_and_come,
    why_quiet,
)
from custkit.present.charts.loyalty_tracking import loyalty_ladder, offer_use, tier_members, tier_stops
from custkit.present.charts.overview import revenue_bridge, revenue_months, revenue_tree, second_purchase_curve, user_structure
from custkit.present.charts.price_response import discount_response, price_tier_shares
from custkit.present.charts.purchase_behaviour import busy_hours, demand_weeks, season_months, special_day_effects
from custkit.present.charts.segmentation import cross_heat, lorenz_curve, segment_migration, segment_shares
from custkit.present.charts.spending_power import next_spend_by_tenth
from custkit.present.charts.voice import complaint_causes, nps_months, unmet_queries
