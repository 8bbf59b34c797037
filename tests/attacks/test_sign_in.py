"""Strangers at the console's door: guesses in bursts, a lock-out, and the names that exist."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import httpx
import pytest

from api.access.roles import Role
from api.access.users import create_user, disable_user
from jieru.audit import Actor, changing
from jieru.database import connect
from tests.attacks.book import Attack, Book
from tests.support.processes import free_port
from tests.support.served import jieru_serve
from tests.support.visiting import PASSWORD, add_person, form_token_of

TESTS: Final = Actor("command:tests", "command line")
STRANGER: Final = "203.0.113.66"
OFFICE: Final = "203.0.113.9"
_PATIENCE_S: Final = 120.0


class Door:
    """The console as it is deployed behind a proxy: another process, with passwords as ever."""

    def __init__(self, address: str) -> None:
        """Nobody stands there yet."""
        self.address = address

    def browser(self, origin: str) -> httpx.Client:
        """One at this address, as the proxy says it."""
        headers = {"x-forwarded-for": origin, "accept": "text/html", "accept-language": "en"}
        limits = httpx.Limits(max_connections=None)
        return httpx.Client(
            base_url=self.address,
            headers=headers,
            timeout=_PATIENCE_S,
            trust_env=False,
            limits=limits,
        )

    def sign_in(self, browser: httpx.Client, name: str, password: str = PASSWORD) -> httpx.Response:
        """What the form answers."""
        token = form_token_of(browser.get("/sign-in"))
        fields = {"name": name, "password": password, "form_token": token}
        return browser.post("/sign-in", data=fields)


@pytest.fixture
def door(database_url: str) -> Iterator[Door]:
    """A console with a verifier, an account that is disabled, and one without a password."""
    with connect(database_url) as connection:
        add_person(connection, "lin", Role.VERIFIER)
        add_person(connection, "left", Role.VERIFIER)
        with changing(connection, TESTS):
            disable_user(connection, "left")
            create_user(
                connection,
                "provided",
                Role.VERIFIER,
                oidc_subject="sub",
                oidc_issuer="https://id.example.test",
            )
    port = free_port()
    with jieru_serve(database_url, port, api_trusted_proxies="127.0.0.1"):
        yield Door(f"http://127.0.0.1:{port}")


def test_a_burst_of_sign_ins_is_tried_no_more_often_and_stops_nobody(
    door: Door, database_url: str, book: Book
) -> None:
    """Three hundred wrong passwords at once from one address; the console answers meanwhile."""
    with door.browser(STRANGER) as stranger, door.browser(OFFICE) as office:
        token = form_token_of(stranger.get("/sign-in"))

        def guess(number: int) -> int:
            fields = {"name": f"name-{number}", "password": "wrong", "form_token": token}
            return stranger.post("/sign-in", data=fields).status_code

        delays: list[float] = []
        is_over = threading.Event()

        def look() -> None:
            while not is_over.is_set():
                began = time.monotonic()
                assert office.get("/healthz").status_code == 200
                delays.append(time.monotonic() - began)

        with ThreadPoolExecutor(100) as guesses, ThreadPoolExecutor(1) as looks:
            looking = looks.submit(look)
            first = time.monotonic()
            codes = list(guesses.map(guess, range(300)))
            took_s = time.monotonic() - first
            is_over.set()
            looking.result()
        answer = door.sign_in(office, "lin")
    tried = codes.count(422)
    assert tried + codes.count(429) == 300
    # 21 at once; then each further one has waited as long as all before it together.
    assert tried >= 21
    assert 2 ** (tried - 21 + 1) - 2 <= took_s
    with connect(database_url) as connection:
        row = connection.execute(
            "SELECT failures FROM sign_in_failures WHERE subject = %s", (f"address:{STRANGER}",)
        ).fetchone()
        entered = connection.execute(
            "SELECT count(*) FROM access_entries WHERE kind = 'sign_in_failed'"
        ).fetchone()
    assert row == entered == (tried,)
    book.enter(
        Attack(
            "burst of sign-ins",
            "300 passwords at once, past the limit of an address",
            len(delays) + 1,
            int(answer.status_code != 303),
            max(delays),
            "access log, log: sign_in_delayed",
        )
    )


def test_strangers_lock_nobody_out(door: Door, book: Book) -> None:
    """They fail with the verifier's name, and from the verifier's address, before each sign-in."""
    served = refused = 0
    slowest = 0.0
    with door.browser(OFFICE) as office, door.browser(OFFICE) as neighbour:
        assert door.sign_in(office, "lin").status_code == 303
        for number in range(12):
            with door.browser(f"198.51.100.{number}") as stranger:
                for browser in (neighbour, stranger):
                    door.sign_in(browser, "lin", "wrong")
                    door.sign_in(browser, f"name-{number}", "wrong")
            began = time.monotonic()
            refused += door.sign_in(office, "lin").status_code != 303
            slowest = max(slowest, time.monotonic() - began)
            served += 1
        # Waits end by the clock, so the one that is not known is refused sooner or later.
        answers = {door.sign_in(neighbour, "lin", "wrong").status_code for _attempt in range(8)}
        assert 429 in answers
    seen = "access log, log: sign_in_failed, sign_in_delayed"
    name = "lock-out by strangers"
    book.enter(Attack(name, "keep a person out by failing", served, refused, slowest, seen))


def test_no_name_can_be_told_at_the_door(door: Door, book: Book) -> None:
    """Neither by words nor by waits, also after its person came in.

    Whether a later attempt still has to wait is a matter of time; that all names are one to the
    clock, to the work and to the counts is tested with a clock that stands still
    (`tests/integration/test_strangers.py`).
    """
    words: dict[int, set[str]] = {422: set(), 429: set()}
    names = ("lin", "left", "provided", "nobody", "nobody.else")
    refused = 0
    with door.browser(OFFICE) as office:
        assert door.sign_in(office, "lin").status_code == 303
        for number, name in enumerate(names):
            with door.browser(f"198.51.100.{number}") as stranger:
                steps = [door.sign_in(stranger, name, "wrong") for _ in range(4)]
                assert [each.status_code for each in steps] == [422] * 4
                refused += door.sign_in(office, "lin").status_code != 303
                steps += [door.sign_in(stranger, name, "wrong") for _ in range(2)]
            for each in steps:
                wait = each.headers.get("retry-after")
                text = each.text.replace(form_token_of(each), "").replace(f'value="{name}"', "")
                assert (wait is not None) == (each.status_code == 429)
                words[each.status_code].add(text.replace(f"Wait {wait} ", "Wait "))
    assert len(words[422]) == 1
    assert len(words[429]) <= 1
    seen = "access log, log: sign_in_failed"
    attack = Attack("name oracle", "find out who has an account", len(names), refused, 0.0, seen)
    book.enter(attack)
