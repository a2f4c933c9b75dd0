"""OBS Studio's multitrack video ("Enhanced Broadcasting"): what it asks before it goes live, and what it is told."""
