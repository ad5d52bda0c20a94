"""Azure Blob Storage, through azure-storage-blob: `az://CONTAINER/PREFIX`."""

from assetsync.backends.azure.backend import AzureBackend, open_store

__all__ = ["AzureBackend", "open_store"]
