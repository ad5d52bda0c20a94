"""Files of assets on this machine: scanned, hashed, excluded, put into place."""
