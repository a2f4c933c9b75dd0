"""Events on their way to a site's own server, by HTTP."""
