"""Build the page into voicechat/static, when it is out of date and Node is there; never a failure.

The server works without a page, so a machine without Node, or without a network to fetch the
page's own parts, gets a message and not a broken installation. Only the standard library is used:
the wheel's build hook, nox, and a person can all run this file.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

NODE_MAJOR = 20
WEB = Path(__file__).resolve().parent
STATIC = WEB.parent / "voicechat" / "static"
STAMP = STATIC / ".sources"  # hash of the sources that the page there was built from
NOT_SOURCES = {"node_modules", "dist", "__pycache__", "build_page.py", "hatch_build.py"}


def fingerprint() -> str:
    """Return a hash over every source of the page, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(WEB.rglob("*")):
        parts = path.relative_to(WEB).parts
        if path.is_file() and not NOT_SOURCES.intersection(parts):
            digest.update("/".join(parts).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_current() -> bool:
    """Tell whether voicechat/static holds the page of these sources."""
    return STAMP.is_file() and STAMP.read_text(encoding="utf-8").strip() == fingerprint()


def node_problem() -> str:
    """Return why Node cannot be used, or nothing."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return f"Node {NODE_MAJOR} or newer with npm is not installed"
    version = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=False
    ).stdout
    major = re.match(r"v(\d+)", version)
    if major is None or int(major[1]) < NODE_MAJOR:
        return f"Node {NODE_MAJOR} or newer is needed, and here is {version.strip() or 'none'}"
    return ""


def build() -> bool:
    """Build the page if needed.

    Returns:
        True when voicechat/static holds the current page afterwards.
    """
    if not (WEB / "package.json").is_file():
        return False
    if is_current():
        return True
    problem = node_problem()
    if problem:
        return _tell(problem)
    before = fingerprint()
    environment = os.environ | {"NPM_CONFIG_AUDIT": "false", "NPM_CONFIG_FUND": "false"}
    for command in (["npm", "ci"], ["npm", "run", "build"]):
        print(f"page: {' '.join(command)}", flush=True)
        if subprocess.run(command, cwd=WEB, env=environment, check=False).returncode != 0:
            return _tell(f"`{' '.join(command)}` in web/ failed")
    fresh = STATIC.with_name("static.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(WEB / "dist", fresh)
    (fresh / STAMP.name).write_text(before + "\n", encoding="utf-8")
    shutil.rmtree(STATIC, ignore_errors=True)
    fresh.rename(STATIC)
    return True


def _tell(problem: str) -> bool:
    state = "an older page is served" if STATIC.is_dir() else "there will be no page"
    print(
        f"page: {problem}; {state}. Everything else works: `voicechat talk FILE.wav` speaks "
        f"without a browser. Install Node {NODE_MAJOR} and start again to get the page.",
        flush=True,
    )
    return False


if __name__ == "__main__":
    sys.exit(0 if build() or "--required" not in sys.argv[1:] else 1)
