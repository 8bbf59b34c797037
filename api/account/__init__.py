"""A caller's own affairs: signing in and out, the password, API keys."""
