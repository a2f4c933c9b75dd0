"""FLV's tag bodies, which RTMP carries as its audio and video messages."""
