"""What customers say and seek, in sentences: recommendation, complaints, products, needs, searches, touch points, long contact."""

from __future__ import annotations

import math

import pandas as pd

from custkit import words
from custkit.analysis.causes import NO_CAUSE
from custkit.analysis.interactions import NO_FIT, NONE, OFFER
from custkit.analysis.rates import SMALL_SAMPLE
from custkit.present.finding import Fact, Finding
from custkit.words import _, mark, ngettext

NPS_COLUMNS = ["group", "answers", "promoters", "passives", "detractors", "nps", "low", "high"]
WHO_COLUMNS = ["buyer_group", "buyers", "answerers", "response_rate", "spend_per_customer", "answers", "nps"]
SOURCE_COLUMNS = ["source", "answers", "scored", "commented", "with_topic", "anonymous", "unhappy_share"]
CAUSE_COLUMNS = ["cause", "complaints", "complaint_share", "low", "high", "others_share"]
PRODUCT_COLUMNS = ["product", "answers", "mean_score", "shrunk_score", "verdict"]
NEED_COLUMNS = ["segment", "kind", "item", "customers", "share", "others_share", "difference"]
QUERY_COLUMNS = ["query", "searches", "not_found", "not_found_share", "vain_share", "visitors", "spellings"]
TOUCH_COLUMNS = ["channel", "orders", "order_share", "first_share", "last_share", "linear_share"]
SIGNAL_COLUMNS = ["signal", "looks", "customers", "bought", "bought_share", "base_share", "difference", "verdict"]
SIGNAL_NAMES = {"cart": mark("cart"), "favourite": mark("favourite"), "share": mark("share"), "question": mark("question")}
LEVEL_COLUMNS = ["level", "customers", "customer_share", "visits_per_customer", "seconds_per_visit", "buyer_share"]


def nps_finding(nps: pd.DataFrame, change: pd.DataFrame) -> Finding:
    """The score with its interval, and whether the last three months differ.

    nps(…), nps_change(…)  →  Finding [S14]
    """
    if nps.empty:
        return _quiet(_("No net promoter score: the client's data hold no answer from 0 to 10 to whether customers would recommend."))
    row = nps.iloc[0]
    headline = _("The net promoter score is {nps} (between {low} and {high}), from {n} answers.").format(
        nps=_score(row.nps), low=_score(row.low), high=_score(row.high), n=words.count(row.answers)
    )
    detail = _("{promoters} promoters, {passives} passives, {detractors} detractors.").format(
        promoters=words.count(row.promoters), passives=words.count(row.passives), detractors=words.count(row.detractors)
    )
    facts = [
        Fact(
            "voice.nps", float(row.nps), "points", int(row.promoters - row.detractors), int(row.answers), int(row.respondents),
            float(row.low), float(row.high), _("last 365 days"),
            _("Answers of 9 and 10 less those of 0 to 6, divided by all answers; 95% interval over people."),
        )
    ]  # fmt: skip
    if len(change):
        c = change.iloc[0]
        span = _("{change}, between {low} and {high}").format(
            change=words.signed(100 * c.change, 0), low=words.signed(100 * c.change_low, 0), high=words.signed(100 * c.change_high, 0)
        )
        told = (
            _("The last three months differ from the nine before: {span}.")
            if c.is_change
            else _("No significant change in the last three months against the nine before ({span}).")
        )
        detail = f"{detail} {told.format(span=span)}"
        facts.append(
            Fact("voice.nps_change", float(c.change), "points", n=int(c.answers), low=float(c.change_low), high=float(c.change_high),
                 window=_("last three months against the nine before"))
        )  # fmt: skip
    return Finding(headline, detail, tuple(facts), "plain" if row.answers >= SMALL_SAMPLE else "quiet")


def tiers_finding(tiers: pd.DataFrame, differences: pd.DataFrame) -> Finding:
    """Which tier recommends more or less than the rest.

    nps_tiers(…), differences(…)  →  Finding [S14]
    """
    if len(tiers) < 2 or differences.empty:
        return _quiet(_("Tiers are not compared: fewer than two of them have enough answers."))
    real = differences[differences["is_different"]]
    facts = tuple(
        Fact(
            f"voice.nps_{row.group}", float(row.nps), "points", int(row.promoters - row.detractors), int(row.answers),
            int(row.respondents), float(row.low), float(row.high), _("last 365 days"), _("By the tier held when answering."),
        )
        for row in tiers.itertuples()
    )  # fmt: skip
    if real.empty:
        return Finding(_("Tiers recommend the shop alike: no difference beyond chance."), facts=facts, tone="quiet")
    best, worst = tiers.loc[tiers["nps"].idxmax()], tiers.loc[tiers["nps"].idxmin()]
    return Finding(
        _("Recommended most by {best} ({high}), least by {worst} ({low}).").format(
            best=_(best.group), high=_score(best.nps), worst=_(worst.group), low=_score(worst.nps)
        ),
        _("Who is content may rise in tier; the tier need not be what makes content."),
        facts,
    )


