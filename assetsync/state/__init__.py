"""`.assetsync/`: the stat cache, journals, pull markers, and what was last seen as locked."""
