"""Connection requests: who asks to connect another platform's enterprise, and what came of it."""
