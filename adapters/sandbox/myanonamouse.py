"""A stand-in for MyAnonamouse: a fuzzy search, a session that every answer renews, a user record, and downloads."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import parse_qs

import msgspec

from adapters.sandbox.faults import Faults, Receive, Scope, Send

SEARCH = "/tor/js/loadSearchJSONbasic.php"
LARGEST_PAGE = 100
STRAYS = 10
"""So many unrelated rows come when nothing fits."""
LANGUAGES = {"ENG": 1, "FRE": 36, "GER": 37, "SPA": 4, "ITA": 43}
MAIN_CATEGORIES = {13: "Audiobooks", 14: "Ebooks", 15: "Musicology", 16: "Radio"}
CATEGORIES = {41: "Fantasy", 42: "General Fiction", 44: "Juvenile", 47: "Science Fiction", 63: "Fantasy", 130: "Drama"}
UNTOLD = frozenset(("a", "an", "and", "by", "in", "of", "s", "the", "to"))
"""Words that every title has: they find nothing."""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One torrent of the site."""

    id: int
    title: str
    authors: tuple[str, ...] = ()
    narrators: tuple[str, ...] = ()
    series: tuple[tuple[str, str], ...] = ()
    """Each with its number as the site writes it: `1`, `1-14`, or nothing."""
    size_bytes: int = 400 << 20
    files: int = 1
    seeders: int = 5
    filetype: str = "m4b"
    language: str = "ENG"
    main_category: int = 13
    category: int = 41
    tags: str = ""
    bitrate_kbps: int | None = None
    """As measured; told to those who ask for it."""
    free: bool = False
    vip: bool = False
    personal: bool = False
    snatched: bool = False
    added_at: datetime = datetime(2025, 11, 20, 10, tzinfo=UTC)
    torrent: bytes | None = None
    """None is a torrent that was taken down."""


class Member(msgspec.Struct, kw_only=True):
    """The account whose session it is. Read at each request, so that a test may change it while the site runs."""

    name: str = "example_user"
    rank: str = "Power User"
    ratio: float | str = 3.27
    uploaded_bytes: int = 138_297_948_979
    downloaded_bytes: int = 42_305_427_865
    unsatisfied: int = 12
    limit: int = 100
    """Downloads beyond so many unsatisfied torrents are refused, for `frozen_for`."""
    frozen_for: str = "1d 02:04:02"
    vip_until: datetime | None = None
    points: int = 45_123
    wedges: int = 7
    signed_in: bool = True
    """False: the site has forgotten every session of theirs."""
    signed_out_status: Literal[200, 403] = 403
    finds_strays: bool = True
    """Whether a search that fits nothing finds unrelated torrents, as the real one does."""


class _Cookies:
    """The newest value of the session, and the older ones that are still taken for a while."""

    def __init__(self, value: str, grace: int) -> None:
        self._left: dict[str, int | None] = {value: None}
        self._grace = grace

    def admits(self, value: str) -> bool:
        return value in self._left

    def renewed(self) -> str:
        """A new value; each older one dies after `grace` further answers."""
        counted = {old: self._grace if left is None else left - 1 for old, left in self._left.items()}
        value = f"renewed{secrets.token_hex(6)}%2B%3D"
        self._left = {old: left for old, left in counted.items() if left > 0} | {value: None}
        return value


class _Request(msgspec.Struct, frozen=True):
    method: str
    path: str
    query: Mapping[str, str]
    cookie: str
    body: bytes


class _Answer(msgspec.Struct, frozen=True):
    status: int
    kind: str
    body: bytes


