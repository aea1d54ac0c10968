"""The words people head their columns with, in English, Chinese and, for order lines, German and French, by what they mean; and the words of our own lists in other people's."""

from __future__ import annotations

import unicodedata

from custkit.intake.grammar import CODES

# One concept a line. Chinese in simplified characters: a header is brought to them before it is compared.
CONCEPTS: dict[str, str] = {
    "order": "order id|order|invoice id|invoice|receipt id|receipt|basket id|basket|transaction id|transaction|bill id|bill|ticket id|ticket|document id|purchase id|sale id|check id|order reference|increment id|beleg|bon|beleg id|bestellung|bestell id|auftrag|auftrags id|rechnung|rechnungs id|faktura id|commande|n° commande|facture|n° facture|n° ticket"
    "|订单号|订单编号|订单|订单id|单号|单据号|单据编号|交易号|交易流水号|小票号|小票|发票号|销售单号|账单号|主订单编号|购物篮|订货单号|母订单号|受注番号|注文番号",
    "customer": "customer id|customer|client id|client|member id|member|user id|user|buyer id|buyer|shopper id|household id|household key|card id|card holder|cardholder|card|account id|account|loyalty id|loyalty card id|member card|subscriber id|contact id|person id|patron id|guest id|uid|kunde|kunden id|auftraggeber|client|n° client"
    "|客户号|客户编号|客户id|客户|顾客号|顾客编号|顾客|会员号|会员编号|会员卡号|会员id|会员|用户id|用户编号|用户|买家id|买家会员名|买家|卡号|账号",
    "former_customer": "old id|old customer id|old customer|former id|former customer id|previous id|previous customer id|merged id|merged customer id|duplicate id|duplicate customer id|duplicate|secondary id|secondary customer id|losing id|absorbed id|retired id|from customer id|customer id"
    "|旧客户号|旧客户编号|旧客户id|旧会员号|旧会员编号|旧会员卡号|旧会员id|旧用户id|旧卡号|旧账号|旧id|原客户号|原客户编号|原会员号|原会员编号|原会员卡号|原会员id|原用户id|原卡号|原账号|原id|被合并客户|被合并会员|被合并会员号|被合并账号|被合并id|合并前会员号|合并前客户编号|合并前id|重复会员号|重复客户编号|重复账号|副账号|副卡号|停用会员号|注销会员号",
    "surviving_customer": "new id|new customer id|new customer|surviving id|surviving customer id|survivor id|survivor|merged into|merged into id|merged into customer id|merge into|master id|master customer id|master|primary id|primary customer id|kept id|retained id|winning id|golden id|current id|current customer id|replaced by|into customer id|to customer id"
    "|新客户号|新客户编号|新客户id|新会员号|新会员编号|新会员卡号|新会员id|新用户id|新卡号|新账号|新id|现客户号|现客户编号|现会员号|现会员编号|现会员id|现用户id|现id|合并后会员号|合并后会员编号|合并后客户编号|合并后客户号|合并后id|合并到|合并至|并入会员|并入会员号|并入客户|并入|主会员号|主会员编号|主客户编号|主账号|主卡号|主id|保留会员号|保留客户编号|保留账号|保留id|目标会员号|目标客户编号",
    "product": "product id|product|item id|item|article id|article|sku|stock code|stock id|stock keeping unit|upc|ean|gtin|barcode|goods id|goods|material id|material|part id|plu|asin|variant sku|lineitem sku|artikel|artikel id|produit|réf produit|réf article"
    "|货号|商品编号|商品编码|商品号|商品id|商品|产品编号|产品id|产品编码|产品|条码|条形码|款号|物料号|物料编码|sku编码|商家编码|品号|料号",
    "product_name": "product name|product title|product description|item name|item description|item|article name|description|title|product|goods name|lineitem name|designation|bezeichnung|product type|artikel bezeichnung|artikel name|produktname|libellé|libelle|désignation|nom du produit"
    "|品名|商品名称|商品名|产品名称|产品名|商品标题|宝贝标题|名称|货品名称|商品描述|描述|商品|产品|货名",
    "quantity": "quantity|qty|units|pieces|count|items count|item quantity|quantity ordered|quantity sold|units sold|order quantity|lineitem quantity|volume|pcs|menge|anzahl|stück|stückzahl|quantité|quantite|qté"
    "|件数|数量|销售数量|购买数量|商品数量|个数|销量|下单数量|订购数量",
    "unit_price": "unit price|price|price per unit|price each|item price|sale price|selling price|lineitem price|price per piece|einzelpreis|preis|stückpreis|prix unitaire|prix unitaire ttc|prix unitaire ht|prix"
    "|单价|售价|价格|商品单价|销售单价|成交单价",
    "gross": "gross amount|gross total|gross|list total|list amount|full price total|subtotal before discount|amount before discount|original amount|original price total|list value|retail value|undiscounted amount"
    "|原价合计|原价|应付金额|应收金额|标价合计|原价金额|折前金额|吊牌金额|总价|商品总价|订单原价|折扣前金额",
    "discount": "discount amount|discount|reduction|price reduction|markdown|rebate|retail discount|loyalty discount|promotion amount|total discount|discount value|rabatt|nachlass|remise"
    "|折扣|折扣金额|优惠金额|优惠|减免|减免金额|立减|促销优惠|打折金额|让利",
    "coupon": "coupon amount|coupon|coupon discount|coupon value|voucher|voucher amount|voucher discount|gutschein"
    "|优惠券|优惠券金额|优惠券抵扣|券抵扣|代金券|红包|折价券|用券金额",
    "amount": "amount|net amount|net total|net|total|total amount|sales amount|sales value|sales|sale amount|revenue|line total|line amount|value|order value|order amount|turnover|spend|amount paid|paid amount|paid|dollar value|total price|total paid|net sales|net value|payment amount|monetary value|subtotal|umsatz|betrag|netto|betrag netto|netto betrag|netto wert|gesamtbetrag|gesamtpreis|montant|montant ttc|montant ht|montant net|gesamt|summe"
    "|实付金额|实付|实收金额|实收|金额|销售额|销售金额|成交金额|支付金额|付款金额|交易金额|订单金额|净额|净金额|合计|总额|总金额|买家实际支付金额|实际支付|实付款|小计|消费金额|销售净额",
    "cost": "cost amount|cost|goods cost|cost of goods|cogs|total cost|cost price total|cost total|cost value|einstand"
    "|成本|成本金额|商品成本|成本合计|总成本|进货成本",
    "unit_cost": "unit cost|cost price|purchase price|cost per unit|cost|buying price|单位成本|成本价|进价|采购价|进货价|成本",
    "ordered_at": "ordered|ordered at|order date|order time|order datetime|purchase date|purchase time|invoice date|transaction date|transaction timestamp|transaction time|transaction datetime|sale date|sales date|receipt date|booking date|paid at|payment date|created at|date|datetime|timestamp|time|day|order created|datum|bestelldatum|beleg datum|rechnungsdatum|faktura datum|auftragsdatum|kaufdatum|date de commande|date commande|date de facture"
    "|下单时间|下单日期|订单时间|订单日期|订单创建时间|购买时间|购买日期|交易时间|交易日期|销售日期|销售时间|付款时间|支付时间|订单付款时间|成交时间|日期|时间|开票日期|消费时间|消费日期|订购日期|订购时间|消费日|订购日|交易日|受注日|注文日|購入日",
    "status": "status|order status|state|fulfillment status|fulfilment status|financial status|payment status|订单状态|状态|交易状态|单据状态|发货状态",
    "line_type": "line type|transaction type|sale type|sales type|record type|document type|order type|type|kind|movement type|operation|vorgang|belegart|transaktionsart"
    "|交易类型|单据类型|业务类型|订单类型|销售类型|类型|记录类型|退货标志",
    "currency": "currency|currency code|order currency|transaction currency|iso currency|waehrung|währung|devise|monnaie|币种|货币|币别|货币代码|结算币种",
    "channel": "channel|sold via|sales channel|order channel|source|platform|medium|media|traffic source|utm source|origin|渠道|销售渠道|订单渠道|来源|订单来源|平台|媒介|触达渠道|流量来源|通路",
    "device": "device|device type|terminal|device category|platform|设备|终端|设备类型|终端类型|装置",
    "store": "store id|store|shop|shop id|branch|branch id|outlet|location id|site|filiale|门店|门店编号|店铺|店铺名称|分店|店号|门店名称|网点|门市|门市编号|magasin",
    "region": "region|delivery region|country|state|province|city|shipping city|shipping country|shipping province|area|territory|home region|town|location|land|region name"
    "|地区|收货地区|区域|省份|省|城市|国家|收货城市|收货省份|所在城市|所在地区|所在地|县市",
    "payment": "payment method|paid by|payment type|payment|tender|tender type|pay method|支付方式|付款方式|支付类型|结算方式|支付渠道|zahlungsart|mode de paiement",
    "category": "category|product category|item category|category name|group|product group|commodity|class|subcategory|level2|品类|类目|分类|商品分类|商品类别|类别|产品类别|二级类目|品类名称|小类|warengruppe|catégorie",
    "department": "department|division|main category|section|product line|level1|部门|一级类目|大类|事业部|产品线|柜组",
    "brand": "brand|brand name|label|vendor|make|品牌|品牌名称|厂牌",
    "registered_at": "registered|registered at|registration date|registration time|signup date|sign up date|joined|join date|member since|account created|created at|date joined|enrolled at|enrollment date|enrolment date|opened|customer since|date"
    "|注册时间|注册日期|入会时间|入会日期|开卡时间|开卡日期|开户时间|会员注册时间|创建时间|加入时间|加入日期",
    "closed_at": "account closed|closed at|closed|closing date|cancelled at|cancellation date|left|left at|churn date|deactivated at|terminated|unsubscribed at|销户时间|销户日期|注销时间|退会时间|关闭时间|注销日期|退卡时间",
    "acquisition": "acquisition channel|came via|acquired via|signup channel|registration channel|acquisition source|lead source|referral source|first channel|channel|source|来源渠道|获客渠道|注册渠道|来源|注册来源|渠道|客户来源|拉新渠道",
    "gender": "gender|sex|geschlecht|性别",
    "birth_year": "birth year|year of birth|born|yob|出生年份|出生年|生年",
    "age_band": "age band|age group|age range|age|age bracket|年龄段|年龄|年龄组|年龄层",
    "income": "income band|income|income group|income range|household income|收入|收入段|收入水平|年收入|月收入",
    "occupation": "occupation|job|profession|employment status|employment|职业|工作|岗位",
    "household": "household size|household|family size|persons|people in household|家庭人数|家庭规模|家庭人口|家庭成员数",
    "is_vip": "vip|is vip|key account|vip flag|premium customer|重点客户|是否vip|vip标志|大客户|贵宾|是否重点客户",
    "prepaid": "prepaid|prepaid amount|stored value|deposit|balance|wallet balance|预存金额|储值|预存|储值余额|余额|预付金额|储值金额|充值余额",
    "consent": "consent|newsletter|opt in|marketing consent|marketing opt in|subscribed|email opt in|accepts marketing|permission|同意营销|营销同意|是否同意营销|订阅|接收短信|接受营销|是否订阅",
    "event": "event id|hit id|hit|事件id|事件编号",
    "visitor": "visitor id|visitor|cookie|cookie id|client id|device id|anonymous id|user id|user|fullvisitorid|访客id|访客|访客编号|设备id|用户id|匿名id",
    "session": "session id|session|visit id|visit|会话id|会话|访问id",
    "occurred_at": "occurred at|event time|event timestamp|event date|timestamp|time|time utc|datetime|date|hit time|created at|booked|booked at|booking date|posted at|posting date|transaction date|entry date|date utc"
    "|事件时间|时间|发生时间|时间戳|日期|记账时间|记账日期|入账时间|变动时间|行为时间|访问时间|操作时间",
    "event_type": "event type|event name|event|action|activity|behaviour|behavior type|interaction|page type|事件类型|事件|行为|行为类型|动作|操作类型|事件名称",
    "query": "query|search term|search query|search|keyword|search phrase|搜索词|关键词|检索词|搜索内容",
    "results": "results|hits|result count|search results|number of results|结果数|搜索结果数",
    "dwell": "dwell seconds|dwell|seconds|duration|dwell time|time on page|duration seconds|停留时长|停留时间|时长|停留秒数",
    "campaign": "campaign id|campaign|promotion id|campaign code|promo id|action id|活动编号|活动id|活动|营销活动|活动代码|营销活动编号",
    "campaign_name": "campaign name|title|campaign title|name|promotion name|活动名称|名称|活动标题|活动主题|营销活动名称",
    "campaign_type": "campaign type|kind|type|promotion type|类型|活动类型|活动种类|营销类型",
    "starts_at": "start date|starts at|start|from|begin|begin date|valid from|launch date|start time|开始|开始时间|开始日期|起始日期|活动开始时间|活动开始日期|起始时间",
    "ends_at": "end date|ends at|end|until|to|valid to|finish|end time|结束|结束时间|结束日期|截止日期|活动结束时间|活动结束日期|截止时间",
    "campaign_cost": "cost|campaign cost|budget|spend|cost amount|费用|活动费用|预算|成本|花费|活动成本",
    "contacted_at": "contacted at|sent|sent at|send date|send time|contact date|delivered at|mailed|mail date|date|发送时间|发送日期|触达时间|联系时间|推送时间|投放时间|触达日期",
    "arm": "arm|group|test group|treatment|variant|test control|experiment group|control group|segment|分组|组别|实验分组|实验组|测试组|试验组",
    "offer": "offer|offer name|incentive|deal|offer type|优惠|优惠内容|权益|优惠类型",
    "redeemed_at": "redeemed at|offer used|redemption date|redeemed|used at|coupon used|date used|使用时间|核销时间|兑换时间|使用日期|核销日期",
    "entry": "entry id|entry|booking|booking id|ledger id|movement id|transaction id|流水号|流水id|明细编号|积分流水号|记录号",
    "entry_type": "entry type|movement|movement type|type|transaction type|points type|kind|action|类型|变动类型|积分类型|流水类型|业务类型|交易类型",
    "points": "points|points amount|loyalty points|bonus points|miles|points change|points accumulated|积分|变动积分|积分数|积分变动|积分值|变动数",
    "expires_at": "expires at|valid until|expiry date|expiration date|expires|expiry|points expiry|有效期|过期时间|到期日|失效日期|有效期至|到期时间|失效时间",
    "tier": "tier|new level|level|new tier|membership level|loyalty tier|tier after|等级|新等级|会员等级|变动后等级|级别|会员级别",
    "response": "response id|answer|answer id|response|survey id|submission id|feedback id|答卷号|答卷id|答卷编号|问卷编号|反馈编号|问卷号",
    "answered_at": "answered|answered at|response date|submitted at|submission date|survey date|date|timestamp|completed at|created at|答题时间|提交时间|填写时间|反馈时间|评价时间|日期|时间|作答时间|评论时间",
    "question": "question|question text|item|问题|题目|题干",
    "score": "score|nps|nps score|rating|csat|stars|satisfaction|grade|评分|打分|得分|分数|满意度|星级|推荐分",
    "topic": "topic|theme|subject|aspect|category|主题|话题|评价维度|问题类型|维度",
    "comment": "comment|remark|feedback|review|text|free text|verbatim|comments|评语|评论|意见|备注|反馈|评价内容|评论内容|留言",
    "spent_at": "month|spent at|date|day|period|spend date|week|月份|日期|投放月份|投放日期|时间|年月|投放时间",
    "spend": "spent|spend|spend amount|cost|marketing spend|ad spend|amount|budget|media spend|花费|投放金额|消耗|费用|广告费|投放费用|推广费|金额|广告花费|支出",
}  # fmt: skip

