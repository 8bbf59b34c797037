"""Where an operator stands in the year: every enterprise, what it still lacks, and by when."""
