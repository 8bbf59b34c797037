"""Sources: how messages in a platform's own format become heartbeats, declared, tried, ended."""
