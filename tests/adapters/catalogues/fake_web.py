"""A web of prepared replies, in the shape of `adapters.catalogues.replies.Web`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from adapters.catalogues.replies import DAY_S, SEARCH_S, Reply
from domain.errors import Failure


class Asked(msgspec.Struct, frozen=True):
    """One request as the web got it; `json` is None for a GET."""

    url: str
    json: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = {}


class FakeWeb:
    """Answers each address with its reply; a `Failure` in place of a reply is raised.

    A mapping is asked for the whole address first, then for the address without its query. A function gets the
    `Asked` and may decide by anything. An address that nobody prepared fails the test.
    """

    def __init__(self, replies: Mapping[str, Reply | Failure] | Callable[[Asked], Reply | Failure]) -> None:
        self._replies = replies
        self.asked: list[str] = []
        self.requests: list[Asked] = []

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        fresh_s: float = DAY_S,
        timeout_s: float = SEARCH_S,
    ) -> Reply:
        query = urlencode(params or {})
        joint = "&" if "?" in url else "?"
        return self._answer(Asked(f"{url}{joint}{query}" if query else url, None, headers or {}))

    async def post(
        self,
        url: str,
        *,
        json: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        fresh_s: float = DAY_S,
        timeout_s: float = SEARCH_S,
    ) -> Reply:
        return self._answer(Asked(url, json, headers or {}))

    def _answer(self, asked: Asked) -> Reply:
        self.asked.append(asked.url)
        self.requests.append(asked)
        found = self._replies(asked) if callable(self._replies) else self._prepared(asked.url)
        if isinstance(found, Failure):
            raise found
        body = b"" if asked.json is None else msgspec.json.encode(asked.json)
        return msgspec.structs.replace(found, url=asked.url, asked=body)

    def _prepared(self, url: str) -> Reply | Failure:
        assert not callable(self._replies)
        found = self._replies.get(url) or self._replies.get(url.partition("?")[0])
        assert found is not None, f"nobody prepared a reply for {url}"
        return found


def says(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply with this body: text and bytes as they are, anything else as JSON."""
    if isinstance(body, str):
        body = body.encode()
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Reply(url="", status=status, headers=headers or {"content-type": "application/json"}, body=content)
