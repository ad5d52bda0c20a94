"""Bytes between here and a store: publish, pull, fetch, and from a URL."""
