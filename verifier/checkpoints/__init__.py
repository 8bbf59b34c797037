"""Signed statements of what the record was, kept where the database's owner cannot reach them.

`statement` says what one holds, `chain` what may follow what, `folder` keeps them, `writing` makes
the next one, `witness` is what another body runs, `witnesses` brings them there, and `verifying`
holds a database against all of them.
"""
