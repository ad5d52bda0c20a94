"""Azure Blob Storage: `az://CONTAINER/PREFIX`."""
