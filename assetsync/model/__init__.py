"""Names, paths, trees, versions and their lines. Pure."""
