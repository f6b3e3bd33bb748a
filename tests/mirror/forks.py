"""Children that share the loaded program, so that hundreds of them can be killed in seconds."""

from __future__ import annotations

import json
import os
import signal
import traceback
from typing import TYPE_CHECKING, Any

from djpkg.errors import DjpkgError

if TYPE_CHECKING:
    from collections.abc import Callable

NOBODY = 65534


def answer_of(work: Callable[[], Any], *, as_nobody: bool = False) -> Any:
    """What `work` returns in a child of its own: JSON, or ``{"error", "code", "hint"}`` for an error of djpkg's.

    `as_nobody` drops the rights of root, if the tests run with them. Anything else that is raised fails the test.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if as_nobody and os.getuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            try:
                said = work()
            except DjpkgError as error:
                said = {"error": str(error), "code": error.exit_code, "hint": error.hint}
            except BaseException:  # noqa: BLE001 - told to the parent
                said = {"traceback": traceback.format_exc()}
            os.write(writer, json.dumps(said).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answers:
        said = json.loads(answers.read() or b"null")
    os.waitpid(child, 0)
    assert not (isinstance(said, dict) and "traceback" in said), said["traceback"]
    return said


def killed(work: Callable[[], Any]) -> bool:
    """Whether a child that does `work` died of SIGKILL, which `work` sends to itself at the point to be tried."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def die() -> None:
    """As a power cut would have it."""
    os.kill(os.getpid(), signal.SIGKILL)
