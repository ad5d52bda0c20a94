"""assets.lock: its text, merges, and whether it is right. Pure."""
