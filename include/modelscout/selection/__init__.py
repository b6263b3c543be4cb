"""The runtime client: light enough to sit in a request path."""
