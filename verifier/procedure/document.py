"""The document of a count: all that is frozen, digested and signed, as JSON. Pure.

Version 2 holds of every enterprise the devices, the calendar, the period and the connections, so
that its page shows them as they were found. Version 1, which says no version, holds the devices of
counted ones and no more of these; what was frozen by it stays as it is. Whatever its version, a
document that says `steps_are_signed` demands a signed statement of each step that follows its
freezing (`statements`); those that were frozen before there were any do not say so. Where
enterprises were drawn to be visited, a frozen document says in `visits` what was known of it then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from jieru.calendar import date_text
from verifier.counting.count import Count
from verifier.counting.registry import RecordedDecision
from verifier.procedure.canonical import sha256_of
from verifier.procedure.grounds import DeviceGrounds, Grounds

__all__ = [
    "CONTENT_KEYS",
    "Document",
    "Freezing",
    "Identity",
    "content_sha256",
    "count_document",
    "count_id_of",
    "entry_in_version",
    "entry_object",
    "in_version",
    "version_of",
]

Document: TypeAlias = dict[str, Any]
"""JSON: its shape is that of `count_document`."""

CONTENT_KEYS: Final = (
    "year",
    "policy_sha256",
    "as_of",
    "simulation",
    "total_yuan",
    "platforms",
    "overlaps",
    "notices",
    "parameters",
)
"""What a draft run finds; the rest says who froze it, when and with which program."""


_VERSION: Final = 2
_SINCE_VERSION_2: Final = frozenset({"period", "connections", "calendar"})
"""Keys of an enterprise."""
_OF_DEVICES_SINCE_VERSION_2: Final = "hours_heard"
_OF_THE_CASE: Final = frozenset({"platform", "uscc", "name"})
"""Keys of a decision, said of its enterprise already."""
_OF_THE_SECOND: Final = frozenset({"needs_second", "confirmed_by", "confirmed_at"})
"""Said of decisions that need a second person alone: those of before stand as they were signed."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which count it is."""

    year: int
    revision: int
    supersedes: str | None
    """Id of the count that this one corrects."""


@dataclass(frozen=True, slots=True)
class Freezing:
    """Who froze it, when, with which program."""

    frozen_at: datetime
    frozen_by: str
    code_version: str


def count_id_of(year: int, revision: int) -> str:
    """What people call a count: `2026-1` is the first of 2026."""
    return f"{year}-{revision}"


def count_document(
    count: Count, grounds: Sequence[Grounds], identity: Identity, freezing: Freezing | None = None
) -> Document:
    """The document of a count.

    Args:
        count: of all platforms.
        grounds: of every determination, in the order of the count.
        identity: which count it is.
        freezing: None for a draft.
    """
    found = count.to_json_object()
    by_case = {
        (each.determination.platform.code, each.determination.enterprise.uscc): each
        for each in grounds
    }
    platforms = found["platforms"]
    if not isinstance(platforms, list):
        raise TypeError("the platforms of a count are a list")
    for each, platform in zip(platforms, count.platforms, strict=True):
        code = platform.platform.code
        each["operator_uscc"] = platform.platform.operator_uscc
        each["enterprises"] = [
            entry_object(entry, by_case[code, entry["uscc"]]) for entry in each["enterprises"]
        ]
    notices = [
        {
            "code": each.code,
            "message": each.message.format(**each.values),
            # For reports, which say it in their own language.
            "template": each.message,
            "values": each.values,
        }
        for each in count.notices
    ]
    found.pop("backdated", None)  # each enterprise has its own
    return {
        **found,
        "version": _VERSION,
        "notices": notices,
        "count_id": count_id_of(identity.year, identity.revision),
        "revision": identity.revision,
        "supersedes": identity.supersedes,
        "code_version": freezing.code_version if freezing else None,
        "policy_title": {"zh": count.policy.title.zh, "en": count.policy.title.en},
        "policy_source": count.policy.source,
        "frozen_at": freezing.frozen_at.isoformat() if freezing else None,
        "frozen_by": freezing.frozen_by if freezing else None,
        **({"steps_are_signed": True} if freezing else {}),
        "budget_yuan": count.policy.annual_budget_yuan.value,
    }


def version_of(document: Mapping[str, Any]) -> int:
    """By which version of this module a document was made."""
    version: int = document.get("version", 1)
    return version


def in_version(document: Document, version: int) -> Document:
    """A document as an earlier version would have written it, to be compared with one of that."""
    if version >= version_of(document):
        return document
    platforms = [
        {
            **platform,
            "enterprises": [_entry_of_version_1(entry) for entry in platform["enterprises"]],
        }
        for platform in document["platforms"]
    ]
    kept = {key: value for key, value in document.items() if key != "version"}
    return {**kept, "platforms": platforms}


