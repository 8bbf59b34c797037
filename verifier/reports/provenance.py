"""Where a report comes from: what every report says of the count that it shows."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from jieru.i18n import marked as _
from verifier.procedure.states import Step
from verifier.reports.document import SignedCount
from verifier.reports.speech import Speech
from verifier.trust.draws.saying import said_of, said_of_not_listed

__all__ = ["footer", "mark", "overrides", "provenance", "visits"]

_SHORT: Final = 12
"""Characters of a SHA-256 that stand for it where there is little room."""


def mark(signed: SignedCount, speech: Speech) -> str:
    """The words without which a simulation's figures may not be shown; else nothing."""
    if not signed.document.simulation:
        return ""
    return speech.text(_("SIMULATED DATA: this count is a simulation, nothing in it is evidence."))


def footer(signed: SignedCount, speech: Speech) -> list[str]:
    """The lines at the foot of each page."""
    document = signed.document
    return [
        speech.text(
            _("Count {count} | policy {policy}, SHA-256 {sha256} | evidence until {as_of}"),
            count=document.count_id,
            policy=document.policy,
            sha256=document.policy_sha256[:_SHORT],
            as_of=speech.day(document.as_of),
        ),
        speech.text(_("Digest {digest}"), digest=signed.digest),
    ]


def overrides(signed: SignedCount, speech: Speech) -> Iterator[tuple[str, str]]:
    """Objections in spite of which the count is paid: of each why, and who answers for it."""
    said = [_said(each.content) for each in signed.statements]
    proposed = {
        str(each["objection"]): each for each in said if each["kind"] == Step.PROPOSE_OVERRIDE
    }
    for each in said:
        if each["kind"] == Step.OVERRIDE:
            proposal = proposed.get(str(each["objection"]), _said("{}"))
            yield (
                speech.text(_("Upheld objection, overridden")),
                speech.text(
                    _("Objection {id}: {reason} (proposed by {proposer}, confirmed by {name})"),
                    id=each["objection"],
                    reason=proposal["reason"],
                    proposer=proposal["by"],
                    name=each["by"],
                ),
            )


def _said(content: str) -> Mapping[str, object]:
    """What a statement says, and a question mark for what it does not say."""
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeError):
        found = None
    return defaultdict(lambda: "?", found if isinstance(found, dict) else {})


def provenance(signed: SignedCount, speech: Speech) -> Iterator[tuple[str, str]]:
    """Pairs of what and which, by which anybody can find and check the count."""
    document = signed.document
    if said := mark(signed, speech):
        yield speech.text(_("Mark")), said
    yield speech.text(_("Count number")), document.count_id
    yield speech.text(_("Year")), str(document.year)
    yield speech.text(_("Supersedes")), document.supersedes or "-"
    yield speech.text(_("Policy")), document.policy_title.spoken_in(speech.language)
    yield speech.text(_("Version of the policy")), document.policy
    yield speech.text(_("SHA-256 of the policy")), document.policy_sha256
    yield speech.text(_("Evidence until")), speech.day(document.as_of)
    yield (
        speech.text(_("Frozen")),
        speech.text(
            _("{instant} by {name}"),
            instant=speech.instant(document.frozen_at),
            name=document.frozen_by,
        ),
    )
    yield speech.text(_("Version of Jieru")), document.code_version
    yield speech.text(_("Digest (SHA-256)")), signed.digest
    yield speech.text(_("Public key (Ed25519)")), signed.public_key
    for notice in document.notices:
        yield speech.text(_("Note")), speech.text(notice.template, **notice.values)
    for sentence in visits(signed, speech):
        yield speech.text(_("Draw and visits")), sentence


def visits(signed: SignedCount, speech: Speech) -> Iterator[str]:
    """What each draw of the year found, in one sentence."""
    for each in signed.document.visits:
        said = said_of(msgspec.structs.asdict(each))
        yield speech.text(said.message, **said.values)
    for said in said_of_not_listed(signed.document.visits_not_listed):
        yield speech.text(said.message, **said.values)
