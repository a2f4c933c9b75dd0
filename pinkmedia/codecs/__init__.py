"""Parsers and writers of codec configuration, without I/O and without native code."""
