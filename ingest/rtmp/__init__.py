"""RTMP for publishers: a protocol core without I/O, and the asyncio server around it."""
