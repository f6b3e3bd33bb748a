"""Starts programs and says what they took: one JSON object a line in, one a line out. Loads as little as it can.

A process's peak memory starts at that of the process that started it, so this one has to be small.
"""

import json
import os
import sys
import time


def run(task: dict) -> dict:  # type: ignore[type-arg] # what crosses the pipe
    """Runs a program to its end; its output is read and counted."""
    reader, writer = os.pipe()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, writer, 1),
        (os.POSIX_SPAWN_OPEN, 2, task["errors"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_CLOSE, reader),
        (os.POSIX_SPAWN_CLOSE, writer),
    ]
    began = time.perf_counter()
    child = os.posix_spawn(task["command"][0], task["command"], task["environment"], file_actions=actions)
    os.close(writer)
    size = lines = 0
    while piece := os.read(reader, 1 << 16):
        size += len(piece)
        lines += piece.count(b"\n")
    os.close(reader)
    _, status, usage = os.wait4(child, 0)
    return {
        "wall": time.perf_counter() - began,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024),
        "size": size,
        "lines": lines,
        "code": os.waitstatus_to_exitcode(status),
    }


for line in sys.stdin:
    sys.stdout.write(json.dumps(run(json.loads(line))) + "\n")
    sys.stdout.flush()
