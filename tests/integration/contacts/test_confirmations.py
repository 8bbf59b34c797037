"""A connection is confirmed or denied by the enterprise itself, by a link in a mail."""

from typing import Any

from api.access.roles import Role
from tests.integration.contacts.conftest import Post
from tests.support.registry_files import uscc_of

_OF_ALPHA: dict[str, Any] = {"by": Role.OPERATOR, "of": "alpha"}


def _connected(post: Post, number: int = 1) -> str:
    if number == 1:
        post.api.build.platform("alpha")
    uscc = post.api.build.enterprise(number)
    post.api.build.connection("alpha", uscc)
    return uscc


async def _standing(post: Post, **by: Any) -> list[str]:  # noqa: ANN401
    return await post.api.listed("/connections", "confirmation", **by)


async def test_an_enterprise_confirms_by_the_link_of_its_mail(post: Post) -> None:
    """Contact, mail, link, answer; and the operator sees that it is confirmed."""
    uscc = _connected(post)
    assert await _standing(post) == ["no_contact"]
    post.contact(uscc)
    assert await _standing(post) == ["unasked"]
    assert post.deliver().sent == 1
    assert await _standing(post, **_OF_ALPHA) == ["asked"]
    (link,) = post.links()
    page = await post.visit(link)
    assert page.status_code == 200
    for said in ("平台 alpha", "第1鞋厂", f"alpha-{uscc[-4:]}", "2025-01-01"):
        assert said in page.text
    answered = await post.visit(link, {"answer": "confirmed"})
    assert answered.status_code == 303, answered.text
    assert "You confirmed on" in (await post.visit(link)).text
    assert await _standing(post, **_OF_ALPHA) == ["confirmed"]
    assert not post.rows("SELECT FROM cases")


async def test_nobody_is_asked_twice_of_one_connection(post: Post) -> None:
    """The follower looks again and again, and asks once."""
    post.contact(_connected(post))
    assert post.deliver().sent == 1
    post.later(days=2)
    assert post.deliver().sent == 0
    assert len(post.mail.received) == 1


async def test_a_denial_opens_a_case_and_stands(post: Post) -> None:
    """The enterprise says that it is not so: a hard fact."""
    post.contact(_connected(post))
    post.deliver()
    (link,) = post.links()
    missing = await post.visit(link, {"answer": "denied"})
    assert missing.status_code == 422
    assert "Say in a few words" in missing.text
    denied = await post.visit(link, {"answer": "denied", "reason": "没有签过合同"})
    assert denied.status_code == 303
    assert await _standing(post) == ["denied"]
    ((cause, opened_by),) = post.rows("SELECT cause, opened_by FROM cases")
    assert (cause, opened_by) == ("confirmation", f"enterprise:{uscc_of(1)}")
    listed = await post.api.ask("GET", "/connections/1/confirmations", **_OF_ALPHA)
    assert listed.json()["items"][0]["answer"] == "denied"
    assert listed.json()["items"][0]["reason"] is None, "an operator does not read why"
    listed = await post.api.ask("GET", "/connections/1/confirmations", by=Role.VERIFIER)
    assert listed.json()["items"][0]["reason"] == "没有签过合同"


async def test_a_denial_is_kept_and_noted_while_a_case_is_open(post: Post) -> None:
    """Whatever opened the case: the answer stands, and whoever works on the case reads of it."""
    uscc = _connected(post)
    post.contact(uscc)
    post.deliver()
    post.api.connection.execute(
        "INSERT INTO cases (platform_id, enterprise_id, opened_by, cause)"
        " SELECT platform_id, enterprise_id, 'lin', 'verifier' FROM connections"
    )
    post.api.connection.commit()
    (link,) = post.links()
    denied = await post.visit(link, {"answer": "denied", "reason": "没有签过合同"})
    assert denied.status_code == 303, denied.text
    assert await _standing(post) == ["denied"]
    assert post.rows("SELECT cause FROM cases") == [("verifier",)]
    noted = post.rows("SELECT taken_by, text <> '' FROM case_steps ORDER BY id DESC LIMIT 1")
    assert noted == [(f"enterprise:{uscc}", True)]


