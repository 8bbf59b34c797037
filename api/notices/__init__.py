"""What people are told: their bell, the ways by which they want to hear, and messages given up."""
