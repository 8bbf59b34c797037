"""The addresses under which equipment posts, from a request to its answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import psycopg
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingest.http.answers import told
from ingest.http.body import is_read_to_end, read_body
from ingest.http.credentials import Credentials, Refusal, RefusedError
from ingest.http.native import ForeignDeviceError, TooManyRowsError, read_heartbeats
from ingest.http.post import Outcome, Post, Reading
from ingest.http.posts import Posts
from ingest.http.problems import Problem, answer_problem, language_of
from ingest.http.room import FullError, Room
from ingest.message import Message
from ingest.receipt_rows import timed_by_receipt
from ingest.source_rows import RowsRead, SourceRow
from jieru.credentials.usernames import EquipmentUser
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.sources.rows import MESSAGE_LIMIT_BYTES
from jieru.sources.topics import parse_source_topic
from jieru.wire import PublisherKind

__all__ = ["Intake", "make_app"]

_LINES: Final = frozenset({"application/x-ndjson", "application/jsonl", "application/ndjson"})
_JSON: Final = "application/json"
_RETRY_S: Final = 5
_SOON_S: Final = 1
_IN_A_THREAD_BYTES: Final = 64 * 1024
"""From so long a body on it is read beside the loop, which others wait for."""

_log = structlog.get_logger()


class _Sources(Protocol):
    async def read(
        self, messages: Sequence[Message], *, is_leaving: Callable[[], bool]
    ) -> RowsRead:
        """The rows of messages."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What requests need."""

    credentials: Credentials
    posts: Posts
    sources: _Sources
    bytes: Room
    """Of bodies that are being read or wait for their commit."""
    is_writing: Callable[[], bool]
    """Whether the database took what was written last."""
    longest_wait_s: float
    takes_receipt_time: bool
    """Policy parameter."""
    note: Callable[[int], None]
    """Told of the status of each answer."""


def make_app(intake: Intake) -> Starlette:
    """The application."""
    native = partial(_answer, intake, _post_native)
    of_source = partial(_answer, intake, _post_source)
    app = Starlette(
        routes=[
            Route("/ingest/v1/{platform}", native, methods=["POST"]),
            Route("/ingest/v1/{platform}/{source}", of_source, methods=["POST"]),
            Route(
                "/ingest/v1/{platform}/{source}/{serial}",
                of_source,
                methods=["POST"],
            ),
        ],
        exception_handlers={
            HTTPException: partial(_refuse_address, intake),
            Exception: partial(_fail, intake),
        },
    )
    app.router.redirect_slashes = False
    return app


async def _answer(
    intake: Intake, post: Callable[[Intake, Request], Awaitable[Response]], request: Request
) -> Response:
    try:
        return await post(intake, request)
    except Problem as problem:
        return await _refuse(intake, request, problem)


async def _post_native(intake: Intake, request: Request) -> Response:
    user = _user_of(intake, request)
    media_type = _media_type(request)
    if media_type != _JSON and media_type not in _LINES:
        raise Problem(
            415,
            _(
                "Heartbeats are sent as application/json (one, or an array) or "
                "application/x-ndjson (one on each line): name it in Content-Type."
            ),
        )

    async def read(body: bytes) -> Reading:
        received_ms = time.time_ns() // 1_000_000
        reader = partial(read_heartbeats, body, user, received_ms, is_lines=media_type in _LINES)
        return await asyncio.to_thread(reader) if len(body) > _IN_A_THREAD_BYTES else reader()

    return await _take(intake, request, user, read)


async def _post_source(intake: Intake, request: Request) -> Response:
    user = _user_of(intake, request)
    if user.serial is not None and user.publisher.kind is not PublisherKind.DEVICE:
        raise Problem(
            403,
            _(
                "A device's credential of an earlier release is for heartbeats alone; replace it "
                "by one of the device itself."
            ),
        )
    topic = _source_topic(user, request.path_params)
    if parse_source_topic(topic) is None:
        raise Problem(404, _("No source can have such a name."))

    async def read(body: bytes) -> Reading:
        if len(body) > MESSAGE_LIMIT_BYTES:
            raise Problem(
                413,
                _("The body has more than {limit} bytes; divide it."),
                {"limit": f"{MESSAGE_LIMIT_BYTES:,}"},
            )
        received_ms = time.time_ns() // 1_000_000
        return await _read_source(intake, Message(topic, body, len(body), received_ms, None))

    return await _take(intake, request, user, read)


def _user_of(intake: Intake, request: Request) -> EquipmentUser:
    """Whose request it is.

    Raises:
        Problem: nobody's, or it is not his own platform.
    """
    address = request.client.host if request.client else ""
    try:
        user = intake.credentials.user_of(request.headers.get("authorization"), address)
    except RefusedError as error:
        raise _refused_credential(error) from None
    if user.platform != request.path_params["platform"]:
        raise Problem(
            403,
            _("The credential is that of the platform {own}, and the address is of another."),
            {"own": user.platform},
        )
    return user