# Every field a file may feed: the concept its header would name.
FIELDS: dict[str, dict[str, str]] = {
    "order_lines": {
        "order_id": "order", "customer_id": "customer", "ordered_at": "ordered_at", "product_id": "product", "quantity": "quantity",
        "gross_amount": "gross", "discount_amount": "discount", "coupon_amount": "coupon", "amount": "amount", "cost_amount": "cost",
        "unit_price": "unit_price", "product_name": "product_name", "category": "category", "department": "department", "brand": "brand",
        "channel": "channel", "device": "device", "store_id": "store", "region": "region", "payment_method": "payment",
        "order_status": "status", "line_type": "line_type", "currency": "currency",
    },
    "customers": {
        "customer_id": "customer", "registered_at": "registered_at", "closed_at": "closed_at", "acquisition_channel": "acquisition",
        "gender": "gender", "birth_year": "birth_year", "age_band": "age_band", "region": "region", "income_band": "income",
        "occupation": "occupation", "household_size": "household", "is_vip": "is_vip", "prepaid_amount": "prepaid", "consent": "consent",
    },
    "products": {
        "product_id": "product", "product_name": "product_name", "category": "category", "department": "department", "brand": "brand",
        "unit_cost": "unit_cost",
    },
    "events": {
        "event_id": "event", "visitor_id": "visitor", "customer_id": "customer", "session_id": "session", "occurred_at": "occurred_at",
        "event_type": "event_type", "product_id": "product", "channel": "channel", "device": "device", "query": "query",
        "results": "results", "dwell_seconds": "dwell",
    },
    "campaigns": {
        "campaign_id": "campaign", "campaign_name": "campaign_name", "campaign_type": "campaign_type", "channel": "channel",
        "starts_at": "starts_at", "ends_at": "ends_at", "cost_amount": "campaign_cost",
    },
    "campaign_contacts": {
        "campaign_id": "campaign", "customer_id": "customer", "contacted_at": "contacted_at", "arm": "arm", "offer": "offer",
        "redeemed_at": "redeemed_at",
    },
    "loyalty_ledger": {
        "entry_id": "entry", "customer_id": "customer", "occurred_at": "occurred_at", "entry_type": "entry_type", "points": "points",
        "expires_at": "expires_at", "tier": "tier", "order_id": "order",
    },
    "surveys": {
        "response_id": "response", "customer_id": "customer", "answered_at": "answered_at", "question": "question", "score": "score",
        "topic": "topic", "product_id": "product", "comment": "comment",
    },
    "merged_customers": {"customer_id": "former_customer", "merged_into": "surviving_customer"},
    "marketing_spend": {"spent_at": "spent_at", "channel": "channel", "spend_amount": "spend"},
}  # fmt: skip