def who_finding(who: pd.DataFrame) -> Finding:
    """Who answers, and what the score would be if all buyers had answered as those like them did.

    who_answers(…)  →  Finding [S14]
    """
    if who.empty or not who["answerers"].sum():
        return _quiet(_("Who answers cannot be told: no answer of the last year belongs to a known buyer."))
    n, k = int(who["buyers"].sum()), int(who["answerers"].sum())
    mean = float(who["spend_answered"].sum() / k)
    rest = float((who["spend"] - who["spend_answered"]).sum() / (n - k)) if n > k else math.nan
    headline = _("{share} of the year's {n} buyers answered; they spent {mean} each, the silent ones {rest}.").format(
        share=words.share(k / n), n=words.count(n), mean=words.money(mean), rest=words.money(rest)
    )
    told = who.dropna(subset=["nps"])
    detail = _("Whom the client asked is not recorded, so this is not the share of those asked.")
    facts = [
        Fact("voice.response_rate", k / n, "share", k, n, n, window=_("last 365 days"), definition=_("Buyers with an answer / buyers.")),
        Fact("voice.spend_answered", mean, "money", n=k, window=_("last 365 days")),
        Fact("voice.spend_silent", rest, "money", n=n - k, window=_("last 365 days")),
    ]
    if len(told) == len(who) and told["answers"].min() >= SMALL_SAMPLE:
        weighed = float((told["nps"] * told["buyer_share"]).sum())
        plain = float((told["nps"] * told["answers"]).sum() / told["answers"].sum())
        sentence = _("Weighed to all buyers by how often they bought, the score of known buyers is {weighed} instead of {plain}.").format(
            weighed=_score(weighed), plain=_score(plain)
        )
        detail = f"{sentence} {detail}"
        facts.append(Fact("voice.nps_weighed", weighed, "points", n=int(told["answers"].sum()), window=_("last 365 days")))
    return Finding(headline, detail, tuple(facts))


def sources_finding(sources: pd.DataFrame) -> Finding:
    """What there is to listen to.

    answer_sources(…)  →  Finding [S109]
    """
    if sources.empty:
        return _quiet(_("There is nothing to listen to: the client's data hold no answers, reviews or posts."))
    n, commented = int(sources["answers"].sum()), int(sources["commented"].sum())
    return Finding(
        ngettext("{n} answer so far, from {sources}.", "{n} answers so far, from {sources}.", n).format(
            n=words.count(n),
            sources=ngettext("{k} source", "{k} sources", len(sources)).format(k=words.number(len(sources), 0)),
        ),
        _("{share} hold a comment. Reviews and social posts come in as answers whose question names where they were found.").format(
            share=words.share(commented / n)
        ),
        (Fact("voice.answers", n, "count", n=n), Fact("voice.commented_share", commented / n, "share", commented, n, n)),
        tone="quiet",
    )


