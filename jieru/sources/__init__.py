"""Messages in the formats of others, each read by a declared source: data, and no code."""
