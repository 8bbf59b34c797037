"""What the broker tells of connections: who is connected, and who was refused."""
