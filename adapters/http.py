"""The one place where HTTP clients are built: timeouts, an honest User-Agent, no redirects to elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import version

import httpx

USER_AGENT = f"Bibliostat/{version('bibliostat')} (+https://github.com/bibliostat/bibliostat)"
TIMEOUT_S = httpx.Timeout(30.0, connect=5.0)


def client(base_url: str = "", *, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
    """A client for one outside system. Redirects are not followed: an adapter that expects one reads its target first.

    `trust_env` is off: a proxy from the environment must not see keys that are meant for a server at home.
    """
    keep_addresses_out_of_logs()
    return httpx.AsyncClient(
        base_url=base_url,
        headers={"User-Agent": USER_AGENT, **(headers or {})},
        timeout=TIMEOUT_S,
        follow_redirects=False,
        trust_env=False,
    )


def keep_addresses_out_of_logs() -> None:
    """httpx and httpcore write whole addresses and headers, with the keys in them, at INFO and DEBUG. Whoever sends
    keys through a client that may have been made elsewhere calls this too."""
    for chatty in ("httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
