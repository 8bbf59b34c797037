"""Reports as files: typeset, opened by other programs, read back."""
