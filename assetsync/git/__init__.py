"""Facts from git and CI: checkouts and provenance; and commits, pushes and merges of assets.lock."""