async def test_a_request_becomes_a_connection_by_the_enterprises_own_word(post: Post) -> None:
    """As by the bureau's confirmation, and it says whose word it was."""
    uscc = _connected(post)
    post.api.build.platform("beta")
    asked = await post.api.ask(
        "POST",
        "/connections",
        json={"platform": "beta", "uscc": uscc, "from_date": "2026-03-01", "contract_no": "B-1"},
        by=Role.OPERATOR,
        of="beta",
    )
    assert asked.status_code == 202, asked.text
    post.contact(uscc)
    assert post.deliver().sent == 2
    for link in post.links():
        assert (await post.visit(link, {"answer": "confirmed"})).status_code == 303
    request = await post.api.ask("GET", "/connection-requests/1")
    assert request.json()["status"] == "confirmed"
    assert request.json()["confirmation"] == "enterprise"
    assert await _standing(post, by=Role.OPERATOR, of="beta") == ["confirmed"]


async def test_a_request_that_the_enterprise_denies_is_refused(post: Post) -> None:
    """The operator reads that the enterprise said so, and not what it wrote."""
    uscc = _connected(post)
    post.api.build.platform("beta")
    await post.api.ask(
        "POST",
        "/connections",
        json={"platform": "beta", "uscc": uscc, "from_date": "2026-03-01"},
        by=Role.OPERATOR,
        of="beta",
    )
    post.contact(uscc)
    post.deliver()
    answered = await post.visit(post.links()[1], {"answer": "denied", "reason": "不认识他们"})
    assert answered.status_code == 303, answered.text
    request = (await post.api.ask("GET", "/connection-requests/1")).json()
    assert request["status"] == "refused"
    assert "不认识他们" not in request["reason"]


async def test_a_yes_holds_for_the_contract_that_was_read(post: Post) -> None:
    """An operator who changes the contract afterwards has it confirmed anew."""
    post.contact(_connected(post))
    post.deliver()
    await post.visit(post.links()[0], {"answer": "confirmed"})
    await post.api.ask(
        "PATCH", "/connections/1", json={"contract_no": "other"}, revision=1, **_OF_ALPHA
    )
    assert await _standing(post) == ["unasked"]
    assert post.deliver().sent == 1
    await post.visit(post.links()[1], {"answer": "confirmed"})
    assert await _standing(post) == ["confirmed"]


async def test_links_of_the_contact_before_end(post: Post) -> None:
    """Whoever had entered a false address loses the link, and the right one is asked."""
    uscc = _connected(post)
    post.contact(uscc, "mallory@alpha.example")
    post.deliver()
    post.contact(uscc, "office@factory.example")
    refused = await post.visit(post.links()[0], {"answer": "confirmed"})
    assert refused.status_code == 409
    assert post.deliver().sent == 1
    assert post.mail.received[1]["to"] == "office@factory.example"


async def test_a_link_ends_with_its_time(post: Post) -> None:
    """After two months it cannot be used, and says so."""
    post.contact(_connected(post))
    post.deliver()
    post.later(days=61)
    (link,) = post.links()
    assert "The time for an answer is over" in (await post.visit(link)).text
    assert (await post.visit(link, {"answer": "confirmed"})).status_code == 409


async def test_a_letter_asks_whoever_has_no_mail(post: Post) -> None:
    """Its code is typed in, in any case and without its dashes."""
    uscc = _connected(post)
    post.contact(uscc, "", postal_address="荔城区某路 1 号")
    assert post.deliver().sent == 0
    letter = await post.api.ask("POST", "/connections/1/letter", by=Role.VERIFIER)
    assert letter.status_code == 200, letter.text
    assert letter.content.startswith(b"%PDF")
    refused = await post.api.ask("POST", "/connections/1/ask", by=Role.VERIFIER)
    assert refused.status_code == 409


async def test_the_bureau_asks_again(post: Post) -> None:
    """By mail, whether or not it was asked before."""
    post.contact(_connected(post))
    post.deliver()
    asked = await post.api.ask("POST", "/connections/1/ask", by=Role.VERIFIER)
    assert asked.status_code == 200, asked.text
    assert post.deliver().sent == 1
    first, second = post.links()
    assert (await post.visit(second, {"answer": "confirmed"})).status_code == 303
    assert "settled" in (await post.visit(first)).text
