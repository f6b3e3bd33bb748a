"""gh, GitHub's own program, which keeps a token for whoever logged in with it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from djpkg import config
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Mapping

# It keeps its token in a store that may ask the user something; nobody waits for that.
SECONDS = 2.0


def ask_token(environment: Mapping[str, str]) -> config.Token | None:
    """The token of gh's for the server that is GitHub here; None without gh, or where it has none or takes too long.

    ConfigError on what can be no token, and on an address of GitHub's that is none.
    """
    program = shutil.which("gh", path=environment.get("PATH", ""))
    if program is None:
        return None
    command = [program, "auth", "token"]
    if (host := config.foreign_host(SourceName.GITHUB, environment)) is not None:
        command += ["--hostname", host]  # else it would be the public server's token that is sent there
    try:
        said = subprocess.run(  # noqa: S603 - found on the user's own path
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=True,
            env=dict(environment),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return config.check_token("gh auth token", said.stdout.decode("ascii", "replace"))
