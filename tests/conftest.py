"""What every test gets: the proof that it left nothing behind, real speech, and the ids it proves.

Around each test these are compared: tasks and busy threads (inside the Trio run, once its fixtures
are gone), child processes, and open descriptors. What a fixture of a wider scope holds is older
than the test and does not count.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
import inspect
import logging
import os
import secrets
import shutil
import subprocess
import threading  # noqa: TID251  (only to look whether a worker thread is still busy)
import time
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import structlog
import trio
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

# How long an example takes says more about the machine than about the code.
settings.register_profile("voicechat", deadline=None)
settings.load_profile("voicechat")

IN_CI = os.environ.get("VOICECHAT_CI") == "1"
GRACE_S = 2.0  # real seconds that a cancelled task or a thread's last call may take to end

EXAMPLE_GRACE_S = 0.25  # a failing example is run many times while Hypothesis simplifies it


@pytest.fixture(autouse=True)
def unchanged_logging() -> Iterator[None]:
    """A command that ran in this process has directed the log to a stream that is closed now."""
    root, library = logging.getLogger(), logging.getLogger("trio-websocket")
    handlers, level, library_level = root.handlers[:], root.level, library.level
    yield
    library.setLevel(library_level)
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def own_data(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a server keeps in a test is of that test alone, not of the person who runs it."""
    base = tmp_path_factory.getbasetemp() / "data"
    monkeypatch.setenv("XDG_DATA_HOME", str(base / secrets.token_hex(4)))


# --- orphans inside Trio ---


def other_tasks() -> set[trio.lowlevel.Task]:
    """Every live task but the one that asks."""
    root, me = trio.lowlevel.current_root_task(), trio.lowlevel.current_task()
    stack, found = [root] if root else [], set()
    while stack:
        task = stack.pop()
        if task is not me:
            found.add(task)
        stack.extend(child for nursery in task.child_nurseries for child in nursery.child_tasks)
    return found


def busy_threads() -> set[str]:
    """Trio's worker threads in the middle of a call, abandoned ones too.

    Trio names a thread "<function> from <task>" during a call, whichever limiter it runs under.
    """
    names = (f"{thread.name} ({thread.ident})" for thread in threading.enumerate())
    return {name for name in names if " from " in name}


def borrowed_tokens() -> int:
    return trio.to_thread.current_default_thread_limiter().borrowed_tokens


async def left_in_trio(
    tasks: set[trio.lowlevel.Task], threads: set[str], grace_s: float
) -> list[str]:
    """Wait a bounded real time for what is ending; return what did not end.

    Checkpoints instead of a sleep: on a mock clock a sleep would take no time at all.
    """
    deadline = time.monotonic() + grace_s
    while True:
        left = [f"task {task.name}" for task in other_tasks() - tasks]
        left += [f"thread {name}" for name in busy_threads() - threads]
        left += [f"{tokens} borrowed thread tokens"] if (tokens := borrowed_tokens()) else []
        if not left or time.monotonic() > deadline:
            return left
        await trio.lowlevel.checkpoint()


def leaving_nothing(
    body: Callable[..., Awaitable[None]], grace_s: float = GRACE_S
) -> Callable[..., Awaitable[None]]:
    """Wrap an async function so that it fails when something that it started outlives it."""

    @functools.wraps(body)
    async def checked(*args: Any, **kwargs: Any) -> None:
        tasks, threads = other_tasks(), busy_threads()
        await body(*args, **kwargs)
        left = await left_in_trio(tasks, threads, grace_s)
        assert not left, f"the test left behind: {', '.join(left)}"

    return checked


def run_leaving_nothing(run: Callable[..., Any], main: Callable[..., Any], **options: Any) -> Any:
    """`trio.run` with the check after the test's fixtures are gone."""
    return run(leaving_nothing(main), **options)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("requirement"):
            item.user_properties.extend(("requirement", str(each)) for each in mark.args)
        function = getattr(item, "obj", None)
        hypothesis = getattr(function, "hypothesis", None)
        if hypothesis is not None:
            # pytest-trio runs each example on its own with plain trio.run: check the body itself.
            inner = hypothesis.inner_test
            if inspect.iscoroutinefunction(inner) and not hasattr(inner, "__wrapped__"):
                hypothesis.inner_test = leaving_nothing(inner, EXAMPLE_GRACE_S)
        elif inspect.iscoroutinefunction(function):
            run = functools.partial(run_leaving_nothing, trio.run)
            item.add_marker(pytest.mark.trio(run=run), append=False)


