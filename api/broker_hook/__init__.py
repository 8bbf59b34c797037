"""Where EMQX brings what it has to tell of connections."""
