"""What a site is told of its streams: events, recorded before they are told, and told until they are heard."""
