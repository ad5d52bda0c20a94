"""A store as one page for a browser: markup, style and script in files beside this, put together without a request."""
