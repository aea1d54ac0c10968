"""Bytes → the encoding they are most likely in, how sure that is, and what each candidate would read."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from itertools import pairwise

CHINESE, JAPANESE, KOREAN = ("gb18030", "big5"), ("cp932", "euc_jp"), ("cp949",)
CERTAIN = 2.5
# Letters that Western European text uses beyond ASCII; the rest of the code page hardly occurs inside words.
_WESTERN = set("äöüßÄÖÜéèêëàâçîïôùûœÉÈÀÇñáíóúÑÁÍÓÚåæøÅÆØãõìò€£°§’“”–…´·")
# Characters that names, places and goods are written with, both ways of writing: enough to tell text from noise.
_COMMON = set(
    "的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后小么心多天而能好都然没日于起还发成事只作当想看文无开手"
    "十用主行方又如前所本见经头面公同三已老从动两长知样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便"
    "位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市物品店号单客户价格金额数量商期订购付款收货地址区城市省县街"
    "男黑白红蓝绿茶米油盐糖酒奶面包牛羊鱼肉菜果衣裤鞋帽袜纸巾洗衣液发水猫狗粮砂床灯杯碗锅刀书笔本机表线器套装礼盒片袋瓶件双条支未填是否会员积分等级银卡普通类"
    "型渠道来源手网店门应用微信支付宝现卡折扣优惠券原实成本状态完已取消退完成线上线下自然流量搜索广告社交推荐老带性别出注册间销"
    "這個們來為國時說會過後裡麼還發當無開頭見經動兩長樣現將與進實點種聲話兒問機給幾業間門東氣關並產萬號單戶價額數訂購貨區縣藍綠鹽麵魚褲襪紙洗貓狗糧燈鍋書筆錶線"
    "裝禮類來網應寶現優惠狀態廣薦帶別註冊銷會員積級銀類電腦臺灣北高雄中南新竹桃園縣市鄉鎮區路段巷弄號樓"
)
# The same of Japanese, beside kana, and of Korean: what names, places and words of trade are written with.
_KANJI = set(
    "一二三四五六七八九十百千万円年月日時分会員番号氏名様電話住所注文受発送配達商品名称単価数量金額合計税込抜料割引値売上店舗支払方法現金銀行振込担当者備考区市町村都道府県"
    "東京大阪北海神奈川埼玉葉愛知兵庫福岡京広島宮城新潟静岡田中佐藤鈴木高橋伊渡辺山本村小林加吉松井木清水斎森池石原阿部前野崎長谷岸和太郎花子美恵由真菜香織健翔優陽男女"
    "赤青白黒緑茶黄色大中小内外本体用品個枚箱袋服靴帽食飲酒米味噌醤油塩糖菓牛豚鶏肉魚野紙洗剤電池無有未済完了取消返通常特別期限開始終更登録削除確認付属"
)
_HANGUL = set(
    "가각간강개거건게격결경계고곡곤공과관광교구국군권규그금급기길김나남내너네년노누는니다단담당대더덕데도동되두드등디라락란람량러레려력련령로록료루류르를리린림마만말망매면명모목무문물미민"
    "바박반발방배백번범법별병보복본봉부북분불브비빈사산살삼상새색생서석선설성세셔소속손송수숙순술숨스습승시식신실심아안알암애액야약양어언업에여역연열영예오옥온올와완왕외요용우운울웅원월위유"
    "육윤율은을음의이익인일임입자작장재저적전절점접정제조족종좌주준중즈증지직진질집차찬창채처천철첫청체초총최추축출충취치카칼커코콜크클키타탁탄탈태터테토통트특티파판팔패페편평포폰표품프플피필"
    "하학한할함합항해행향허헌혁현혜호홍화확환황회효후훈휴흥희"
)


@dataclass(frozen=True)
class Encoding:
    """`name` as the client file takes it; `rivals`: other encodings that read the bytes without an error, each with what it reads."""

    name: str
    certain: bool
    rivals: tuple[tuple[str, str], ...] = ()
    shows: str = ""


def guess_encoding(data: bytes, *, whole: bool) -> Encoding:
    """The encoding of a text file that begins with `data`; unless `whole`, the last character may be cut."""
    for mark, found in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return Encoding(found, True)
    if data[:4000].count(0) > len(data[:4000]) // 5:
        return Encoding("utf-16-le" if data[1:400:2].count(0) > data[0:400:2].count(0) else "utf-16-be", True)
    if _decoded(data, "utf-8", whole) is not None:
        return Encoding("utf-8", True)
    scores = {
        name: _score(data, text, name)
        for name in (*CHINESE, *JAPANESE, *KOREAN, "cp1252")
        if (text := _decoded(data, name, whole)) is not None
    }
    if not scores:
        return Encoding("cp1252", False, (), "")
    best, *others = sorted(scores, key=lambda name: -scores[name])
    certain = not others or scores[best] >= CERTAIN * max(scores[other] for other in others)
    shown = {name: _beyond_ascii(_decoded(data, name, whole) or "") for name in scores}
    return Encoding(best, certain and scores[best] > 0.1, tuple((name, shown[name]) for name in others), shown[best])


def _decoded(data: bytes, encoding: str, whole: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, final=whole)
    except UnicodeDecodeError:
        return None


def _score(data: bytes, text: str, encoding: str) -> float:
    """Share of what lies beyond ASCII that people really write, from 0 to 1."""
    beyond = [c for c in text if ord(c) > 127]
    if encoding == "cp1252":
        alone = sum(ord(c) > 127 and ord(a) < 128 and ord(b) < 128 for (a, c), (_c, b) in pairwise(pairwise(f" {text} ")))
        return sum(c in _WESTERN for c in beyond) / len(beyond) * alone / len(beyond)
    if encoding in JAPANESE:  # a half-width kana is what single bytes of any other encoding look like
        return sum("ぁ" <= c <= "ヿ" or c in _KANJI or c in "、。「」・￥　（）－々" for c in beyond) / len(beyond)
    if encoding in KOREAN:
        return sum(c in _HANGUL for c in beyond) / len(beyond)
    written = [c for c in beyond if "一" <= c <= "鿿" or ord(c) < 0x2E80 or ord(c) > 0xFFFF or c in "㐀-䶿"]
    punctuation = sum(c in "，。：；！？、（）《》“”·￥　％－" for c in beyond)
    return (sum(c in _COMMON for c in written) + punctuation) / len(beyond) if beyond else 0.0


def _beyond_ascii(text: str) -> str:
    cells = [cell.strip(' "') for cell in re.split(r"[,;\t|\r\n]", text[:200_000]) if not cell.isascii()]
    return ", ".join(dict.fromkeys(cell[:24] for cell in cells[:60] if cell))[:110]
