"""Lets `python -m voicechat` do what the `voicechat` command does."""

import sys

from voicechat.cli import main

if __name__ == "__main__":
    sys.exit(main())
