"""A scenario worked out: identities, groups, machines."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc as uscc_number

from jieru.wire import SERIAL
from simulators import identities
from simulators.messages import messages_of_fleet
from tests.unit.simulators.cities import MONDAY, city, connection, enterprise, fault, works


def test_the_same_scenario_gives_the_same_messages() -> None:
    """To the byte, with every kind of chance in it."""
    served = connection(
        works=[works(20)],
        faults=[
            fault("flaky", share=0.2),
            fault("duplicates", share=0.2),
            fault("malformed", share=0.2),
        ],
    )
    first, second = city(enterprise("one", served)), city(enterprise("one", served))
    assert list(messages_of_fleet(first)) == list(messages_of_fleet(second))


def test_another_seed_gives_another_city() -> None:
    """Other companies and other chance."""
    first, second = city(seed=1), city(seed=2)
    assert first.companies[0].uscc != second.companies[0].uscc
    assert next(messages_of_fleet(first)) != next(messages_of_fleet(second))


def test_one_enterprise_more_changes_no_other_company() -> None:
    """Identities follow from the key, not from the place in the file."""
    alone, followed = city(), city(enterprise("zero"), enterprise("one"))
    assert alone.companies[0] == followed.companies[1]


@given(text=st.text(max_size=20))
def test_every_credit_code_is_valid(text: str) -> None:
    """Its own check character and that of the organisation code within it (GB 11714)."""
    code = identities.uscc(text)
    assert uscc_number.is_valid(code)
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(
        int(character, 36) * weight for character, weight in zip(code[8:16], weights, strict=True)
    )
    assert "0123456789X"[(11 - total % 11) % 11] == code[16]


def test_companies_of_a_large_group_are_all_different() -> None:
    """In code and in name, though names are drawn from few syllables."""
    companies = city(enterprise("many", count=300)).companies
    assert len({company.uscc for company in companies}) == 300
    assert len({company.name for company in companies}) == 300
    assert [company.key for company in companies[:2]] == ["many-01", "many-02"]


def test_a_name_in_the_file_is_kept() -> None:
    """For a single enterprise."""
    assert city(enterprise("one", name="莆田某厂")).companies[0].name == "莆田某厂"


def test_members_of_a_group_follow_one_another() -> None:
    """Contract, work and faults of each are so many days after those of the one before."""
    served = connection(
        signed_on=MONDAY, works=[works(5)], faults=[fault("silent", from_date=MONDAY)]
    )
    connections = city(enterprise("many", served, count=3, days_apart=7)).connections
    for place, member in enumerate(connections):
        day = MONDAY + timedelta(days=7 * place)
        device = member.devices[0]
        assert (member.from_date, member.signed_on) == (day, day)
        assert device.works[0].from_date == day
        assert device.faults[0].from_date == day


def test_serials_are_unique_in_the_city_and_fit_the_contract() -> None:
    """So that a mirrored machine can keep its own on another platform."""
    fleet = city(enterprise("many", count=20), enterprise("one", industry_code="C3971"))
    serials = [device.serial for served in fleet.connections for device in served.devices]
    assert len(serials) == len(set(serials)) == 63
    assert all(SERIAL.fullmatch(serial) for serial in serials)


def test_contract_numbers_differ_within_a_platform() -> None:
    """Each connection has its own."""
    fleet = city(enterprise("many", count=5))
    assert len({served.contract_no for served in fleet.connections}) == 5


def test_devices_work_as_long_as_their_connection_unless_told_otherwise() -> None:
    """Until the connection ends, or until the last day that is counted."""
    ends = MONDAY + timedelta(days=9)
    open_end, closed, later = city(
        enterprise("one", connection(), connection(platform="haichuang", to_date=ends)),
        enterprise("two", connection(from_date=MONDAY + timedelta(days=900))),
    ).connections
    assert open_end.devices[0].works[0].to_date.isoformat() == "2027-01-01"
    assert closed.devices[0].works[0].to_date == ends
    assert later.devices[0].works == ()


def test_an_operator_is_an_enterprise_of_the_city_or_a_company_outside() -> None:
    """Either way it has a valid code."""
    platforms = [
        {"code": "xielian", "name": "协联", "operator": "one"},
        {"code": "haichuang", "name": "海创"},
    ]
    fleet = city(platforms=platforms)
    assert fleet.operator_usccs["xielian"] == fleet.companies[0].uscc
    assert uscc_number.is_valid(fleet.operator_usccs["haichuang"])
    assert fleet.operator_usccs["haichuang"] != fleet.companies[0].uscc


def test_decisions_are_told_by_credit_code() -> None:
    """As the database will know the enterprise."""
    decision = {
        "kind": "hold",
        "platform": "xielian",
        "enterprise": "one",
        "reason": "doubt",
        "decided_by": "Lin",
    }
    fleet = city(decisions=[decision])
    assert fleet.decisions[0].uscc == fleet.companies[0].uscc
