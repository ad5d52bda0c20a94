"""Declarative, immutable, versioned assets beside a git repo."""
