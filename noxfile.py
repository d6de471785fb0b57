"""Every task of the project, so that a developer, pre-commit and CI run the same commands.

`nox -s serve` and `nox -s tests` are the two that everybody needs. Each session has a virtual
environment of its own, made from a hash-pinned lock file and reused until that file changes, so
that a second start needs neither network nor time.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_external_run = True
nox.options.sessions = ["lint", "types", "imports", "schema", "web", "docs", "tests"]

ROOT = Path(__file__).parent
LOCKS = ROOT / "requirements"
GROUPS = ("tests", "lint", "types", "imports", "docs")
WITHOUT_RUNTIME = ("lint", "imports")  # they read the sources and import nothing of them
MAX_LINES = 300
CODE = (
    "voicechat",
    "tests",
    "bench",
    "web/build_page.py",
    "web/hatch_build.py",
    "docs",
    "noxfile.py",
)


def install(session: nox.Session, lock: str) -> None:
    """Install a lock file and this project, unless that has been done for the same inputs."""
    inputs = [LOCKS / f"{lock}.lock", LOCKS / "build.lock", ROOT / "pyproject.toml"]
    digest = hashlib.sha256(f"{ROOT}\0{sys.version}".encode())
    for path in inputs:
        digest.update(path.read_bytes())
    stamp = Path(session.virtualenv.location) / "voicechat.stamp"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest.hexdigest():
        return
    stamp.unlink(missing_ok=True)
    wanted = [f"-r{path.relative_to(ROOT)}" for path in inputs[:2]]
    session.install("--require-hashes", *wanted)
    # The page is built by sessions that need it, once, and not by each installation.
    session.install("--no-deps", "--no-build-isolation", "-e.", env={"VOICECHAT_BUILD_PAGE": "0"})
    stamp.write_text(digest.hexdigest(), encoding="utf-8")


def page(session: nox.Session, *, required: bool = False) -> None:
    """Build the page if its sources changed and Node is there."""
    session.run("python", "web/build_page.py", *(["--required"] if required else []))


@nox.session
def serve(session: nox.Session) -> None:
    """Install everything, build the page, start the server: nox -s serve -- [flags of serve]."""
    install(session, "runtime")
    page(session)
    program = shutil.which("voicechat", path=session.bin)
    if program is None:
        session.error("voicechat is not installed in this session's environment")
    environment = {**os.environ, **{k: v for k, v in session.env.items() if v is not None}}
    sys.stdout.flush()
    sys.stderr.flush()
    # The server takes this process over: signals reach it alone and at once, it ends in its own
    # time, and its exit code is the one that the caller sees.
    os.execve(program, ["voicechat", "serve", *session.posargs], environment)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests in parallel with branch coverage; arguments after -- go to pytest."""
    install(session, "tests")
    page(session)
    session.run("coverage", "erase")
    parallel = (
        []
        if any(arg in session.posargs for arg in ("-n", "-n0", "--pdb"))
        else ["-nauto", "--dist=loadgroup"]
    )
    session.run("pytest", *parallel, "--cov", "--cov-branch", "--cov-report=term", *session.posargs)


@nox.session(default=False)
def repeat(session: nox.Session) -> None:
    """Run all tests several times to find the ones that fail sometimes: nox -s repeat -- 10."""
    install(session, "tests")
    page(session)
    times = int(session.posargs[0]) if session.posargs else 10
    for number in range(1, times + 1):
        session.log(f"run {number} of {times}")
        session.run("pytest", "-nauto", "--dist=loadgroup", "-q", *session.posargs[1:])


@nox.session(default=False)
def spoken(session: nox.Session) -> None:
    """Print how well spoken commands are understood and other speech is refused (wants flite)."""
    install(session, "tests")
    session.run("python", "bench/spoken.py", *session.posargs)


