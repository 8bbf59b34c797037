"""`jieru check-signature`: whether a signed count is genuine. Needs no database, no settings."""

import sys
from pathlib import Path
from typing import Final

import click

from command.help import example
from jieru.i18n import gettext as _
from jieru.i18n import marked
from verifier.procedure.signing import Finding, check_signed_file, parse_public_key

__all__ = ["command"]

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


@click.command(
    "check-signature",
    help=_("Check the signed file of a count; exit code 1 when it is not genuine."),
    epilog=example("jieru check-signature count-2026.json --public-key published.key"),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--public-key", metavar="KEY", help=_("The key that must have signed it, or a file with it.")
)
def command(*, file: Path, public_key: str | None) -> None:
    """Check a signed file and say what was found."""
    expected = None if public_key is None else parse_public_key(public_key)
    checked = check_signed_file(file.read_bytes(), expected)
    is_valid = checked.finding is Finding.VALID
    click.echo(
        _(_SAID[checked.finding]).format(count=checked.document.get("count_id")), err=not is_valid
    )
    click.echo(_("Digest: {digest}").format(digest=checked.digest))
    click.echo(_("Public key: {key}").format(key=checked.public_key))
    if is_valid and expected is None:
        click.echo(_("Compare the public key with the one that the bureau published."))
    if not is_valid:
        sys.exit(1)
