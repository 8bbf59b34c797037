"""What every page and route shares: language, problems, rendering, assets, headers."""
