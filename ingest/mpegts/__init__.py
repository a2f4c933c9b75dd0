"""MPEG transport streams (ISO/IEC 13818-1) as publishers send them live; no input or output here."""
