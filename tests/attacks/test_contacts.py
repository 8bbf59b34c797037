"""The enterprise's own word: whoever wants to speak for it, or to hear whom the bureau asks.

The attacker is the operator who is paid for the connection: with a key of the own platform, and at
the doors that need none.
"""

import json
import re
from itertools import product
from typing import Final

from structlog.testing import capture_logs

from api.access.roles import Role
from api.access.table import ROUTES
from registry.spoken_codes import new_code
from tests.integration.contacts.conftest import Post, post
from tests.support.registry_files import uscc_of

__all__ = ["post"]

_SECRETS: Final = ("林秘密", "office@factory.example", "0594-7654321", "荔城区秘密路")
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_CANDIDATES: Final = {
    "uscc": (uscc_of(1),),
    "platform": ("alpha",),
    "code": ("alpha",),
    "year": ("2026",),
    "kind": ("enterprises", "connections"),
}


def _asked(post: Post) -> str:
    """A connection of the attacker's platform, whose enterprise is asked; the link."""
    post.api.build.platform("alpha")
    uscc = post.api.build.enterprise(1)
    post.api.build.connection("alpha", uscc)
    post.contact(uscc, telephone="0594-7654321", postal_address="荔城区秘密路 1 号")
    post.deliver()
    return post.links()[-1]


def _addresses() -> list[str]:
    return [
        path.format(**dict(zip(names, chosen, strict=True)))
        for method, path in ROUTES
        if method == "GET"
        for names in [_PLACEHOLDER.findall(path)]
        for chosen in product(*(_CANDIDATES.get(name, ("1", "2")) for name in names))
    ]


async def test_no_operator_reads_a_contact_anywhere(post: Post) -> None:
    """Not in any page, answer, export or entry of the audit that a GET can reach."""
    link = _asked(post)
    post.api.connection.commit()
    header = post.api.header(Role.OPERATOR, "alpha")
    told = {}
    for address in _addresses():
        answer = await post.visit(address, authorization=header["authorization"])
        assert answer.status_code < 500, (address, answer.text)
        found = [each for each in (*_SECRETS, link.rpartition("/")[2]) if each in answer.text]
        if found:
            told[address] = found
    assert told == {}


async def test_the_audit_has_nothing_personal_of_a_contact(post: Post) -> None:
    """Neither its words nor digests by which a telephone number could be tried out."""
    _asked(post)
    entries = post.rows(
        "SELECT after::text FROM audit_entries "
        "WHERE record_kind IN ('enterprise_contacts', 'confirmations')"
    )
    assert len(entries) == 2
    for (after,) in entries:
        assert not any(each in after for each in _SECRETS)
        kept = json.loads(after)
        assert not kept.keys() & {"name", "email", "telephone", "postal_address", "token_sha256"}


async def test_codes_are_not_guessed(post: Post) -> None:
    """Twenty wrong codes from one address, then each has to wait; and the right one is not lost."""
    link = _asked(post)
    answers = [await post.visit(f"/confirm/{new_code()}") for _number in range(23)]
    statuses = [each.status_code for each in answers]
    assert statuses[:20] == [422] * 20
    assert 429 in statuses[20:]
    waiting = await post.visit(link)
    assert waiting.status_code == 429
    assert int(waiting.headers["retry-after"]) > 0
    post.later(minutes=16)
    assert (await post.visit(link)).status_code == 200


async def test_an_answer_is_given_once(post: Post) -> None:
    """Whoever finds the link afterwards, in an old mail, changes nothing by it."""
    link = _asked(post)
    assert (await post.visit(link, {"answer": "denied", "reason": "不属实"})).status_code == 303
    replayed = await post.visit(link, {"answer": "confirmed"})
    assert replayed.status_code == 409
    assert post.rows("SELECT state FROM connection_confirmations") == [("denied",)]


async def test_opening_a_link_answers_nothing(post: Post) -> None:
    """Programs that look through mail open every link."""
    link = _asked(post)
    for _number in range(3):
        assert (await post.visit(link)).status_code == 200
    assert post.rows("SELECT state FROM connection_confirmations") == [("asked",)]


async def test_a_link_speaks_for_its_own_connection_alone(post: Post) -> None:
    """The attacker's own enterprise is asked too; its link says nothing of another's."""
    _asked(post)
    other = post.api.build.enterprise(2)
    post.api.build.connection("alpha", other)
    post.contact(other, "mallory@alpha.example")
    post.deliver()
    await post.visit(post.links()[-1], {"answer": "confirmed", "connection_id": "1"})
    states = post.rows("SELECT state FROM connection_confirmations ORDER BY connection_id")
    assert states == [("asked",), ("confirmed",)]


async def test_no_page_and_no_log_hands_a_link_on(
    post: Post,
) -> None:
    """Neither by Referer, nor in what is logged while all goes well or the database is away."""
    link = _asked(post)
    code = link.rpartition("/")[2]
    with capture_logs() as logged:
        page = await post.visit(link)
        await post.visit(link, {"answer": "confirmed"})
        post.api.connection.execute("ALTER TABLE confirmations RENAME TO away")
        post.api.connection.commit()
        broken = await post.visit(link)
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert broken.status_code >= 500
    assert any(each["event"] for each in logged)
    assert code not in json.dumps([{**each, "exc_info": ""} for each in logged], default=str)


async def test_an_operator_cannot_ask_in_the_bureaus_name(post: Post) -> None:
    """Nor print a letter, whose code would be an answer in hand."""
    _asked(post)
    for step in ("ask", "letter"):
        refused = await post.api.ask("POST", f"/connections/1/{step}", by=Role.OPERATOR, of="alpha")
        assert refused.status_code == 403


def test_a_code_has_a_hundred_random_bits() -> None:
    """As many as keep guessing hopeless, whatever is counted."""
    codes = {new_code() for _number in range(1_000)}
    assert len(codes) == 1_000
    assert all(len(code) == 20 and len(set(code)) > 3 for code in codes)
