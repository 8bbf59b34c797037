"""Codes of the database in the words of the console, as value mappings with colours."""

from collections.abc import Mapping
from typing import Final

from dashboards.queries import Json

__all__ = [
    "ACTION_WORDS",
    "BASIS_WORDS",
    "BLUE",
    "CHAIN_WORDS",
    "CLOCK_WORDS",
    "CRITERION_WORDS",
    "DECISION_WORDS",
    "DEVICE_STATUS_WORDS",
    "GREEN",
    "GREY",
    "LEVEL_WORDS",
    "MET_WORDS",
    "OPEN_WORDS",
    "ORANGE",
    "OUTCOME_WORDS",
    "PURPLE",
    "REASON_WORDS",
    "RECORD_KIND_WORDS",
    "RECOVERY_WORDS",
    "RED",
    "REJECTION_WORDS",
    "STATE_WORDS",
    "YELLOW",
    "YES_WORDS",
    "Words",
    "mapping",
    "said",
]

# Names of Grafana's palette, which has a light and a dark reading of each.
GREEN: Final = "green"
YELLOW: Final = "yellow"
ORANGE: Final = "orange"
RED: Final = "red"
BLUE: Final = "blue"
PURPLE: Final = "purple"
GREY: Final = "text"

Words = Mapping[str, tuple[str, str]]
"""For each code its Chinese and its colour."""