def entry_in_version(entry: Mapping[str, Any], written_in: int, version: int) -> Mapping[str, Any]:
    """An enterprise of a document as an earlier version would have written it."""
    return entry if version >= written_in else _entry_of_version_1(entry)


def _entry_of_version_1(entry: Mapping[str, Any]) -> dict[str, Any]:
    devices = entry["devices"] if entry["outcome"] == "counted" else []
    return {
        **{key: value for key, value in entry.items() if key not in _SINCE_VERSION_2},
        "devices": [
            {key: value for key, value in each.items() if key != _OF_DEVICES_SINCE_VERSION_2}
            for each in devices
        ],
    }


def content_sha256(document: Mapping[str, Any]) -> str:
    """The digest of what was found, whoever froze it and when."""
    return sha256_of({key: document[key] for key in CONTENT_KEYS})


def entry_object(entry: Mapping[str, Any], grounds: Grounds) -> dict[str, Any]:
    """One enterprise as the document has it.

    Args:
        entry: as the count has it in JSON.
        grounds: what its determination rests on.
    """
    case, determination = grounds.case, grounds.determination
    return {
        **entry,
        "district": case.enterprise.district,
        "industry_code": case.enterprise.industry_code,
        "contract_nos": list(
            dict.fromkeys(each.contract_no for each in case.connections if each.contract_no)
        ),
        "window_first_day": date_text(determination.connected_on),
        "criteria": [
            {
                "name": str(each.name),
                "is_met": each.is_met,
                "measured": _plain(each.measured),
                "required": _plain(each.required),
                "clause": each.clause,
                "basis": each.basis,
                "waiver_id": each.waiver_id,
            }
            for each in grounds.criteria
        ],
        "period": {
            "kind": grounds.period.kind,
            "first_day": grounds.period.first_day.isoformat(),
            "last_day": grounds.period.last_day.isoformat(),
        },
        "connections": [
            {
                "contract_no": each.contract_no,
                "signed_on": date_text(each.signed_on),
                "from_date": each.from_date.isoformat(),
                "to_date": date_text(each.to_date),
            }
            for each in case.connections
        ],
        "devices": [_device(each) for each in grounds.devices],
        # A month and its marks, `#` active, `.` inactive, `-` not connected.
        "calendar": {f"{each.month:%Y-%m}": each.days for each in grounds.calendar},
        "decisions": [_decision(each) for each in grounds.decisions],
        "closing": grounds.closing.to_json_object() if grounds.closing else None,
        "presence_sha256": grounds.presence_sha256,
        "registry_sha256": sha256_of(_registry(grounds)),
    }


def _device(device: DeviceGrounds) -> dict[str, object]:
    return {
        "serial": device.serial,
        "name": device.name,
        "kind": device.kind,
        "assigned_from": device.assigned_from.isoformat(),
        "assigned_to": date_text(device.assigned_to),
        "active_days": device.active_days,
        "hours_heard": device.hours_heard,
        "first_active_on": date_text(device.first_active_on),
        "last_active_on": date_text(device.last_active_on),
        "presence_sha256": device.presence_sha256,
    }


def _decision(recorded: RecordedDecision) -> dict[str, object]:
    kept = recorded.to_json_object()
    left_out = _OF_THE_CASE if recorded.decision.needs_second else _OF_THE_CASE | _OF_THE_SECOND
    return {key: kept[key] for key in kept if key not in left_out}


def _registry(grounds: Grounds) -> dict[str, object]:
    """All that the registry says of a case."""
    platform, enterprise = grounds.case.platform, grounds.case.enterprise
    return {
        "platform": [platform.code, platform.name, platform.operator_uscc],
        "recognitions": [
            [each.level, each.recognised_on.isoformat(), date_text(each.revoked_on)]
            for each in platform.recognitions
        ],
        "enterprise": [
            enterprise.uscc,
            enterprise.name,
            enterprise.district,
            enterprise.industry_code,
        ],
        "connections": [
            [
                each.from_date.isoformat(),
                date_text(each.to_date),
                each.contract_no,
                date_text(each.signed_on),
            ]
            for each in grounds.case.connections
        ],
        "assignments": [
            [
                each.serial,
                each.kind,
                each.name,
                each.assigned_from.isoformat(),
                date_text(each.assigned_to),
            ]
            for each in grounds.devices
        ],
    }


def _plain(measure: object) -> object:
    """A measure as JSON reads it back."""
    return list(measure) if isinstance(measure, tuple) else measure
