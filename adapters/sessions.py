"""Sessions that a site renews with its answers. They are kept sealed in the store, so that nobody reads them there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from domain.errors import Permanent

_VALUE = re.compile(r"[\x21-\x3a\x3c-\x7e]{1,4096}")


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """The newest value of one session, exactly as the site wrote it. Never shown."""

    value: str
    given: str
    """A digest of what the user set: another one there means that this session is superseded."""
    dead: bool = False
    """Whether the site deleted it: only a new one from the user helps."""

    def __repr__(self) -> str:
        return f"Session(dead={self.dead})"

    @property
    def usable(self) -> bool:
        """Whether the value can stand in a cookie."""
        return _VALUE.fullmatch(self.value) is not None


class Sessions(Protocol):
    """Where the newest session of each indexer is kept, for every process."""

    async def read(self, indexer: str) -> Session | None: ...

    async def save(self, indexer: str, session: Session, *, at: datetime) -> None: ...


class SessionStore(Protocol):
    """The part of the store that keeps sealed sessions."""

    async def sealed_session(self, indexer: str) -> bytes | None: ...

    async def save_sealed_session(self, indexer: str, sealed: bytes, *, at: datetime) -> None: ...


class SealedSessions:
    """Sessions in the store, sealed with a key that is not in it.

    `Permanent` SessionKeyInvalid when the key is none, SessionUnreadable when a session was sealed with another one.
    """

    def __init__(self, store: SessionStore, key: str) -> None:
        self._store = store
        try:
            self._box = Fernet(key)
        except ValueError:
            raise Permanent(
                "The key that seals sessions is no key: make one with `bibliostat new-secret-key` and set it.",
                code="SessionKeyInvalid",
            ) from None

    def __repr__(self) -> str:
        return "SealedSessions()"

    async def read(self, indexer: str) -> Session | None:
        """The newest session that was saved, by whichever process; None when there is none."""
        sealed = await self._store.sealed_session(indexer)
        if sealed is None:
            return None
        try:
            return msgspec.json.decode(self._box.decrypt(sealed), type=Session)
        except (InvalidToken, msgspec.DecodeError):
            raise Permanent(
                f"The stored session of {indexer} was sealed with another key: set the secret key back to what it was, "
                "or remove the stored session and set a new one.",
                code="SessionUnreadable",
            ) from None

    async def save(self, indexer: str, session: Session, *, at: datetime) -> None:
        """Put this session in the place of whatever is there, readable or not."""
        await self._store.save_sealed_session(indexer, self._box.encrypt(msgspec.json.encode(session)), at=at)


def new_key() -> str:
    """A key for `SealedSessions`: 32 random bytes in URL-safe base64."""
    return Fernet.generate_key().decode()


def started(given: str) -> Session:
    """The session as the user set it, before any answer renewed it."""
    return Session(value=given, given=hashlib.sha256(given.encode("utf-8", "replace")).hexdigest())


def after_reply(session: Session, set_cookie: Iterable[str], *, name: str, host: str) -> Session:
    """The session after a reply of `host` with these `Set-Cookie` lines; the same one when none concerns it.

    A line that deletes the cookie marks the session as dead and leaves its value; an empty or impossible value, a
    foreign domain and another path than `/` are ignored. The last line that counts wins.
    """
    for line in set_cookie:
        cookie = _read(line)
        if cookie.name != name or not cookie.belongs_to(host):
            continue
        if cookie.deletes:
            session = msgspec.structs.replace(session, dead=True)
        elif _VALUE.fullmatch(cookie.value):
            session = msgspec.structs.replace(session, value=cookie.value, dead=False)
    return session


class _Cookie(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    value: str
    domain: str
    path: str
    max_age: str

    @property
    def deletes(self) -> bool:
        return self.value.lower() == "deleted" or re.fullmatch(r"-\d+|0+", self.max_age) is not None

    def belongs_to(self, host: str) -> bool:
        """Whether this host may set it for the whole of itself: a domain above it counts, one without a dot never."""
        wide = "." in self.domain and host.endswith(f".{self.domain}")
        return self.path in ("", "/") and (self.domain in ("", host) or wide)


def _read(line: str) -> _Cookie:
    pair, *rest = (piece.strip() for piece in line.split(";"))
    name, _, value = pair.partition("=")
    stated = {key.strip().lower(): text.strip() for key, _, text in (piece.partition("=") for piece in rest)}
    return _Cookie(
        name=name.strip(),
        value=value.strip(),
        domain=stated.get("domain", "").lower().removeprefix("."),
        path=stated.get("path", ""),
        max_age=stated.get("max-age", ""),
    )