def create_app(
    offers: Sequence[Offer], *, session: str, member: Member | None = None, renews: bool = True, grace: int = 0
) -> Faults:
    """The site for one member, let in with the cookie `mam_id=<session>`.

    With `renews` every answer brings a new value of the cookie, and an older one is taken for `grace` answers more.
    `offers` is read at each request, so that a test may add to it while the site runs.
    """
    cookies, account = _Cookies(session, grace), member or Member()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        request = await _read(scope, receive)
        signed_in = account.signed_in and cookies.admits(request.cookie)
        answer = _answer(request, offers, account) if signed_in else _signed_out(account)
        headers = [(b"content-type", answer.kind.encode()), (b"content-length", str(len(answer.body)).encode())]
        headers += [(b"set-cookie", b"lid=1; path=/")]
        if signed_in and renews:
            renewed = f"mam_id={cookies.renewed()}; Max-Age=2592000; path=/; HttpOnly"
            headers.append((b"set-cookie", renewed.encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    return Faults(app)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read(scope: Scope, receive: Receive) -> _Request:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return _Request(
        method=scope["method"],
        path=scope["path"],
        query={key: values[0] for key, values in query.items()},
        cookie=next((value for name, _, value in pairs if name == "mam_id"), ""),
        body=body,
    )


def _answer(request: _Request, offers: Sequence[Offer], member: Member) -> _Answer:
    match request.method, request.path:
        case "POST", path if path == SEARCH:
            return _search(request.body, offers, member)
        case "GET", "/jsonLoad.php":
            return _json(_record(member))
        case "GET", "/json/checkCookie.php":
            return _json({"Success": True})
        case "GET", "/tor/download.php":
            return _download(request.query, offers, member)
        case _:
            return _text(404, "Not found")


def _signed_out(member: Member) -> _Answer:
    return _text(member.signed_out_status, "Error, you are not signed in <br />Other error")


# Searching


def _search(body: bytes, offers: Sequence[Offer], member: Member) -> _Answer:
    try:
        asked = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        return _json({"error": "Invalid request"})
    tor = asked.get("tor") or {}
    if not tor.get("text") and not tor.get("startDate"):
        return _json({"error": "Nothing was asked"})
    found = _found(tor, offers, member)
    start, size = int(tor.get("startNumber", 0)), min(int(asked.get("perpage", 20)), LARGEST_PAGE)
    page = found[start : start + size]
    if not page:
        return _json({"error": f"Nothing returned, out of {len(found)}"})
    rows = [_row(offer, asked) for offer in page]
    return _json({"perpage": size, "start": start, "data": rows, "total": len(rows), "found": len(found)})


def _found(tor: Mapping[str, Any], offers: Sequence[Offer], member: Member) -> list[Offer]:
    """Whatever shares one telling word, the most words first; strays when nothing does. Without words: all of them."""
    mains = {str(number) for number in tor.get("main_cat", ())}
    since = str(tor.get("startDate", ""))
    listed = [
        offer
        for offer in offers
        if (not mains or str(offer.main_category) in mains)
        and f"{offer.added_at:%Y-%m-%d}" >= since
        and (offer.seeders > 0 or tor.get("searchType") != "active")
    ]
    if words := _words(str(tor.get("text", ""))):
        searched = tor.get("srchIn") or ("title",)
        shared = [(len(words & _words(_told(offer, searched))), offer) for offer in listed]
        ranked = sorted((pair for pair in shared if pair[0]), key=lambda pair: (-pair[0], -pair[1].seeders))
        strays = sorted(listed, key=lambda offer: -offer.seeders)[: STRAYS if member.finds_strays else 0]
        listed = [offer for _, offer in ranked] or strays
    if tor.get("sortType") == "dateDesc":
        listed = sorted(listed, key=lambda offer: offer.added_at, reverse=True)
    return listed


def _told(offer: Offer, fields: Iterable[str]) -> str:
    told = {
        "title": offer.title,
        "author": " ".join(offer.authors),
        "narrator": " ".join(offer.narrators),
        # The numbers are not searched.
        "series": " ".join(name for name, _ in offer.series),
        "tags": offer.tags,
    }
    return " ".join(told.get(field, "") for field in fields)


def _words(text: str) -> set[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    return set(re.findall(r"[a-z0-9]+", plain)) - UNTOLD


def _row(offer: Offer, asked: Mapping[str, Any]) -> dict[str, Any]:
    main = MAIN_CATEGORIES.get(offer.main_category, "")
    row = {
        "id": offer.id,
        "language": LANGUAGES.get(offer.language, 47),
        "lang_code": offer.language,
        "main_cat": offer.main_category,
        "category": offer.category,
        "catname": " - ".join(filter(None, (main, CATEGORIES.get(offer.category)))),
        "title": offer.title.replace("&", "&amp;").replace("'", "&#039;"),
        "author_info": _in_text(offer.authors),
        "narrator_info": _in_text(offer.narrators),
        "series_info": _in_text([[name, number.replace(" ", "\xa0"), 1] for name, number in offer.series]),
        "filetype": offer.filetype,
        "numfiles": offer.files,
        "size": _size(offer.size_bytes),
        "added": f"{offer.added_at:%Y-%m-%d %H:%M:%S}",
        "seeders": offer.seeders,
        "leechers": 0,
        "times_completed": offer.seeders * 3,
        "vip": int(offer.vip),
        "vip_expire": 0,
        "free": int(offer.free),
        "fl_vip": int(offer.free or offer.vip),
        "personal_freeleech": int(offer.personal),
        "my_snatched": int(offer.snatched),
        "bookmarked": None,
        "tags": offer.tags,
    }
    if "mediaInfo" in asked and offer.bitrate_kbps:
        row["mediainfo"] = _encoded({"Audio1": {"BitRate": offer.bitrate_kbps * 1000, "BitRate_Mode": "CBR"}})
    if "dlLink" in asked:
        row["dl"] = "the-password-of-this-member"
    return row


def _in_text(values: Sequence[object]) -> str:
    """An object in a string, under numbers that stay the same; an empty string for none."""
    numbered = {str(100 + at): value for at, value in enumerate(values)}
    return _encoded(numbered) if numbered else ""


def _size(size_bytes: int) -> str:
    size, units = size_bytes / 1024, ["KiB", "MiB", "GiB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:,.1f} {units[0]}"


# The rest


def _record(member: Member) -> dict[str, Any]:
    return {
        "username": member.name,
        "uid": 424242,
        "classname": member.rank,
        "ratio": f"{member.ratio:,}" if isinstance(member.ratio, float) else member.ratio,
        "uploaded_bytes": member.uploaded_bytes,
        "downloaded_bytes": member.downloaded_bytes,
        "seedbonus": member.points,
        "wedges": member.wedges,
        "vip_until": member.vip_until and f"{member.vip_until:%Y-%m-%d %H:%M:%S}",
        "connectable": "yes",
        "snatch_summary": {"unsat": {"name": "Unsatisfied", "count": member.unsatisfied, "limit": member.limit}},
    }


def _download(query: Mapping[str, str], offers: Sequence[Offer], member: Member) -> _Answer:
    offer = next((offer for offer in offers if str(offer.id) == query.get("tid")), None)
    if offer is None or offer.torrent is None:
        return _text(404, "")
    if member.unsatisfied >= member.limit:
        return _text(
            200,
            "Attempted to Download Past Unsatisfied limit. Happened: 2025-11-20 10:00:00 "
            f"Time Till Download Allowed: {member.frozen_for}",
        )
    if "fl" in query:
        member.wedges -= 1
    member.unsatisfied += 1
    return _Answer(200, "application/x-bittorrent", offer.torrent)


def _encoded(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _json(value: object) -> _Answer:
    return _Answer(200, "application/json", msgspec.json.encode(value))


def _text(status: int, words: str) -> _Answer:
    return _Answer(status, "text/html; charset=UTF-8", words.encode())
