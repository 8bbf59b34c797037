"""Programs that publish heartbeats, as documents and console show them to who connects equipment.

`snippet` fills one with an address and a credential, `table` lists them, `texts/` has them.
"""