def _refused_credential(error: RefusedError) -> Problem:
    match error.refusal:
        case Refusal.WRONG:
            return Problem(
                401, _("Send the equipment's username and secret, as at the broker (HTTP Basic).")
            )
        case Refusal.TOO_MANY:
            return Problem(
                429,
                _("Too many wrong credentials came from this address; correct it and wait."),
                retry_after_s=error.retry_after_s,
            )
        case Refusal.UNKNOWN_NOW:
            return _away(error.retry_after_s)


def _away(retry_after_s: int = _RETRY_S) -> Problem:
    return Problem(
        503,
        _("The database is away; keep the heartbeats and send them again."),
        retry_after_s=retry_after_s,
    )


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _source_topic(user: EquipmentUser, names: dict[str, Any]) -> str:
    """The topic on which the same credential would publish it."""
    who = ""
    if user.publisher.kind is PublisherKind.GATEWAY:
        who = f"/via/{user.publisher.gateway}"
    elif user.publisher.kind is PublisherKind.DEVICE:
        who = f"/own/{user.serial}"
    serial = f"/{names['serial']}" if "serial" in names else ""
    return f"jieru/v1/{user.platform}{who}/in/{names['source']}{serial}"


async def _read_source(intake: Intake, message: Message) -> Reading:
    """The rows of a message in another's format.

    Raises:
        Problem: the database does not tell which source is in force.
    """
    try:
        async with asyncio.timeout(intake.longest_wait_s):
            read = await intake.sources.read([message], is_leaving=lambda: True)
    except (psycopg.Error, TimeoutError):
        raise _away() from None
    rows: list[SourceRow] = read.rows
    rejections = read.rejections
    if intake.takes_receipt_time:
        timed, rejections = timed_by_receipt(rejections)
        rows = [*rows, *timed]
    reading = Reading(kept=read.kept)
    for row in rows:
        reading.take(row, row.path)
    for rejection in rejections:
        refused = rejection.message
        reading.refuse(rejection, refused.path if isinstance(refused, SourceRow) else "$")
    return reading


async def _take(
    intake: Intake,
    request: Request,
    user: EquipmentUser,
    read: Callable[[bytes], Awaitable[Reading]],
) -> Response:
    """Read a request, wait for its commit, answer."""
    if not intake.is_writing():
        raise _away()
    with intake.bytes.hold(user.platform) as hold:
        try:
            reading = await read(await read_body(request, hold))
        except FullError as error:
            raise _full(error) from None
        except TooManyRowsError as error:
            raise Problem(413, error.message, error.values) from None
        except ForeignDeviceError as error:
            raise Problem(403, error.message, error.values) from None
        except UserError as error:
            raise Problem(400, error.message, error.values) from None
        outcome = await _committed(intake, user, reading)
    language = language_of(request)
    intake.note(200)
    return JSONResponse(
        told(outcome, language),
        headers={"Content-Language": language, "Cache-Control": "no-store"},
    )


async def _committed(intake: Intake, user: EquipmentUser, reading: Reading) -> Outcome:
    """Wait until a request is durable.

    Raises:
        Problem: there are too many before it, or the database takes too long: it may be stored
            all the same, and sending it again does no harm.
    """
    post = Post(user.platform, reading, asyncio.get_running_loop().create_future())
    if not post.size:
        return Outcome()
    try:
        intake.posts.put(post)
    except FullError as error:
        raise _full(error) from None
    try:
        async with asyncio.timeout(intake.longest_wait_s):
            return await post.answer
    except TimeoutError:
        raise _away() from None
    finally:
        intake.posts.withdraw(post)


def _full(error: FullError) -> Problem:
    if error.is_own_share:
        return Problem(
            429,
            _("This platform sends more at once than is stored; wait for answers."),
            retry_after_s=_SOON_S,
        )
    return Problem(
        503, _("More comes at once than is stored; send it again."), retry_after_s=_SOON_S
    )


async def _refuse(intake: Intake, request: Request, problem: Problem) -> Response:
    intake.note(problem.status)
    return answer_problem(request, problem, is_last=not await is_read_to_end(request))


async def _refuse_address(intake: Intake, request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    said = {
        404: _("Heartbeats are posted to /ingest/v1/ and the platform's code."),
        405: _("Heartbeats are sent with POST."),
    }
    problem = Problem(
        status if status in said else 400, said.get(status, _("The request cannot be read."))
    )
    return await _refuse(intake, request, problem)


async def _fail(intake: Intake, request: Request, error: Exception) -> Response:
    _log.error("http_request_failed", path=request.url.path, exc_info=error)
    intake.note(500)
    return answer_problem(
        request, Problem(500, _("It failed here; send it again later.")), is_last=True
    )