# What a file is called, or a sheet.
FILE_WORDS: dict[str, str] = {
    "order_lines": "orders order lines sales transactions invoices receipts purchases baskets sold retail 订单 销售 交易 明细 流水",
    "customers": "customers members users clients demographics crm accounts history 客户 会员 顾客 用户",
    "products": "products items articles catalogue catalog skus goods 商品 产品 货品 品类",
    "events": "events clicks clickstream web log tracking hits sessions page 事件 行为 日志 点击",
    "campaigns": "campaigns campaign promotions descriptions 活动 营销",
    "campaign_contacts": "contacts contact mailings sent redemptions recipients campaigns 触达 发送 名单",
    "loyalty_ledger": "loyalty points ledger bonus 积分 忠诚",
    "surveys": "surveys survey nps answers feedback reviews satisfaction 问卷 调查 评价 满意度",
    "merged_customers": "merged merges merge merging duplicates dedupe dedup deduplication 合并 并号 并户 去重",
    "marketing_spend": "marketing spend cost adspend budget 花费 投放 费用 广告",
}

ABBREVIATIONS: dict[str, str] = {
    "no": "id", "nr": "id", "num": "id", "nummer": "id", "nbr": "id", "number": "id", "#": "id", "code": "id", "key": "id", "ref": "id", "ids": "id",
    "qty": "quantity", "qnty": "quantity", "amt": "amount", "cust": "customer", "cst": "customer", "prod": "product", "prd": "product",
    "desc": "description", "dt": "date", "ts": "timestamp", "disc": "discount", "dscnt": "discount", "val": "value", "cat": "category",
    "dept": "department", "acct": "account", "inv": "invoice", "trx": "transaction", "txn": "transaction", "trans": "transaction",
    "tran": "transaction", "ord": "order", "reg": "registered", "yr": "year", "mth": "month", "pts": "points", "chnl": "channel",
    "camp": "campaign", "pymt": "payment", "pmt": "payment", "art": "article", "itm": "item", "hh": "household", "mbr": "member",
    "usr": "user", "whse": "store", "rcpt": "receipt", "tot": "total", "prc": "price", "regdate": "registered date", "cd": "id",
}  # fmt: skip