def causes_finding(causes: pd.DataFrame, changes: pd.DataFrame) -> Finding:
    """What complaints are about more often than other answers are, and whether that changes.

    complaint_causes(…), cause_changes(…)  →  Finding [S85]
    """
    told = causes[causes["cause"] != NO_CAUSE]
    n, without = int(told["complaints"].sum()), int(causes.loc[causes["cause"] == NO_CAUSE, "complaints"].sum())
    if not n + without:
        return _quiet(_("No complaint is in the client's data for the last year."))
    facts = [
        Fact(
            "voice.complaint_share", float(row.complaint_share), "share", int(row.complaints), n, n, float(row.low), float(row.high),
            _("last 365 days"), _("Complaints about {cause} / unhappy answers with a cause.").format(cause=_(row.cause)),
        )
        for row in told.head(1).itertuples()
    ]  # fmt: skip
    facts.append(Fact("voice.no_cause_share", without / (n + without), "share", without, n + without, n + without))
    untold = _("{share} of {n} complaints tell no cause.").format(share=words.share(without / (n + without)), n=words.count(n + without))
    real = told[told["is_more"]]
    if real.empty:
        return Finding(_("No cause stands out: complaints are about the same things as other answers."), untold, tuple(facts), "quiet")
    top = real.iloc[0]
    headline = _("{share} of complaints are about {cause} (between {low} and {high}), against {others} of other answers.").format(
        share=words.share(top.complaint_share, 0), cause=_(top.cause), low=words.share(top.low, 0), high=words.share(top.high, 0),
        others=words.share(top.others_share, 0),
    )  # fmt: skip
    moved = changes[changes["is_change"]] if len(changes) else changes
    if len(moved):
        first = moved.iloc[0]
        trend = _("Told more or less often in the last three months: {cause} ({change}).").format(
            cause=_(first.cause), change=words.points(first.change)
        )
    elif len(changes):
        trend = _("No cause changed beyond noise in the last three months.")
    else:
        trend = _("Too few complaints to tell whether causes change.")
    return Finding(headline, f"{trend} {untold}", tuple(facts))


def product_finding(products: pd.DataFrame) -> Finding:
    """Which products please less or more than the rest beyond chance, if any.

    product_satisfaction(…)  →  Finding [S84]
    """
    if products.empty:
        return _quiet(_("Satisfaction by product is not told: no answer names a product."))
    enough = int(products["q_value"].notna().sum())
    facts = (
        Fact("voice.products_rated", len(products), "count", n=int(products["answers"].sum()), window=_("last 365 days")),
        Fact("voice.products_different", int(products["is_different"].sum()), "count", n=enough, window=_("last 365 days")),
    )
    real = products[products["is_different"]]
    if real.empty:
        return Finding(
            ngettext(
                "The {n} product with enough answers is rated like the others.",
                "The {n} products with enough answers are rated alike: their differences are no more than chance.",
                enough,
            ).format(n=words.count(enough)),
            _("So they are not ranked."),
            facts,
            "quiet",
        )
    low = real.iloc[0]
    sentence = (
        _("{product} is rated lower than the others: {mean} against {others}, from {n} answers.")
        if low.mean_score < low.others_score
        else _("{product} is rated higher than the others: {mean} against {others}, from {n} answers.")
    )
    return Finding(
        sentence.format(
            product=low["product"], mean=words.number(low.mean_score), others=words.number(low.others_score), n=words.count(low.answers)
        ),
        ngettext("{n} product differs beyond chance.", "{n} products differ beyond chance.", len(real)).format(
            n=words.number(len(real), 0)
        ),
        facts,
    )


def product_table(products: pd.DataFrame) -> pd.DataFrame:
    """Products with ten answers or more and what may be said of each, those that differ first. [S84]"""
    told = products[products["q_value"].notna()]
    lower, higher, alike = _("lower than the others"), _("higher than the others"), _("not told apart from the others")
    verdict = [
        alike if not row.is_different else lower if row.mean_score < row.others_score else higher for row in told.itertuples()
    ]  # fmt: skip
    told = told.assign(verdict=verdict).sort_values(["is_different", "answers", "product"], ascending=[False, False, True])
    return told[PRODUCT_COLUMNS].head(12)


def needs_finding(needs: pd.DataFrame) -> Finding:
    """The clearest need of a segment.

    segment_needs(…)  →  Finding [S85]
    """
    if needs.empty:
        return _quiet(_("Needs are not compared: no segment has thirty customers who said, searched or looked at anything."))
    real = needs[needs["is_more"]]
    facts = (Fact("voice.needs", len(real), "count", n=len(needs), definition=_("Comparisons beyond chance, of all that were made.")),)
    if real.empty:
        return Finding(
            _("No segment speaks of, searches for or looks at anything more than the others do, beyond chance."),
            ngettext("{n} comparison was made.", "{n} comparisons were made.", len(needs)).format(n=words.number(len(needs), 0)),
            facts,
            "quiet",
        )
    top = real.iloc[0]
    return Finding(
        _("{segment}: {share} {kind} {item}, against {others} of the others.").format(
            segment=_(top.segment), kind=_(top.kind), item=_(top["item"]), share=words.share(top.share, 0),
            others=words.share(top.others_share, 0),
        ),
        _("{n} of {all} comparisons are beyond chance. Each customer counts once, with the latest word.").format(
            n=words.number(len(real), 0), all=words.number(len(needs), 0)
        ),
        facts,
    )  # fmt: skip


