"""Reads what Torznab and Newznab servers send: capabilities, errors, and releases. The XML may be dirty or hostile."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from html.entities import html5
from urllib.parse import urljoin, urlsplit

import msgspec
from lxml import etree

from adapters.indexers.text import clean_title, public_address, without_secrets
from adapters.torrents import read_magnet
from domain.errors import Permanent
from domain.releases import Release

SMALLEST_AUDIO_BYTES = 1024 * 1024
"""A declared size below this is the size of the torrent file, or made up."""
LARGEST_BYTES = 1 << 50
CUSTOM_CATEGORY = 100_000
"""From here on every indexer numbers its categories as it likes."""


Element = etree._Element


class Unreadable(Exception):
    """The body is not what was asked for; the message says what it is instead."""


class ErrorReply(msgspec.Struct, frozen=True, kw_only=True):
    """An error document. `code` is None when it is no number."""

    code: int | None
    description: str


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """What an indexer can do. A set of parameters is None when the function is not available."""

    title: str = ""
    page_size: int = 100
    search: frozenset[str] | None = None
    book: frozenset[str] | None = None
    categories: Mapping[int, str] = {}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A release, and the link it is fetched with: a secret."""

    release: Release
    link: str

    def __repr__(self) -> str:
        return f"Row(release={self.release!r})"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of results. `sent` counts every item, also those that are not offered or could not be read."""

    rows: tuple[Row, ...]
    ids: frozenset[str]
    """Release ids of every item that could be read, offered or not."""
    sent: int
    broken: int


# XML


def parse(body: bytes) -> Element:
    """The root element. Dirt is repaired, a document that was cut short is not, and a document type is refused."""
    text = _decoded(body).lstrip("\ufeff \t\r\n")
    if not text:
        raise Unreadable("an empty answer")
    if _DOCTYPE.match(text):
        raise Unreadable("a web page or a document type declaration")
    text = _DECLARATION.sub("", text, count=1)
    try:
        return _strictly(text)
    except etree.XMLSyntaxError:
        pass
    try:
        return _strictly(_repaired(text))
    except etree.XMLSyntaxError:
        raise Unreadable("broken XML, or only a part of it") from None


_DECLARATION = re.compile(r"<\?xml\b[^>]*\?>")
_ENCODING = re.compile(rb"""\A\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
# A document type can only stand before the root element, among comments and processing instructions.
_DOCTYPE = re.compile(r"(?>\s+|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE", re.IGNORECASE | re.DOTALL)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# One that is never closed reaches to the end, so that a million openings are not searched a million times.
_CDATA = re.compile(r"(<!\[CDATA\[.*?(?:\]\]>|\Z))", re.DOTALL)
_AMPERSAND = re.compile(r"&(?:(#\d{1,8}|#[xX][0-9A-Fa-f]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});)?")
_PREFIX = re.compile(r"(</?)([A-Za-z_][\w.-]{0,50}):(?=[A-Za-z_])")


def _decoded(body: bytes) -> str:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    body = body.removeprefix(b"\xef\xbb\xbf")
    declared = _ENCODING.match(body)
    for encoding in (declared[1].decode() if declared else "utf-8", "utf-8"):
        try:
            return body.decode(encoding)
        except (LookupError, UnicodeError):
            continue
    return body.decode("cp1252", "replace")


def _strictly(text: str) -> Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False)
    return etree.fromstring(text.encode("utf-8", "replace"), parser)


def _repaired(text: str) -> str:
    text = _NOT_XML.sub(" ", text)
    pieces = _CDATA.split(text)
    pieces[::2] = [_AMPERSAND.sub(_entity, piece) for piece in pieces[::2]]
    text = "".join(pieces)
    declared = set(re.findall(r"\bxmlns:([A-Za-z_][\w.-]{0,50})", text))
    return _PREFIX.sub(lambda found: found[0] if found[2] in declared else found[1], text)


def _entity(found: re.Match[str]) -> str:
    name = found[1] or ""
    if name in ("amp", "lt", "gt", "quot", "apos"):
        return found[0]
    if name.startswith("#"):
        number = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
        allowed = number < 0x110000 and not _NOT_XML.match(chr(number))
        return found[0] if allowed else " "
    if characters := html5.get(f"{name};"):
        return characters.replace("&", "&amp;").replace("<", "&lt;")
    return "&amp;" + found[0][1:]