# --- orphans outside Trio ---


def open_descriptors() -> dict[int, str]:
    """Each open descriptor and what it leads to."""
    found = {}
    for entry in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(FileNotFoundError):  # the one that listed the folder
            found[int(entry.name)] = str(entry.readlink())
    return found


def child_processes() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def left_outside(descriptors: dict[int, str], children: set[psutil.Process]) -> list[str]:
    """What is there now and was not before; an unreaped child counts too."""
    left = []
    for child in child_processes() - children:
        with child.oneshot():
            left.append(f"child process {child.name()} ({child.status()})")
    now = open_descriptors()
    left += [f"descriptor {fd} ({now[fd]})" for fd in now.keys() - descriptors.keys()]
    return left


@pytest.fixture(autouse=True)
def no_orphans() -> Iterator[None]:
    """Fail a test that leaves a child process or a descriptor."""
    descriptors, children = open_descriptors(), child_processes()
    yield
    left = left_outside(descriptors, children)
    if left:  # collecting takes long, so only when there may be garbage that holds something
        gc.collect()
        left = left_outside(descriptors, children)
    assert not left, f"the test left behind: {', '.join(left)}"


# --- requirements ---


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--requirements", action="store_true", help="list the requirements that passing tests prove"
    )


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not config.getoption("--requirements"):
        return
    counts: dict[str, dict[str, int]] = {}
    for outcome in ("passed", "failed", "skipped", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, value in getattr(report, "user_properties", []):
                if name == "requirement":
                    of_one = counts.setdefault(value, {})
                    of_one[outcome] = of_one.get(outcome, 0) + 1
    terminalreporter.section("requirements")
    for requirement in sorted(counts, key=lambda r: (r.partition("-")[0], len(r), r)):
        told = ", ".join(f"{count} {outcome}" for outcome, count in counts[requirement].items())
        terminalreporter.line(f"{requirement:<6} {told}")


# --- programs and recordings of the machine ---


def missing(what: str, how: str) -> None:
    """Skip where something is not installed; fail in CI, where everything has to be."""
    reason = f"{what} is not there: {how}"
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def clips(pytestconfig: pytest.Config) -> Path:
    """Folder of human speech (WAV, 16 kHz, mono, 16 bit)."""
    default = pytestconfig.rootpath.parent / "shared" / "data"
    folder = Path(os.environ.get("VOICECHAT_TEST_DATA", default))
    if not any(folder.glob("*.wav")):
        pytest.skip("no recordings of human speech: set VOICECHAT_TEST_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def clip(clips: Path) -> Callable[[str], bytes]:
    """Function from a recording's file name, such as "jfk.wav", to its 16 kHz PCM."""
    return lambda name: read_pcm(clips / name)


def read_pcm(path: Path) -> bytes:
    with wave.open(str(path)) as wav:
        shape = (wav.getframerate(), wav.getnchannels(), wav.getsampwidth())
        assert shape == (16_000, 1, 2), f"{path.name} has rate, channels, bytes {shape}"
        return wav.readframes(wav.getnframes())


@pytest.fixture(scope="session")
def flite(pytestconfig: pytest.Config) -> Callable[..., bytes]:
    """Function (text, voice="slt") to 16 kHz PCM; voices slt, rms, awb, kal16.

    Speech is kept on disk for later runs, and for the workers of a parallel run.
    """
    program = shutil.which("flite")
    if program is None:
        missing("flite", "apt-get install flite")
    folder = Path(pytestconfig.cache.mkdir("flite"))  # type: ignore[union-attr]

    def speak(text: str, voice: str = "slt") -> bytes:
        name = hashlib.sha256(f"{voice}\0{text}".encode()).hexdigest()[:32]
        kept = folder / f"{name}.wav"
        if not kept.exists():
            # Renamed when complete, so that no other worker ever reads half a file.
            fresh = folder / f"{name}.{os.getpid()}.tmp"
            subprocess.run(
                [str(program), "-voice", voice, "-t", text, "-o", str(fresh)],
                check=True,
                timeout=60,
                stdin=subprocess.DEVNULL,
            )
            fresh.replace(kept)
        return read_pcm(kept)

    return speak


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of the system's Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    missing("Chromium", "apt-get install chromium")
    raise AssertionError
