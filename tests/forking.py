"""A program `djpkg` for shells whose runs are forked from one process that has imported all modules.

A run has the arguments, the variables, the folder, the standard streams and the exit code of a program that the shell
started. What a start imports, encodings of the system, and signals are for tests that start Python.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import marshal
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NoReturn

# The libraries that djpkg imports late.
LIBRARIES = (
    "anyio", "anyio._backends._asyncio", "httpcore._backends.auto", "httpcore._backends.anyio", "sniffio",
    "encodings.idna", "filelock", "json.encoder", "rich.box", "rich.console", "rich.table", "rich.text",
)  # fmt: skip
# Both ends are the same Python; none of these imports takes time.
CLIENT = """#!{python} -IS
import _socket, array, marshal, os, sys
server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
server.connect({address!r})
run = marshal.dumps(({now!r}, sys.argv[1:], dict(os.environb), os.getcwdb()))
streams = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
server.sendmsg([len(run).to_bytes(4, "little")], [streams])
server.sendall(run)
os._exit(server.recv(1)[0])
"""


def write_program(path: Path, now: datetime) -> None:
    """Write the program; its runs read `now` as the current time."""
    path.write_text(CLIENT.format(python=sys.executable, address=str(_address()), now=now.isoformat()))
    path.chmod(0o755)


@cache
def _address() -> Path:
    """Start the server and return the address of its socket. It ends with this process."""
    folder = tempfile.TemporaryDirectory(prefix="fork")  # a socket's address is short
    address = Path(folder.name) / "socket"
    path = [str(Path(__file__).parents[1]), *(entry for entry in sys.path if entry)]
    server = subprocess.Popen(
        [sys.executable, "-m", __name__, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(path), **{n: v for n, v in os.environ.items() if n.startswith("COVERAGE_")}},
    )
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"

    def stop() -> None:
        server.communicate(timeout=60)
        folder.cleanup()

    atexit.register(stop)
    return address


def serve(address: str) -> None:
    """Fork for each client, and send it the exit code as a shell would see it, until stdin is closed."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for module in pkgutil.walk_packages(importlib.import_module("djpkg").__path__, "djpkg."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()
    runs: dict[int, socket.socket] = {}
    ended, wake_up = socket.socketpair()
    os.set_blocking(wake_up.fileno(), False)
    signal.set_wakeup_fd(wake_up.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while sys.stdin not in (ready := select.select([listener, ended, sys.stdin], [], [])[0]):
        if listener in ready:
            connection, _ = listener.accept()
            pid = os.fork()
            if pid == 0:
                _run(connection)
            runs[pid] = connection
        if ended in ready:
            ended.recv(4096)
            while runs and (status := os.waitpid(-1, os.WNOHANG))[0]:
                code = os.waitstatus_to_exitcode(status[1])
                with runs.pop(status[0]) as connection:
                    connection.sendall(bytes([code if code >= 0 else 128 - code]))


def _run(connection: socket.socket) -> NoReturn:
    from djpkg.cli import app, options  # noqa: PLC0415 - in the server only

    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, _, _ = socket.recv_fds(connection, 4, 3)
    with connection.makefile("rb") as file:
        read = file.read(int.from_bytes(size, "little"))
    now, arguments, variables, folder = marshal.loads(read)  # noqa: S302 - from the client above
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environb.update(variables)
    time.tzset()
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    options.now = lambda: datetime.fromisoformat(now)
    try:
        app.main(arguments)
    except SystemExit as ending:
        # Without the clean-up of all imported modules, for which a fork would copy them.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(int(ending.code or 0))
    raise AssertionError


if __name__ == "__main__":
    serve(sys.argv[1])
