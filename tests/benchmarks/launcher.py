"""Run programs and measure them: one JSON object per line in, one per line out.

The peak memory of a process starts at that of its parent, so this process imports as little as possible.
"""

import json
import os
import sys
import time


def run(task: dict) -> dict:  # type: ignore[type-arg] # JSON
    """Run a program and count its output."""
    reader, writer = os.pipe()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, writer, 1),
        (os.POSIX_SPAWN_OPEN, 2, task["errors"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_CLOSE, reader),
        (os.POSIX_SPAWN_CLOSE, writer),
    ]
    start = time.perf_counter()
    child = os.posix_spawn(task["command"][0], task["command"], task["environment"], file_actions=actions)
    os.close(writer)
    size = lines = 0
    while piece := os.read(reader, 1 << 16):
        size += len(piece)
        lines += piece.count(b"\n")
    os.close(reader)
    _, status, usage = os.wait4(child, 0)
    return {
        "wall": time.perf_counter() - start,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024),
        "size": size,
        "lines": lines,
        "code": os.waitstatus_to_exitcode(status),
    }


for line in sys.stdin:
    sys.stdout.write(json.dumps(run(json.loads(line))) + "\n")
    sys.stdout.flush()
