"""Serves the built page from memory, with the headers that keep it to this server alone.

The build is some hundred kilobytes: read once, it needs no file access for a request, and a path
that is not in the table cannot be asked for.
"""

from __future__ import annotations

import hashlib
import mimetypes
from importlib import resources
from typing import TYPE_CHECKING

import attrs
from quart import Blueprint, Response, abort, request

from voicechat.gateway.origin import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".json": "application/json",
    ".map": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
"""Written down, because the machine's own table may know other ones or none."""

HASHED = "assets/"
"""Vite puts a hash of the content into the names of these, so they never change."""

HEADERS = {
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}

NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>voicechat: the page is not built</title>
<h1>The page is not built yet</h1>
<p>The server is running, but its web page is missing. Install Node.js 20 or newer, then run
<code>nox -s web</code> in the project's folder, and start the server again.</p>
<p>Without the page, <code>voicechat talk FILE.wav</code> works.</p>
</html>
"""


@attrs.frozen
class Asset:
    """One file of the build."""

    data: bytes = attrs.field(repr=False)
    content_type: str
    etag: str
    cache_control: str


def load(root: Traversable | None = None) -> dict[str, Asset]:
    """Read the build; empty if there is none.

    Args:
        root: Its folder; by default the package's own ``static``.
    """
    if root is None:
        root = resources.files("voicechat").joinpath("static")
    if not root.joinpath("index.html").is_file():
        return {}
    return {name: _asset(name, data) for name, data in _files(root, "")}


def page_blueprint(assets: Mapping[str, Asset] | None = None) -> Blueprint:
    """Make the routes ``/`` and ``/<file of the build>``.

    Args:
        assets: The build by path; by default what `load` finds. Empty answers ``/`` with 503 and
            what to do.
    """
    files = load() if assets is None else assets
    blueprint = Blueprint("page", __name__)

    @blueprint.get("/")
    async def index() -> Response:
        if "index.html" not in files:
            return Response(
                NOT_BUILT,
                status=503,
                content_type=TYPES[".html"],
                headers={"Cache-Control": "no-store"},
            )
        return await _respond(files["index.html"])

    @blueprint.get("/<path:name>")
    async def file(name: str) -> Response:
        if name not in files or name == "index.html":
            abort(404)
        return await _respond(files[name])

    @blueprint.after_request
    async def secure(response: Response) -> Response:
        response.headers.update(HEADERS)
        response.headers["Content-Security-Policy"] = content_security_policy(request.host)
        return response

    return blueprint


def content_security_policy(host: str) -> str:
    """What the page may load and talk to: this server, and nothing else.

    Args:
        host: The ``Host`` header; older browsers do not count WebSockets of it as ``'self'``.
    """
    sockets = f" ws://{host} wss://{host}" if Authority.parse(host) else ""
    return (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
        "style-src 'self'; img-src 'self' data:; font-src 'self'; media-src 'self' blob:; "
        f"manifest-src 'self'; connect-src 'self'{sockets}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


async def _respond(asset: Asset) -> Response:
    response = Response(asset.data, content_type=asset.content_type)
    response.headers["Cache-Control"] = asset.cache_control
    response.set_etag(asset.etag)
    await response.make_conditional(request)
    return response


def _asset(name: str, data: bytes) -> Asset:
    suffix = name[name.rfind(".") :] if "." in name else ""
    kind = TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    immutable = name.startswith(HASHED)
    return Asset(
        data,
        kind,
        hashlib.sha256(data).hexdigest()[:32],
        "public, max-age=31536000, immutable" if immutable else "no-cache",
    )


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            yield from _files(entry, f"{name}/")
        elif entry.is_file():
            yield name, entry.read_bytes()