def unmet_finding(share: pd.DataFrame, queries: pd.DataFrame) -> Finding:
    """How much is searched in vain, what for, and what it may cost.

    unmet_share(…), unmet_queries(…)  →  Finding [S83]
    """
    row = share.iloc[0]
    if not row.searches:
        return _quiet(_("Searches in vain are not told: no search of the last year has its number of results."))
    facts = [
        Fact(
            "voice.not_found_share", float(row.not_found_share), "share", int(row.not_found), int(row.searches), int(row.searches),
            float(row.low), float(row.high), _("last 365 days"), _("Searches that showed nothing / searches."),
        )
    ]  # fmt: skip
    headline = _("{share} of {n} searches showed nothing (between {low} and {high}).").format(
        share=words.share(row.not_found_share), n=words.count(row.searches), low=words.share(row.low), high=words.share(row.high)
    )
    detail = ""
    if len(queries):
        top = queries.iloc[0]
        detail = _("Most wanted: {query}, searched in vain {n} times.").format(query=top["query"], n=words.count(top.not_found))
        facts.append(Fact("voice.top_unmet", str(top["query"]), "text", n=int(top.not_found)))
    if math.isnan(row.lost_high):
        lost = _("What it cost is not estimated: too few visits, or no orders among the events.")
    else:
        facts.append(
            Fact(
                "voice.lost_revenue", float(row.lost_revenue_high), "money", low=float(row.lost_revenue_low),
                high=float(row.lost_revenue_high), n=int(row.vain_visits),
                definition=_("At most; visits in vain against other searching visits."),
            )
        )  # fmt: skip
        lost = (
            _("Visits in vain end with an order less often: {low} to {high} a year may be lost.")
            if row.lost_low > 0
            else _("Visits in vain do not end with an order less often beyond chance; at most {high} a year is lost.")
        ).format(low=words.money(row.lost_revenue_low), high=words.money(row.lost_revenue_high))
    return Finding(headline, f"{detail} {lost}".strip(), tuple(facts), "plain" if row.searches >= SMALL_SAMPLE else "quiet")


def touch_finding(channels: pd.DataFrame, steps: pd.DataFrame, coverage: pd.DataFrame) -> Finding:
    """How many orders have a way that can be seen, by what they came last, and what was done before.

    touch_channels(…), touch_steps(…), touch_coverage(…)  →  Finding [S74]
    """
    seen = coverage.iloc[0]
    if channels.empty:
        return _quiet(_("The way to a purchase is not told: no visit of a known customer lies before one."))
    top = channels.iloc[0]
    headline = _("{channel} is the last touch before {share} of orders; on the way to an order customers come {n} times.").format(
        channel=_(top.channel), share=words.share(top.last_share), n=words.number(seen.touches)
    )
    detail = _("Of {orders} orders {seen} have a visit that can be seen.").format(
        orders=words.count(seen.orders), seen=words.share(seen.seen / seen.orders)
    )
    if (searched := steps[steps["step"] == "search"]).shape[0]:
        detail = f"{detail} " + _("{share} of them came after a search.").format(share=words.share(searched.iloc[0].order_share))
    moved = float((channels["first_share"] - channels["last_share"]).abs().max())
    told = _("First and last touches differ by {most} at most. They tell where customers were met, not what made them buy.")
    facts = (
        Fact("voice.orders_seen", float(seen.seen / seen.orders), "share", int(seen.seen), int(seen.orders), int(seen.orders)),
        Fact("voice.touches", float(seen.touches), "number", n=int(seen.seen), window=_("30 days before an order, since the one before")),
        Fact("voice.last_touch", float(top.last_share), "share", int(top["last"]), int(seen.seen), int(seen.seen)),
    )
    return Finding(headline, f"{detail} {told.format(most=words.share(moved))}", facts)


