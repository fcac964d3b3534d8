"""How the commands reach the network: the options of the guard, and the client that holds to them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fasthttp._pure.routes import RelativeURL, check_url, complete_url
from fasthttp.app.guarded import Security, guarded_client
from fasthttp.client import SyncClient
from fasthttp.security.policy import SecurityPolicy
from fasthttp.timeouts import Timeout

__all__ = ["AllowHost", "Debug", "InsecureSSRF", "Proxy", "make_client", "whole_url"]

AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host", metavar="HOST", help="Host, address or network that may be reached as well, beside FASTHTTP_ALLOW_HOSTS.",
        show_default=False, rich_help_panel="Security",
    ),
]  # fmt: skip
InsecureSSRF = Annotated[
    bool, typer.Option("--insecure-ssrf", help="Reach private and local addresses too.", rich_help_panel="Security", show_default=False)
]
Proxy = Annotated[str | None, typer.Option("--proxy", metavar="URL", help="Proxy to go through.", show_default=False)]
Debug = Annotated[bool, typer.Option("--debug/--no-debug", help="Show what is sent and received, and tracebacks, on stderr.")]


def make_client(
    allow_host: list[str] | None,
    insecure_ssrf: bool,
    *,
    timeout: Timeout,
    proxy: str | None = None,
    max_response_size: int = 100 * 2**20,
) -> SyncClient:
    """A blocking client behind the guard. Raises `ValueError` for a malformed host or proxy."""
    policy = SecurityPolicy(
        ssrf=not insecure_ssrf, allow_hosts=allow_host or (), circuit_breaker=False, max_response_size=max_response_size
    )
    client: Any = guarded_client(
        None, Security(policy, None), headers=None, timeout=timeout, jar=None, transport=None, proxy=proxy, trust_env=True,
        concurrency=None, per_host=None, client_class=SyncClient,
    )  # fmt: skip
    return client  # type: ignore[no-any-return]


def whole_url(url: str) -> str:
    """A URL as it is typed, with its scheme. Raises `ValueError` for what cannot be one."""
    check_url(url)
    try:
        return complete_url(url, None)
    except RelativeURL:
        raise ValueError(f"{url!r} names no host: a URL begins like https://example.com") from None
