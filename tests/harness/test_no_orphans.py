"""The proof that tests leave nothing behind is worth only as much as the tests that it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

INI = """
[pytest]
trio_mode = true
filterwarnings = error
addopts = --import-mode=importlib -p no:cacheprovider
markers = requirement(id): proven
"""

LEAKS = {
    "system_task": """
        async def test_it():
            trio.lowlevel.spawn_system_task(trio.sleep_forever)
    """,
    "abandoned_thread": """
        async def test_it():
            with trio.move_on_after(0.05):
                await trio.to_thread.run_sync(time.sleep, 4, abandon_on_cancel=True)
    """,
    "abandoned_thread_of_a_named_limiter": """
        async def test_it():
            with trio.move_on_after(0.05):
                await trio.to_thread.run_sync(
                    time.sleep, 4, abandon_on_cancel=True, limiter=trio.CapacityLimiter(1)
                )
    """,
    "system_task_on_a_mock_clock": """
        async def test_it(autojump_clock):
            await trio.sleep(1000)
            trio.lowlevel.spawn_system_task(trio.sleep_forever)
    """,
    "system_task_of_an_example": """
        @hypothesis.settings(max_examples=2, database=None, phases=[hypothesis.Phase.generate])
        @hypothesis.given(hypothesis.strategies.integers())
        async def test_it(number):
            trio.lowlevel.spawn_system_task(trio.sleep_forever)
    """,
    "descriptor": """
        kept = []
        def test_it():
            kept.append(os.open("/dev/null", os.O_RDONLY))
    """,
    "child": """
        kept = []
        def test_it():
            kept.append(subprocess.Popen(["sleep", "5"]))
    """,
    "unreaped_child": """
        kept = []
        async def test_it():
            kept.append(subprocess.Popen(["true"]))
            await trio.sleep(0.2)
    """,
}

CLEAN = """
    async def test_nursery(nursery):
        nursery.start_soon(trio.sleep_forever)

    async def test_thread_that_ends():
        await trio.to_thread.run_sync(time.sleep, 0.05)

    async def test_thread_that_ends_soon_after():
        with trio.move_on_after(0.05):
            await trio.to_thread.run_sync(time.sleep, 0.5, abandon_on_cancel=True)

    async def test_child():
        await trio.run_process(["true"])

    async def test_sockets():
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        for listener in listeners:
            await listener.aclose()

    def test_descriptor_that_only_garbage_holds():
        class Ring:
            def __init__(self):
                self.me, self.fd = self, os.open("/dev/null", os.O_RDONLY)
            def __del__(self):
                os.close(self.fd)
        Ring()

    @hypothesis.settings(max_examples=5, deadline=None, database=None)
    @hypothesis.given(hypothesis.strategies.integers())
    async def test_examples(number):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 0)
"""

IMPORTS = "import os, subprocess, time, hypothesis, pytest, trio\n"


def dedent(source: str) -> str:
    return IMPORTS + "\n".join(line.removeprefix("    ") for line in source.splitlines())


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini(INI)
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))
    return pytester


@pytest.mark.requirement("L-1")
def test_each_kind_of_leak_fails_its_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        **{
            f"test_{name}": dedent("\n".join(line[4:] for line in source.splitlines()))
            for name, source in LEAKS.items()
        }
    )
    result = project.runpytest_subprocess("-q")
    outcomes = result.parseoutcomes()
    # What Trio's tasks and threads leave fails the test; what a process leaves, its teardown.
    assert outcomes == {"failed": 5, "passed": 3, "errors": 3}, result.stdout.str()
    result.stdout.fnmatch_lines_random(
        [
            "*left behind: task trio.sleep_forever*",
            "*left behind: thread *sleep from *",
            "*left behind: descriptor * (/dev/null)*",
            "*left behind: child process sleep (*",
            "*left behind: child process true (zombie)*",
        ]
    )


@pytest.mark.requirement("L-1")
def test_what_ends_in_time_passes(project: pytest.Pytester) -> None:
    project.makepyfile(dedent(CLEAN))
    result = project.runpytest_subprocess("-q")
    assert result.parseoutcomes() == {"passed": 7}, result.stdout.str()


def test_requirements_are_listed(project: pytest.Pytester) -> None:
    project.makepyfile(
        dedent(
            """
    @pytest.mark.requirement("L-1", "P-6")
    def test_one(): pass

    @pytest.mark.requirement("P-6")
    async def test_two(): assert False
    """
        )
    )
    result = project.runpytest_subprocess("-q", "--requirements")
    result.stdout.fnmatch_lines(["L-1    1 passed", "P-6    1 passed, 1 failed"])
