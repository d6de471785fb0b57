"""Where the WebSocket of a server is, so that the link of its page can be given. PURE."""

from __future__ import annotations


def websocket_url(link: str) -> str:
    """The WebSocket behind the link of a page; a WebSocket address stays as it is."""
    scheme, separator, rest = link.partition("://")
    if not separator:
        scheme, rest = "http", link
    scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
    rest = rest.rstrip("/")
    return f"{scheme}://{rest}" if rest.endswith("/ws") else f"{scheme}://{rest}/ws"
