"""`app.run()` and `FasterAPI.server.run`: serve with uvicorn, and with those options that it has."""

from __future__ import annotations

import difflib
import inspect
from typing import Any

from FasterAPI._cores import usable_cores

__all__ = ["serve"]

# Options of the server to come that uvicorn may not have.
_LATER = (
    "uds_mode fast_lane sensitive_query proxy_protocol max_header_bytes max_header_count max_target_bytes max_body_size timeout_headers"
    " timeout_body min_body_rate timeout_write ssl_context_factory limit_max_requests_jitter ws_per_message_deflate"
).split()


def serve(app: Any, options: dict[str, Any]) -> None:
    """Run an application, or "module:name" of one, until the process is told to stop.

    Raises:
        NotImplementedError: for an option that uvicorn does not have, and for several processes of an object.
        TypeError: for a name that is no option.
    """
    import uvicorn

    known = inspect.signature(uvicorn.run).parameters.keys() - {"app"}
    for name in options:
        if name in known:
            continue
        if name in _LATER:
            raise NotImplementedError(f"{name}: uvicorn has no such option")
        close = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise TypeError(f"run() got an unexpected keyword argument {name!r}{hint}")
    if options.get("workers") == "auto":
        options["workers"] = usable_cores()
    if not isinstance(app, str) and (options.get("reload") or options.get("workers") not in (None, 1)):
        raise NotImplementedError("reload and workers need the name of the application: uvicorn module:app --reload --workers N")
    uvicorn.run(app, **options)
