"""Run a world server: `python -m tests.world --packages 5800` prints its address as one line of JSON."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from datetime import UTC, datetime

from tests.world import World, WorldServer

UNLIMITED = 10_000_000


def main() -> None:
    """Serve until POST /_world/stop, a signal, or (with --until-stdin-ends) the end of standard input."""
    options = _options()
    now = datetime.fromisoformat(options.now) if options.now else datetime.now(UTC).replace(microsecond=0)
    github = round(options.packages * 0.92) if options.github is None else options.github
    world = World.generate(packages=options.packages, github=github, seed=options.seed, now=now)
    world.extra_projects = options.extra_projects
    with WorldServer(world, port=options.port) as server:
        if options.unlimited:
            for quota in server.quotas.limits.values():
                quota.limit = UNLIMITED
        for pair in options.latency:
            api, _, seconds = pair.partition("=")
            server.latency[api] = float(seconds)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stopped.set())
        if options.until_stdin_ends:
            threading.Thread(target=_stop_when_stdin_closes, args=(server,), daemon=True).start()
        info = {"port": server.port, "url": server.url, "env": server.env, "tokens": server.token_env()}
        sys.stdout.write(json.dumps(info | {"now": now.isoformat()}) + "\n")
        sys.stdout.flush()
        server.stopped.wait()


def _stop_when_stdin_closes(server: WorldServer) -> None:
    sys.stdin.read()
    server.stopped.set()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.world", description=__doc__)
    parser.add_argument("--packages", type=int, default=5800)
    parser.add_argument("--github", type=int, help="number of GitHub repositories (default: 92 %% of the packages)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--now", help="the time in the world, ISO 8601 (default: the current time)")
    parser.add_argument("--extra-projects", type=int, default=0, help="projects on PyPI without a package")
    parser.add_argument("--latency", action="append", default=[], metavar="API=SECONDS")
    parser.add_argument("--unlimited", action="store_true", help="no rate limits")
    parser.add_argument("--until-stdin-ends", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
