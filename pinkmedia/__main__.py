"""``python -m pinkmedia``."""

import sys

from pinkmedia.cli import main

if __name__ == "__main__":
    sys.exit(main())
