"""Runs of djpkg that are forked from a process that has imported it: starting Python takes longer than most commands.

`write_program` makes a program for shells. Its runs have the arguments, the variables, the folder, the standard streams
and the exit code of a program that the shell started; all modules are imported before. `run_script` runs Python after
the imports that are the same for each command. Encodings of the system and signals are for tests that start Python.
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
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

# The libraries that djpkg imports late.
LIBRARIES = (
    "anyio", "anyio._backends._asyncio", "httpcore._backends.auto", "httpcore._backends.anyio", "sniffio",
    "encodings.ascii", "encodings.idna", "encodings.utf_16_le", "filelock", "importlib.metadata", "json.encoder",
    "rich.box", "rich.console", "rich.table", "rich.text", "typer._click.decorators",
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

# It imports nothing else, so that scripts see what a start imports.
SCRIPTS = """
import marshal, os, sys
import djpkg.cli.app
while size := sys.stdin.buffer.read(4):
    script, arguments, variables, folder, files = marshal.loads(sys.stdin.buffer.read(int.from_bytes(size, "little")))
    pid = os.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(variables)
        for number, name in enumerate(files):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
        sys.argv[1:] = arguments
        code = 0
        try:
            exec(script, {"__name__": "__main__"})
        except SystemExit as ending:
            code = ending.code or 0
        sys.stdout.flush()
        os._exit(code)
    sys.stdout.buffer.write(bytes([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256]))
    sys.stdout.flush()
"""


def write_program(path: Path, now: datetime) -> None:
    """Write the program; its runs read `now` as the current time."""
    path.write_text(CLIENT.format(python=sys.executable, address=str(_address()), now=now.isoformat()))
    path.chmod(0o755)


def run_script(script: str, *arguments: str, env: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code in a fork of a process that has imported `djpkg.cli.app`, without the clean-up at its end."""
    server, files = _script_server()
    assert server.stdin is not None
    assert server.stdout is not None
    out, err = files / "out", files / "err"
    job = marshal.dumps((script, arguments, dict(env), str(folder), (os.devnull, str(out), str(err))))
    server.stdin.write(len(job).to_bytes(4, "little") + job)
    server.stdin.flush()
    (code,) = server.stdout.read(1)
    return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())


@cache
def _script_server() -> tuple[subprocess.Popen[bytes], Path]:
    folder = tempfile.TemporaryDirectory(prefix="fork")
    return _start("-c", SCRIPTS, folder=folder), Path(folder.name)


@cache
def _address() -> Path:
    """Start the server of programs and return the address of its socket."""
    folder = tempfile.TemporaryDirectory(prefix="fork")  # a socket's address is short
    address = Path(folder.name) / "socket"
    server = _start("-m", __name__, str(address), folder=folder)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    return address


def _start(*arguments: str, folder: tempfile.TemporaryDirectory[str]) -> subprocess.Popen[bytes]:
    """Start Python; it ends with this process, when its stdin is closed."""
    path = [str(Path(__file__).parents[1]), *(entry for entry in sys.path if entry)]
    measuring = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    server = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(path), **measuring},
    )

    def stop() -> None:
        server.communicate(timeout=60)
        folder.cleanup()

    atexit.register(stop)
    return server


def serve(address: str) -> None:
    """Fork for each client, and send it the exit code as a shell would see it, until stdin is closed."""
    from djpkg.cli import app  # noqa: PLC0415 - in the server only

    for name in LIBRARIES:
        importlib.import_module(name)
    for module in pkgutil.walk_packages(importlib.import_module("djpkg").__path__, "djpkg."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for command in app.COMMANDS:
        app._load(command)
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
