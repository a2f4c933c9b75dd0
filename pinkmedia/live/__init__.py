"""Live streams: who may publish, and how a publisher's packets become a presentation."""
