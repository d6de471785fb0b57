"""voicechat lets people talk to their own machine; this module holds only the version."""

__version__ = "0.1.0"
