"""Origin processes: viewers are served by several, from copies of what the node publishes."""
