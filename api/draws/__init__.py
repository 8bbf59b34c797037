"""The draw of the enterprises to be visited, and what visits found."""