TRADITIONAL = str.maketrans(
    "訂單號編買賣會員戶顧貨商條數銷購個價應額標總優減讓應實淨際費進採時間開創註冊期狀態來體設備終類門鋪網區國區號憑證發薦獲經產線廠稱標題徑動結歸點擊話訪戰錄詞檢詢"
    "內長營劃類預觸達聯繫組別實驗測試權兌換過變記帳業務級卷問題評價話備註饋留廣告體驗禮儲餘額閱齡職庭規領貴賓關閉銷離員務單據帳單擇櫃鈔碼優惠劵項寶簽歷幣倉庫傳統週號積郵遞轉帶層銀質適電稅貼簡責東縣鄉鎮臺樣紅頁選邊鍵裝"
    "絲書亞們蘭養寫劑廚疊園圍圖塊堅墊壺處頭嬰寵對塵師廢張當護攪欖歐漢湯沒漿潤漬溫濕濾燈熱貓現畫鹽筆籃糧纖約紗納紙紡細繩維綿羅膚膠腦藝萊蘿薩褲計語賀還連醬鋼錢鉛鏟鍋陽須顆飲餃餅鮮鳥鷹麥滿審繳檔賬盤補罰遲場館廳舊歲異確認願僅決隻鐘斷滯運輸攜併並複",
    "订单号编买卖会员户顾货商条数销购个价应额标总优减让应实净际费进采时间开创注册期状态来体设备终类门铺网区国区号凭证发荐获经产线厂称标题径动结归点击话访战录词检询"
    "内长营划类预触达联系组别实验测试权兑换过变记账业务级卷问题评价话备注馈留广告体验礼储余额阅龄职庭规领贵宾关闭销离员务单据账单择柜钞码优惠券项宝签历币仓库传统周号积邮递转带层银质适电税贴简责东县乡镇台样红页选边键装"
    "丝书亚们兰养写剂厨叠园围图块坚垫壶处头婴宠对尘师废张当护搅榄欧汉汤没浆润渍温湿滤灯热猫现画盐笔篮粮纤约纱纳纸纺细绳维绵罗肤胶脑艺莱萝萨裤计语贺还连酱钢钱铅铲锅阳须颗饮饺饼鲜鸟鹰麦满审缴档账盘补罚迟场馆厅旧岁异确认愿仅决只钟断滞运输携并并复",
)


