"""The invented province: its federation, cities, enterprises and teams, and what people work as there."""

from __future__ import annotations

from typing import NamedTuple


class Enterprise(NamedTuple):
    """An enterprise of the demo; `size` weighs how many people it has, `trades` what they practise."""

    city: int
    name_zh: str
    name_en: str
    size: int
    trades: dict[str, int]
    teams: tuple[tuple[str, str], ...]
    join_code: str


PROVINCE = ("江海省总工会", "Jianghai Provincial Federation of Trade Unions")
CITIES = (
    ("沧澜市总工会", "Canglan Municipal Federation of Trade Unions"),
    ("云麓市总工会", "Yunlu Municipal Federation of Trade Unions"),
    ("望潮市总工会", "Wangchao Municipal Federation of Trade Unions"),
    ("青屿市总工会", "Qingyu Municipal Federation of Trade Unions"),
    ("石湾市总工会", "Shiwan Municipal Federation of Trade Unions"),
)

WELDING_1, WELDING_2 = ("焊接一班", "Welding team 1"), ("焊接二班", "Welding team 2")
ASSEMBLY, QUALITY = ("总装车间", "Assembly shop"), ("质量检验班", "Quality inspection team")
OFFICE, SAFETY = ("综合办公室", "General office"), ("安全环保部", "Safety and environment department")
WARD_IN, WARD_OUT = ("内科护理组", "Internal medicine nurses"), ("外科护理组", "Surgical nurses")
EMERGENCY, LOGISTICS = ("急诊护理组", "Emergency nurses"), ("后勤保障组", "Logistics team")
DEVELOPMENT, SUPPORT = ("研发中心", "Development centre"), ("运维支持组", "Operations support team")
FINANCE, AUDIT = ("财务部", "Finance department"), ("审计一部", "Audit department 1")
TAX, COUNTER = ("税务服务部", "Tax services department"), ("营业部", "Counter services")
DISPATCH, REPAIR = ("调度班", "Dispatch team"), ("设备检修班", "Equipment repair team")

METAL = {"welding": 6, "work_safety": 3, "computing": 1, "accounting": 1}
HOSPITAL = {"nursing": 8, "computing": 1, "accounting": 1, "work_safety": 1}
SOFTWARE = {"computing": 8, "accounting": 1, "work_safety": 1}
BOOKS = {"accounting": 8, "computing": 2}
PLANT = {"work_safety": 6, "welding": 2, "computing": 1, "accounting": 1}

ENTERPRISES = (
    Enterprise(0, "沧澜船舶重工有限公司", "Canglan Shipbuilding Heavy Industry Co., Ltd.", 9, METAL,
               (WELDING_1, WELDING_2, ASSEMBLY, SAFETY), "SHPYARD9"),
    Enterprise(0, "沧澜市第一人民医院", "Canglan First People's Hospital", 8, HOSPITAL,
               (WARD_IN, WARD_OUT, EMERGENCY, LOGISTICS), "CLHSP3A7"),
    Enterprise(0, "沧澜港务集团有限公司", "Canglan Port Group Co., Ltd.", 6, PLANT,
               (DISPATCH, REPAIR, SAFETY), "CLPRT5K2"),
    Enterprise(0, "澜云数据科技有限公司", "Lanyun Data Technology Co., Ltd.", 4, SOFTWARE,
               (DEVELOPMENT, SUPPORT), "LYDT8M4Q"),
    Enterprise(1, "云麓汽车零部件有限公司", "Yunlu Automotive Parts Co., Ltd.", 7, METAL,
               (WELDING_1, ASSEMBLY, QUALITY), "YLAP6N9C"),
    Enterprise(1, "云麓市妇幼保健院", "Yunlu Maternal and Child Health Hospital", 5, HOSPITAL,
               (WARD_IN, EMERGENCY, LOGISTICS), "YLMC4H7B"),
    Enterprise(1, "云麓信诚会计师事务所", "Yunlu Xincheng Certified Public Accountants", 3, BOOKS,
               (AUDIT, TAX), "YXCP3R8D"),
    Enterprise(1, "云麓水泥建材有限公司", "Yunlu Cement and Building Materials Co., Ltd.", 5, PLANT,
               (REPAIR, SAFETY, OFFICE), "YLCM9T5E"),
    Enterprise(2, "望潮石化有限公司", "Wangchao Petrochemical Co., Ltd.", 8, PLANT,
               (DISPATCH, REPAIR, SAFETY, OFFICE), "WCPC2V6F"),
    Enterprise(2, "望潮市中医医院", "Wangchao Hospital of Traditional Chinese Medicine", 5, HOSPITAL,
               (WARD_IN, WARD_OUT, LOGISTICS), "WCTM7W3G"),
    Enterprise(2, "望潮海洋工程装备有限公司", "Wangchao Offshore Engineering Equipment Co., Ltd.", 7, METAL,
               (WELDING_1, WELDING_2, QUALITY), "WCQE5X8H"),
    Enterprise(2, "望潮供电公司", "Wangchao Power Supply Company", 5, PLANT,
               (DISPATCH, REPAIR, COUNTER), "WCPS4Y9J"),
    Enterprise(3, "青屿轨道交通运营有限公司", "Qingyu Rail Transit Operation Co., Ltd.", 6, PLANT,
               (DISPATCH, REPAIR, SAFETY), "QYRT6Z2K"),
    Enterprise(3, "青屿大学附属医院", "Affiliated Hospital of Qingyu University", 6, HOSPITAL,
               (WARD_IN, WARD_OUT, EMERGENCY), "QYUH3B7L"),
    Enterprise(3, "青屿软件园服务有限公司", "Qingyu Software Park Services Co., Ltd.", 5, SOFTWARE,
               (DEVELOPMENT, SUPPORT, FINANCE), "QYSP8C4M"),
    Enterprise(3, "青屿农村商业银行", "Qingyu Rural Commercial Bank", 4, BOOKS,
               (COUNTER, FINANCE), "QYRB5D9N"),
    Enterprise(4, "石湾钢结构有限公司", "Shiwan Steel Structure Co., Ltd.", 6, METAL,
               (WELDING_1, ASSEMBLY, QUALITY), "SWSS7E3P"),
    Enterprise(4, "石湾市第二人民医院", "Shiwan Second People's Hospital", 4, HOSPITAL,
               (WARD_IN, EMERGENCY), "SW2H4F8Q"),
    Enterprise(4, "石湾陶瓷集团有限公司", "Shiwan Ceramics Group Co., Ltd.", 4, PLANT,
               (REPAIR, SAFETY, FINANCE), "SWCG9G5R"),
    Enterprise(4, "石湾公共交通集团", "Shiwan Public Transport Group", 5, PLANT,
               (DISPATCH, REPAIR, OFFICE), "SWPT2H6S"),
)  # fmt: skip
DEMO_ENTERPRISE = 0
