"""Names for people, where the data hold only an id."""

from __future__ import annotations

from custkit.words import _


def campaign_title(name: str, campaign_id: str) -> str:
    """A campaign's name; "campaign 17" where it has none but its id; our own words for all campaigns together."""
    return _("campaign {id}").format(id=campaign_id) if name == campaign_id else _(name)