def _local(element: Element) -> str:
    """The lower-case name without its namespace; empty for comments and the like."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _children(element: Element, name: str) -> list[Element]:
    return [child for child in element if _local(child) == name]


# Errors and capabilities


def read_error(root: Element) -> ErrorReply | None:
    """The error document, when it is one."""
    found = [root] if _local(root) == "error" else _children(root, "error")
    if not found:
        return None
    return ErrorReply(code=_whole(found[0].get("code")), description=found[0].get("description") or "")


def read_caps(root: Element) -> Caps:
    """The capabilities; what is not said has the defaults of the format."""
    if _local(root) != "caps":
        raise Unreadable("something that is no list of capabilities")
    limits = next(iter(_children(root, "limits")), None)
    searching = next(iter(_children(root, "searching")), None)
    server = next(iter(_children(root, "server")), None)
    largest = _whole(limits.get("max")) if limits is not None else None
    return Caps(
        title=clean_title(server.get("title") or "") if server is not None else "",
        page_size=largest or 100,
        search=_function(searching, "search"),
        book=_function(searching, "book-search"),
        categories=_categories(root),
    )


def _function(searching: Element | None, name: str) -> frozenset[str] | None:
    found = _children(searching, name) if searching is not None else []
    if not found or (found[0].get("available") or "yes").strip().lower() not in ("yes", "true", "1"):
        return None
    params = found[0].get("supportedParams")
    return frozenset(param.strip().lower() for param in (params or "q").split(",") if param.strip())


def _categories(root: Element) -> dict[int, str]:
    """Every category that has a number, whatever level it stands on."""
    below = (element for top in _children(root, "categories") for element in top.iter())
    listed = [element for element in below if _local(element) in ("category", "subcat")]
    numbered = ((_whole(element.get("id")), element.get("name") or "") for element in listed)
    return {number: clean_title(name) for number, name in numbered if number is not None}


# Releases


def read_page(root: Element, *, indexer: str, address: str) -> Page:
    """The releases of one feed. `address` is what was asked, without its query: relative links start from there."""
    channels = _children(root, "channel")
    if _local(root) != "rss" or not channels:
        raise Unreadable("something that is no feed")
    items = [_Item(element, address) for element in _children(channels[0], "item")]
    usable = [item for item in items if not item.broken]
    rows = [Row(release=_release(item, indexer), link=item.link) for item in usable if item.offered]
    ids = frozenset(release_id(indexer, item.guid) for item in usable)
    return Page(rows=tuple(rows), ids=ids, sent=len(items), broken=len(items) - len(usable))


def release_id(indexer: str, guid: str) -> str:
    """16 hex digits that stay the same when a key inside the guid changes."""
    return hashlib.sha256(f"{indexer}\0{without_secrets(guid)}".encode("utf-8", "replace")).hexdigest()[:16]


def only_ebooks(categories: Iterable[int]) -> bool:
    """Whether it is filed under books to read alone; what is not filed in a standard category is not."""
    standard = [number for number in categories if number < CUSTOM_CATEGORY]
    return bool(standard) and all(7000 <= number < 8000 for number in standard)


def tracker_id(*addresses: str) -> str | None:
    """What a tracker that is asked natively too calls the release (`mam/12345`), told by the release's page."""
    found = (_MAM_PAGE.fullmatch(address) for address in addresses)
    return next((f"mam/{match[1]}" for match in found if match), None)


_MAM_PAGE = re.compile(r"https?://(?:www\.)?myanonamouse\.net/t/([1-9]\d{0,15})/?", re.ASCII)


def believable_size(*sizes: int | None) -> int | None:
    """The first that can be the size of an audiobook, in bytes."""
    return next((size for size in sizes if size and SMALLEST_AUDIO_BYTES <= size <= LARGEST_BYTES), None)


def info_page(stated: str, *, link: str) -> str | None:
    """The page about the release. A guid that is the download link itself is none: it may be a secret."""
    if not stated or stated == link or _LIKE_A_KEY.search(urlsplit(stated).path):
        return None
    return public_address(stated)


