"""The time zone that people mean: days, forms and files are in Shanghai time; everything stored is UTC."""

from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
