"""The layout in a store: keys, documents, access to versions, verification and repair."""
