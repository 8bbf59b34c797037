"""In which language a request is answered."""

import pytest

from api.web.language import choose_language
from jieru.i18n import Language


@pytest.mark.parametrize(
    ("query", "cookie", "accept", "expected"),
    [
        ("en", "zh", "zh-CN", "en"),
        ("", "en", "zh-CN,zh;q=0.9", "en"),
        ("", "", "en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("", "", "fr-FR,fr;q=0.9,en;q=0.5,zh;q=0.7", "zh"),
        ("", "", "en;q=0, zh-CN;q=0.1", "zh"),
        ("", "", "", "zh"),
        ("de", "klingon", "*", "zh"),
        ("", "", "en;q=nonsense", "zh"),
        ("ZH-Hans", "en", "en", "zh"),
    ],
)
def test_the_address_wins_over_the_cookie_and_that_over_the_browser(
    query: str, cookie: str, accept: str, expected: Language
) -> None:
    """Whoever asks for nothing that we speak is answered in the default language."""
    assert choose_language(query, cookie, accept, "zh") == expected


def test_the_default_language_is_the_installations() -> None:
    """An installation may speak English first."""
    assert choose_language("", "", "", "en") == "en"
