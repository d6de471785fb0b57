"""The built page: types, caching, headers, and plain words when it is missing."""

from __future__ import annotations

import json

import pytest

from voicechat.gateway.http import new_app
from voicechat.gateway.page import content_security_policy, load, page_blueprint

pytestmark = pytest.mark.requirement("W-1")

FILES = {
    "index.html": b"<!doctype html><title>voicechat</title>",
    "favicon.svg": b"<svg/>",
    "app.webmanifest": b"{}",
    "assets/app-abc123.js": b"console.log(1)",
    "assets/app-abc123.js.map": b"{}",
    "assets/app-abc123.css": b"a{}",
    "assets/deep/vad.wasm": b"\0asm",
}


@pytest.fixture
def app(tmp_path):
    root = tmp_path / "static"
    for name, data in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "secret.txt").write_text("secret")
    app = new_app("page")
    app.register_blueprint(page_blueprint(load(root)))

    @app.get("/health")
    async def health() -> str:
        return "ok"

    return app


@pytest.mark.parametrize(
    ("path", "kind", "cache"),
    [
        ("/", "text/html; charset=utf-8", "no-cache"),
        ("/favicon.svg", "image/svg+xml", "no-cache"),
        ("/app.webmanifest", "application/manifest+json", "no-cache"),
        ("/assets/app-abc123.js", "text/javascript; charset=utf-8", "immutable"),
        ("/assets/app-abc123.js.map", "application/json", "immutable"),
        ("/assets/app-abc123.css", "text/css; charset=utf-8", "immutable"),
        ("/assets/deep/vad.wasm", "application/wasm", "immutable"),
    ],
)
async def test_files(app, path, kind, cache) -> None:
    client = app.test_client()
    response = await client.get(path)
    assert response.status_code == 200
    assert response.content_type == kind
    assert cache in response.headers["Cache-Control"]
    assert await response.get_data() == FILES[path[1:] or "index.html"]
    again = await client.get(path, headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304
    assert await again.get_data() == b""
    other = await client.get(path, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200
    head = await client.head(path)
    assert head.status_code == 200
    assert head.headers["Content-Length"] == response.headers["Content-Length"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "microphone=(self)" in response.headers["Permissions-Policy"]
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "//etc/passwd",
        "/assets/",
        "/assets",
        "/index.html/",
        "/index.html",
        "/nothing.js",
        "/\0",
    ],
)
async def test_only_files_of_the_build(app, path) -> None:
    response = await app.test_client().get(path, headers={"Accept": "text/html"})
    assert response.status_code in {404, 308}
    assert b"secret" not in await response.get_data()


async def test_not_found_is_a_page_for_people_and_json_for_programs(app) -> None:
    client = app.test_client()
    page = await client.get("/nothing", headers={"Accept": "text/html"})
    assert page.content_type == "text/html; charset=utf-8"
    answer = await client.get("/api/v1/nothing", headers={"Accept": "text/html"})
    assert json.loads(await answer.get_data())["error"] == "not_found"


async def test_missing_build_says_how_to_make_it(tmp_path) -> None:
    assert load(tmp_path) == {}
    app = new_app("page")
    app.register_blueprint(page_blueprint(load(tmp_path)))

    @app.get("/health")
    async def health() -> str:
        return "ok"

    response = await app.test_client().get("/")
    assert response.status_code == 503
    text = (await response.get_data()).decode()
    assert "Node.js 20" in text
    assert "nox -s web" in text
    assert (await app.test_client().get("/health")).status_code == 200


def test_the_page_may_talk_to_its_own_server_only() -> None:
    policy = content_security_policy("pi.local:8000")
    assert "connect-src 'self' ws://pi.local:8000 wss://pi.local:8000;" in policy
    assert "unsafe-inline" not in policy
    assert content_security_policy("evil; script-src *") == content_security_policy("")
