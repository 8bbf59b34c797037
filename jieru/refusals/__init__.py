"""Why a message was not taken: what the contract expects, what came, and what it probably is."""
