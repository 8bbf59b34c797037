"""Raw heartbeats that are old enough, moved out of the database into files, and back.

`archiving` writes and drops, `verifying` checks, `restoring` brings back. The order in which one
chunk goes makes that a process killed at any moment loses nothing: the file is written, flushed,
read back and compared; it gets its name; the manifest lists it; the database records it; and only
then are the rows dropped, after they were compared once more, under a lock. Whoever comes next goes
on from the last of these steps that was taken. The database's record is what counts: a file that
has none was never the only place of anything, and may be written anew.
"""
