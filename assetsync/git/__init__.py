"""What git and CI know: checkouts, provenance, commits, merges of assets.lock."""
