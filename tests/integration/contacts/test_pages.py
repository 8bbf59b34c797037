"""Pages of the bureau about contacts, confirmations and challenges."""

import pytest

from api.access.roles import Role
from tests.integration.contacts.conftest import Post


@pytest.fixture
def uscc(post: Post) -> str:
    """Of an enterprise that is connected."""
    post.api.build.platform("alpha")
    uscc = post.api.build.enterprise(1)
    post.api.build.connection("alpha", uscc)
    return uscc


async def test_the_bureau_enters_a_contact_and_asks(post: Post, uscc: str) -> None:
    """By form; both pages show it, and the enterprise's own page how the connection stands."""
    bureau = post.api.header(Role.VERIFIER)["authorization"]
    wrong = await post.visit(
        f"/enterprises/{uscc}/contact/edit",
        {"name": "林", "email": "nowhere"},
        authorization=bureau,
    )
    assert wrong.status_code == 422
    assert "Is no mail address." in wrong.text
    said = {"name": "林秘密", "email": "office@factory.example"}
    entered = await post.visit(f"/enterprises/{uscc}/contact/edit", said, authorization=bureau)
    assert entered.status_code == 303, entered.text
    shown = await post.visit(f"/enterprises/{uscc}/contact", authorization=bureau)
    assert "office@factory.example" in shown.text
    post.deliver()
    for page in ("/confirmations", f"/enterprises/{uscc}"):
        assert "asked, no answer yet" in (await post.visit(page, authorization=bureau)).text
    asked = await post.visit("/connections/1/ask", {}, authorization=bureau)
    assert asked.status_code == 303, asked.text
    letter = await post.visit("/connections/1/letter", {}, authorization=bureau)
    assert letter.content.startswith(b"%PDF")
    assert (await post.visit("/challenges", authorization=bureau)).status_code == 200
    assert post.rows("SELECT kind FROM access_entries WHERE kind = 'secret'")


async def test_mail_that_was_given_up_is_shown_to_the_bureau_alone(post: Post, uscc: str) -> None:
    """With what the mail server said, and without whom it was for."""
    post.mail.refused["office@factory.example"] = "550 no such user"
    post.contact(uscc)
    assert post.deliver().dead == 1
    bureau = post.api.header(Role.VERIFIER)["authorization"]
    shown = (await post.visit("/confirmations", authorization=bureau)).text
    assert "no such user" in shown
    assert "office@factory.example" not in shown
    operator = post.api.header(Role.OPERATOR, "alpha")["authorization"]
    assert "no such user" not in (await post.visit("/confirmations", authorization=operator)).text
