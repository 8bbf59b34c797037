"""Ways, shapes and frequencies of notices in words."""

from typing import Final

from jieru.i18n import marked as _
from jieru.vocabulary import Vocabulary

__all__ = ["CHANNEL_WORDS", "FREQUENCY_WORDS", "SHAPE_WORDS"]

CHANNEL_WORDS: Final[Vocabulary] = {"email": _("mail"), "webhook": _("webhook")}
SHAPE_WORDS: Final[Vocabulary] = {
    "wecom": _("WeCom group robot"),
    "dingtalk": _("DingTalk group robot"),
    "feishu": _("Feishu group robot"),
    "standard": _("A program of your own (Standard Webhooks)"),
}
FREQUENCY_WORDS: Final[Vocabulary] = {
    "at_once": _("at once"),
    "daily": _("once a day, at 8:30"),
    "weekly": _("once a week, on Monday at 8:30"),
}
