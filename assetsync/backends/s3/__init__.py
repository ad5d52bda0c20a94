"""S3, and what speaks like it: `s3://BUCKET/PREFIX`."""