def signal_finding(signals: pd.DataFrame) -> Finding:
    """What becomes of carts, favourites, shares and questions.

    signal_outcomes(…)  →  Finding [S76]
    """
    if signals.empty:
        return _quiet(_("Favourites, carts, shares and questions are not told: the events hold none of known customers."))
    facts = tuple(
        Fact(f"voice.after_{row.signal}", float(row.bought_share), "share", int(row.bought), int(row.looks), int(row.customers),
             float(row.low), float(row.high), definition=_("Bought within 30 days / products with the signal."))
        for row in signals.itertuples()
    )  # fmt: skip
    real = signals[signals["is_different"] & (signals["difference"] > 0)]
    names = _(", ").join(_(SIGNAL_NAMES[name]) for name in signals.loc[~signals["is_different"], "signal"])
    rest = _("Not followed by more or fewer purchases than the same customers' other looks: {names}.").format(names=names) if names else ""
    if real.empty:
        return Finding(_("No signal is followed by more purchases than the same customers' other looks."), rest, facts, "quiet")
    top = real.iloc[0]
    headline = _("After a {signal} {share} of products are bought within 30 days; the same customers' other looks: {base}.").format(
        signal=_(SIGNAL_NAMES[top.signal]), share=words.share(top.bought_share), base=words.share(top.base_share)
    )
    return Finding(headline, rest, facts)


def signal_table(signals: pd.DataFrame) -> pd.DataFrame:
    """One row a signal with what may be said of it. [S76]"""
    verdict = [
        _("as their other looks") if not row.is_different else _("more often") if row.difference > 0 else _("less often")
        for row in signals.itertuples()
    ]
    return signals.assign(signal=[_(SIGNAL_NAMES[name]) for name in signals["signal"]], verdict=verdict)[SIGNAL_COLUMNS]


def level_finding(levels: pd.DataFrame, reasons: pd.DataFrame) -> Finding:
    """How many customers are near, and who comes again and again without buying.

    interaction_levels(…), contact_reasons(…)  →  Finding [S78, S79]
    """
    if levels.empty or levels["customers"].sum() == 0 or set(levels["level"]) == {NONE}:
        return _quiet(_("Levels of interaction are not told: no known customer's visit is in the last 90 days."))
    n = int(levels["customers"].sum())
    by = levels.set_index("level")["customers"]
    headline = _("{share} of {n} customers came in the last 90 days, {heavy} of them eight times or more.").format(
        share=words.share(1 - by.get(NONE, 0) / n), n=words.count(n), heavy=words.count(by.get("heavy", 0))
    )
    people = int(reasons["customers"].sum()) if len(reasons) else 0
    if not people:
        detail = _("Nobody came three times or more without buying.")
    else:
        of = reasons.set_index("reason")["customers"]
        came = ngettext(
            "{n} person came three times or more and bought nothing.", "{n} people came three times or more and bought nothing.", people
        ).format(n=words.count(people))
        kept = _("{vain} searched for what is not there, {offer} seem to wait for an offer.").format(
            vain=words.count(of.get(NO_FIT, 0)), offer=words.count(of.get(OFFER, 0))
        )
        detail = f"{came} {kept}"
    facts = (
        Fact("voice.came", float(1 - by.get(NONE, 0) / n), "share", n - int(by.get(NONE, 0)), n, n, window=_("last 90 days")),
        Fact("voice.long_contact", people, "count", window=_("last 90 days")),
    )
    return Finding(headline, detail, facts)


def level_table(levels: pd.DataFrame) -> pd.DataFrame:
    """Customers by level; no row where nobody came. [S78]"""
    seen = levels.head(0) if set(levels["level"]) == {NONE} else levels
    return seen[LEVEL_COLUMNS].rename(columns={"buyer_share": "bought_share"})


def who_table(who: pd.DataFrame) -> pd.DataFrame:
    """Buyers by how often they bought, and who of them answered; no row where nobody did. [S14]"""
    return (who if who["answerers"].sum() else who.head(0))[WHO_COLUMNS]


def nps_measure() -> str:
    return _("promoters less detractors, in points; bar: 95% interval; grey: fewer than 30 answers")


def cause_measure() -> str:
    return _("share of complaints with a cause, last 365 days; grey line: 95% interval, ring: share of other answers")


def query_measure() -> str:
    return _("searches without a result in the last 365 days, spellings of one wish together")


def nps_table(tiers: pd.DataFrame) -> pd.DataFrame:
    return tiers[NPS_COLUMNS].rename(columns={"group": "tier_held", "low": "nps_low", "high": "nps_high"})


def _score(value: float) -> str:
    """0.24 → 24, as scores are told."""
    return words.number(100 * value, 0)


def _quiet(sentence: str) -> Finding:
    return Finding(sentence, tone="quiet")
