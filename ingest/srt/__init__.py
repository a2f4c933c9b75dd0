"""SRT ingest."""
