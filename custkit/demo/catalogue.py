"""What the demo shop sells and where it delivers, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Category:
    """Fifteen products of one kind: `English | Chinese | price` a line, `cost` the share of the price that the goods cost."""

    english: str
    chinese: str
    department: tuple[str, str]
    cost: float
    items: str

    @property
    def products(self) -> list[tuple[str, str, int]]:
        """English name, Chinese name, price in cents."""
        found = []
        for line in self.items.strip().splitlines():
            english, chinese, price = (part.strip() for part in line.split("|"))
            found.append((english, chinese, round(float(price) * 100)))
        return found


_FOOD, _HOME, _CARE = ("Food", "食品"), ("Home", "家居"), ("Care", "护理")

CATEGORIES = (
    Category("Coffee & Tea", "咖啡与茶", _FOOD, 0.52, """
        House espresso beans 1 kg | 招牌意式咖啡豆 1 千克 | 18.90
        Filter coffee 500 g | 滴滤咖啡粉 500 克 | 8.90
        Decaf beans 500 g | 低因咖啡豆 500 克 | 10.50
        Espresso machine descaler | 咖啡机除垢剂 | 7.90
        Paper filters, 100 pieces | 咖啡滤纸 100 张 | 3.49
        Earl grey loose leaf | 伯爵散装红茶 | 6.90
        Green tea sencha | 煎茶 | 7.50
        Herbal tea sampler | 花草茶组合 | 9.90
        Oat drink barista, 6 cartons | 咖啡师燕麦饮 6 盒 | 12.90
        Cane sugar sticks | 蔗糖条 | 2.99
        Chai syrup | 印度茶糖浆 | 8.50
        Drinking chocolate | 热可可粉 | 6.50
        Cold brew bottle | 冷萃咖啡瓶装 | 4.50
        Matcha powder | 抹茶粉 | 16.90
        Tea strainer | 茶漏 | 5.90
    """),
    Category("Pantry", "粮油干货", _FOOD, 0.6, """
        Fresh ravioli | 鲜意式方饺 | 5.90
        Tomato basil sauce | 番茄罗勒酱 | 3.90
        Durum spaghetti | 硬粒小麦意面 | 2.49
        Olive oil 1 l | 橄榄油 1 升 | 11.90
        Basmati rice 2 kg | 印度香米 2 千克 | 6.90
        Red lentils | 红扁豆 | 3.29
        Chickpeas, 6 tins | 鹰嘴豆罐头 6 罐 | 7.20
        Sea salt flakes | 海盐片 | 4.90
        Wild honey | 野花蜂蜜 | 8.90
        Peanut butter | 花生酱 | 4.50
        Muesli with nuts | 坚果麦片 | 5.90
        Wholegrain flour | 全麦面粉 | 2.90
        Balsamic vinegar | 意大利香醋 | 7.90
        Dried mango | 芒果干 | 6.20
        Dark chocolate 85 % | 85% 黑巧克力 | 3.20
    """),
    Category("Pet Care", "宠物用品", _CARE, 0.58, """
        Cat litter 15 l | 猫砂 15 升 | 12.90
        Cat food trays, 24 pieces | 猫餐盒 24 份 | 21.90
        Cat treats | 猫零食 | 3.90
        Dog biscuits | 狗饼干 | 5.50
        Dog food 4 kg | 狗粮 4 千克 | 24.90
        Rope toy | 绳结玩具 | 6.90
        Scratching board | 猫抓板 | 14.90
        Grooming brush | 宠物梳 | 9.90
        Food bowl | 宠物食盆 | 7.90
        Cat tunnel | 猫隧道 | 18.90
        Poop bags, 300 pieces | 拾便袋 300 个 | 8.90
        Pet blanket | 宠物毯 | 16.90
        Reflective collar | 反光项圈 | 11.90
        Bird seed | 鸟食 | 4.90
        Aquarium plant feed | 水草肥 | 8.40
    """),
    Category("Baby", "母婴", _CARE, 0.62, """
        Nappies size 3, 80 pieces | 3 号纸尿裤 80 片 | 19.90
        Wet wipes, 12 packs | 湿巾 12 包 | 14.90
        Baby lotion | 婴儿润肤乳 | 5.90
        Baby shampoo | 婴儿洗发露 | 4.90
        Carrot purée, 8 jars | 胡萝卜泥 8 瓶 | 9.60
        Rice cereal | 米糊 | 4.20
        Muslin cloths | 纱布巾 | 12.90
        Teething ring | 牙胶 | 6.90
        Feeding bottle | 奶瓶 | 8.90
        Bath thermometer | 洗澡温度计 | 9.90
        Picture book | 图画书 | 11.90
        Stacking cups | 叠叠杯 | 10.90
        Hooded towel | 连帽浴巾 | 19.90
        Night light | 小夜灯 | 17.90
        Sun hat | 遮阳帽 | 13.90
    """),
    Category("Cleaning", "清洁用品", _HOME, 0.5, """
        Dishwasher tablets, 60 pieces | 洗碗块 60 颗 | 12.90
        Rinse aid | 漂洗剂 | 3.90
        Laundry liquid 3 l | 洗衣液 3 升 | 13.90
        Stain remover | 去渍剂 | 5.50
        All-purpose cleaner | 多用途清洁剂 | 3.50
        Glass cleaner | 玻璃清洁剂 | 3.20
        Microfibre cloths | 超细纤维布 | 7.90
        Sponges, 10 pieces | 海绵 10 块 | 4.20
        Bin liners 35 l | 35 升垃圾袋 | 4.50
        Toilet paper, 24 rolls | 卷纸 24 卷 | 14.90
        Kitchen rolls, 8 pieces | 厨房纸 8 卷 | 9.90
        Drain cleaner | 管道疏通剂 | 5.90
        Floor mop | 拖把 | 24.90
        Dust brush | 除尘刷 | 8.90
        Rubber gloves | 橡胶手套 | 2.90
    """),
    Category("Personal Care", "个人护理", _CARE, 0.45, """
        Safety razor | 安全剃须刀 | 29.90
        Razor blades, 10 pieces | 剃须刀片 10 片 | 8.90
        Shaving soap | 剃须皂 | 6.90
        Hand cream | 护手霜 | 5.90
        Shower gel | 沐浴露 | 4.50
        Shampoo bar | 洗发皂 | 7.90
        Hair conditioner | 护发素 | 6.50
        Toothpaste, 3 tubes | 牙膏 3 支 | 7.50
        Bamboo toothbrushes | 竹牙刷 | 6.90
        Dental floss | 牙线 | 3.90
        Deodorant | 止汗露 | 5.50
        Sun lotion SPF 30 | 防晒乳 SPF 30 | 12.90
        Face cream | 面霜 | 18.90
        Lip balm | 润唇膏 | 2.90
        Bath salts | 浴盐 | 8.90
    """),
    Category("Kitchen", "厨房", _HOME, 0.55, """
        Stovetop coffee maker | 摩卡壶 | 34.90
        Water filter cartridge | 滤水芯 | 14.90
        Chef's knife | 主厨刀 | 49.90
        Cutting board | 砧板 | 24.90
        Frying pan 28 cm | 28 厘米煎锅 | 44.90
        Cooking pot 5 l | 5 升汤锅 | 54.90
        Storage jars, 4 pieces | 储物罐 4 个 | 19.90
        Baking tin | 烤模 | 13.90
        Digital scale | 电子秤 | 22.90
        Mixing bowls | 搅拌碗 | 27.90
        Grater | 擦丝器 | 11.90
        Whisk | 打蛋器 | 7.90
        Lunch box | 便当盒 | 17.90
        Thermos flask | 保温壶 | 26.90
        Wine glasses, 6 pieces | 葡萄酒杯 6 只 | 32.90
    """),
    Category("Home Textiles", "家纺", _HOME, 0.48, """
        Bed linen set | 床品套件 | 69.90
        Bath towel | 浴巾 | 16.90
        Guest towels, 2 pieces | 小毛巾 2 条 | 9.90
        Cushion cover | 靠垫套 | 14.90
        Wool throw | 羊毛毯 | 59.90
        Linen tablecloth | 亚麻桌布 | 39.90
        Napkins, 4 pieces | 餐巾 4 条 | 17.90
        Apron | 围裙 | 19.90
        Oven gloves | 隔热手套 | 12.90
        Bath mat | 浴室地垫 | 22.90
        Curtain | 窗帘 | 44.90
        Pillow | 枕头 | 34.90
        Duvet | 被芯 | 79.90
        Fitted sheet | 床笠 | 24.90
        Tea towels, 3 pieces | 茶巾 3 条 | 13.90
    """),
    Category("Stationery", "文具", _HOME, 0.42, """
        Notebook A5 | A5 笔记本 | 8.90
        Fountain pen | 钢笔 | 24.90
        Ink cartridges | 墨囊 | 4.90
        Pencils, 12 pieces | 铅笔 12 支 | 6.90
        Wall calendar | 挂历 | 14.90
        Desk organiser | 桌面收纳 | 21.90
        Greeting cards, 10 pieces | 贺卡 10 张 | 12.90
        Wrapping paper | 包装纸 | 4.50
        Copy paper, 5 packs | 复印纸 5 包 | 24.50
        Sticky notes | 便利贴 | 3.90
        Scissors | 剪刀 | 7.90
        Craft glue | 手工胶 | 3.50
        Sketch book | 速写本 | 10.90
        Watercolour set | 水彩套装 | 18.90
        Tape dispenser | 胶带座 | 9.90
    """),
    Category("Garden", "园艺", _HOME, 0.5, """
        Raised bed kit | 种植箱套件 | 64.90
        Potting soil 40 l | 营养土 40 升 | 9.90
        Herb seeds | 香草种子 | 2.90
        Tomato seeds | 番茄种子 | 2.90
        Watering can | 洒水壶 | 18.90
        Pruning shears | 修枝剪 | 27.90
        Garden gloves | 园艺手套 | 8.90
        Plant feed | 植物营养液 | 7.90
        Terracotta pots, 3 pieces | 陶盆 3 个 | 15.90
        Garden hose 20 m | 20 米水管 | 34.90
        Solar lanterns | 太阳能灯 | 22.90
        Bird house | 鸟屋 | 19.90
        Bamboo stakes | 竹支架 | 5.90
        Hanging basket | 吊篮 | 13.90
        Hand trowel | 手铲 | 9.90
    """),
)  # fmt: skip

# Delivery regions with the share of customers that live there.
REGIONS = (
    ("Berlin", "柏林", 0.19),
    ("Hamburg", "汉堡", 0.14),
    ("Bavaria", "巴伐利亚", 0.17),
    ("Rhineland", "莱茵兰", 0.16),
    ("Saxony", "萨克森", 0.10),
    ("Hesse", "黑森", 0.10),
    ("Lower Saxony", "下萨克森", 0.09),
    ("Thuringia", "图林根", 0.05),
)

# What visitors search for: words the shop answers, and words it has nothing for.
SEARCHES = (
    ("coffee beans", "咖啡豆"),
    ("cat litter", "猫砂"),
    ("nappies", "纸尿裤"),
    ("olive oil", "橄榄油"),
    ("towel", "毛巾"),
    ("frying pan", "煎锅"),
    ("razor blades", "剃须刀片"),
    ("potting soil", "营养土"),
    ("calendar", "日历"),
    ("dishwasher tablets", "洗碗块"),
)
SEARCHES_NOT_FOUND = (("gluten-free pasta", "无麸质意面"), ("oat milk powder", "燕麦奶粉"), ("refill pouch", "补充装"))
