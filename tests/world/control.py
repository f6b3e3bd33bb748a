"""What another process may do with a running world, over HTTP: see what it cost, let time pass, break and mend things.

GET  /_world/stats                  per API: requests, charged, points, bytes sent, statuses, most in flight
GET  /_world/log?api=github         method, path and query, status, charged of each request
POST /_world/forget                 empties the log
POST /_world/advance  {"days": 1, "moved": 0.04, "released": 0.01}    what changed, as lists
POST /_world/fault    {"api": "pypi", "kind": "status", "status": 503, "times": 3}
POST /_world/mend                   takes all faults and latencies away
POST /_world/latency  {"github": 0.05}
POST /_world/exhaust  {"api": "github", "authorised": false}
POST /_world/stop
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from tests.world.wire import Reply, Request, json_reply

if TYPE_CHECKING:
    from tests.world.server import WorldServer


def answer(server: WorldServer, request: Request) -> Reply:
    """The reply of one control endpoint; whatever the caller got wrong becomes a 400."""
    if request.target.partition("?")[0] == "/_world/stop":
        reply = json_reply({})
        reply.after = server.stopped.set  # before it has left, stopping would cut it off
        return reply
    options = json.loads(request.body or b"{}")
    try:
        return json_reply(_act(server, request, options))
    except (KeyError, TypeError, ValueError) as error:
        return json_reply({"error": repr(error)}, 400)


def _act(server: WorldServer, request: Request, options: dict[str, object]) -> object:
    match request.target.partition("?")[0].removeprefix("/_world/"):
        case "stats":
            return stats(server)
        case "log":
            rows = server.requests(request.query.get("api"))
            return [[row.method, row.subject, row.status, row.charged] for row in rows]
        case "forget":
            server.forget()
        case "advance":
            return server.world.advance(**options)  # type: ignore[arg-type]  # as the caller spells them
        case "fault":
            server.fault(**options)  # type: ignore[arg-type]  # as the caller spells them
        case "mend":
            server.faults.clear()
            server.latency.clear()
        case "latency":
            server.latency.update({api: float(str(seconds)) for api, seconds in options.items()})
        case "exhaust":
            server.exhaust(**options)  # type: ignore[arg-type]  # as the caller spells them
        case other:
            raise KeyError(other)
    return {}


def stats(server: WorldServer) -> dict[str, dict[str, object]]:
    """What each API was asked since the log was last emptied."""
    found: dict[str, dict[str, object]] = {}
    for api in sorted({request.api for request in server.log}):
        requests = server.requests(api)
        found[api] = {
            "requests": len(requests),
            "charged": sum(request.charged for request in requests),
            "points": sum(request.points for request in requests),
            "bytes": sum(request.sent for request in requests),
            "statuses": dict(Counter(str(request.status) for request in requests)),
            "max_in_flight": server.max_in_flight[api],
        }
    return found
