"""The two addresses of a witness: what it saw last, and the next statement to be cosigned."""

from typing import Final

import structlog
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse

from verifier.checkpoints.statement import STATEMENT_LIMIT_BYTES
from verifier.checkpoints.witness import RefusedError, WitnessFolder

__all__ = ["create_witness_app"]

_log: Final = structlog.get_logger()
_JSON: Final = "application/json"
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_TOO_LARGE: Final = 413


def create_witness_app(witness: WitnessFolder) -> FastAPI:
    """An application that answers for one witness; who submits is told by a statement's key."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/checkpoints/latest")
    def latest() -> Response:
        cosignature = witness.latest()
        if cosignature is None:
            return PlainTextResponse("no checkpoint yet", status_code=_NOT_FOUND)
        return Response(cosignature.content(), media_type=_JSON)

    @app.post("/checkpoints")
    async def submit(request: Request) -> Response:
        content = await _body_of(request)
        if content is None:
            return PlainTextResponse("too large", status_code=_TOO_LARGE)
        try:
            cosignature = await run_in_threadpool(witness.accept, content)
        except RefusedError as error:
            _log.warning("checkpoint_refused", reason=str(error))
            return PlainTextResponse(str(error), status_code=_CONFLICT)
        return Response(cosignature.content(), media_type=_JSON)

    return app


async def _body_of(request: Request) -> bytes | None:
    """A body of bounded size; None: it is larger."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > STATEMENT_LIMIT_BYTES:
            return None
    return bytes(content)
