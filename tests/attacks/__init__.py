"""What one client, one device or one odd message does to everybody, against what we deploy.

Each attack keeps exact books: what was published and acknowledged, what was stored, how long honest
heartbeats took, and who saw it. `make attack` prints them as a table.
"""
