"""What a broker tells of its connections: who came, who was refused, whose message it dropped."""
