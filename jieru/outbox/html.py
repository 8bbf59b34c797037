"""Plain text as simple HTML, for readers that show nothing else. Pure."""

import re
from html import escape
from typing import Final

__all__ = ["html_of"]

_ADDRESS: Final = re.compile(r"https?://[^\s<>\"]+")
_PAGE: Final = (
    '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
    '<meta name="color-scheme" content="light dark"></head>'
    '<body style="font-family:sans-serif;line-height:1.6;max-width:40em;margin:1em auto;'
    'padding:0 1em">{paragraphs}</body></html>'
)


def html_of(text: str) -> str:
    """Paragraphs as the text has them, between empty lines, with its addresses as links."""
    paragraphs = "".join(
        f"<p>{_linked(each)}</p>" for each in text.strip().split("\n\n") if each.strip()
    )
    return _PAGE.format(paragraphs=paragraphs)


def _linked(paragraph: str) -> str:
    parts: list[str] = []
    end = 0
    for found in _ADDRESS.finditer(paragraph):
        address = escape(found.group())
        parts += (escape(paragraph[end : found.start()]), f'<a href="{address}">{address}</a>')
        end = found.end()
    parts.append(escape(paragraph[end:]))
    return "".join(parts).replace("\n", "<br>")
