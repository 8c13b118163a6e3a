"""The recorded contract of the catalogue sources: one request, its reply, and what must become of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from adapters.catalogues.replies import Reply
from domain.catalogue.claims import Answer
from domain.errors import Permanent, Transient

FIXTURES = Path(__file__).parents[2] / "fixtures" / "catalogues" / "contract"


class Contract(msgspec.Struct, frozen=True):
    """One fixture: `expect` holds `outcome` and often `complete`; `said` is the body as it was recorded."""

    name: str
    reply: Reply
    expect: Mapping[str, Any]
    said: Any


def fixtures(prefix: str) -> list[str]:
    """The names of a source's fixtures: `audible.` gives `audible.product` and so on."""
    names = sorted(path.name.removesuffix(".json") for path in FIXTURES.glob(f"{prefix}*.json"))
    assert names, f"no fixture begins with {prefix}"
    return names


def contract(name: str) -> Contract:
    recorded = json.loads((FIXTURES / f"{name}.json").read_text())
    request, response = recorded["request"], recorded["response"]
    body = response.get("body", "")
    reply = Reply(
        url=request["url"],
        status=response["status"],
        headers={"content-type": response.get("contentType", ""), **response.get("headers", {})},
        body=body.encode() if isinstance(body, str) else json.dumps(body).encode(),
        asked=json.dumps(request["body"]).encode() if "body" in request else b"",
    )
    return Contract(name, reply, recorded["expect"], body)


def outcome(read: Callable[[Reply], Answer], reply: Reply) -> str:
    """What a reply came to, in the contract's words: `claims`, `nothing`, `alias`, `transient` or `permanent`.

    A stub and the empty list of a series are claims to us, and `nothing` in those words.
    """
    try:
        answer = read(reply)
    except Transient:
        return "transient"
    except Permanent:
        return "permanent"
    books = any(not book.stub for book in answer.books)
    if books or answer.people or any(series.members != () for series in answer.series):
        return "claims"
    return "alias" if answer.aliases else "nothing"
