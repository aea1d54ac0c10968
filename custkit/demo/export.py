"""The demo shop's raw exports, as a client would send them: other headers than ours, other words, and mess in small known ways."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from custkit.demo.catalogue import REGIONS, SEARCHES, SEARCHES_NOT_FOUND
from custkit.demo.shop import DEVICES, TOPICS, Shop, simulate

Language = Literal["en", "zh_CN"]
ZONE = "Europe/Berlin"

HEADERS: dict[str, tuple[tuple[str, str], ...]] = {
    "sales": (
        ("Order No.", "订单号"), ("Ordered", "下单时间"), ("Customer No.", "客户号"), ("Item No.", "货号"), ("Pieces", "件数"),
        ("List total", "原价合计"), ("Reduction", "折扣"), ("Coupon", "优惠券"),
        ("Net total", "实付金额"), ("Goods cost", "成本"),
        ("Status", "状态"), ("Sold via", "渠道"), ("Device", "设备"), ("Shop", "门店"),
        ("Delivery region", "收货地区"), ("Paid by", "支付方式"),
    ),
    "customers": (
        ("Customer No.", "客户号"), ("Registered", "注册时间"), ("Account closed", "销户时间"), ("Came via", "来源渠道"),
        ("Gender", "性别"), ("Year of birth", "出生年份"), ("Region", "地区"), ("Household", "家庭人数"), ("Key account", "重点客户"),
        ("Prepaid", "预存金额"), ("Newsletter", "同意营销"),
    ),
    "products": (
        ("Item No.", "货号"), ("Item", "品名"), ("Category", "品类"), ("Department", "部门"), ("Brand", "品牌"), ("List price", "标价"),
        ("Unit cost", "单位成本"),
    ),
    "campaigns": (
        ("Campaign", "活动编号"), ("Title", "活动名称"), ("Kind", "类型"), ("Medium", "媒介"), ("From", "开始"), ("Until", "结束"),
        ("Cost", "费用"),
    ),
    "campaign_contacts": (
        ("Campaign", "活动编号"), ("Customer No.", "客户号"), ("Sent", "发送时间"), ("Group", "分组"), ("Offer", "优惠"),
        ("Offer used", "使用时间"),
    ),
    "loyalty": (
        ("Booking", "流水号"), ("Card holder", "客户号"), ("Booked", "记账时间"), ("Movement", "类型"), ("Points", "积分"),
        ("Valid until", "有效期"), ("New level", "新等级"), ("Order No.", "订单号"),
    ),
    "surveys": (
        ("Answer", "答卷号"), ("Customer No.", "客户号"), ("Answered", "答题时间"), ("Question", "问题"), ("Score", "评分"),
        ("Topic", "主题"), ("Item No.", "货号"), ("Remark", "评语"),
    ),
    "marketing_spend": (("Month", "月份"), ("Channel", "渠道"), ("Spent", "花费")),
}  # fmt: skip

EVENT_COLUMNS = ("hit", "visitor", "customer", "session", "time_utc", "action", "item", "source", "device", "query", "hits", "seconds")
ACTIONS = {
    "visit": "page_visit", "view": "product_view", "search": "search", "click": "result_click", "cart": "add_to_cart",
    "favourite": "add_favourite", "share": "share", "question": "ask", "checkout": "begin_checkout", "order": "purchase",
    "register": "sign_up",
}  # fmt: skip

CHINESE = {
    "web": "网店", "app": "应用", "shop": "门店", "phone": "手机", "desktop": "电脑", "tablet": "平板", "card": "银行卡", "invoice": "账单",
    "wallet": "电子钱包", "instalment": "分期", "cash": "现金", "subscription": "订阅", "shipped": "已发货", "void": "已作废",
    "Total": "合计",
    "female": "女", "male": "男", "not given": "未填", "yes": "是", "no": "否", "Organic": "自然流量", "Search ads": "搜索广告",
    "Social ads": "社交广告", "Referral": "老客推荐", "Affiliates": "联盟推广", "silver": "银卡", "gold": "金卡",
    "earn": "获得", "redeem": "兑换", "expire": "过期", "tier": "等级变动", "launch": "开业", "discount": "折扣", "points": "积分",
    "coupon": "优惠券", "mail": "信件", "e-mail": "邮件", "treatment": "实验组", "control": "对照组", "5 EUR off": "立减 5 欧元",
    "How likely are you to recommend us?": "您有多大可能推荐我们？", "Delivery": "配送", "Product quality": "商品质量", "Price": "价格",
    "Website": "网站", "Service": "客服", "Own brand": "自有品牌",
}  # fmt: skip

# What people write about a topic: unhappy, so-so, happy.
COMMENTS = {
    "Delivery": (
        ("Came three days late.", "晚到了三天。"),
        ("Arrived in the end.", "总算到了。"),
        ("Here the next day.", "第二天就到了。"),
    ),
    "Product quality": (
        ("Broke after a week.", "用了一周就坏了。"),
        ("Does what it should.", "中规中矩。"),
        ("Lovely quality.", "质量很好。"),
    ),
    "Price": (("Cheaper elsewhere.", "别处更便宜。"), ("Price is fair.", "价格还行。"), ("Good value.", "物有所值。")),
    "Website": (("Checkout kept failing.", "结账总是失败。"), ("Hard to find things.", "东西不好找。"), ("Easy to order.", "下单方便。")),
    "Service": (("Nobody answered.", "没人回复。"), ("Took a while.", "等了一会儿。"), ("Friendly and quick.", "又快又热情。")),
}


@dataclass
class Counts:
    """What stands in the sales exports, counted while they are written: what intake's ledger must find. Money in cents."""

    rows: Counter[str] = field(default_factory=Counter)
    money: Counter[str] = field(default_factory=Counter)

    def add(self, reason: str, rows: int = 1, cents: int = 0) -> None:
        self.rows[reason] += rows
        self.money[reason] += cents


