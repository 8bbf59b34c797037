"""Bringing statements to witnesses, and keeping what they signed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

from jieru.errors import UserError, WorldError
from verifier.checkpoints.chain import written
from verifier.checkpoints.folder import CheckpointFolder
from verifier.checkpoints.statement import Cosignature, check_signature, parse_cosignature
from verifier.procedure.trusted_keys import TrustedKeys, load_trusted_keys

__all__ = [
    "Witness",
    "Witnessed",
    "ask_witnesses",
    "check_latest",
    "named_witnesses",
    "witness_keys_of",
]

_TIMEOUT_S: Final = 10.0
_ANSWER_LIMIT_BYTES: Final = 64 << 10
_OK: Final = 200
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_REASON_SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class Witness:
    """Who cosigns, and where it listens."""

    url: str
    keys: TrustedKeys
    """Of all witnesses: the answer tells by its key which one it is."""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What one witness said."""

    url: str
    problem: UserError | WorldError | None
    """None: it has signed every statement there is."""


def named_witnesses(urls: str, keys_file: str) -> list[Witness]:
    """The witnesses of an installation.

    Args:
        urls: with commas between.
        keys_file: of trusted keys, theirs.

    Raises:
        UserError: an address is none, or there is no file with their keys.
    """
    named = [each.strip().rstrip("/") for each in urls.split(",") if each.strip()]
    for url in named:
        if not url.startswith(("http://", "https://")):
            raise UserError("JIERU_WITNESSES: {url} is no address of a witness.", url=url)
    if not named:
        return []
    if not keys_file:
        raise UserError(
            "JIERU_WITNESSES names witnesses, and no file says which keys are theirs: set "
            "JIERU_WITNESS_KEYS."
        )
    keys = load_trusted_keys(Path(keys_file))
    return [Witness(url, keys) for url in named]


def witness_keys_of(keys_file: str) -> dict[str, bytes]:
    """Name and key of every witness; none, where there is no such file.

    Raises:
        UserError: the file is wrong.
    """
    if not keys_file:
        return {}
    return {each.name: each.public_key for each in load_trusted_keys(Path(keys_file)).keys}


def ask_witnesses(folder: CheckpointFolder, witnesses: Sequence[Witness]) -> Iterator[Witnessed]:
    """Bring each witness what it has not signed yet, in its order, until it refuses one."""
    return _each(folder, witnesses, _catch_up)


def check_latest(folder: CheckpointFolder, witnesses: Sequence[Witness]) -> Iterator[Witnessed]:
    """Ask each witness what it signed last, which must be here: a folder may have lost its end."""
    return _each(folder, witnesses, _require_latest)


_Ask = Callable[[httpx2.Client, CheckpointFolder, Witness], None]


def _each(folder: CheckpointFolder, witnesses: Sequence[Witness], ask: _Ask) -> Iterator[Witnessed]:
    for witness in witnesses:
        problem: UserError | WorldError | None = None
        try:
            with httpx2.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False) as http:
                ask(http, folder, witness)
        except (UserError, WorldError) as error:
            problem = error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            problem = WorldError(
                "The witness at {url} cannot be reached: {reason}",
                url=witness.url,
                reason=str(error) or type(error).__name__,
            )
        yield Witnessed(witness.url, problem)


def _catch_up(http: httpx2.Client, folder: CheckpointFolder, witness: Witness) -> None:
    latest = _latest(http, witness)
    numbers = folder.numbers()
    if latest is not None:
        # What it signed last may have been lost on its way back.
        _keep(folder, witness, latest)
        numbers = [number for number in numbers if number > latest.number]
    for number in numbers:
        answer = http.post(
            f"{witness.url}/checkpoints",
            content=folder.content(number),
            headers={"content-type": "application/json"},
        )
        if answer.status_code == _CONFLICT:
            raise UserError(
                "The witness at {url} refuses checkpoint {number}: {reason}",
                url=witness.url,
                number=number,
                reason=answer.text[:_REASON_SHOWN],
            )
        _keep(folder, witness, _cosignature(witness, answer))


def _require_latest(http: httpx2.Client, folder: CheckpointFolder, witness: Witness) -> None:
    latest = _latest(http, witness)
    last = max(folder.numbers(), default=0)
    if latest is None:
        raise UserError("The witness at {url} has signed no checkpoint at all.", url=witness.url)
    _require_of_witness(witness, latest)
    if latest.number > last:
        raise UserError(
            "The witness at {url} has signed checkpoint {number} ({at}), and those that are here "
            "end with {last}: their end was cut off.",
            url=witness.url,
            number=latest.number,
            at=written(latest.at),
            last=last,
        )
    _require_same(folder, witness, latest)


def _latest(http: httpx2.Client, witness: Witness) -> Cosignature | None:
    answer = http.get(f"{witness.url}/checkpoints/latest")
    if answer.status_code == _NOT_FOUND:
        return None
    return _cosignature(witness, answer)


def _cosignature(witness: Witness, answer: httpx2.Response) -> Cosignature:
    if answer.status_code != _OK or len(answer.content) > _ANSWER_LIMIT_BYTES:
        raise WorldError(
            "The witness at {url} cannot be reached: {reason}",
            url=witness.url,
            reason=f"HTTP {answer.status_code} {answer.text[:_REASON_SHOWN]}",
        )
    return parse_cosignature(answer.content)


def _keep(folder: CheckpointFolder, witness: Witness, cosignature: Cosignature) -> None:
    _require_of_witness(witness, cosignature)
    _require_same(folder, witness, cosignature)
    folder.store_cosignature(cosignature)


def _require_of_witness(witness: Witness, cosignature: Cosignature) -> None:
    if wrong := check_signature(cosignature, witness.keys):
        raise UserError(
            "What answers at {url} is none of the witnesses whose keys are known: {reason}",
            url=witness.url,
            reason=wrong,
        )


def _require_same(folder: CheckpointFolder, witness: Witness, cosignature: Cosignature) -> None:
    if cosignature.number not in folder.numbers() or (
        folder.read(cosignature.number).statement.sha256() != cosignature.sha256
    ):
        raise UserError(
            "The witness at {url} has signed another checkpoint {number} than the one that is "
            "here: one of the two histories was made up.",
            url=witness.url,
            number=cosignature.number,
        )
