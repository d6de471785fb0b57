"""A real server process and a real Chromium whose microphone is a WAV file."""

from __future__ import annotations

import os
import subprocess
import sys
import wave
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.network import Network, network_to
from tests.e2e.server_process import ServerProcess, server_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

    from tests.e2e.wire import Wire

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=user-gesture-required",
]
WIDE = {"width": 1280, "height": 800}
BUILT_PAGE = Path(__file__).parents[2] / "voicechat" / "static" / "index.html"


def require_page() -> None:
    """Skip where the page is not built; fail in CI, where it has to be."""
    if BUILT_PAGE.exists():
        return
    reason = "the page is not built: run `nox -s web` (needs Node 20+)"
    if os.environ.get("VOICECHAT_CI") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def link(tmp_path) -> Iterator[str]:
    """The link of a running server."""
    with serving(tmp_path) as link:
        yield link


@contextmanager
def serving(tmp_path: Path, **environment: str) -> Iterator[str]:
    """Run a server; gives its link."""
    require_page()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("VOICECHAT_")}
    with (
        (tmp_path / "server.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "voicechat", "serve", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=tmp_path,
            env=kept | {"HOME": str(tmp_path)} | environment,
        ) as server,
    ):
        line = server.stdout.readline().decode()
        assert line, (tmp_path / "server.log").read_text()
        yield line.split()[-1]
        server.terminate()
        assert server.wait(20) == 0


@pytest.fixture
def server(tmp_path) -> Iterator[ServerProcess]:
    """A running server that can be killed and started again."""
    require_page()
    with server_in(tmp_path) as server:
        yield server


@pytest.fixture
def network(server) -> Iterator[Network]:
    """The way to that server, which can be cut."""
    with network_to(server.port) as network:
        yield network


@pytest.fixture
def browser(chromium_path, tmp_path):
    """Run Chromium with `microphone` (16 kHz PCM, then silence) as its microphone."""
    from playwright.sync_api import sync_playwright

    @contextmanager
    def run(microphone: bytes = bytes(3200)) -> Iterator[Browser]:
        path = tmp_path / "microphone.wav"
        with wave.open(str(path), "wb") as out:
            out.setparams((1, 2, 16_000, 0, "NONE", ""))
            out.writeframes(microphone)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium_path,
                args=[*CHROMIUM_FLAGS, f"--use-file-for-fake-audio-capture={path}%noloop"],
            )
            yield browser
            browser.close()

    return run


@pytest.fixture
def new_page():
    """Open a page of a browser or of one of its users; what goes wrong in it fails the test."""
    problems = []

    def open_page(
        place: Browser | BrowserContext, link: str, script: str = "", wire: Wire | None = None
    ) -> Page:
        page = place.new_page()
        page.set_viewport_size(WIDE)
        if wire is not None:
            wire.watch(page)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda message: problems.append(message.text) if is_problem(message) else None,
        )
        if script:
            page.add_init_script(script)
        page.goto(f"{link}/?debug=1")
        page.wait_for_selector("[data-testid=connection-state][data-phase=connected]")
        return page

    yield open_page
    assert problems == []


def is_problem(message: ConsoleMessage) -> bool:
    """An error, other than what the browser says of a lost network by itself."""
    lost = "WebSocket connection to" in message.text or "net::ERR_" in message.text
    return message.type == "error" and not lost


@pytest.fixture
def browser_page(chromium_path, tmp_path):
    """Open a link in Chromium with `microphone` (16 kHz PCM, then silence) as its microphone."""
    from playwright.sync_api import sync_playwright

    @contextmanager
    def open_page(link: str, microphone: bytes) -> Iterator[Page]:
        path = tmp_path / "microphone.wav"
        with wave.open(str(path), "wb") as out:
            out.setparams((1, 2, 16_000, 0, "NONE", ""))
            out.writeframes(microphone)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium_path,
                args=[*CHROMIUM_FLAGS, f"--use-file-for-fake-audio-capture={path}%noloop"],
            )
            page = browser.new_page(viewport=WIDE)
            problems = []
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on(
                "console",
                lambda message: problems.append(message.text) if message.type == "error" else None,
            )
            page.goto(f"{link}/?debug=1")
            page.wait_for_selector("[data-testid=connection-state][data-phase=connected]")
            yield page
            assert problems == []
            browser.close()

    return open_page
