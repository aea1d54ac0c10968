"""Names for people, where the code or the data hold only an id: pages, reasons of intake, campaigns."""

from __future__ import annotations

from custkit.words import _, mark

# The order of the pack and the short names of its pages; notebooks that are not named here follow by name.
PAGES = {
    "data_health": mark("Data health"),
    "overview": mark("Overview"),
    "segmentation": mark("Segmentation"),
    "spending_power": mark("Spending power"),
    "lifetime_value": mark("Lifetime value"),
    "purchase_behaviour": mark("Purchase behaviour"),
    "association_rules": mark("Association rules"),
    "lifecycle_funnel": mark("Lifecycle and funnel"),
    "loyalty_tracking": mark("Loyalty"),
    "campaigns": mark("Campaigns"),
    "voice": mark("Voice of the customer"),
    "actions": mark("Actions"),
}
# Why intake set a row aside or passed over it, in words.
REASONS = {
    "amount_out_of_range": mark("an amount beyond what money can be"),
    "amount_unparsable": mark("an amount that is no number"),
    "boolean_unparsable": mark("neither yes nor no"),
    "control_character": mark("a character that is no text"),
    "currency_mismatch": mark("another currency"),
    "date_format": mark("a date written another way"),
    "date_out_of_range": mark("a date that cannot be"),
    "excel_error": mark("a cell with an Excel error"),
    "field_too_long": mark("a text longer than the client file allows"),
    "field_count": mark("too many or too few fields"),
    "id_digits_lost": mark("a long number whose last digits are gone"),
    "interval": mark("an end before its start"),
    "missing_required": mark("a field that must be there is empty"),
    "not_a_money_value": mark("an amount with more than four decimals"),
    "number_unparsable": mark("a number that is none"),
    "repeated_header": mark("the header once more"),
    "sign_conflict": mark("money spent below zero"),
    "total_row": mark("a total, no sale"),
    "truncated": mark("a line cut off"),
    "unknown_value": mark("a word the client file does not know"),
}


def campaign_title(name: str, campaign_id: str) -> str:
    """A campaign's name; "campaign 17" where it has none but its id; our own words for all campaigns together."""
    return _("campaign {id}").format(id=campaign_id) if name == campaign_id else _(name)
