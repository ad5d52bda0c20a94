"""A store in a directory of this machine or of a file server."""
