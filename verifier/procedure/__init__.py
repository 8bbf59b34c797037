"""The annual count as a procedure: drafted, reviewed, frozen, published, paid, corrected."""
