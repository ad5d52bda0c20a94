"""Object storage behind one contract: S3, Google Cloud Storage, Azure Blob Storage, directories, memory."""
