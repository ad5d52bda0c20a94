"""assets.yaml and settings: read, checked, edited. Pure."""
