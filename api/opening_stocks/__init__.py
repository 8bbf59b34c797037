"""Opening stocks: what was registered by a day counts from its first day, by two people's word."""
