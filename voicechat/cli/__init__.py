"""The `voicechat` command: turns every expected failure into one clear line and an exit code.

Nothing heavy is imported here: `voicechat --help` and `voicechat config` answer at once, and the
environment is prepared before NumPy is imported by whichever command needs it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from voicechat.errors import UsageError, VoicechatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclopts import CycloptsError

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it

EXPECTED = (VoicechatError, KeyboardInterrupt, BrokenPipeError)
"""Trio has errors of its own for sockets and pipes: a bare broken pipe is a standard stream's."""

HELP = "`voicechat --help` lists commands, `voicechat COMMAND --help` its flags."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What follows the program's name; None takes it from `sys.argv`.

    Returns:
        The exit code: 0 done, 1 an engine or another part failed or nobody reads the output, 2 bad
        usage or a bad setting, 130 interrupted, or what the command itself returns.
    """
    # Frames of voice are tiny: the linear algebra library's threads cost more than they bring.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from cyclopts import CycloptsError  # noqa: PLC0415  (after the environment is prepared)

    from voicechat.cli.app import app  # noqa: PLC0415  (same)

    line = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result = app(line, exit_on_error=False, print_error=False, result_action="return_value")
        print(end="", flush=True)  # here a broken pipe can be caught, at exit it cannot
    except CycloptsError as error:
        return _fail(_explain(error), HELP, EXIT_USAGE)
    except (*EXPECTED, BaseExceptionGroup) as error:
        return _report(error)
    return result if isinstance(result, int) else 0


def _report(error: BaseException) -> int:
    """Report an expected failure, also when nurseries wrapped it; raise what is not expected."""
    if isinstance(error, BaseExceptionGroup):
        expected, rest = error.split(EXPECTED)
        if expected is None or rest is not None:
            raise error
        return _report(expected.exceptions[0])
    if isinstance(error, VoicechatError):
        code = EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILURE
        return _fail(error.message, error.suggested_action, code)
    if isinstance(error, BrokenPipeError):
        return _end_quietly()
    return EXIT_INTERRUPTED


def _end_quietly() -> int:
    """End as a program whose reader has gone, such as `head`: there is nobody to tell."""
    with contextlib.suppress(OSError):  # no descriptor: somebody has put an object in its place
        output = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, output)  # what is still buffered is flushed there at exit
        os.close(nowhere)
    return EXIT_FAILURE


def _explain(error: CycloptsError) -> str:
    """Return a parse error's text; an unknown command's own would import every command."""
    from cyclopts import UnknownCommandError, UnusedCliTokensError  # noqa: PLC0415  (lazy, as above)

    if isinstance(error, UnknownCommandError):
        return f"there is no command {' '.join((error.unused_tokens or [])[:1])}"
    if isinstance(error, UnusedCliTokensError):
        return f"unexpected argument {' '.join(error.unused_tokens or [])}"
    return str(error)


def _fail(message: str, action: str, code: int) -> int:
    """Write at most two lines, whatever the message holds."""
    print("error:", " ".join(message.split()), file=sys.stderr)
    if action:
        print("      ", " ".join(action.split()), file=sys.stderr)
    return code
