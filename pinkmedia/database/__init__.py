"""What outlives the process: streams, broadcasts, and the events that a site is told of.

`engine` opens it (SQLite by default, PostgreSQL by URL), `schema` has its tables, `migrations` brings older ones up to
date; every other module here has the queries of one subject.
"""