class _Enclosure(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    type: str
    length: str

    @property
    def is_torrent(self) -> bool:
        return bool(self.url) and (not self.type or self.type.startswith("application/x-bittorrent"))


class _Item:
    """One `<item>`, its plain children and its attributes by name."""

    def __init__(self, element: Element, address: str) -> None:
        self.attrs: dict[str, list[str]] = defaultdict(list)
        self.texts: dict[str, list[str]] = defaultdict(list)
        self.enclosures: list[_Enclosure] = []
        self.address = address
        for child in element:
            self._take(child)
        self.title = clean_title(self.text("title"))
        self.link = self._link()

    def _take(self, child: Element) -> None:
        match _local(child):
            case "attr":
                if value := (child.get("value") or "").strip():
                    self.attrs[(child.get("name") or "").strip().lower()].append(value)
            case "enclosure":
                url, kind = (child.get("url") or "").strip(), (child.get("type") or "").strip().lower()
                self.enclosures.append(_Enclosure(url=url, type=kind, length=child.get("length") or ""))
            case name:
                if text := "".join(str(piece) for piece in child.itertext()).strip():
                    self.texts[name].append(text)

    def text(self, name: str) -> str:
        return next(iter(self.texts.get(name, ())), "")

    def attr(self, name: str) -> str:
        return next(iter(self.attrs.get(name, ())), "")

    @property
    def broken(self) -> bool:
        return not self.title or (not self.link and not self.is_usenet)

    @property
    def is_usenet(self) -> bool:
        kinds = {enclosure.type for enclosure in self.enclosures if enclosure.url}
        return kinds == {"application/x-nzb"} and not self.attr("magneturl")

    @property
    def offered(self) -> bool:
        """Not usenet, and not filed under e-books alone."""
        return not self.is_usenet and not only_ebooks(self.categories)

    @property
    def guid(self) -> str:
        return self.text("guid") or self.text("comments").removesuffix("#comments") or self.link

    @property
    def categories(self) -> tuple[int, ...]:
        stated = self.attrs.get("category") or self.texts.get("category") or []
        numbers = (_whole(text) for text in stated)
        return tuple(dict.fromkeys(number for number in numbers if number is not None))

    @property
    def is_book(self) -> bool:
        """Attributes about books are filled in by some indexers for anything: they count only where books are."""
        return any(number == 3030 or 7000 <= number < 8000 for number in self.categories)

    def _link(self) -> str:
        torrents = [enclosure.url for enclosure in self.enclosures if enclosure.is_torrent]
        stated = [*torrents, self.text("link"), self.attr("magneturl")]
        absolute = (_absolute(self.address, url) for url in stated if url and not self.is_usenet)
        return next((url for url in absolute if url), "")

    def magnets(self) -> Iterable[str]:
        stated = [self.attr("magneturl"), self.link, self.text("link")]
        return (url for url in stated if url.lower().startswith("magnet:"))


def _release(item: _Item, indexer: str) -> Release:
    infohash, warnings = _infohash(item)
    seeders, leechers = _peers(item)
    return Release(
        id=release_id(indexer, item.guid),
        indexer=indexer,
        title=item.title,
        authors=_people(item.attrs.get("author", ())) if item.is_book else None,
        language=(clean_title(item.attr("language")) or None) if item.is_book else None,
        category=_category(item),
        categories=item.categories,
        tags=clean_title(", ".join(item.attrs.get("tag", ()))) or None,
        size_bytes=_size(item),
        files=_whole(item.attr("files")) or None,
        seeders=seeders,
        leechers=leechers,
        grabs=_whole(item.attr("grabs")),
        published_at=_moment(item.text("pubdate")),
        infohash=infohash,
        download_factor=_decimal(item.attr("downloadvolumefactor"), most=10),
        min_ratio=_decimal(item.attr("minimumratio"), most=1_000),
        min_seed_s=_whole(item.attr("minimumseedtime"), most=10 * 366 * 86_400),
        tracker=clean_title(item.text("prowlarrindexer") or item.text("jackettindexer")) or None,
        tracker_id=tracker_id(item.guid, item.text("comments").removesuffix("#comments")),
        info_url=_info_url(item),
        warnings=warnings,
    )


def _infohash(item: _Item) -> tuple[str | None, tuple[str, ...]]:
    """The v1 hash, from the attribute and from the magnet: believed when they do not contradict each other."""
    stated = item.attr("infohash").lower()
    stated = stated if re.fullmatch(r"[0-9a-f]{40}", stated) else ""
    in_magnet = next(filter(None, map(_hash_of_magnet, item.magnets())), "")
    if stated and in_magnet and stated != in_magnet:
        return None, ("the infohash attribute and the magnet link disagree",)
    return stated or in_magnet or None, ()


def _hash_of_magnet(link: str) -> str:
    try:
        payload = read_magnet(link)
    except Permanent:
        return ""
    return payload.infohash_v1 or payload.id


def _peers(item: _Item) -> tuple[int | None, int | None]:
    """Seeders and leechers; peers are both together, so that the missing one can be told."""
    seeders, leechers, peers = (_whole(item.attr(name)) for name in ("seeders", "leechers", "peers"))
    if leechers is None and seeders is not None and peers is not None and peers >= seeders:
        leechers = peers - seeders
    if seeders is None and leechers is not None and peers is not None and peers >= leechers:
        seeders = peers - leechers
    return seeders, leechers


def _size(item: _Item) -> int | None:
    stated = [item.attr("size"), item.text("size"), *(enclosure.length for enclosure in item.enclosures)]
    return believable_size(*map(_bytes, stated))


def _category(item: _Item) -> str | None:
    """The words of the indexer where it has any, else the first number."""
    words = (clean_title(text) for text in item.texts.get("category", ()) if _whole(text) is None)
    numbers = (str(number) for number in item.categories)
    return next((text for text in (*words, *numbers) if text), None)


def _people(stated: Iterable[str]) -> tuple[str, ...] | None:
    names = [clean_title(name) for text in stated for name in _each_name(text)]
    return tuple(dict.fromkeys(filter(None, names))) or None


def _each_name(text: str) -> list[str]:
    """`Ann Lee, Bob Ray` are two people; `Baum, L. Frank` is one."""
    pieces = re.split(r"\s*(?:;|&amp;|&)\s*", text)
    return [name for piece in pieces for name in _at_commas(piece)]


def _at_commas(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    return parts if all(len(part.split()) >= 2 for part in parts) else [text]


def _info_url(item: _Item) -> str | None:
    comments, guid = item.text("comments").removesuffix("#comments"), item.text("guid")
    return info_page(_absolute(item.address, comments) if comments else guid, link=item.link)


_LIKE_A_KEY = re.compile(r"[0-9A-Za-z_-]{24,}")
"""Passkeys stand in paths too. A page whose address only looks like that is no loss."""


def _absolute(address: str, url: str) -> str:
    """An http(s) or magnet link; empty for anything else."""
    if url.lower().startswith("magnet:"):
        return url
    try:
        joined = urljoin(address, url)
        return joined if urlsplit(joined).scheme in ("http", "https") else ""
    except ValueError:
        return ""


def _moment(text: str) -> datetime | None:
    try:
        read = parsedate_to_datetime(text)
        moment = (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
    # Servers write the first year of their calendar when they do not know.
    return moment if moment.year > 1980 else None


def _whole(text: str | None, *, most: int = 10**15) -> int | None:
    """Digits only (`3.0` is 3): anything else is unknown, never zero."""
    found = re.fullmatch(r"(\d{1,16})(?:\.0+)?", (text or "").strip(), re.ASCII)
    return int(found[1]) if found and int(found[1]) <= most else None


def _decimal(text: str, *, most: float) -> float | None:
    number = float(text) if re.fullmatch(r"\d{1,9}(?:\.\d{1,9})?", text, re.ASCII) else None
    return number if number is not None and number <= most else None


_SIZE = re.compile(r"(\d{1,16}(?:\.\d{1,6})?)\s*(?:([KMGT])i?)?B?(?:ytes)?", re.IGNORECASE | re.ASCII)


def _bytes(text: str) -> int | None:
    """`553962700`, `1.2 GB`, `1,001.6 MiB`: units are binary, as trackers count."""
    found = _SIZE.fullmatch(re.sub(r"(?<=\d),(?=\d{3})", "", text.strip()))
    return int(Decimal(found[1]) * 1024 ** " KMGT".index((found[2] or " ").upper())) if found else None
