"""A steady crowd at real `jieru serve` processes while seeded schedules abuse and crash them.

`python -m tests.stall --help`; docs/testing.md says what is compared.
"""
