"""Devices that fall silent are told without a storm and without a repetition."""

from tests.integration.notices.conftest import Town


def _alpha(town: Town, devices: int) -> list[int]:
    town.build.platform("alpha")
    uscc = town.build.enterprise(1)
    town.build.connection("alpha", uscc)
    town.mailbox(town.person("lin", "operator", "alpha"))
    return town.fleet("alpha", uscc, devices)


def test_a_silent_device_is_told_once_for_a_month(town: Town) -> None:
    """After its limit and the time in which others may join it, and never again."""
    _alpha(town, 1)
    town.later(minutes=20)
    town.deliver()
    assert not town.mail.received
    for _day in range(30):
        town.later(days=1)
        town.deliver()
    assert len(town.mail.received) == 1
    assert "alpha-0" in town.texts()[0]


def test_a_device_that_comes_and_goes_is_told_once_a_day(town: Town) -> None:
    """It falls silent every two hours."""
    devices = _alpha(town, 1)
    for _time in range(11):
        town.later(hours=1)
        town.deliver()
        town.later(hours=1)
        town.heard(devices)
    assert len(town.mail.received) == 1


def test_a_city_that_goes_dark_is_one_message_for_each_person(town: Town) -> None:
    """An operator hears of the own platform, the bureau of all."""
    bureau = town.person("chen", "verifier")
    town.mailbox(bureau)
    for number, platform in enumerate(("alpha", "beta", "gamma")):
        town.build.platform(platform)
        uscc = town.build.enterprise(number + 1)
        town.build.connection(platform, uscc)
        town.mailbox(town.person(f"op-{platform}", "operator", platform))
        first, *others = town.fleet(platform, uscc, 40)
        town.later(minutes=1)
        town.heard(others)
        del first
    for _minute in range(120):
        town.later(minutes=1)
        town.deliver()
    by_person = sorted(each["To"] for each in town.mail.received)
    assert len(by_person) == len(set(by_person)) == 4
    texts = town.texts()
    assert sum("120" in each for each in texts) == 1
    assert sum("40" in each for each in texts) == 3


def test_nothing_is_said_of_devices_while_no_ingester_writes(town: Town) -> None:
    """Whoever hears nobody cannot say who is silent."""
    _alpha(town, 2)
    town.owner.execute(
        "INSERT INTO ingest_minutes VALUES ('one', date_trunc('minute', %s::timestamptz), "
        "1, 1, 0, 0, 0, 1, 1, 1, 0, 0)",
        (town.now,),
    )
    town.later(hours=3)
    assert town.find() == 0


def test_an_operator_hears_of_the_own_platform_alone(town: Town) -> None:
    """What is told of another platform rings no bell of theirs."""
    _alpha(town, 1)
    town.build.platform("beta")
    town.mailbox(town.person("wang", "operator", "beta"))
    town.later(hours=2)
    town.deliver()
    assert len(town.mail.received) == 1
    rung = town.rows("SELECT u.name FROM notice_readers JOIN users u ON u.id = user_id")
    assert rung == [("lin",)]
