"""The draw (抽查): which enterprises are visited, and what a visited few say of all."""
