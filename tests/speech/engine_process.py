"""A scripted engine process for the tests of `WorkerProcess`; run as a program."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from typing import Any

from voicechat.speech.worker_child import Frame, Kind, ParentLink, run


def main(link: ParentLink, configuration: Any) -> None:
    """Do what `configuration` and each OPEN frame say."""
    match configuration:
        case {"start": "never"}:
            link.poll(None)
            raise SystemExit(4)  # reached only when the parent sends more or goes
        case {"start": "crash"}:
            sys.stderr.write("it is broken\n")
            raise SystemExit(3)
        case {"start": "garbage"}:
            os.write(link._write_fd, b"this is no frame at all")
            link.poll(None)
    link.send(
        Frame.of(Kind.READY, 0, {"pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"]})
    )
    heard: dict[int, bytes] = {}
    slow: dict[int, float] = {}
    while True:
        for frame in link.poll(None):
            number = frame.request
            if frame.kind is Kind.OPEN:
                heard[number] = b""
                match frame.json():
                    case {"do": "die"}:
                        os._exit(9)
                    case {"do": "print"}:
                        ctypes.CDLL(None).puts(b"from a C library")
                        ctypes.CDLL(None).fflush(None)
                        link.send(Frame.of(Kind.RESULT, number, "printed"))
                    case {"do": "hang"}:
                        time.sleep(1000)  # noqa: TID251  (a child that hangs)
                    case {"do": "fail"}:
                        link.send(Frame.of(Kind.FAILED, number, "secret details"))
                    case {"do": "flood", "frames": count}:
                        for _ in range(count):
                            link.send(Frame(Kind.AUDIO, number, bytes(2000)))
                        link.send(Frame.of(Kind.RESULT, number, count))
                    case {"do": "slow", "seconds": seconds}:
                        slow[number] = seconds
            elif frame.kind is Kind.AUDIO:
                time.sleep(slow.get(number, 0))  # noqa: TID251  (a child that takes its time)
                heard[number] += frame.payload
                link.send(Frame(Kind.TAKEN, number))
                link.send(Frame.of(Kind.EVENT, number, len(heard[number])))
            elif frame.kind is Kind.END:
                link.send(Frame.of(Kind.RESULT, number, heard.pop(number).decode()))
            elif frame.kind is Kind.ABORT:
                sys.stderr.write(f"aborted {number}\n")
                sys.stderr.flush()


if __name__ == "__main__":
    run(main)
