"""`jieru check-signature`: whether a signed count is genuine. Needs no database, no settings."""

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from command.arguments import FILE
from command.help import example
from jieru.calendar import SHANGHAI
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.i18n import marked
from verifier.procedure.hindrance import Hindrance
from verifier.procedure.signing import (
    CheckedFile,
    Finding,
    check_signed_file,
    parse_public_key,
)
from verifier.procedure.statements import chain_faults, said_by
from verifier.procedure.states import Step
from verifier.procedure.trusted_keys import (
    TrustedKeys,
    Vouching,
    load_trusted_keys,
    vouching_of,
)
from verifier.procedure.words import STEP_WORDS

__all__ = ["NOBODY_VOUCHES", "command"]

NOBODY_VOUCHES: Final = 3
"""Exit code for a signature that fits, by a key of which nothing is known."""

_WORDS: Final = {step.value: word for step, word in STEP_WORDS.items()}
_SAID: Final = {
    Finding.VALID: marked("The count {count} is as it was frozen."),
    Finding.DOCUMENT_CHANGED: marked(
        "The document was changed after it was frozen: neither its digest nor its signature fits."
    ),
    Finding.DIGEST_CHANGED: marked(
        "The digest does not fit the document, though the signature does: the digest was changed."
    ),
    Finding.SIGNATURE_WRONG: marked(
        "The signature does not fit: the key in the file did not sign this document."
    ),
    Finding.OTHER_KEY: marked(
        "Another key signed this file than the one that was given: do not trust it."
    ),
}
_VOUCHED: Final = {
    Vouching.UNKNOWN: marked(
        "The count {count} is signed, by a key that nobody vouches for: give the key that the "
        "bureau published with --public-key, or name a file of trusted keys in JIERU_TRUSTED_KEYS."
    ),
    Vouching.NOT_ITS_TIME: marked(
        "The count {count} is signed by the key of {name}, at a time at which that key does not "
        "sign: do not trust it."
    ),
    Vouching.REVOKED: marked(
        "The count {count} is signed by the key of {name}, which was revoked by then: do not trust "
        "it."
    ),
}


@click.command(
    "check-signature",
    help=_(
        "Check the signed file of a count; exit code 1 when it is not genuine, 3 when nobody "
        "vouches for its key."
    ),
    epilog=example("jieru check-signature count-2026.json --public-key published.key"),
)
@click.argument("file", type=FILE)
@click.option(
    "--public-key", metavar="KEY", help=_("The key that must have signed it, or a file with it.")
)
@click.option(
    "--trusted-keys",
    envvar="JIERU_TRUSTED_KEYS",
    type=FILE,
    help=_("File of the keys whose signatures count; by default that of JIERU_TRUSTED_KEYS."),
)
def command(*, file: Path, public_key: str | None, trusted_keys: Path | None) -> None:
    """Check a signed file and say what was found."""
    expected = None if public_key is None else parse_public_key(public_key)
    checked = check_signed_file(_content(file), expected)
    trusted = load_trusted_keys(trusted_keys) if trusted_keys else TrustedKeys()
    if expected is not None:
        # Which signed the document; what was done since may be signed by another that is listed.
        trusted = replace(trusted, own_key=expected)
    sys.exit(_say(checked, trusted))


def _content(file: Path) -> bytes:
    """What a file holds.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(
            "The file {path} cannot be read: {reason}", path=file, reason=error.strerror
        ) from None


def _say(checked: CheckedFile, trusted: TrustedKeys) -> int:
    """Say what was found; the exit code."""
    count, name = checked.document.get("count_id"), trusted.name_of(checked.public_key)
    vouching = vouching_of(checked.document, checked.public_key, trusted)
    code, said = 0, _SAID[checked.finding]
    if checked.finding is not Finding.VALID:
        code = 1
    elif vouching is not Vouching.TRUSTED:
        code = NOBODY_VOUCHES if vouching is Vouching.UNKNOWN else 1
        said = _VOUCHED[vouching]
    broken = _broken_statements(checked, trusted)
    if broken and code in {0, NOBODY_VOUCHES}:
        code = 1
    if code != 0 or not broken:
        click.echo(_(said).format(count=count, name=name), err=code != 0)
    for each in broken:
        click.echo(str(each), err=True)
    click.echo(_("Digest: {digest}").format(digest=checked.digest))
    click.echo(_("Public key: {key}").format(key=checked.key_text))
    if code == 0 and name is not None:
        click.echo(_("Signed by: {name}").format(name=name))
    if code in {0, NOBODY_VOUCHES}:
        for line in _statement_lines(checked):
            click.echo(line)
    return code


def _broken_statements(checked: CheckedFile, trusted: TrustedKeys) -> list[Hindrance]:
    """What is wrong with the statements of a file whose document is not changed."""
    if checked.finding is not Finding.VALID:
        return []
    vouching = vouching_of(checked.document, checked.public_key, trusted)
    if vouching is Vouching.UNKNOWN:
        # By that key they must at least fit together; whether it is to be trusted is said already.
        trusted = replace(trusted, own_key=checked.public_key)
    return list(
        chain_faults(
            checked.statements,
            count_id=str(checked.document.get("count_id")),
            digest=checked.digest,
            trusted=trusted,
        )
    )


def _statement_lines(checked: CheckedFile) -> Iterator[str]:
    """What was done with the count since it was frozen, a line for each signed statement.

    A key of which nothing is known may have signed anything, so nothing is expected of them.
    """
    for statement in checked.statements:
        said = said_by(statement)
        at = said.at
        moment = f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if at else "?"
        yield _("Signed statement {number}: {step}, {by}, {at}").format(
            number=said.number,
            step=_(_WORDS[said.kind]) if said.kind in _WORDS else said.kind,
            by=said.by,
            at=moment,
        )
        told = defaultdict[str, object](lambda: "?", said.values)
        if said.kind == Step.PAY:
            yuan = told["amount_yuan"]
            yield _(
                "  {yuan} yuan to {name} ({uscc}) under clause {clause}, order {reference}, paid "
                "on {day}"
            ).format(
                yuan=f"{yuan:,}" if isinstance(yuan, int) else yuan,
                name=told["payee_name"],
                uscc=told["payee_uscc"],
                clause=told["clause"],
                reference=told["reference"],
                day=told["paid_on"],
            )
        elif said.kind == Step.PUBLISH:
            yield _("  the public notice ends on {day}").format(day=told["notice_ends_on"])
