"""Load with exact bookkeeping: what the broker acknowledged, and what became of it.

`run.run_load` publishes; its `ledger.Ledger` knows of every message what it was and what the
broker said to it; `check.check_ledger` compares that with the database.
"""
