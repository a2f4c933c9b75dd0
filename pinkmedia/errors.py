"""Errors that a person is meant to read.

PinkmediaError
├── UsageError        configuration, command line or environment: one line, exit code 2
├── EnvironmentFault  the machine is not fit: port in use, codec missing, folder not writable: exit code 1
└── CodecError        bytes that break a codec's rules (the peer's fault)
    └── UnsupportedCodec    a codec that nobody could watch; the text names it and the setting
"""

from __future__ import annotations


class PinkmediaError(Exception):
    """Base of the project's errors; its text is one line and says what to do."""

    exit_code = 1


class UsageError(PinkmediaError):
    """Something the operator wrote cannot be accepted."""

    exit_code = 2


class EnvironmentFault(PinkmediaError):
    """The machine cannot do what was asked."""


class CodecError(PinkmediaError, ValueError):
    """Codec bytes that cannot be parsed; never our fault."""


class UnsupportedCodec(CodecError):
    """The publisher's encoder is set to a codec that is not served."""