@nox.session(default=False)
def dialogues(session: nox.Session) -> None:
    """Print how well turns are taken in scripted dialogues (wants flite); -- --quick is a part."""
    install(session, "tests")
    session.run("python", "bench/dialogues.py", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Run a benchmark of bench/ by its name: nox -s bench -- vad."""
    install(session, "tests")
    name, *arguments = session.posargs or ["vad"]
    session.run("python", f"bench/{name}.py", *arguments)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, file lengths, lock files and news fragments."""
    install(session, "lint")
    session.run("ruff", "check", *CODE)
    session.run("ruff", "format", "--check", *CODE)
    problems = [*too_long(), *addresses_in_locks()]
    if problems:
        session.error("\n".join(problems))
    session.run("towncrier", "build", "--draft", "--version", "next", silent=True)


def too_long() -> list[str]:
    """Name every source that has outgrown one reading."""
    sources = [
        path
        for folder, pattern in (
            ("voicechat", "*.py"),
            ("tests", "*.py"),
            ("bench", "*.py"),
            ("web/src", "*.ts*"),
        )
        for path in (ROOT / folder).rglob(pattern)
    ]
    found = []
    for path in [*sources, *ROOT.glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > MAX_LINES and not re.match(r"\s*(#|//|/\*).*generated", text, re.IGNORECASE):
            found.append(f"{path.relative_to(ROOT)} has {lines} lines; allowed: {MAX_LINES}")
    return found


def addresses_in_locks() -> list[str]:
    """Name every lock file that tells where its packages came from."""
    found = []
    for path in [*LOCKS.glob("*.lock"), ROOT / "web" / "package-lock.json"]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            # npm also keeps the packages' own pages; only "resolved" is where one came from.
            shape = (
                r'"resolved"' if path.suffix == ".json" else r"://|file:|--(extra-)?index|--find"
            )
            if re.search(shape, line):
                found.append(f"{path.relative_to(ROOT)}:{number} holds an address; run nox -s lock")
    return found


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    install(session, "types")
    session.run("mypy", *session.posargs)


@nox.session
def imports(session: nox.Session) -> None:
    """Check that imports point down, that pure modules are pure, that adapters stay apart."""
    install(session, "imports")
    session.run("lint-imports")


@nox.session
def schema(session: nox.Session) -> None:
    """Write the protocol's schema and TypeScript types; -- --check only tells if they are stale."""
    install(session, "runtime")
    session.run("python", "-m", "voicechat.protocol.generate", *session.posargs)


@nox.session
def web(session: nox.Session) -> None:
    """Check types and style of the page, run its unit tests, and build it."""
    page(session, required=True)
    session.chdir("web")
    if not Path("node_modules").is_dir():
        session.run("npm", "ci", external=True)
    session.run("npm", "run", "check", external=True)
    session.run("npm", "test", external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning or a stale reference page is a failure."""
    install(session, "docs")
    for page_of in ("settings_reference", "turn_table", "heat_plot"):
        session.run("python", f"docs/{page_of}.py", *session.posargs or ["--check"])
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", "site")


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Make the lock files anew from pyproject.toml; the only session that chooses versions."""
    session.install("uv>=0.5")
    compile_ = [
        *("uv", "pip", "compile", "--quiet", "--universal", "--python-version=3.11"),
        *("--generate-hashes", "--no-annotate", "--no-header", "--no-emit-index-url"),
        *("--no-emit-find-links", *session.posargs),
    ]
    session.run(*compile_, "pyproject.toml", "-orequirements/runtime.lock")
    agreed = ["-crequirements/runtime.lock"]  # one version of a package, whichever session runs
    session.run(*compile_, *agreed, "--group=build", "-orequirements/build.lock")
    agreed.append("-crequirements/build.lock")
    for group in GROUPS:
        runtime = [] if group in WITHOUT_RUNTIME else ["pyproject.toml"]
        session.run(
            *compile_, *agreed, *runtime, f"--group={group}", f"-orequirements/{group}.lock"
        )
    problems = addresses_in_locks()
    if problems:
        session.error("\n".join(problems))