def folded(word: str) -> str:
    """A word as it is looked up: NFKC, small letters, simplified characters."""
    return unicodedata.normalize("NFKC", word).lower().translate(TRADITIONAL)


# Beside "name" or "title" they say that it is a product's; alone such a word may be a person's.
PRODUCT_WORDS = (
    "product", "item", "lineitem", "article", "goods", "sku", "stock", "material", "part", "merchandise", "variant", "artikel", "produkt",
    "produit", "producto", "商品", "产品", "货品", "货名", "宝贝", "品名", "物料",
)  # fmt: skip
# Other people's words for ours.
EVENT_WORDS: dict[str, str] = {
    "visit": "visit page_visit pageview page_view page view_page session_start home home_page landing 访问 浏览页面 进店",
    "view": "view product_view view_item item_view detail product_detail catalog product 浏览 商品浏览 浏览商品 查看商品",
    "search": "search search_page view_search_results site_search 搜索",
    "click": "click result_click select_item 点击",
    "cart": "cart add_to_cart addtocart basket add_cart 加购 加入购物车 购物车",
    "favourite": "favourite favorite add_favourite add_to_wishlist wishlist like 收藏",
    "share": "share 分享",
    "question": "question ask enquiry chat 咨询 提问",
    "checkout": "checkout begin_checkout start_checkout payment payment_page delivery delivery_page 结算 去结算 提交订单",
    "order": "order purchase transaction buy payment_confirmation payment_confirmation_page payment_done order_complete 下单 购买 支付 成交",
    "register": "register sign_up signup registration 注册",
}
LEDGER_WORDS: dict[str, str] = {
    "earn": "earn earned accrual credit bonus accumulate 获得 获取 累积 赠送 增加 获取积分",
    "redeem": "redeem redeemed redemption burn debit spend used 兑换 使用 消费 抵扣 扣减",
    "expire": "expire expired expiry lapse 过期 失效 到期",
    "adjust": "adjust adjustment correction manual 调整 修正",
    "tier": "tier tier_change level level_change upgrade downgrade 等级变动 升级 等级变更 等级",
}
LINE_WORDS: dict[str, str] = {
    "sale": "sale sales sold purchase order invoice sell payment charge verkauf rechnung vente facture 销售 售出 购买 消费 付款 支付 销售单 销售出库 正常销售",
    "return": "return returns returned refund refunds refunded credit_note creditnote credit_memo sales_return sale_return retoure rückgabe gutschrift erstattung retour "
    "remboursement avoir 退货 退款 退单 退货单 退款单 销售退货 退换 退回",
    "void": "void voided cancel cancelled canceled cancellation storno storniert annulé annulée annulation 撤销 作废 取消 冲销 冲正",
}
ARM_WORDS: dict[str, str] = {
    "treatment": "treatment test treated exposed target mailed yes 实验组 测试组 试验组 发送组 处理组",
    "control": "control holdout hold_out no_contact none no 对照组 控制组 空白组 参照组",
}
TRUE, FALSE = "y yes true t 1 on 是 有 同意 已同意", "n no false f 0 off 否 无 不同意 未同意"
UNKNOWN = ("n/a", "na", "none", "null", "nan", "-", "--", "?", "unknown", "not given", "not known", "未填", "未知", "无", "不详", "空")
EMPTY_IDS = (*UNKNOWN, "#n/a", "n.a.", "(null)", "<null>", "(blank)", "(empty)", "\\n")
GUESTS = (
    "walk-in", "walk in", "walkin", "walk-in customer", "guest", "guests", "guest customer", "guest checkout", "anonymous", "anon", "cash",
    "cash customer", "cash sale", "counter", "counter sale", "counter customer", "default", "default customer", "no customer", "no card",
    "unregistered", "not registered", "non-member", "retail customer", "gast", "laufkundschaft", "barverkauf", "anonyme", "anonym", "invité",
    "client comptoir", "client de passage", "散客", "匿名", "匿名用户", "匿名客户", "游客", "访客", "非会员", "未注册", "零售", "零售客户", "现金客户", "普通顾客", "过路客",
)  # fmt: skip
ON_TOP = "tax taxes vat gst hst mwst ust tva iva duty shipping freight postage delivery handling fee fees tip tips 税 税额 税金 运费 邮费 快递费 配送费 手续费 服务费 小费"
PROFIT = "profit margin earnings 利润 毛利"
RATES = "pct percent percentage rate % 率 百分比 折扣率"
SELLING = "price retail list rrp msrp srp selling sale sales resale unit 售价 零售价 标价 吊牌价 单价 定价 价格"
BUYING = "cost costs purchase buying wholesale landed supplier einkauf ek 进价 成本 采购 进货"
GIVEN_BACK = "refund refunded refunds return returned cancel cancelled canceled cancellation void voided rückgabe storno remboursé annulé 退款 退货 取消 撤销 作废"
GOOD_STATUS = "shipped completed complete paid delivered fulfilled closed done success successful sold invoiced 已发货 已完成 完成 交易成功 已付款 已支付 已签收 已收货 交易完成 订单完成 已完结 成功"
BAD_STATUS = "void cancelled canceled refunded failed declined pending returned rejected deleted 已作废 作废 已取消 取消 交易关闭 已退款 退款 失败 待付款 关闭 已关闭 退款成功 退款中 退货 已退货 未付款 待支付"
NON_PRODUCTS = ("post", "dot", "m", "d", "s", "c2", "cruk", "pads", "bank charges", "amazonfee", "adj", "fee", "ship", "shipping", "freight", "delivery", "postage", "运费", "邮费", "快递费", "配送费", "手续费", "补差价")  # fmt: skip
CURRENCIES = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "£": "GBP", "gbp": "GBP", "us$": "USD", "usd": "USD", "$": "USD", "元": "CNY", "rmb": "CNY",
    "cny": "CNY", "人民币": "CNY", "nt$": "TWD", "twd": "TWD", "hk$": "HKD", "hkd": "HKD", "円": "JPY", "jpy": "JPY", "chf": "CHF",
    "r$": "BRL", "₹": "INR", "₩": "KRW", "zł": "PLN", "kč": "CZK", "₺": "TRY", "₪": "ILS", "₫": "VND", "฿": "THB", "₽": "RUB", "₴": "UAH",
    **{code.lower(): code for code in CODES if code != "RMB"},
}  # fmt: skip
COUNTRIES = {
    "united kingdom": ("GBP", "Europe/London"), "uk": ("GBP", "Europe/London"), "germany": ("EUR", "Europe/Berlin"),
    "deutschland": ("EUR", "Europe/Berlin"), "france": ("EUR", "Europe/Paris"), "spain": ("EUR", "Europe/Madrid"),
    "italy": ("EUR", "Europe/Rome"), "netherlands": ("EUR", "Europe/Amsterdam"), "china": ("CNY", "Asia/Shanghai"),
    "中国": ("CNY", "Asia/Shanghai"), "taiwan": ("TWD", "Asia/Taipei"), "台湾": ("TWD", "Asia/Taipei"),
    "hong kong": ("HKD", "Asia/Hong_Kong"), "japan": ("JPY", "Asia/Tokyo"), "singapore": ("SGD", "Asia/Singapore"),
}  # fmt: skip
# A currency of one country with one clock.
ZONES = {"GBP": "Europe/London", "CNY": "Asia/Shanghai", "TWD": "Asia/Taipei", "HKD": "Asia/Hong_Kong", "JPY": "Asia/Tokyo", "CHF": "Europe/Zurich"}  # fmt: skip