def write_shop(
    folder: Path,
    *,
    seed: int = 2026,
    null: bool = False,
    customers: int = 5000,
    months: int = 24,
    language: Language = "en",
) -> tuple[Shop, Counts]:
    """Simulate the shop and write its exports into `folder`: CSV for each table, Parquet for events. Same arguments, same bytes.

    The counted mess of the sales files, by reason: `records` (rows below the header), `blank`, `header_repeats`, `totals`, `duplicates`
    (each an exact second copy), `amount_unparsable`, `date_unparsable`, `test_orders`, `void`, and within the good lines `returns`,
    `adjustments`, `postage`, `free`, `guests`, `sales`.

    Returns the shop and the counts.
    """
    shop = simulate(seed=seed, null=null, customers=customers, months=months)
    folder.mkdir(parents=True, exist_ok=True)
    counts = _Writer(folder, shop, language).all()
    return shop, counts


class _Writer:
    def __init__(self, folder: Path, shop: Shop, language: Language) -> None:
        self.folder, self.shop, self.chinese = folder, shop, language == "zh_CN"
        self.rng = shop.rng["mess"]
        self.ids = shop.customers["id"].to_numpy()
        self.items = shop.products["id"].to_numpy()
        self.counts = Counts()

    def all(self) -> Counts:
        self.sales()
        self.customers()
        self.products()
        self.events()
        self.campaigns()
        self.loyalty()
        self.surveys()
        self.spend()
        return self.counts

    def say(self, text: str) -> str:
        return CHINESE.get(text, text) if self.chinese else text

    def words(self, texts: Iterable[str]) -> list[str]:
        return [self.say(text) for text in texts]

    def header(self, name: str) -> list[str]:
        return [pair[self.chinese] for pair in HEADERS[name]]

    def write(self, file: str, header: str, rows: Sequence[Sequence[Any]], *, encoding: str = "utf-8") -> None:
        with (self.folder / file).open("w", encoding=encoding, newline="") as out:
            writer = csv.writer(out, lineterminator="\r\n")
            writer.writerow(self.header(header))
            writer.writerows(rows)

    def local(self, days: Any, pattern: str) -> np.ndarray:
        """Days from the start → text; blank where unknown."""
        moments = self.moments(days)
        return pd.Series(moments).dt.strftime(pattern).fillna("").to_numpy()

    def moments(self, days: Any) -> np.ndarray:
        days = np.asarray(days, dtype=float)
        seconds = np.where(np.isnan(days), 0, np.round(days * 86400)).astype("timedelta64[s]")
        return np.where(np.isnan(days), np.datetime64("NaT"), np.datetime64(self.shop.start, "s") + seconds)

    def utc(self, days: Any) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(self.moments(days)).tz_localize(ZONE, ambiguous=False, nonexistent="shift_forward").tz_convert("UTC")

    def who(self, customer: Any) -> list[str]:
        customer = np.asarray(customer).astype(int)
        return np.where(customer < 0, "", self.ids[np.maximum(customer, 0)]).tolist()

    def sales(self) -> None:
        orders, lines, counts = self.shop.orders, self.shop.lines, self.counts
        source = lines["order"].to_numpy()
        day = orders["day"].to_numpy()[source]
        sequence = np.lexsort((np.arange(len(lines)), orders["id"].to_numpy()[source], day))
        lines, source, day = lines.iloc[sequence], source[sequence], day[sequence]
        cents = lines["amount"].to_numpy()
        product = lines["product"].to_numpy()
        region = [pair[self.chinese] for pair in ((en, zh) for en, zh, _share in REGIONS)]
        customer = orders["customer"].to_numpy()[source]
        columns = [
            orders["id"].to_numpy()[source].tolist(),
            self.local(day, "%Y-%m-%d %H:%M:%S").tolist(),
            self.who(customer),
            np.where(product < 0, "POST", self.items[np.maximum(product, 0)]).tolist(),
            lines["quantity"].astype(str).tolist(),
            _money(lines["gross"]),
            _money(-lines["discount"]),
            _money(lines["coupon"]),
            _money(cents),
            _money(lines["cost"]),
            [self.say("shipped")] * len(lines),
            self.words(orders["channel"].to_numpy()[source]),
            self.words(orders["device"].to_numpy()[source]),
            orders["store"].to_numpy()[source].tolist(),
            [region[i] for i in orders["region"].to_numpy()[source].tolist()],
            self.words(orders["payment"].to_numpy()[source]),
        ]
        rows = [list(row) for row in zip(*columns, strict=True)]
        returned = (orders["kind"].to_numpy()[source] == "return") & (product >= 0)
        free = lines["free"].to_numpy()
        post = product < 0
        for reason, which in (
            ("returns", returned),
            ("postage", post),
            ("free", free),
            ("sales", ~returned & ~free & ~post),
            ("guests", customer < 0),
        ):
            counts.add(reason, int(which.sum()), int(cents[which].sum()))
        month = pd.DatetimeIndex(self.moments(day)).strftime("%Y-%m").to_numpy()
        months, starts = np.unique(month, return_index=True)
        signed = self.pick(len(rows), 12)
        for i in signed:
            rows[i][8] = "€" + rows[i][8] if not rows[i][8].startswith("-") else rows[i][8]
            counts.add("currency_signs", int(rows[i][8].startswith("€")))
        again = set(self.pick(len(rows), 40))
        void, tests, broken = (self.pick(len(rows), k) for k in (25, 20, 7))
        extra: dict[int, list[list[str]]] = {}

        def beside(i: int, row: list[str]) -> None:
            extra.setdefault(i, []).append(row)

        for n, i in enumerate(void):
            beside(i, ["V" + rows[i][0].lstrip("C"), *rows[i][1:10], self.say("void"), *rows[i][11:]])
            counts.add("void", 1, int(cents[i]))
            counts.add("void_guests", int(not rows[i][2]))
            del n
        for i in tests:
            beside(i, ["T" + rows[i][0].lstrip("C"), rows[i][1], "TEST01", *rows[i][3:]])
            counts.add("test_orders", 1, int(cents[i]))
        nonsense = ("#REF!", "n/k", "12,90,1", "--", "TBC")
        for n, i in enumerate(broken):
            row = list(rows[i])
            row[0] = "Q" + row[0].lstrip("C")
            if n < len(nonsense):
                row[8] = nonsense[n]
                counts.add("amount_unparsable")
            else:
                row[1] = f"{row[1][:4]}-02-30 10:00:00"
                counts.add("date_unparsable", 1, int(cents[i]))
            beside(i, row)
        for i in again:
            beside(i, list(rows[i]))
            counts.add("duplicates", 1, int(cents[i]))
        for row in self.written_off(rows):
            beside(len(rows) - 1, row)
            counts.add("adjustments", 1, -15000)
        bounds = [*starts.tolist(), len(rows)]
        for k, name in enumerate(months.tolist()):
            body: list[list[str]] = []
            for i in range(bounds[k], bounds[k + 1]):
                body.append(rows[i])
                body += extra.get(i, ())
            self.disfigure(k, body, cents[bounds[k] : bounds[k + 1]])
            counts.add("records", len(body))
            counts.add("files")
            self.write(f"sales_{name}.csv", "sales", body, encoding="utf-8-sig" if k % 6 == 1 else "utf-8")

    def pick(self, n: int, k: int) -> list[int]:
        """`k` different rows; fewer where the shop is small."""
        return sorted(self.rng.choice(n, min(k, n // 20), replace=False).tolist()) if n else []

    def written_off(self, rows: list[list[str]]) -> list[list[str]]:
        """Two bad debts, on documents of their own."""
        if not rows:
            return []
        blank = [""] * 16
        found = []
        for n in (1, 2):
            row = list(blank)
            row[0], row[1], row[3], row[4] = f"ADJ{n:04d}", rows[-1][1], "ADJ", "1"
            row[5] = row[8] = "-150.00"
            row[6] = row[7] = row[9] = "0.00"
            row[10] = self.say("shipped")
            found.append(row)
        return found

    def disfigure(self, k: int, body: list[list[str]], cents: np.ndarray) -> None:
        """Header again in the middle of some files, blank lines in some, a total row at the foot of some."""
        if k % 5 == 2:
            body.insert(len(body) // 2, self.header("sales"))
            self.counts.add("header_repeats")
        if k % 4 == 3:
            for place in (len(body) // 3, 2 * len(body) // 3):
                body.insert(place, [])
                self.counts.add("blank")
        if k % 3 == 0:
            total = [""] * 16
            total[0], total[8] = self.say("Total"), f"{cents.sum() / 100:,.2f}"
            body.append(total)
            self.counts.add("totals", 1, int(cents.sum()))

    def customers(self) -> None:
        people, n = self.shop.customers, len(self.shop.customers)
        key = self.rng.random(n) < 0.02
        prepaid = np.where(self.rng.random(n) < 0.03, self.rng.integers(2, 40, n) * 2500, 0)
        rows = zip(
            people["id"],
            self.local(people["registered"], "%d/%m/%Y %H:%M"),
            self.local(people["closed"], "%d/%m/%Y %H:%M"),
            self.words(self.shop.planted.channels[i].name for i in people["channel"]),
            self.words(people["gender"]),
            np.where(people["birth_known"], people["birth_year"].astype(str), ""),
            [REGIONS[i][self.chinese] for i in people["region"]],
            people["household"].astype(str).replace("5", "5+"),
            np.where(key, "Y", "N"),
            [text if text != "0.00" else "" for text in _money(prepaid)],
            [("Y", "N", "")[i] for i in people["consent"]],
            strict=True,
        )
        self.write("customers.csv", "customers", sorted(rows), encoding="gb18030" if self.chinese else "utf-8")

    def products(self) -> None:
        frame = self.shop.products
        suffix = "_zh" if self.chinese else ""
        rows = zip(
            frame["id"],
            frame["name" + suffix],
            frame["category" + suffix],
            frame["department" + suffix],
            self.words(frame["brand"]),
            _money(frame["price"]),
            _money(frame["cost"]),
            strict=True,
        )
        self.write("products.csv", "products", list(rows))

    def events(self) -> None:
        frame = self.shop.events
        word = [pair[self.chinese] for pair in (*SEARCHES, *SEARCHES_NOT_FOUND)]
        customer, visitor = frame["customer"].to_numpy(), frame["visitor"].to_numpy()
        results = frame["results"].to_numpy()
        kinds, kind = np.unique(frame["type"].to_numpy().astype(str), return_inverse=True)
        width = len(str(len(frame)))
        columns = {
            "hit": pa.array(np.char.add("h", np.char.zfill(np.arange(1, len(frame) + 1).astype(str), width))),
            "visitor": pa.array(np.char.add("v", visitor.astype(str))),
            "customer": _named(np.where(customer < 0, -1, customer), self.ids.tolist()),
            "session": pa.array(np.char.add("s", frame["session"].to_numpy().astype(str))),
            "time_utc": pa.array(self.utc(frame["day"]).tz_localize(None).as_unit("s").to_numpy()),
            "action": _named(kind, [ACTIONS[name] for name in kinds]),
            "item": _named(frame["product"].to_numpy(), self.items.tolist()),
            "source": _named(frame["channel"].to_numpy(), self.words(c.name for c in self.shop.planted.channels)),
            "device": _named(frame["device"].to_numpy(), self.words(DEVICES)),
            "query": _named(frame["query"].to_numpy(), word),
            "hits": pa.array(results, mask=results < 0),
            "seconds": pa.array(frame["dwell"].to_numpy()),
        }
        assert tuple(columns) == EVENT_COLUMNS
        pq.write_table(pa.table(columns), self.folder / "events.parquet", compression="zstd")

    def campaigns(self) -> None:
        frame = self.shop.campaigns
        rows = zip(
            frame["id"],
            frame["name_zh" if self.chinese else "name"],
            self.words(frame["type"]),
            self.words(frame["channel"]),
            frame["starts"].dt.strftime("%Y-%m-%d"),
            (frame["ends"] - pd.Timedelta(days=1)).dt.strftime("%Y-%m-%d"),  # the last day
            [f"{cost:,.2f}" for cost in frame["cost"]],
            strict=True,
        )
        self.write("campaigns.csv", "campaigns", list(rows))
        contacts = self.shop.contacts
        offer = np.where(contacts["arm"] == "control", "", self.say("5 EUR off"))
        rows = zip(
            contacts["campaign"],
            self.who(contacts["customer"]),
            self.local(contacts["day"], "%Y-%m-%d %H:%M"),
            self.words(contacts["arm"]),
            offer,
            self.local(contacts["redeemed"], "%Y-%m-%d %H:%M:%S"),
            strict=True,
        )
        self.write("campaign_contacts.csv", "campaign_contacts", list(rows))

    def loyalty(self) -> None:
        frame = self.shop.ledger
        order = frame["order"].to_numpy().astype(int)
        ids = self.shop.orders["id"].to_numpy()
        booked = self.utc(frame["day"]).tz_localize(None).to_numpy().astype("datetime64[s]").astype("int64")
        rows = zip(
            [f"L{i:07d}" for i in range(1, len(frame) + 1)],
            self.who(frame["customer"]),
            booked.astype(str),
            self.words(frame["type"]),
            frame["points"].astype(str),
            self.local(frame["expires"], "%Y-%m-%d"),
            self.words(frame["tier"].replace("none", "")),  # a member who falls back to no level
            np.where(order >= 0, ids[np.maximum(order, 0)], "") if len(ids) else [""] * len(frame),
            strict=True,
        )
        self.write("loyalty.csv", "loyalty", list(rows))

    def surveys(self) -> None:
        frame = self.shop.surveys
        question = self.say("How likely are you to recommend us?")
        remark = [
            COMMENTS[TOPICS[topic]][mood][self.chinese] if says else ""
            for topic, mood, says in zip(frame["topic"], frame["mood"], frame["comments"], strict=True)
        ]
        rows = zip(
            [f"A{i:06d}" for i in range(1, len(frame) + 1)],
            self.who(frame["customer"]),
            self.local(frame["day"], "%d.%m.%Y %H:%M"),
            [question] * len(frame),
            frame["score"].astype(str),
            self.words(TOPICS[i] for i in frame["topic"]),
            self.items[frame["product"].to_numpy()],
            remark,
            strict=True,
        )
        self.write("surveys.csv", "surveys", list(rows))

    def spend(self) -> None:
        frame = self.shop.spend
        rows = zip(
            [f"{month}-01" for month in frame["month"]],
            self.words(self.shop.planted.channels[i].name for i in frame["channel"]),
            [f"€{cents / 100:,.2f}" for cents in frame["spend"]],
            strict=True,
        )
        self.write("marketing_spend.csv", "marketing_spend", list(rows))


def _money(cents: Any) -> list[str]:
    """Cents → `1,234.50`, as spreadsheets write it."""
    return [f"{value / 100:,.2f}" for value in np.asarray(cents).tolist()]


def _named(codes: np.ndarray, names: Sequence[str]) -> pa.Array:
    """Codes → names; below 0 is null."""
    indices = pa.array(codes.astype("int32"), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(names), pa.string())).cast(pa.string())
