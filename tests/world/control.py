"""Control a running world over HTTP from another process.

GET  /_world/stats                  per API: requests, charged, points, bytes sent, statuses, maximum in flight
GET  /_world/log?api=github         method, path and query, status, charged of each request
POST /_world/clear-log
POST /_world/advance  {"days": 1, "moved": 0.04, "released": 0.01}    returns what changed
POST /_world/fault    {"api": "pypi", "kind": "status", "status": 503, "times": 3}
POST /_world/repair                 removes all faults and latencies
POST /_world/latency  {"github": 0.05}
POST /_world/exhaust  {"api": "github", "authorised": false}
POST /_world/stop
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from tests.world.http import Request, Response, json_response

if TYPE_CHECKING:
    from tests.world.server import WorldServer


def answer(server: WorldServer, request: Request) -> Response:
    """Return the response of a control endpoint; 400 for an invalid request."""
    if request.target.partition("?")[0] == "/_world/stop":
        response = json_response({})
        response.on_sent = server.stopped.set  # stopping before the response is sent would cut it off
        return response
    options = json.loads(request.body or b"{}")
    try:
        return json_response(_run_command(server, request, options))
    except (KeyError, TypeError, ValueError) as error:
        return json_response({"error": repr(error)}, 400)


def _run_command(server: WorldServer, request: Request, options: dict[str, object]) -> object:
    match request.target.partition("?")[0].removeprefix("/_world/"):
        case "stats":
            return stats(server)
        case "log":
            rows = server.requests(request.query.get("api"))
            return [[row.method, row.subject, row.status, row.charged] for row in rows]
        case "clear-log":
            server.clear_log()
        case "advance":
            return server.world.advance(**options)  # type: ignore[arg-type]  # unchecked input
        case "fault":
            server.fault(**options)  # type: ignore[arg-type]  # unchecked input
        case "repair":
            server.faults.clear()
            server.latency.clear()
        case "latency":
            server.latency.update({api: float(str(seconds)) for api, seconds in options.items()})
        case "exhaust":
            server.exhaust(**options)  # type: ignore[arg-type]  # unchecked input
        case other:
            raise KeyError(other)
    return {}


def stats(server: WorldServer) -> dict[str, dict[str, object]]:
    """Return statistics of each API since the log was cleared."""
    result: dict[str, dict[str, object]] = {}
    for api in sorted({request.api for request in server.log}):
        requests = server.requests(api)
        result[api] = {
            "requests": len(requests),
            "charged": sum(request.charged for request in requests),
            "points": sum(request.points for request in requests),
            "bytes": sum(request.sent for request in requests),
            "statuses": dict(Counter(str(request.status) for request in requests)),
            "max_in_flight": server.max_in_flight[api],
        }
    return result
