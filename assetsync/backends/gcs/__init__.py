"""Google Cloud Storage: `gs://BUCKET/PREFIX`."""
