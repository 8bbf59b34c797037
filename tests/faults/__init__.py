"""Whatever breaks, in whatever order: nothing is lost, nothing is counted twice.

`schedule` says what breaks when, `load` publishes and keeps the books, `stage` holds the parts,
`inject` breaks them, `verdict` compares what is stored with the books, `run` plays one schedule,
`shrink` finds the least that still fails. `python -m tests.faults` plays many.
"""
