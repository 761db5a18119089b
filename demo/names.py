"""Invented names of people, with the variety that real lists have."""

from __future__ import annotations

from random import Random

# Roughly as frequent as in China, by the order of the National Name Report.
SURNAMES = tuple(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔"
    "谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤"
)
SURNAME_WEIGHTS = tuple(1000 // (place + 6) for place in range(len(SURNAMES)))
TWO_CHARACTER_SURNAMES = ("欧阳", "司马", "上官", "诸葛", "皇甫", "尉迟", "令狐", "慕容", "夏侯", "东方")
FIRST = tuple("建志国文海晓明伟春丽秀玉永立新家德思雨子梓俊佳红云雪金小静慧振兴宏景锦嘉泽浩宇欣怡梦天一")
SECOND = tuple("军华平强勇杰涛斌超鹏辉峰磊刚毅洋波林宁芳娟敏霞燕玲萍艳莉梅兰英颖琳婷倩莹洁琴桂凤云英涵轩然博远航晨昊阳")
SINGLE = tuple("伟敏静磊洋勇艳杰娟涛超霞刚芳丹鑫鹏玲辉斌莹浩凯婷帅宇倩琪岩旭岚钰")

UYGHUR_GIVEN = (
    "阿依古丽",
    "古丽娜尔",
    "迪丽努尔",
    "热依汗",
    "麦尔丹",
    "艾力",
    "阿迪力",
    "努尔江",
    "玉素甫",
)
UYGHUR_FATHER = ("买买提", "艾合买提", "吐尔逊", "阿不都热合曼", "依明", "卡德尔", "司马义", "亚森")
KAZAKH = ("叶尔兰·巴合提", "阿依达娜·赛力克", "加娜尔·努尔兰", "阿斯哈尔·别克")
TIBETAN = ("扎西顿珠", "次仁卓玛", "格桑梅朵", "洛桑平措", "德吉央宗", "索朗多吉")
MONGOLIAN = ("巴特尔", "乌兰其其格", "萨仁高娃", "苏日娜", "那顺孟和", "阿拉坦仓")
YI = ("阿尔·拉铁", "吉克·伍沙", "沙马·阿依")

RARE = "陈𬭎"
RARE_NUMBER = 11
"""The person with this number has a name outside the basic plane (U+2CB4E), as some real people do."""


def person_name(number: int, chance: Random) -> str:
    """Return a name: mostly of the Han majority, about one in fifty of other peoples, with · where they write it.

    Args:
        number: which person of the demo.
        chance: the person's own source of chance.
    """
    if number == RARE_NUMBER:
        return RARE
    kind = chance.random()
    if kind < 0.02:
        return chance.choice(
            (
                f"{chance.choice(UYGHUR_GIVEN)}·{chance.choice(UYGHUR_FATHER)}",
                chance.choice(KAZAKH),
                chance.choice(YI),
                chance.choice(TIBETAN),
                chance.choice(MONGOLIAN),
            )
        )
    surname = (
        chance.choice(TWO_CHARACTER_SURNAMES) if kind < 0.03 else chance.choices(SURNAMES, weights=SURNAME_WEIGHTS)[0]
    )
    if chance.random() < 0.22:
        return surname + chance.choice(SINGLE)
    first, second = chance.choice(FIRST), chance.choice(SECOND)
    return surname + first + second
