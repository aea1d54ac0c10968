"""Answers to surveys, reviews and complaints: how each answer is meant, where it comes from, who answers and who does not. [S85, S109]"""

from __future__ import annotations

from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import wilson
from custkit.engine import frame, to_float
from custkit.words import mark

UNHAPPY, NEUTRAL, HAPPY = mark("unhappy"), mark("neutral"), mark("happy")
NO_QUESTION = mark("no question recorded")
SOURCE_COLUMNS = ("source", "answers", "scored", "commented", "with_topic", "anonymous", "happy", "unhappy", "unhappy_share", "low", "high")
BIAS_COLUMNS = ("buyer_group", "buyers", "buyer_share", "answerers", "response_rate", "low", "high", "spend_per_customer", "answers", "nps")
GROUPS = (mark("one order"), mark("two orders"), mark("three to five orders"), mark("six orders or more"))
_COMPLAINT = ("complain", "投诉")
_RECOMMEND = ("recommend", "推荐", "nps")


def answer_moods(surveys: ir.Table) -> ir.Table:
    """Say of each answer whether it is happy, neutral or unhappy, on the scale of its own question.

    surveys  →  … + mood (null: no score, and no complaint), is_recommend (an answer to "would you recommend us?", 0 to 10)

    A question whose scores go up to 5 is read as stars: 4 and 5 are happy, 1 and 2 unhappy. Every other is read as recommendation
    is: 9 and 10 happy, 0 to 6 unhappy; above 10, in tenths of the highest score. A complaint is unhappy without a score. Where no
    question is recorded, scores from 0 to 10 are answers to the recommendation. [Reichheld 2003; S14, S84]
    """
    asked = surveys.question.fill_null("").lower()
    top = surveys.score.max().over(ibis.window(group_by="question"))
    marked = surveys.mutate(asked=asked, top=top)
    tenths = ibis.cases((marked.top > 10, marked.score * 10.0 / marked.top.nullif(0.0)), else_=marked.score)
    stars = marked.top <= 5
    happy, unhappy = stars.ifelse(tenths >= 4, tenths >= 9), stars.ifelse(tenths <= 2, tenths < 7)
    named = _any(marked.asked, _RECOMMEND) | (marked.asked == "")
    return marked.mutate(
        mood=ibis.cases(
            (marked.score.notnull() & happy, HAPPY),
            (marked.score.notnull() & unhappy, UNHAPPY),
            (marked.score.notnull(), NEUTRAL),
            (_any(marked.asked, _COMPLAINT), UNHAPPY),
            else_=ibis.null("string"),
        ),
        is_recommend=(named & marked.score.between(0, 10) & (marked.top > 5)).fill_null(False),
    ).drop("asked", "top")


def _any(text: ir.StringValue, words: tuple[str, ...]) -> ir.BooleanValue:
    found = text.contains(words[0])
    for word in words[1:]:
        found = found | text.contains(word)
    return found


def answer_sources(moods: ir.Table) -> pd.DataFrame:
    """What there is to listen to: one row a question, review site or network, the largest first.

    answer_moods(…)  →  source | answers, scored, commented, with_topic, anonymous, happy, unhappy, unhappy_share, low, high

    Social posts and reviews come in as answers whose question names where they were found; without a score they have no mood.
    `unhappy_share` is of answers with a mood, with its 95 % Wilson interval. [S109]
    """
    said = moods.mutate(source=_.question.fill_null(NO_QUESTION))
    counts = frame(
        said.group_by("source").aggregate(
            answers=_.count(),
            scored=_.score.count(),
            commented=_.comment.nullif("").count(),
            with_topic=_.topic.nullif("").count(),
            anonymous=_.count(where=_.customer_id.isnull()),
            happy=_.count(where=(_.mood == HAPPY).fill_null(False)),
            unhappy=_.count(where=(_.mood == UNHAPPY).fill_null(False)),
            moods=_.mood.count(),
        )
    )
    counts = counts.sort_values(["answers", "source"], ascending=[False, True], ignore_index=True)
    counts["unhappy_share"] = counts["unhappy"] / counts["moods"].where(counts["moods"] > 0)
    ends = [wilson(int(k), int(n)) for k, n in zip(counts["unhappy"], counts["moods"], strict=True)]
    return counts.assign(low=[low for low, _high in ends], high=[high for _low, high in ends])[list(SOURCE_COLUMNS)]


def who_answers(moods: ir.Table, purchases: ir.Table, *, start: datetime, as_of: datetime) -> pd.DataFrame:
    """Who answers and who does not: buyers of the window by how often they bought, and the recommendation each group gives.

    answer_moods(…), purchases  →  buyer_group | buyers, buyer_share, answerers, response_rate, low, high, spend_per_customer (of all),
    answers, nps   (one row a group, then none for those without a buyer)

    The response rate is of buyers, not of those asked: whom the client asked is not recorded. Guests and anonymous answers, which
    nobody can be counted under, are left out. `nps` is of the group's answers, nan without any. [S14]
    """
    bought = (
        purchases.filter(_.customer_id.notnull(), _.ordered_at >= start, _.ordered_at < as_of)
        .group_by("customer_id")
        .aggregate(orders=_.count(), spend=_.revenue.sum())
    )
    answered = (
        moods.filter(_.customer_id.notnull(), _.answered_at >= start, _.answered_at < as_of)
        .group_by("customer_id")
        .aggregate(
            answers=_.count(where=_.is_recommend),
            promoters=_.count(where=_.is_recommend & (_.mood == HAPPY)),
            detractors=_.count(where=_.is_recommend & (_.mood == UNHAPPY)),
        )
        .mutate(has_answered=ibis.literal(1, "int64"))
    )
    rated = bought.left_join(answered, "customer_id").drop("customer_id_right")
    grouped = rated.mutate(place=ibis.cases((_.orders == 1, 0), (_.orders == 2, 1), (_.orders <= 5, 2), else_=3)).group_by("place")
    counts = frame(
        grouped.aggregate(
            buyers=_.count(),
            answerers=_.has_answered.sum().fill_null(0),
            spend=to_float(_.spend).sum(),
            spend_answered=(_.has_answered == 1).fill_null(False).ifelse(to_float(_.spend), 0.0).sum(),
            answers=_.answers.sum().fill_null(0),
            promoters=_.promoters.sum().fill_null(0),
            detractors=_.detractors.sum().fill_null(0),
        )
    ).sort_values("place", ignore_index=True)
    rates = [wilson(int(k), int(n)) for k, n in zip(counts["answerers"], counts["buyers"], strict=True)]
    return counts.assign(
        buyer_group=[GROUPS[int(place)] for place in counts["place"]],
        buyer_share=counts["buyers"] / counts["buyers"].sum(),
        response_rate=counts["answerers"] / counts["buyers"],
        low=[low for low, _high in rates],
        high=[high for _low, high in rates],
        spend_per_customer=counts["spend"] / counts["buyers"],
        nps=(counts["promoters"] - counts["detractors"]) / counts["answers"].where(counts["answers"] > 0),
    )[[*BIAS_COLUMNS, "spend", "spend_answered"]]