OUTCOME_WORDS: Final[Words] = {
    "counted": ("计入", GREEN),
    "held": ("暂缓", ORANGE),
    "excluded": ("排除", RED),
    "out_of_scope": ("不属政策范围", GREY),
    "platform_not_recognised": ("平台未获相应认定", RED),
    "policy_not_in_force": ("不在政策有效期内", GREY),
    "connected_earlier": ("往年已接入", BLUE),
    "counted_elsewhere": ("已计入其他平台", PURPLE),
    "pending": ("待满期", YELLOW),
    "not_effective": ("未达有效服务标准", GREY),
}
CRITERION_WORDS: Final[Words] = {
    "effective_window": ("有效服务窗口", GREY),
    "active_hours_per_day_min": ("单台设备一日在线小时数", GREY),
    "active_devices_min": ("一日活跃设备台数", GREY),
    "window_days": ("窗口天数", GREY),
    "active_days_min": ("窗口内活跃天数", GREY),
    "longest_gap_days_max": ("窗口内最长间断天数", GREY),
    "newly_connected": ("本年度新接入", GREY),
    "platform_recognised": ("平台认定", GREY),
    "policy_in_force": ("接入时政策有效", GREY),
    "district": ("所在区域", GREY),
    "industry": ("所属行业", GREY),
    "not_own_operator": ("非平台运营单位自身", GREY),
    "not_excluded": ("未被裁定排除", GREY),
    "not_held": ("未被裁定暂缓", GREY),
    "counted_once": ("仅在一个平台计入", GREY),
}
REASON_WORDS: Final[Words] = {
    "effective_window": ("没有有效服务窗口", GREY),
    "newly_connected": ("往年已接入", GREY),
    "platform_recognised": ("平台认定级别不足或未认定", GREY),
    "policy_in_force": ("接入日期不在政策有效期内", GREY),
    "district": ("不在政策规定的县区", GREY),
    "industry": ("不属政策规定的行业", GREY),
    "not_own_operator": ("为平台运营单位自身", GREY),
    "not_excluded": ("被裁定排除", GREY),
    "not_held": ("被裁定暂缓", GREY),
    "counted_once": ("已计入其他平台", GREY),
}
"""A criterion that is not met, as the reason it gives."""
DECISION_WORDS: Final[Words] = {
    "exclude": ("排除", RED),
    "waive": ("放宽", BLUE),
    "hold": ("暂缓", ORANGE),
}
LEVEL_WORDS: Final[Words] = {
    "municipal": ("市级", BLUE),
    "provincial": ("省级", PURPLE),
    "national": ("国家级", GREEN),
}
STATE_WORDS: Final[Words] = {
    "draft": ("草案", GREY),
    "in_review": ("复核中", YELLOW),
    "returned": ("已退回", ORANGE),
    "frozen": ("冻结", BLUE),
    "published": ("已公示", BLUE),
    "payable": ("待拨付", PURPLE),
    "paid": ("已拨付", GREEN),
    "superseded": ("已被取代", GREY),
}
DEVICE_STATUS_WORDS: Final[Words] = {
    "online": ("在线", GREEN),
    "late": ("迟报", YELLOW),
    "offline": ("离线", RED),
    "never": ("从未上线", GREY),
}
REJECTION_WORDS: Final[Words] = {
    "bad_topic": ("主题错误", GREY),
    "retained": ("保留消息", GREY),
    "payload_too_large": ("载荷过大", GREY),
    "malformed_payload": ("载荷格式错误", ORANGE),
    "unknown_device": ("未登记设备", RED),
    "future_timestamp": ("时间戳超前", PURPLE),
    "before_epoch": ("时间戳早于 2020 年", GREY),
}
RECOVERY_WORDS: Final[Words] = {
    "removed": ("不再计入", GREY),
    "added": ("新计入", GREY),
    "title": ("国家级称号", GREY),
    "award": ("奖励减少", GREY),
    "unpaid": ("尚未拨付", GREY),
    "cap": ("上限的影响", GREY),
    "policy": ("奖励标准不同", GREY),
}
BASIS_WORDS: Final[Words] = {"text": ("政策原文", GREY), "decision": ("市级确定", ORANGE)}
ACTION_WORDS: Final[Words] = {"create": ("新增", GREY), "change": ("修改", GREY)}
CHAIN_WORDS: Final[Words] = {"whole": ("完整", GREEN), "broken": ("断裂", RED)}
CLOCK_WORDS: Final[Words] = {"receipt": ("接收时钟", GREEN), "event": ("事件时钟（模拟）", ORANGE)}
MET_WORDS: Final[Words] = {
    "met": ("符合", GREEN),
    "failed": ("不符合", RED),
    "unmeasured": ("无法测定", GREY),
}
OPEN_WORDS: Final[Words] = {"open": ("有效", GREEN), "withdrawn": ("已撤回", GREY)}
YES_WORDS: Final[Words] = {"yes": ("是", GREY), "no": ("否", GREY)}
RECORD_KIND_WORDS: Final[Words] = {
    "platforms": ("平台", GREY),
    "recognitions": ("认定", GREY),
    "enterprises": ("企业", GREY),
    "connections": ("接入关系", GREY),
    "devices": ("设备", GREY),
    "assignments": ("设备归属", GREY),
    "decisions": ("裁定", ORANGE),
    "users": ("账号", GREY),
    "api_keys": ("API 密钥", GREY),
    "credentials": ("凭证", GREY),
    "counts": ("年度核定", BLUE),
    "count_steps": ("核定的办理环节", BLUE),
    "pending_closings": ("待定企业的了结", ORANGE),
    "objections": ("异议", RED),
    "count_payments": ("拨付", GREEN),
    "recoveries": ("追回", RED),
    "heartbeat_archives": ("心跳归档文件", GREY),
}


def mapping(words: Words) -> list[Json]:
    """A value mapping that shows each code as its Chinese, in its colour."""
    options = {
        code: {"color": colour, "index": index, "text": chinese}
        for index, (code, (chinese, colour)) in enumerate(words.items())
    }
    return [{"options": options, "type": "value"}]


def said(words: Words, codes: str) -> str:
    """SQL for a column of codes with commas between: their Chinese, which no mapping could give."""
    values = ", ".join(f"('{code}', '{chinese}')" for code, (chinese, _) in words.items())
    return (
        "(SELECT string_agg(coalesce(chinese, code), '、' ORDER BY place)"
        f" FROM unnest(string_to_array({codes}, ', ')) WITH ORDINALITY AS said (code, place)"
        f" LEFT JOIN (VALUES {values}) AS words (code, chinese) USING (code))"
    )
