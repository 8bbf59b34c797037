"""What ended with a key or an account, in words."""

from collections.abc import Iterator

from api.access.key_trees import Ended
from jieru.i18n import gettext as _

__all__ = ["lines_of_ended"]


def lines_of_ended(ended: Ended, *, with_credentials: bool) -> Iterator[str]:
    """What ended by name and number, and what goes on; no line where there is nothing to say."""
    if ended.sessions:
        yield _("Sessions that ended: {count}").format(count=ended.sessions)
    if ended.keys:
        yield _("API keys that ended: {count}").format(count=len(ended.keys))
    for key in ended.keys:
        yield f"  {key.key_id}  {key.name}"
    if not ended.credentials:
        return
    said = (
        _("Credentials of equipment that were revoked: {count}")
        if with_credentials
        else _("Credentials of equipment that came from it and go on: {count}")
    )
    yield said.format(count=len(ended.credentials))
    for credential in ended.credentials:
        yield f"  {credential.username}"
    if not with_credentials:
        yield _("`jieru credential revoke USERNAME` ends one; --credentials ends them all.")
