"""What is planted in the demo shop, as numbers, each with the way to measure it.

`truth()` is the shop that `custkit run demo` reports on; `truth(null=True)` the shop where nothing is planted: the same
machinery with one kind of customer, so that whatever an analysis claims about it is a false alarm.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """`antecedent` draws `consequent` into the same basket: P(consequent | antecedent) = `confidence`, not the other way round."""

    antecedent: str
    consequent: str
    confidence: float


@dataclass(frozen=True)
class Cycle:
    """Customers who live on `product` buy it every `days` days: the median over gaps per piece bought."""

    product: str
    days: float


@dataclass(frozen=True)
class Segment:
    """A kind of customer: its share of customers and the mean pieces on one of its lines."""

    name: str
    share: float
    pieces_per_line: float


@dataclass(frozen=True)
class Channel:
    """How customers come: share of registrations, money per registration, share of them that never buy."""

    name: str
    share: float
    cost_per_registration: float
    never_buy: float
    trade_share: float


@dataclass(frozen=True)
class Steps:
    """Share of sessions on a device that take each step, of those that took the step before."""

    device: str
    view: float
    cart: float
    checkout: float
    order: float


@dataclass(frozen=True)
class Truth:
    """The planted numbers.

    bgnbd               r, alpha (weeks of even pace), a, b of purchase and dropout. Measure: BG/NBD likelihood on (repeat days, recency,
                        T) at the end, of identified customers whom the tested campaign did not treat: it brings orders of its own. Other
                        planted effects do not touch (frequency, recency, T) at the end. `Shop.bgnbd` has alpha by the calendar. Null:
                        every customer buys at rate r / alpha for ever
    segments            pieces per line by kind of customer, independent of how often they buy; not on the line that stretches an order to
                        gold nor of a product the customer lives on, which is bought by the piece. Shares are of registered customers:
                        `kinds_of_buyers` has those of customers with an order. Null: one kind
    price_driven        share of customers who buy only on offer: every product line of every order has a discount or coupon.
                        Others get a discount on `offer_lines` of their lines. Null: 0
    pairs               confidence within the order. Null: none, baskets are independent draws
    route               P(consequent in the customer's next order | antecedent in this one). Null: none
    cycles              median days between purchases of the product by one customer, per piece. Null: none
    stockpile           pieces bought of the product under a coupon, instead of 1, and by how much the next gap stretches:
                        `pull_forward` = (stretch − 1) / (pieces − 1) of the extra pieces is bought ahead, not more. Null: 1 piece, 1.0
    tiers               trailing 365 days' spend that makes a member silver or gold
    tier_stop           share of members made gold who stretched one order to get there and never buy again; the others leave
                        by ordinary dropout only. Null: 0
    channels            marketing spend / registrations; registrations without an order; share of trade customers. Null: all alike
    lift                conversion in the tested campaign, treatment minus control, as a share of those contacted. Null: 0
    steps               funnel by device; the break point is checkout → order on the phone. Null: desktop everywhere.
                        Measure: all sessions of the shop's life. Visits that turn back come days before an order, and there are no
                        orders after the end to come before: the last days have too few of them, and shares that go on run high
    searches_not_found  share of searches with no result. Null: the same (a fact of the range, not a pattern)
    nps                 promoters − detractors by tier. Null: all tiers as without tier
    complaint_topic     what detractors talk about, and the share that does; others spread evenly. Null: even
    closed              share of registered customers who close the account, all after their last order. Null: 0
    seasonality         orders in December over an average month. Null: 1
    """

    bgnbd: tuple[float, float, float, float]
    segments: tuple[Segment, ...]
    price_driven: float
    offer_lines: float
    pairs: tuple[Pair, ...]
    route: Pair | None
    cycles: tuple[Cycle, ...]
    stockpile_pieces: int
    stockpile_stretch: float
    stockpile_share: float
    tiers: tuple[tuple[str, float], ...]
    tier_stop: float
    channels: tuple[Channel, ...]
    lift: float
    steps: tuple[Steps, ...]
    searches_not_found: float
    nps: dict[str, float]
    complaint_topic: tuple[str, float]
    closed: float
    seasonality: float

    @property
    def registered_without_order(self) -> float:
        """Share of registered customers who never buy, over all channels."""
        return sum(channel.share * channel.never_buy for channel in self.channels)

    @property
    def kinds_of_buyers(self) -> tuple[float, ...]:
        """Share of each kind in `segments` among customers with an order: channels that bring trade also bring people who buy."""
        if len(self.segments) == 1:
            return (1.0,)
        buy = sum(channel.share * (1 - channel.never_buy) for channel in self.channels)
        trade = sum(channel.share * (1 - channel.never_buy) * channel.trade_share for channel in self.channels) / buy
        occasional, family, _trade = (segment.share for segment in self.segments)
        rest = (1 - trade) / (occasional + family)
        return (occasional * rest, family * rest, trade)

    @property
    def pull_forward(self) -> float:
        """Share of the extra pieces bought under a coupon that is bought ahead."""
        return (self.stockpile_stretch - 1) / (self.stockpile_pieces - 1) if self.stockpile_pieces > 1 else 0.0


CAMPAIGN = "K2609"  # the campaign with a randomised control group
_TIERS = (("silver", 200.0), ("gold", 500.0))

_PLANTED = Truth(
    bgnbd=(0.8, 7.0, 0.8, 4.0),
    segments=(Segment("occasional", 0.55, 1.15), Segment("family", 0.33, 1.9), Segment("trade", 0.12, 3.6)),
    price_driven=0.15,
    offer_lines=0.15,
    pairs=(
        Pair("Fresh ravioli", "Tomato basil sauce", 0.62),
        Pair("Safety razor", "Razor blades, 10 pieces", 0.70),
        Pair("Cat tunnel", "Cat treats", 0.55),
    ),
    route=Pair("Stovetop coffee maker", "Espresso machine descaler", 0.45),
    cycles=(
        Cycle("House espresso beans 1 kg", 28.0),
        Cycle("Cat litter 15 l", 42.0),
        Cycle("Nappies size 3, 80 pieces", 21.0),
    ),
    stockpile_pieces=2,
    stockpile_stretch=1.8,
    stockpile_share=0.12,
    tiers=_TIERS,
    tier_stop=0.35,
    channels=(
        Channel("Organic", 0.28, 0.0, 0.10, 0.15),
        Channel("Search ads", 0.26, 9.0, 0.16, 0.12),
        Channel("Social ads", 0.22, 6.0, 0.28, 0.06),
        Channel("Referral", 0.14, 5.0, 0.08, 0.22),
        Channel("Affiliates", 0.10, 12.0, 0.40, 0.04),
    ),
    lift=0.06,
    steps=(
        Steps("desktop", 0.72, 0.42, 0.72, 0.82),
        Steps("tablet", 0.70, 0.40, 0.70, 0.80),
        Steps("phone", 0.68, 0.38, 0.68, 0.48),
    ),
    searches_not_found=0.12,
    nps={"none": 0.15, "silver": 0.35, "gold": 0.50},
    complaint_topic=("Delivery", 0.45),
    closed=0.05,
    seasonality=1.25,
)

_NULL = Truth(
    bgnbd=(0.8, 7.0, 0.0, 1.0),
    segments=(Segment("one kind", 1.0, 1.5),),
    price_driven=0.0,
    offer_lines=0.15,
    pairs=(),
    route=None,
    cycles=(),
    stockpile_pieces=1,
    stockpile_stretch=1.0,
    stockpile_share=0.12,
    tiers=_TIERS,
    tier_stop=0.0,
    channels=tuple(Channel(channel.name, channel.share, 6.0, 0.18, 0.0) for channel in _PLANTED.channels),
    lift=0.0,
    steps=tuple(Steps(step.device, 0.72, 0.42, 0.72, 0.82) for step in _PLANTED.steps),
    searches_not_found=0.12,
    nps={"none": 0.15, "silver": 0.15, "gold": 0.15},
    complaint_topic=("Delivery", 0.2),
    closed=0.0,
    seasonality=1.0,
)


def truth(*, null: bool = False) -> Truth:
    """The planted numbers; with `null`, the shop where nothing is planted."""
    return _NULL if null else _PLANTED
