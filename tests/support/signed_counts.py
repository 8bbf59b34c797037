"""Builders of signed counts, as small or as large as a test wants them."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.registry_files import uscc_of
from verifier.counting.determination import Outcome
from verifier.policy import load_policy
from verifier.procedure import signing
from verifier.procedure.canonical import canonical_bytes, sha256_of
from verifier.procedure.signing import SigningKey

__all__ = [
    "a_decision_object",
    "a_device_object",
    "a_document",
    "a_platform_object",
    "an_enterprise_object",
    "signed_file",
]

_KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def signed_file(document: Mapping[str, object]) -> bytes:
    """The signed file of a count document, signed by a key of the tests."""
    content = dict(document)
    signature = _KEY.sign(canonical_bytes(content))
    return signing.signed_file(content, sha256_of(content), signature, _KEY.public_key)


def an_enterprise_object(number: int = 1, **changes: object) -> dict[str, object]:
    """A counted enterprise with three devices, connected on 2026-03-02."""
    first, last = date(2026, 3, 2), date(2026, 5, 30)
    outcome = Outcome(str(changes.get("outcome", "counted")))
    is_counted = outcome is Outcome.COUNTED
    values: dict[str, object] = {
        "uscc": uscc_of(number),
        "name": f"莆田市第{number}机械有限公司",
        "district": "licheng",
        "industry_code": "C1810",
        "contract_nos": [f"HT-{number}"],
        "outcome": outcome.value,
        "connected_on": first.isoformat() if is_counted else None,
        "window_first_day": first.isoformat() if is_counted else None,
        "window_last_day": last.isoformat() if is_counted else None,
        "window_active_days": 78 if is_counted else None,
        "window_longest_gap_days": 1 if is_counted else None,
        "year_counted": 2026 if is_counted else None,
        "pending_until": None,
        "reasons": [] if is_counted else ["effective_window"],
        "criteria": _criteria(first, last, number, is_met=is_counted),
        "devices": [a_device_object(index) for index in range(1, 4)] if is_counted else [],
        "decisions": [],
        "closing": None,
        "presence_sha256": hashlib.sha256(str(number).encode()).hexdigest(),
        "registry_sha256": hashlib.sha256(f"registry {number}".encode()).hexdigest(),
    }
    return {**values, **changes}


def a_device_object(number: int = 1, **changes: object) -> dict[str, object]:
    """A machine that worked through the whole window."""
    values: dict[str, object] = {
        "serial": f"CNC-{number:03d}",
        "name": f"{number}号数控机床",
        "kind": "cnc",
        "assigned_from": "2026-01-01",
        "assigned_to": None,
        "active_days": 78,
        "first_active_on": "2026-03-02",
        "last_active_on": "2026-05-30",
        "presence_sha256": hashlib.sha256(f"device {number}".encode()).hexdigest(),
    }
    return {**values, **changes}


def a_decision_object(number: int = 1, **changes: object) -> dict[str, object]:
    """An enterprise excluded by a decision."""
    values: dict[str, object] = {
        "id": number,
        "kind": "exclude",
        "criterion": None,
        "value": None,
        "reason": "现场核查未见设备",
        "attachment": None,
        "decided_by": "林核查",
        "decided_at": "2027-01-05T01:30:00+00:00",
        "withdrawn_reason": None,
        "withdrawn_by": None,
        "withdrawn_at": None,
    }
    return {**values, **changes}


def a_platform_object(
    code: str = "xielian",
    enterprises: Sequence[Mapping[str, object]] | None = None,
    **changes: object,
) -> dict[str, object]:
    """A platform with the award that its enterprises earn (clause 1.2)."""
    listed = [an_enterprise_object()] if enterprises is None else list(enterprises)
    outcomes = [Outcome(str(each["outcome"])) for each in listed]
    counted = outcomes.count(Outcome.COUNTED)
    uncapped = counted * 10_000
    values: dict[str, object] = {
        "platform": code,
        "name": "鞋联工业互联网平台",
        "operator_uscc": uscc_of(900),
        "counted": counted,
        "pending": outcomes.count(Outcome.PENDING),
        "outcomes": {each.value: outcomes.count(each) for each in Outcome},
        "award_yuan": min(uncapped, 150_000),
        "lines": [
            {
                "clause": "1.2",
                "count": counted,
                "uncapped_yuan": uncapped,
                "amount_yuan": min(uncapped, 150_000),
            }
        ],
        "enterprises": listed,
    }
    return {**values, **changes}


def a_document(
    platforms: Sequence[Mapping[str, object]] | None = None, **changes: object
) -> dict[str, object]:
    """The frozen count of 2026 under the policy of Putian."""
    policy = load_policy("putian-2026")
    listed = [a_platform_object()] if platforms is None else list(platforms)
    values: dict[str, object] = {
        "year": 2026,
        "count_id": "2026-1",
        "revision": 1,
        "supersedes": None,
        "policy": policy.name,
        "policy_sha256": policy.sha256,
        "policy_title": {"zh": policy.title.zh, "en": policy.title.en},
        "policy_source": "name: putian-2026\n",
        "code_version": "0.1.0",
        "as_of": "2027-04-05",
        "frozen_at": "2027-04-06T02:00:00+00:00",
        "frozen_by": "陈复核",
        "simulation": False,
        "budget_yuan": 10_000_000,
        "total_yuan": sum(int(str(each["award_yuan"])) for each in listed),
        "platforms": listed,
        "overlaps": [],
        "notices": [],
        "parameters": [
            {
                "name": name,
                "value": parameter.model_dump(mode="json")["value"],
                "unit": parameter.unit,
                "clause": parameter.clause,
                "basis": parameter.basis,
            }
            for name, parameter in policy.parameters().items()
        ],
    }
    return {**values, **changes}


def _criteria(first: date, last: date, number: int, *, is_met: bool) -> list[dict[str, object]]:
    def row(name: str, measured: object, required: object, **changes: object) -> dict[str, object]:
        """A criterion that is met, whatever the window."""
        values = {
            "name": name,
            "is_met": True,
            "measured": measured,
            "required": required,
            "clause": "1.2",
            "basis": "decision",
            "waiver_id": None,
        }
        return {**values, **changes}

    def of_window(name: str, measured: object, required: object) -> dict[str, object]:
        """A criterion that cannot be measured without a window."""
        if is_met:
            return row(name, measured, required)
        return row(name, None, required, is_met=None)

    window = {
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "active_days": 78,
        "longest_gap_days": 1,
    }
    required = {
        "active_hours_per_day_min": 4,
        "active_devices_min": 3,
        "window_days": 90,
        "active_days_min": 60,
        "longest_gap_days_max": 20,
    }
    measured = {
        "active_hours_per_day_min": 16,
        "active_devices_min": 3,
        "window_days": 90,
        "active_days_min": 78,
        "longest_gap_days_max": 1,
    }
    in_force = {"from": "2026-01-01", "to": "2029-12-31"}
    level = {"on": first.isoformat(), "level": "municipal"}
    districts = ["licheng", "chengxiang", "hanjiang", "xiuyu", "xianyou", "meizhou", "beian"]
    return [
        row("effective_window", window if is_met else None, required, is_met=is_met),
        *(
            row(name, measured[name] if is_met else 0, limit, is_met=is_met)
            for name, limit in required.items()
        ),
        of_window("newly_connected", 2026, 2026),
        of_window("platform_recognised", level, "municipal"),
        of_window("policy_in_force", first.isoformat(), in_force),
        row("district", "licheng", districts),
        row("industry", "C1810", ["C"]),
        row("not_own_operator", uscc_of(number), {"not": uscc_of(900)}),
        row("not_excluded", [], [], clause=None),
        row("not_held", [], [], clause=None),
    ]
