"""Every analysis a notebook shows, asked as the notebooks ask it: name → question to a book.

A question is `module.function` of custkit.analysis, with a word behind it where one is asked in several ways. Thresholds on numbers
of customers are lower than in the notebooks where the small shop would have no answer.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

from custkit.analysis import (
    abuse,
    action_lists,
    answers,
    attributes,
    base_attributes,
    before_after,
    best_sellers,
    breadth,
    bridge,
    campaign_uplift,
    campaign_value,
    campaigns,
    causes,
    changes,
    channel_value,
    churn_risk,
    clv_summary,
    cohorts,
    concentration,
    conservation,
    crosses,
    customer_tags,
    customer_value,
    data_changes,
    definitions,
    demand,
    difference_in_differences,
    discount_response,
    early_features,
    early_value,
    favourites,
    fields,
    funnel,
    health_laws,
    high_ticket,
    hold_out,
    incremental_sales,
    interactions,
    itemsets,
    kmeans,
    kpis,
    ladder,
    lifecycle,
    lifetime,
    lifetime_forecast,
    lifetime_ways,
    list_scores,
    look_alikes,
    margins,
    migration,
    needs,
    next_order,
    noise,
    offer_fairness,
    offers,
    one_view,
    order_size,
    orders_due,
    payments,
    points,
    price_fairness,
    price_sensitivity,
    price_tiers,
    quality,
    recommendation,
    recommendations,
    registrations,
    replenishment,
    returns,
    revenue_tree,
    rfm,
    routes,
    rules,
    satisfaction,
    season,
    second_purchase,
    segment_laws,
    segment_maps,
    shopping_times,
    signals,
    special_days,
    spending_actions,
    spending_score,
    structure,
    survival,
    tag_register,
    tier_changes,
    tier_stop,
    tiers,
    touch_points,
    unlinked,
    unmet_searches,
    value_angles,
    win_back,
)
from custkit.book import Book
from custkit.client import Abuse


class Questions:
    """What several questions share: each made once a book."""

    def __init__(self, book: Book) -> None:
        self.book, self.rules = book, book.client.lifecycle
        self.people = (book.customers, book.purchases, book.events)
        # The shop knows no incomes: sizes of households and channels stand in for bands and occupations.
        self.bands = book.customers.mutate(income_band=book.customers.household_size, occupation=book.customers.acquisition_channel)
        before = book.at(book.period - 6)
        self.half_a_year_ago, self.since = rfm.rfm(before.purchases, as_of=before.as_of), before.as_of
        self.lines = book.order_lines.filter(book.order_lines.ordered_at >= book.days_before(365))
        self.month_lines = self.lines.filter(self.lines.ordered_at >= book.start)
        self.month_visits = book.events.filter(book.events.occurred_at >= book.start)
        self.opened = book.customers.filter(book.has("customers.registered_at"))
        self.values = rfm.rfm(book.purchases, as_of=book.as_of)
        self.scores = rfm.rfm_scores(self.values)
        self.segmented = rfm.rfm_segments(self.scores, segments=book.client.segments)
        self.tags = customer_tags.customer_tags(book.purchases, book.order_lines, book.products, as_of=book.as_of, client=book.client)
        self.ask: Callable[[str], Any] = cache(lambda name: ANSWERS[name](self))

    def moods(self) -> Any:
        return answers.answer_moods(self.book.surveys)

    def year(self) -> dict[str, Any]:
        return {"start": self.book.days_before(365), "as_of": self.book.as_of}

    def gaps(self) -> Any:
        return self.ask("next_order.customer_gaps")

    def early(self) -> Any:
        return self.ask("early_features.early_features")

    def baskets(self) -> Any:
        return itemsets.baskets(self.lines, self.book.products, level=self.ask("itemsets.item_level"))

    def month_baskets(self) -> Any:
        return itemsets.baskets(self.month_lines, self.book.products, level=self.ask("itemsets.item_level"))

    def needs(self) -> Any:
        return self.ask("replenishment.product_spells"), self.ask("replenishment.replenishment_cycles")

    def evidence(self) -> Any:
        return recommendations.learnt(self.book.order_lines, self.book.products, as_of=self.book.as_of)

    def standings(self) -> Any:
        """Two months of what is known of each customer, by month."""
        self.known = getattr(self, "known", None) or action_lists.standings_by_month(self.book, months=2)
        return self.known

    def on_lists(self) -> Any:
        return self.ask("action_lists.listed")

    def stages(self) -> Any:
        return lifecycle.customer_stages(*self.people, as_of=self.book.as_of, rules=self.rules)


ANSWERS: dict[str, Callable[[Questions], Any]] = {
    # association_rules
    "itemsets.item_level": lambda q: itemsets.item_level(q.lines, q.book.products),
    "itemsets.baskets": lambda q: q.baskets(),
    "itemsets.basket_sizes": lambda q: itemsets.basket_sizes(q.baskets()),
    "itemsets.frequent_itemsets": lambda q: itemsets.frequent_itemsets(q.baskets(), min_support=0.02, max_length=3),
    "rules.directional_pairs": lambda q: rules.directional_pairs(q.baskets()),
    "rules.significant": lambda q: rules.significant(q.ask("rules.directional_pairs")),
    "rules.with_value": lambda q: rules.with_value(
        q.ask("rules.significant"), q.lines, q.book.products, level=q.ask("itemsets.item_level")
    ),
    "rules.pairs_held": lambda q: rules.pairs_held(q.ask("rules.directional_pairs"), q.month_baskets()),
    "routes.visits": lambda q: routes.visits(q.lines, q.book.products, level=q.ask("itemsets.item_level")),
    "routes.routes next-order": lambda q: routes.routes(q.ask("routes.visits"), step="next-order", min_customers=10),
    "routes.routes any-later": lambda q: routes.routes(q.ask("routes.visits"), step="any-later", min_customers=10),
    # voice
    "answers.answer_moods": lambda q: q.moods(),
    "answers.answer_sources": lambda q: answers.answer_sources(q.moods()),
    "answers.who_answers": lambda q: answers.who_answers(q.moods(), q.book.purchases, **q.year()),
    "recommendation.nps": lambda q: recommendation.nps(q.moods(), **q.year()),
    "recommendation.nps_months": lambda q: recommendation.nps_months(q.moods(), **q.year()),
    "recommendation.nps_tiers": lambda q: recommendation.nps_tiers(q.moods(), q.book.loyalty_ledger, **q.year()),
    "recommendation.nps_change": lambda q: recommendation.nps_change(q.moods(), middle=q.book.days_before(91), **q.year()),
    "recommendation.differences": lambda q: recommendation.differences(q.ask("recommendation.nps_tiers")),
    "causes.answer_causes": lambda q: causes.answer_causes(q.moods(), topics=q.book.client.topics),
    "causes.complaint_causes": lambda q: causes.complaint_causes(q.ask("causes.answer_causes"), **q.year()),
    "causes.cause_changes": lambda q: causes.cause_changes(
        q.ask("causes.answer_causes"), middle=q.book.days_before(182), min_complaints=1, **q.year()
    ),
    "satisfaction.product_satisfaction": lambda q: satisfaction.product_satisfaction(q.moods(), q.book.products, **q.year()),
    "unmet_searches.unmet_share": lambda q: unmet_searches.unmet_share(q.book.events, q.book.purchases, **q.year()),
    "unmet_searches.unmet_queries": lambda q: unmet_searches.unmet_queries(q.book.events, **q.year()),
    "needs.mentions": lambda q: needs.mentions(q.ask("causes.answer_causes"), q.book.events, q.book.products),
    "needs.segment_needs": lambda q: needs.segment_needs(q.ask("needs.mentions"), q.segmented),
    "recommendation.nps_tier_quarters": lambda q: recommendation.nps_tier_quarters(
        q.moods(), q.book.loyalty_ledger, order=q.book.client.tiers, **q.year()
    ),
    "touch_points.order_touches": lambda q: touch_points.order_touches(q.book.events, q.book.purchases, **q.year()),
    "touch_points.touch_channels": lambda q: touch_points.touch_channels(q.ask("touch_points.order_touches")),
    "touch_points.touch_steps": lambda q: touch_points.touch_steps(q.ask("touch_points.order_touches")),
    "touch_points.touch_coverage": lambda q: touch_points.touch_coverage(q.ask("touch_points.order_touches"), q.book.purchases, **q.year()),
    "signals.product_looks": lambda q: signals.product_looks(q.book.events, q.book.order_lines, **q.year()),
    "signals.signal_outcomes": lambda q: signals.signal_outcomes(q.ask("signals.product_looks")),
    "interactions.interactions": lambda q: interactions.interactions(q.book.customers, q.book.events, as_of=q.book.as_of),
    "interactions.interaction_levels": lambda q: interactions.interaction_levels(
        q.ask("interactions.interactions"), q.book.purchases, as_of=q.book.as_of
    ),
    "interactions.long_contact": lambda q: interactions.long_contact(q.book.events, q.book.purchases, as_of=q.book.as_of),
    "interactions.contact_reasons": lambda q: interactions.contact_reasons(q.ask("interactions.long_contact")),
    "replenishment.product_spells": lambda q: replenishment.product_spells(q.book.order_lines, as_of=q.book.as_of),
    "replenishment.replenishment_cycles": lambda q: replenishment.replenishment_cycles(
        q.ask("replenishment.product_spells"), q.book.products, min_customers=5
    ),
    "replenishment.due_list": lambda q: replenishment.due_list(*q.needs(), as_of=q.book.as_of),
    "replenishment.due_totals": lambda q: replenishment.due_totals(q.ask("replenishment.due_list"), as_of=q.book.as_of),
    "replenishment.due_test": lambda q: replenishment.due_test(q.book.order_lines, q.book.products, start=q.book.start, as_of=q.book.as_of),
    "incremental_sales.incremental_sales": lambda q: incremental_sales.incremental_sales(*q.needs()),
    "recommendations.learnt": lambda q: q.evidence().pairs,
    "recommendations.recommendations": lambda q: recommendations.recommendations(
        q.book.order_lines, q.book.products, as_of=q.book.as_of, evidence=q.evidence()
    ),
    "recommendations.reason_counts": lambda q: recommendations.reason_counts(q.ask("recommendations.recommendations")),
    "recommendations.recommendation_test": lambda q: recommendations.recommendation_test(
        q.book.order_lines, q.book.products, start=q.book.start, as_of=q.book.as_of
    ),
    # campaigns
    "campaigns.campaign_spans": lambda q: campaigns.campaign_spans(
        q.book.campaigns, q.book.campaign_contacts, q.book.orders, as_of=q.book.as_of
    ),
    "campaigns.campaign_outcomes": lambda q: campaigns.campaign_outcomes(
        q.ask("campaigns.campaign_spans"), q.book.campaign_contacts, q.book.orders, gross_margin=q.book.client.gross_margin
    ),
    "campaigns.campaign_summary": lambda q: campaigns.campaign_summary(
        q.ask("campaigns.campaign_spans"), q.ask("campaigns.campaign_outcomes")
    ),
    "campaign_uplift.campaign_uplift": lambda q: campaign_uplift.campaign_uplift(
        q.ask("campaigns.campaign_spans"), q.ask("campaigns.campaign_outcomes")
    ),
    "campaign_uplift.campaign_returns": lambda q: campaign_uplift.campaign_returns(
        q.ask("campaigns.campaign_spans"), q.ask("campaign_uplift.campaign_uplift")
    ),
    "before_after.before_after_customers": lambda q: before_after.before_after_customers(
        q.ask("campaigns.campaign_spans"), q.book.campaign_contacts, q.book.customers, q.book.orders, as_of=q.book.as_of
    ),
    "difference_in_differences.difference_in_differences": lambda q: difference_in_differences.difference_in_differences(
        q.ask("campaigns.campaign_spans"), q.ask("before_after.before_after_customers")
    ),
    "campaign_value.value_difference": lambda q: campaign_value.value_difference(
        q.ask("campaigns.campaign_spans"), q.ask("before_after.before_after_customers"), q.book.purchases, as_of=q.book.as_of
    ),
    "channel_value.won_customers": lambda q: channel_value.won_customers(q.book.customers, q.book.orders, as_of=q.book.as_of),
    "channel_value.channel_value": lambda q: channel_value.channel_value(
        q.ask("channel_value.won_customers"), q.book.orders, q.book.marketing_spend, as_of=q.book.as_of
    ),
    "channel_value.channel_curves": lambda q: channel_value.channel_curves(
        q.ask("channel_value.won_customers"), q.book.orders, q.ask("channel_value.channel_value"), as_of=q.book.as_of
    ),
    "offer_fairness.offer_fairness": lambda q: offer_fairness.offer_fairness(q.book.campaign_contacts, q.segmented),
    "price_fairness.day_prices": lambda q: price_fairness.day_prices(
        q.book.order_lines, q.segmented, start=q.book.days_before(90), as_of=q.book.as_of
    ),
    "price_fairness.price_fairness": lambda q: price_fairness.price_fairness(q.ask("price_fairness.day_prices")),
    # lifecycle_funnel
    "lifecycle.stage_coverage": lambda q: lifecycle.stage_coverage(q.book.has, rules=q.rules),
    "lifecycle.customer_stages": lambda q: q.stages(),
    "lifecycle.visitors": lambda q: lifecycle.visitors(q.book.events, as_of=q.book.as_of, rules=q.rules),
    "lifecycle.stage_counts": lambda q: lifecycle.stage_counts(
        q.stages(), visitors=q.ask("lifecycle.visitors"), coverage=q.ask("lifecycle.stage_coverage")
    ),
    "lifecycle.month_moves": lambda q: lifecycle.month_moves(*q.people, as_of=q.book.as_of, rules=q.rules),
    "lifecycle.vip_definitions": lambda q: lifecycle.vip_definitions(*q.people, as_of=q.book.as_of, rules=q.rules, has=q.book.has),
    "lifecycle.stage_history": lambda q: lifecycle.stage_history(*q.people, as_of=q.book.as_of, rules=q.rules),
    "lifecycle.stage_dwell": lambda q: lifecycle.stage_dwell(q.ask("lifecycle.stage_history")),
    "lifecycle.month_rates": lambda q: lifecycle.month_rates(*q.people, as_of=q.book.as_of, rules=q.rules),
    "lifecycle.month_rates a month before": lambda q: lifecycle.month_rates(*q.people, as_of=q.book.start, rules=q.rules),
    "registrations.registration_quality": lambda q: registrations.registration_quality(
        q.opened, q.book.purchases, q.book.marketing_spend, as_of=q.book.as_of
    ),
    "funnel.funnel": lambda q: funnel.funnel(q.month_visits),
    "funnel.funnel_splits": lambda q: funnel.funnel_splits(q.month_visits, q.book.customers),
    "funnel.conversion_by_month": lambda q: funnel.conversion_by_month(q.book.events),
    "funnel.visit_quality": lambda q: funnel.visit_quality(q.month_visits, "channel", "device"),
    "funnel.search_use": lambda q: funnel.search_use(q.month_visits),
    "cohorts.cohorts": lambda q: cohorts.cohorts(q.book.purchases, as_of=q.book.as_of),
    "cohorts.cohort_ages": lambda q: cohorts.cohort_ages(q.ask("cohorts.cohorts")),
    "cohorts.day_retention": lambda q: cohorts.day_retention(q.book.purchases, as_of=q.book.as_of),
    "cohorts.churn_spells": lambda q: cohorts.churn_spells(
        q.book.customers, q.book.purchases, as_of=q.book.as_of, dormant_days=q.rules.dormant_days
    ),
    "second_purchase.second_purchase_spells": lambda q: second_purchase.second_purchase_spells(q.book.purchases, as_of=q.book.as_of),
    # actions
    "action_lists.chosen": lambda q: tuple(one.name for one in action_lists.chosen(())),
    "action_lists.standings_by_month": lambda q: q.standings()[q.book.period],
    "action_lists.listed": lambda q: action_lists.listed(q.standings()[q.book.period], max_lists=2, consent=True),
    "action_lists.list_sizes": lambda q: action_lists.list_sizes(q.standings()[q.book.period], q.on_lists(), consent=True),
    "action_lists.control_sizes": lambda q: action_lists.control_sizes(q.ask("action_lists.list_sizes"), q.ask("list_scores.month_scores")),
    "action_lists.with_control": lambda q: action_lists.with_control(
        q.on_lists(), q.ask("action_lists.control_sizes"), salt="engines|2026-10"
    ),
    "action_lists.segment_lists": lambda q: action_lists.segment_lists(q.on_lists()),
    "action_lists.control_salt": lambda q: action_lists.control_salt(q.book),
    "list_scores.month_scores": lambda q: list_scores.month_scores(q.standings(), q.book, max_lists=2, consent=True),
    "list_scores.past_scores": lambda q: list_scores.past_scores(q.standings(), q.book),
    "list_scores.expected_without_contact": lambda q: list_scores.expected_without_contact(
        q.ask("action_lists.list_sizes"), q.ask("list_scores.month_scores"), margin=0.4
    ),
    "tag_register.tag_history": lambda q: tag_register.tag_history(q.standings(), q.book, rules=q.book.client.tags),
    "tag_register.tag_register": lambda q: tag_register.tag_register(
        q.standings()[q.book.period], q.ask("tag_register.tag_history"), rules=q.book.client.tags
    ),
    # loyalty_tracking
    "conservation.loyalty_laws": lambda q: conservation.loyalty_laws(
        q.book.loyalty_ledger,
        start=q.book.days_before(365),
        flow=q.ask("points.points_by_month"),
        ageing=q.ask("points.points_ageing"),
        moves=q.ask("tier_changes.tier_matrix"),
    ),
    "ladder.loyalty_ladder": lambda q: ladder.loyalty_ladder(q.book.purchases, q.book.order_lines, q.book.products, as_of=q.book.as_of),
    "ladder.ladder_dips": lambda q: ladder.ladder_dips(q.ask("ladder.loyalty_ladder")),
    "tiers.tier_activity": lambda q: tiers.tier_activity(
        q.book.loyalty_ledger, start=q.book.start, as_of=q.book.as_of, order=q.book.client.tiers
    ),
    "ladder.same_customers_ladder": lambda q: ladder.same_customers_ladder(q.book.purchases, q.book.order_lines, q.book.products),
    "tier_stop.qualifying_orders": lambda q: tier_stop.qualifying_orders(
        q.book.purchases, q.book.loyalty_ledger, as_of=q.book.as_of, order=q.book.client.tiers
    ),
    "tier_stop.tier_stops": lambda q: tier_stop.tier_stops(q.ask("tier_stop.qualifying_orders"), order=q.book.client.tiers),
    "points.points_by_month": lambda q: points.points_by_month(q.book.loyalty_ledger, as_of=q.book.as_of),
    "points.points_held": lambda q: points.points_held(q.book.loyalty_ledger),
    "points.points_ageing": lambda q: points.points_ageing(q.book.loyalty_ledger, as_of=q.book.as_of, point_value=0.01),
    "points.breakage": lambda q: points.breakage(q.book.loyalty_ledger, as_of=q.book.as_of),
    "tier_changes.changes_by_month": lambda q: tier_changes.changes_by_month(
        q.book.loyalty_ledger, start=q.book.days_before(365), as_of=q.book.as_of, order=q.book.client.tiers
    ),
    "tier_changes.tier_matrix": lambda q: tier_changes.tier_matrix(
        q.book.loyalty_ledger, start=q.book.days_before(365), order=q.book.client.tiers
    ),
    "tier_changes.near_upgrade": lambda q: tier_changes.near_upgrade(
        q.book.purchases, q.book.loyalty_ledger, q.ask("tier_stop.qualifying_orders"), as_of=q.book.as_of, order=q.book.client.tiers
    ),
    "tier_changes.near_upgrade_summary": lambda q: tier_changes.near_upgrade_summary(
        q.ask("tier_changes.near_upgrade"), order=q.book.client.tiers
    ),
    "offers.offers_so_far": lambda q: offers.offers_so_far(q.book.purchases),
    "offers.offer_habit": lambda q: offers.offer_habit(q.ask("offers.offers_so_far")),
    "offers.offers_by_month": lambda q: offers.offers_by_month(q.book.purchases),
    "offers.offer_only": lambda q: offers.offer_only(q.book.purchases, q.book.order_lines),
    # overview
    "kpis.monthly_kpis": lambda q: kpis.monthly_kpis(q.book.orders, q.book.customers, q.book.events, period=q.book.period, rules=q.rules),
    "noise.month_noise": lambda q: noise.month_noise(q.book.orders, q.ask("kpis.monthly_kpis"), period=q.book.period),
    "definitions.as_chosen": lambda q: definitions.as_chosen(q.ask("kpis.monthly_kpis"), definitions=q.book.client.definitions),
    "changes.changes": lambda q: changes.changes(q.ask("definitions.as_chosen"), q.ask("noise.month_noise")),
    "bridge.revenue_bridge": lambda q: bridge.revenue_bridge(q.book.orders, period=q.book.period),
    "revenue_tree.revenue_tree": lambda q: revenue_tree.revenue_tree(q.ask("kpis.monthly_kpis"), q.ask("noise.month_noise")),
    "second_purchase.second_purchase_summary": lambda q: second_purchase.second_purchase_summary(
        q.ask("second_purchase.second_purchase_spells")
    ),
    "survival.kaplan_meier": lambda q: survival.kaplan_meier(q.ask("second_purchase.second_purchase_spells")),
    "structure.user_structure": lambda q: structure.user_structure(q.stages(), q.segmented),
    "customer_value.customer_value": lambda q: customer_value.customer_value(
        q.book.orders, q.book.marketing_spend, as_of=q.book.as_of, gross_margin=q.book.client.gross_margin
    ),
    "lifetime_ways.lifetime_ways": lambda q: lifetime_ways.lifetime_ways(q.book.purchases, as_of=q.book.as_of),
    "definitions.passport": lambda q: definitions.passport(
        q.ask("kpis.monthly_kpis"),
        q.ask("noise.month_noise"),
        q.ask("second_purchase.second_purchase_summary"),
        q.ask("customer_value.customer_value"),
        q.ask("lifetime_ways.lifetime_ways"),
        definitions=q.book.client.definitions,
        period=q.book.period,
    ),
    "conservation.base": lambda q: conservation.base(q.book.purchases, as_of=q.book.as_of, start=q.book.days_before(365)),
    "conservation.laws": lambda q: conservation.laws(
        score_customers=([*q.ask("spending_score.score_coverage").customers, 0], q.ask("conservation.base").buyers)
    ),
    "conservation.voice_laws": lambda q: conservation.voice_laws(
        q.moods(),
        q.ask("touch_points.order_touches"),
        q.ask("interactions.interactions"),
        q.book.purchases,
        **q.year(),
        sources=q.ask("answers.answer_sources"),
        months=q.ask("recommendation.nps_months"),
        complaints=q.ask("causes.complaint_causes"),
        who=q.ask("answers.who_answers"),
        channels=q.ask("touch_points.touch_channels"),
        levels=q.ask("interactions.interaction_levels"),
    ),
    "conservation.month_laws": lambda q: conservation.month_laws(
        q.book.orders,
        q.book.customers,
        period=q.book.period,
        kpis=q.ask("kpis.monthly_kpis"),
        bridge=q.ask("bridge.revenue_bridge"),
        tree=q.ask("revenue_tree.revenue_tree"),
        structure=q.ask("structure.user_structure"),
        waits=q.ask("second_purchase.second_purchase_spells"),
    ),
    "customer_value.needed": lambda q: customer_value.needed(q.book.client.gross_margin),
    # lifetime_value: what a shop of 800 customers can carry, the models' refusals among it
    "clv_summary.clv_summary": lambda q: clv_summary.clv_summary(q.book.purchases, as_of=q.book.as_of),
    "clv_summary.purchase_counts": lambda q: clv_summary.purchase_counts(q.ask("clv_summary.clv_summary")),
    "clv_summary.held_out_purchases": lambda q: clv_summary.held_out_purchases(q.book.purchases, cut=q.book.start, as_of=q.book.as_of),
    "lifetime.fit_lifetime": lambda q: lifetime.fit_lifetime(q.book.purchases, as_of=q.book.as_of),
    "lifetime.fit_lifetime by the plain rule": lambda q: lifetime.fit_lifetime(q.book.purchases, as_of=q.book.as_of, model="plain"),
    "lifetime_forecast.customer_lifetimes": lambda q: lifetime_forecast.customer_lifetimes(
        q.book.purchases, lifetime=q.ask("lifetime.fit_lifetime"), margin=0.4
    ),
    "lifetime_forecast.customer_lifetimes by the plain rule": lambda q: lifetime_forecast.customer_lifetimes(
        q.book.purchases, lifetime=q.ask("lifetime.fit_lifetime by the plain rule")
    ),
    "lifetime_forecast.forecast": lambda q: lifetime_forecast.forecast(
        q.book.purchases, lifetime=q.ask("lifetime.fit_lifetime"), margin=0.4
    ),
    "lifetime_forecast.model_card": lambda q: lifetime_forecast.model_card(
        q.ask("lifetime.fit_lifetime"), lifetime.fit_lifetime(q.book.previous.purchases, as_of=q.book.previous.as_of)
    ),
    "margins.kept_share": lambda q: margins.kept_share(q.book.orders, as_of=q.book.as_of),
    "next_order.customer_gaps": lambda q: next_order.customer_gaps(q.book.purchases, as_of=q.book.as_of),
    "next_order.fit_cycle": lambda q: next_order.fit_cycle(q.gaps()),
    "next_order.with_cycle": lambda q: next_order.with_cycle(q.gaps(), cycle=q.ask("next_order.fit_cycle")),
    "next_order.next_orders": lambda q: next_order.next_orders(q.gaps(), cycle=q.ask("next_order.fit_cycle"), as_of=q.book.as_of),
    "next_order.next_order_check": lambda q: next_order.next_order_check(q.book.purchases, as_of=q.book.as_of),
    "orders_due.order_chances": lambda q: orders_due.order_chances(q.book.purchases, as_of=q.book.as_of, model="bg_nbd"),
    "orders_due.due_check": lambda q: orders_due.due_check(q.book.purchases, as_of=q.book.as_of, model="bg_nbd"),
    "orders_due.orders_due": lambda q: orders_due.orders_due(
        q.ask("orders_due.order_chances"), q.ask("orders_due.due_check"), as_of=q.book.as_of
    ),
    "churn_risk.fit_churn_risk": lambda q: churn_risk.fit_churn_risk(q.book.purchases, as_of=q.book.as_of, model="plain"),
    "churn_risk.fit_churn_risk with a purchase model": lambda q: churn_risk.fit_churn_risk(
        q.book.purchases, as_of=q.book.as_of, model="bg_nbd"
    ),
    "churn_risk.customer_risks": lambda q: churn_risk.customer_risks(q.book.purchases, fitted=q.ask("churn_risk.fit_churn_risk")),
    "churn_risk.risk_summary": lambda q: churn_risk.risk_summary(q.ask("churn_risk.customer_risks"), q.book.purchases, as_of=q.book.as_of),
    "win_back.dormant_causes": lambda q: win_back.dormant_causes(
        q.stages(), q.book.orders, q.book.surveys, q.gaps(), cycle=q.ask("next_order.fit_cycle"), as_of=q.book.as_of
    ),
    "win_back.win_back": lambda q: win_back.win_back(
        q.ask("win_back.dormant_causes"), q.ask("lifetime_forecast.customer_lifetimes by the plain rule")
    ),
    "win_back.cause_summary": lambda q: win_back.cause_summary(q.ask("win_back.dormant_causes"), q.ask("win_back.win_back")),
    "early_features.early_features": lambda q: early_features.early_features(
        q.book.orders, q.book.order_lines, q.book.products, q.book.events, q.book.customers, as_of=q.book.as_of
    ),
    "early_value.fit_early_value": lambda q: early_value.fit_early_value(q.early()),
    "early_value.early_values": lambda q: early_value.early_values(
        q.early(), fitted=q.ask("early_value.fit_early_value"), as_of=q.book.as_of
    ),
    "early_value.newcomer_summary": lambda q: early_value.newcomer_summary(q.ask("early_value.early_values")),
    "look_alikes.fit_look_alikes": lambda q: look_alikes.fit_look_alikes(q.early(), q.book.purchases, as_of=q.book.as_of, fewest_best=20),
    "look_alikes.look_alikes": lambda q: look_alikes.look_alikes(
        q.early(), fitted=q.ask("look_alikes.fit_look_alikes"), as_of=q.book.as_of
    ),
    "look_alikes.alike_summary": lambda q: look_alikes.alike_summary(q.ask("look_alikes.look_alikes")),
    "look_alikes.reason_counts": lambda q: look_alikes.reason_counts(q.ask("look_alikes.look_alikes")),
    # purchase_behaviour
    "shopping_times.weekdays": lambda q: shopping_times.weekdays(q.book.purchases, as_of=q.book.as_of),
    "shopping_times.weekday_hours": lambda q: shopping_times.weekday_hours(q.book.purchases, as_of=q.book.as_of),
    "shopping_times.busiest_hours": lambda q: shopping_times.busiest_hours(q.ask("shopping_times.weekday_hours")),
    "season.daily_sales": lambda q: season.daily_sales(q.book.purchases, as_of=q.book.as_of),
    "season.month_season": lambda q: season.month_season(q.ask("season.daily_sales")),
    "special_days.special_days": lambda q: special_days.special_days(q.ask("season.daily_sales"), q.book.campaigns, client=q.book.client),
    "special_days.special_day_effects": lambda q: special_days.special_day_effects(
        q.ask("season.daily_sales"), q.ask("special_days.special_days")
    ),
    "favourites.favourites": lambda q: favourites.favourites(q.book.order_lines, q.book.products, as_of=q.book.as_of),
    "favourites.favourites by category": lambda q: favourites.favourites(
        q.book.order_lines, q.book.products, as_of=q.book.as_of, level="category"
    ),
    "favourites.compared_days": lambda q: favourites.compared_days(q.book.order_lines, as_of=q.book.as_of),
    "favourites.product_names": lambda q: favourites.product_names(q.book.products),
    "breadth.category_breadth": lambda q: breadth.category_breadth(q.book.order_lines, q.book.products, as_of=q.book.as_of),
    "breadth.mean_breadth": lambda q: breadth.mean_breadth(q.book.order_lines, q.book.products, as_of=q.book.as_of),
    "base_attributes.known_groups": lambda q: base_attributes.known_groups(q.book.customers, as_of=q.book.as_of),
    "base_attributes.group_shares": lambda q: base_attributes.group_shares(q.book.purchases, q.book.customers, as_of=q.book.as_of),
    "base_attributes.group_categories": lambda q: base_attributes.group_categories(
        q.book.order_lines, q.book.products, q.book.customers, as_of=q.book.as_of
    ),
    "attributes.inferred_attributes": lambda q: attributes.inferred_attributes(
        q.book.order_lines, q.book.products, rules=q.book.client.attributes, as_of=q.book.as_of
    ),
    "attributes.attribute_checks": lambda q: attributes.attribute_checks(
        q.book.order_lines, q.book.products, rules=q.book.client.attributes, start=q.book.start, as_of=q.book.as_of
    ),
    "attributes.attributes_known": lambda q: attributes.attributes_known(
        q.ask("attributes.inferred_attributes"), q.book.customers, rules=q.book.client.attributes
    ),
    "demand.weekly_demand": lambda q: demand.weekly_demand(q.book.purchases, as_of=q.book.as_of),
    "demand.back_test": lambda q: demand.back_test(q.ask("demand.weekly_demand")),
    "demand.demand_skill": lambda q: demand.demand_skill(q.ask("demand.back_test")),
    "demand.demand_forecast": lambda q: demand.demand_forecast(q.ask("demand.weekly_demand"), q.ask("demand.back_test")),
    "demand.demand_outlook": lambda q: demand.demand_outlook(q.ask("demand.weekly_demand"), q.ask("demand.back_test")),
    "best_sellers.product_sales": lambda q: best_sellers.product_sales(q.book.order_lines, q.book.products, as_of=q.book.as_of),
    "best_sellers.best_seller_traits": lambda q: best_sellers.best_seller_traits(q.ask("best_sellers.product_sales")),
    "best_sellers.slow_seller_problems": lambda q: best_sellers.slow_seller_problems(q.ask("best_sellers.product_sales")),
    "best_sellers.listed_sellers": lambda q: best_sellers.listed_sellers(q.ask("best_sellers.product_sales"), best_sellers.SLOW),
    # data_health
    "quality.column_quality": lambda q: quality.column_quality(
        q.book.tables, q.book.snapshot.provided, q.book.set_aside, client=q.book.client, period=q.book.period
    ),
    "quality.consistency": lambda q: quality.consistency(q.book.tables, q.book.snapshot.provided, q.book.unlisted),
    "quality.timeliness": lambda q: quality.timeliness(q.book.tables, q.book.snapshot.provided, as_of=q.book.as_of),
    "quality.month_rows": lambda q: quality.month_rows(q.book.tables, q.book.snapshot.provided, period=q.book.period),
    "quality.quality_summary": lambda q: quality.quality_summary(
        q.ask("quality.column_quality"), q.ask("quality.consistency"), q.ask("quality.timeliness")
    ),
    "unlinked.unlinked_orders": lambda q: unlinked.unlinked_orders(q.book.orders, period=q.book.period),
    "unlinked.unlinked_months": lambda q: unlinked.unlinked_months(q.book.orders, period=q.book.period),
    "data_changes.data_changes": lambda q: data_changes.data_changes(
        q.book.tables, q.book.snapshot.provided, period=q.book.period, client=q.book.client
    ),
    "fields.empty_fields": lambda q: (*fields.empty_fields(q.ask("quality.column_quality")), "none"),
    "fields.field_requests": lambda q: fields.field_requests(q.book.snapshot.provided, ()),
    "fields.idle_fields": lambda q: fields.idle_fields(q.book.client),
    "fields.data_reach": lambda q: fields.data_reach(q.book.orders, q.ask("unlinked.unlinked_orders"), as_of=q.book.as_of),
    "fields.page_verdicts": lambda q: fields.page_verdicts(
        q.book.snapshot.provided, (), q.ask("data_changes.data_changes"), reach=q.ask("fields.data_reach")
    ),
    "one_view.customer_links": lambda q: one_view.customer_links(q.book.tables, q.book.snapshot.provided, as_of=q.book.as_of),
    "one_view.consent_counts": lambda q: one_view.consent_counts(q.book.customers, q.book.orders, as_of=q.book.as_of),
    "health_laws.health_laws": lambda q: health_laws.health_laws(
        q.book.files,
        q.book.line_account,
        q.ask("unlinked.unlinked_orders"),
        q.ask("one_view.consent_counts"),
        lines=q.book.order_lines,
        orders=q.book.orders,
        customers=q.book.customers,
        as_of=q.book.as_of,
    ),
    # segmentation
    "rfm.rfm": lambda q: q.values,
    "rfm.rfm_scores": lambda q: q.scores,
    "rfm.rfm_segments": lambda q: q.segmented,
    "rfm.segment_summary": lambda q: rfm.segment_summary(q.segmented),
    "rfm.score_thresholds": lambda q: rfm.score_thresholds(q.scores),
    "rfm.quiet_customers": lambda q: rfm.quiet_customers(q.scores),
    "customer_tags.customer_tags": lambda q: q.tags,
    "customer_tags.tag_counts": lambda q: customer_tags.tag_counts(q.tags),
    "segment_maps.map_summary": lambda q: segment_maps.map_summary(q.tags, segments=q.book.client.segments),
    "segment_maps.planning_maps": lambda q: segment_maps.planning_maps(q.tags, client=q.book.client),
    "segment_maps.other_maps": lambda q: segment_maps.other_maps(q.tags, client=q.book.client),
    "segment_laws.segment_laws": lambda q: segment_laws.segment_laws(
        q.ask("rfm.segment_summary"),
        q.ask("concentration.tenths"),
        q.ask("migration.month_moves"),
        purchases=q.book.purchases,
        as_of=q.book.as_of,
        since=q.book.start,
    ),
    "concentration.tenths": lambda q: concentration.tenths(q.tags),
    "concentration.concentrations": lambda q: concentration.concentrations(q.tags),
    "concentration.value_groups": lambda q: concentration.value_groups(q.tags, q.book.order_lines, q.book.products, as_of=q.book.as_of),
    "high_ticket.high_ticket_summary": lambda q: high_ticket.high_ticket_summary(q.tags),
    "high_ticket.high_ticket_traits": lambda q: high_ticket.high_ticket_traits(
        q.tags, q.book.customers, q.book.purchases, q.book.order_lines, q.book.products, as_of=q.book.as_of
    ),
    "value_angles.value_by_position": lambda q: value_angles.value_by_position(q.tags),
    "value_angles.value_by_segment": lambda q: value_angles.value_by_segment(q.tags),
    "concentration.lorenz": lambda q: concentration.lorenz(q.values),
    "kmeans.standing_groups": lambda q: kmeans.standing_groups(q.values, q.book.purchases, period=q.book.period),
    "kmeans.customer_groups": lambda q: kmeans.customer_groups(q.segmented, grouping=q.ask("kmeans.standing_groups")),
    "kmeans.group_profile": lambda q: kmeans.group_profile(q.ask("kmeans.customer_groups")),
    "kmeans.segment_agreement": lambda q: kmeans.segment_agreement(q.ask("kmeans.customer_groups")),
    "migration.month_moves": lambda q: migration.month_moves(
        q.values, q.book.purchases, since=q.book.start, segments=q.book.client.segments
    ),
    "migration.month_moves by medians": lambda q: migration.month_moves(
        q.values, q.book.purchases, since=q.book.start, segments=q.book.client.segment_map("eight")
    ),
    "migration.migration_summary": lambda q: migration.migration_summary(q.ask("migration.month_moves")),
    "order_size.line_sizes": lambda q: order_size.line_sizes(q.book.order_lines, as_of=q.book.as_of),
    "order_size.fit_kinds": lambda q: order_size.fit_kinds(q.ask("order_size.line_sizes")),
    "order_size.customer_kinds": lambda q: order_size.customer_kinds(q.ask("order_size.line_sizes"), kinds=q.ask("order_size.fit_kinds")),
    "order_size.kinds_of_buyers": lambda q: order_size.kinds_of_buyers(q.book.order_lines, as_of=q.book.as_of),
    "order_size.kind_summary": lambda q: order_size.kind_summary(q.ask("order_size.line_sizes"), kinds=q.ask("order_size.fit_kinds")),
    "crosses.frequency_spend": lambda q: crosses.frequency_spend(q.scores),
    "crosses.region_amount": lambda q: crosses.region_amount(q.scores, q.book.customers),
    "crosses.category_loyalty": lambda q: crosses.category_loyalty(q.book.order_lines, q.book.products, as_of=q.book.as_of),
    # spending_power: the score, abuse, actions
    "abuse.abuse_evidence": lambda q: abuse.abuse_evidence(q.book.order_lines, as_of=q.book.as_of, rules=q.book.client.abuse),
    "abuse.abuse_evidence with low thresholds": lambda q: abuse.abuse_evidence(
        q.book.order_lines,
        as_of=q.book.as_of,
        rules=Abuse(thresholds=(Decimal(50),), returned=0.1, returns=1, round_trips=1, bulk_times=2, bulk_lines=1, coupon_orders=1),
    ),
    "abuse.suspected_abuse": lambda q: abuse.suspected_abuse(
        q.book.order_lines, as_of=q.book.as_of, rules=Abuse(returned=0.1, bulk_times=2)
    ),
    "abuse.abuse_summary": lambda q: abuse.abuse_summary(q.ask("abuse.abuse_evidence with low thresholds")),
    "spending_score.band_places": lambda q: spending_score.band_places(q.bands),
    "spending_score.means": lambda q: spending_score.means(
        q.bands, bands=q.ask("spending_score.band_places"), occupations=("Referral", "Organic")
    ),
    "spending_score.behaviour": lambda q: spending_score.behaviour(q.book.order_lines, q.book.products, as_of=q.book.as_of),
    "spending_score.engagement": lambda q: spending_score.engagement(q.book.events, q.book.surveys, as_of=q.book.as_of),
    "spending_score.full_price": lambda q: spending_score.full_price(q.ask("price_sensitivity.price_sensitivity")),
    "spending_score.paying": lambda q: spending_score.paying(q.book.purchases, rules=q.book.client.payments),
    "spending_score.spending_parts": lambda q: spending_score.spending_parts(
        q.ask("spending_score.behaviour"), q.ask("spending_score.means"), q.ask("spending_score.paying"), q.ask("spending_score.engagement")
    ),
    "spending_score.spending_scores": lambda q: spending_score.spending_scores(q.ask("spending_score.spending_parts")),
    "spending_score.scores_at": lambda q: spending_score.scores_at(q.book),
    "spending_score.score_parts": lambda q: spending_score.score_parts(q.ask("spending_score.scores_at")),
    "spending_score.score_coverage": lambda q: spending_score.score_coverage(q.ask("spending_score.scores_at")),
    "spending_score.level_summary": lambda q: spending_score.level_summary(q.ask("spending_score.scores_at")),
    "spending_score.held_out": lambda q: spending_score.held_out(q.book),
    "hold_out.next_spend": lambda q: hold_out.next_spend(q.book.order_lines, start=q.since, as_of=q.book.as_of),
    "hold_out.ranking_power": lambda q: hold_out.ranking_power(
        q.half_a_year_ago, q.ask("hold_out.next_spend"), measures=["frequency", "recency_days"], against="monetary_value"
    ),
    "hold_out.tenths_next": lambda q: hold_out.tenths_next(
        q.half_a_year_ago, q.ask("hold_out.next_spend"), measure="frequency", against="monetary_value"
    ),
    "spending_actions.credit_history": lambda q: spending_actions.credit_history(q.book.purchases, as_of=q.book.as_of),
    "spending_actions.spending_actions": lambda q: spending_actions.spending_actions(
        q.ask("spending_score.scores_at"),
        q.ask("abuse.suspected_abuse"),
        q.ask("price_sensitivity.price_sensitivity"),
        q.ask("spending_actions.credit_history"),
    ),
    "spending_actions.actions_at": lambda q: spending_actions.actions_at(q.book, q.ask("spending_score.scores_at")),
    "spending_actions.action_summary": lambda q: spending_actions.action_summary(q.ask("spending_actions.actions_at")),
    # spending_power: prices, offers, payment
    "offers.discount_strength": lambda q: offers.discount_strength(q.book.purchases),
    "offers.customer_offers": lambda q: offers.customer_offers(q.book.purchases, q.book.order_lines),
    "price_sensitivity.price_sensitivity": lambda q: price_sensitivity.price_sensitivity(q.book.order_lines, q.book.products),
    "price_sensitivity.sensitivity_summary": lambda q: price_sensitivity.sensitivity_summary(q.ask("price_sensitivity.price_sensitivity")),
    "discount_response.discount_response": lambda q: discount_response.discount_response(q.book.order_lines),
    "price_tiers.product_tiers": lambda q: price_tiers.product_tiers(q.book.order_lines, q.book.products, as_of=q.book.as_of),
    "price_tiers.tier_structure": lambda q: price_tiers.tier_structure(
        q.book.order_lines, q.ask("price_tiers.product_tiers"), as_of=q.book.as_of
    ),
    "price_tiers.customer_tiers": lambda q: price_tiers.customer_tiers(
        q.book.order_lines, q.ask("price_tiers.product_tiers"), as_of=q.book.as_of
    ),
    "price_tiers.tier_preferences": lambda q: price_tiers.tier_preferences(q.ask("price_tiers.customer_tiers")),
    "price_tiers.customer_categories": lambda q: price_tiers.customer_categories(q.book.order_lines, q.book.products, as_of=q.book.as_of),
    "payments.payment_kinds": lambda q: payments.payment_kinds(q.book.purchases, rules=q.book.client.payments),
    "payments.payment_mix": lambda q: payments.payment_mix(q.book.purchases, rules=q.book.client.payments),
    "payments.payment_months": lambda q: payments.payment_months(q.book.purchases, rules=q.book.client.payments),
    "payments.customer_payments": lambda q: payments.customer_payments(q.book.purchases, rules=q.book.client.payments),
    "returns.returned_lines": lambda q: returns.returned_lines(q.book.order_lines, as_of=q.book.as_of),
    "returns.return_rates": lambda q: returns.return_rates(q.ask("returns.returned_lines")),
    "returns.unmatched_returns": lambda q: returns.unmatched_returns(q.book.order_lines, as_of=q.book.as_of),
    "returns.customer_returns": lambda q: returns.customer_returns(q.ask("returns.returned_lines")),
    "returns.returns_by_category": lambda q: returns.returns_by_category(q.ask("returns.returned_lines"), q.book.products),
    "returns.returns_by_segment": lambda q: returns.returns_by_segment(q.ask("returns.returned_lines"), q.segmented),
}
