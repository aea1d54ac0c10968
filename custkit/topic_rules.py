"""What customers talk about: words in the client file by which the cause of a comment is known, English and Chinese."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

from custkit.words import mark

_LATIN = re.compile(r"[a-z0-9][a-z0-9 '&-]*")
_FORBIDDEN = re.compile(r"[\\^$.|?*+(){}\[\]]")


class Topic(BaseModel):
    """One cause and the words that tell it: `{name: Delivery, words: [deliver, parcel, 快递]}`.

    A word of Latin letters fits where a word of the comment begins with it (`late` fits "later", not "chocolate"); Chinese, which puts
    no space between words, wherever the characters stand. A comment that fits several topics counts under the first of the list.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    words: tuple[str, ...] = Field(min_length=1)

    @field_validator("words")
    @classmethod
    def _plain(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for word in given:
            if not word.strip():
                raise ValueError("an empty word stands in every comment; write a word that tells the topic")
            if found := _FORBIDDEN.search(word):
                raise ValueError(f"`{word}` holds `{found[0]}`; write words, not a pattern: late fits later and lately")
        return tuple(word.strip().lower() for word in given)

    def patterns(self) -> tuple[str, ...]:
        """Regular expressions, one a word, for a comment in small letters."""
        return tuple(f"(^|[^a-z0-9]){word}" if _LATIN.fullmatch(word) else word for word in self.words)


def _topic(name: str, *words: str) -> Topic:
    return Topic(name=name, words=words)


# In this order: what names a thing that went wrong stands before what might be said of anything.
TOPICS = (
    _topic(mark("Returns and refunds"), "refund", "return", "money back", "exchange", "退货", "退款", "换货", "退换"),
    _topic(
        mark("Delivery"), "deliver", "shipping", "shipped", "courier", "parcel", "late", "days late", "arriv", "快递", "物流", "配送",
        "发货", "送货", "送达", "太慢", "晚到", "迟到",
    ),
    _topic(mark("Packaging"), "packag", "packed", "box was", "wrapp", "包装", "破损", "压坏"),
    _topic(
        mark("Availability"), "out of stock", "sold out", "not available", "unavailable", "no longer sold", "缺货", "断货", "没货",
        "无货",
    ),
    _topic(
        mark("Price"), "price", "pricey", "expensive", "cheap", "value for money", "good value", "cost", "价格", "太贵", "便宜", "性价比",
        "涨价",
    ),
    _topic(
        mark("Quality"), "quality", "broke", "defect", "faulty", "damaged", "fell apart", "stale", "质量", "坏了", "瑕疵", "做工", "变质",
        "假货",
    ),
    _topic(
        mark("Service"), "service", "staff", "support", "helpful", "friendly", "rude", "unfriendly", "no answer", "hotline", "客服", "服务",
        "态度", "没人回复",
    ),
    _topic(
        mark("Website and app"), "website", "web site", "app ", "checkout", "login", "log in", "crash", "网站", "网页", "登录", "闪退",
        "卡顿",
    ),
    _topic(mark("Range"), "range", "selection", "assortment", "choice", "品种", "种类", "选择少", "款式"),
)  # fmt: skip
