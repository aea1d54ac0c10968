"""That the parts of a page add up, said in one quiet line with every sum behind it."""

from __future__ import annotations

import pandas as pd

from custkit import words
from custkit.analysis.conservation import LAWS
from custkit.present.finding import Fact, Finding
from custkit.present.table import Shown, table
from custkit.words import _, ngettext


def adds_up(laws: pd.DataFrame) -> Finding:
    """The laws that hold, counted; the receipt tells each of them. A law that does not hold never comes this far."""
    sums = int(laws["sums"].sum()) if len(laws) else 0
    if not sums:
        return Finding(_("Nothing on this page is split into parts, so nothing has to add up."), "", (), tone="quiet")
    facts = tuple(
        Fact(
            f"law_{row.law}", row.whole, row.unit,
            definition=ngettext("{n} sum that holds: {law}.", "{n} sums that hold: {law}.", row.sums).format(
                n=words.number(row.sums, 0), law=_(LAWS[row.law][0])
            ),
        )
        for row in laws.itertuples()
    )  # fmt: skip
    told = ngettext("The {n} sum on this page adds up.", "All {n} sums on this page add up.", sums).format(n=words.number(sums, 0))
    return Finding(told, _("Parts are held against a whole that is counted another way, money to the cent."), facts, tone="quiet")


def laws_table(laws: pd.DataFrame) -> Shown:
    """Every law with its parts and its whole."""
    shown = laws.assign(law=[LAWS[name][0] for name in laws["law"]])
    return table(shown[["law", "sums", "parts", "whole", "unit"]], units_by={"parts": "unit", "whole": "unit"}, limit=None)
