"""Reads what MyAnonamouse sends: the rows of a search and the user record. Any value may be missing or nonsense."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from adapters.indexers.feed import LARGEST_BYTES, release_id
from adapters.indexers.text import clean_title
from domain.accounts import BOUNDLESS, Account
from domain.languages import read_language
from domain.releases import Release, SeriesName

TRACKER = "mam"
MIN_RATIO = 1.0
MIN_SEED_S = 72 * 3600
"""Every torrent is to be seeded for 72 hours in all."""
MAIN_CATEGORIES = {13: "Audiobooks", 14: "Ebooks", 15: "Musicology", 16: "Radio"}
_MOST = 10**9
"""Nobody has more seeders or files: a larger number is a mistake."""
_LANGUAGES = {
    1: "English", 2: "Chinese", 3: "Gujarati", 4: "Spanish", 5: "Kannada", 6: "Burmese", 7: "Thai", 8: "Hindi",
    9: "Marathi", 10: "Telugu", 11: "Tamil", 12: "Javanese", 13: "Vietnamese", 14: "Punjabi", 15: "Urdu",
    16: "Russian", 17: "Afrikaans", 18: "Bulgarian", 19: "Catalan", 20: "Czech", 21: "Danish", 22: "Dutch",
    23: "Finnish", 24: "Gaelic", 25: "Ukrainian", 26: "Greek", 27: "Hebrew", 28: "Hungarian", 29: "Tagalog",
    30: "Romanian", 31: "Serbian", 32: "Arabic", 33: "Malay", 34: "Portuguese", 35: "Bengali", 36: "French",
    37: "German", 38: "Japanese", 39: "Farsi", 40: "Swedish", 41: "Korean", 42: "Turkish", 43: "Italian",
    44: "Cantonese", 45: "Polish", 46: "Latin", 48: "Norwegian", 49: "Croatian", 50: "Lithuanian", 51: "Bosnian",
    52: "Portuguese", 53: "Indonesian", 54: "Slovenian", 55: "Spanish", 56: "Irish", 57: "Manx", 58: "Malayalam",
    59: "Greek", 60: "Sanskrit", 61: "Estonian", 62: "Latvian", 63: "Icelandic",
}  # fmt: skip
"""The numbers of the search form."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A release, and whether it is free for accounts whose VIP runs: its `download_factor` is that of all others."""

    release: Release
    free_for_vip: bool = False


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of results. `sent` counts every row, also the broken ones; `found` is the full count, where said."""

    rows: tuple[Row, ...]
    sent: int
    broken: int
    found: int | None

    def is_last(self, start: int, size: int) -> bool:
        """Whether nothing follows, when this page began at row `start` and `size` rows were asked for."""
        if not self.sent or self.found is None:
            return self.sent < size
        return start + self.sent >= self.found


def read_page(reply: Mapping[str, Any], rows: Sequence[object], *, indexer: str, site: str) -> Page:
    """The releases among these rows of a reply; `site` is where their pages stand."""
    read = [_row(row, indexer, site) for row in rows]
    kept = tuple(row for row in read if row is not None)
    found = _whole(reply.get("found", reply.get("total_found")))
    return Page(rows=kept, sent=len(rows), broken=len(rows) - len(kept), found=found)


def _row(row: object, indexer: str, site: str) -> Row | None:
    """None when it has no number or no title."""
    if not isinstance(row, dict):
        return None
    number, title = _whole(row.get("id"), most=10**12), _title(row)
    if not number or not title:
        return None
    tracker_id = f"{TRACKER}/{number}"
    main, category = _whole(row.get("main_cat")), _whole(row.get("category"))
    release = Release(
        id=release_id(indexer, tracker_id),
        indexer=indexer,
        title=title,
        authors=_people(row.get("author_info")),
        narrators=_people(row.get("narrator_info")),
        series=_series(row.get("series_info")),
        language=_language(row),
        filetypes=tuple(dict.fromkeys(re.findall(r"[^\s,]+", _text(row.get("filetype")).lower()))) or None,
        category=_text(row.get("catname")) or MAIN_CATEGORIES.get(main or 0),
        categories=tuple(one for one in (main, category) if one is not None),
        tags=", ".join(filter(None, (_bitrate(row.get("mediainfo")), _text(row.get("tags"))))) or None,
        size_bytes=_bytes(row.get("size")),
        files=_whole(row.get("numfiles")) or None,
        seeders=_whole(row.get("seeders")),
        leechers=_whole(row.get("leechers")),
        grabs=_whole(row.get("times_completed")),
        published_at=_moment(row.get("added")),
        download_factor=_factor(_flag(row.get("free")), _flag(row.get("personal_freeleech"))),
        min_ratio=MIN_RATIO,
        min_seed_s=MIN_SEED_S,
        snatched=_flag(row.get("my_snatched")) is True,
        tracker_id=tracker_id,
        info_url=f"{site}/t/{number}",
    )
    return Row(release=release, free_for_vip=release.download_factor != 0 and _flag(row.get("fl_vip")) is True)


def _title(row: Mapping[str, Any]) -> str:
    """Titles in other languages carry a remark of the site, which is no part of them."""
    title = _text(row.get("title")) or _text(row.get("name"))
    return re.sub(r"\s*\[English translation\]$", "", title, flags=re.IGNORECASE)


def _people(stated: object) -> tuple[str, ...] | None:
    names = (_text(name) for name in _object(stated).values())
    return tuple(dict.fromkeys(filter(None, names))) or None


def _series(stated: object) -> tuple[SeriesName, ...] | None:
    """`{"301": ["Oz", "1-14", 1]}`, where the weight, the number or the list itself may be missing."""
    read = []
    for entry in _object(stated).values():
        name, position, *_ = [*entry, None, None] if isinstance(entry, list) else [entry, None]
        if _text(name):
            read.append(SeriesName(name=_text(name), position=_text(position) or None))
    return tuple(dict.fromkeys(read)) or None


def _language(row: Mapping[str, Any]) -> str | None:
    """The code where it is one we know, else the name that the number stands for."""
    code, name = _text(row.get("lang_code")), _LANGUAGES.get(_whole(row.get("language")) or 0)
    return code if read_language(code) else name or code or None


def _bitrate(mediainfo: object) -> str:
    """The measured bit rate, in the words that tags use."""
    audio = _object(mediainfo).get("Audio1")
    bits = _whole(audio.get("BitRate")) if isinstance(audio, dict) else None
    return f"{round(bits / 1000)} kbps" if bits and bits >= 8_000 else ""


def _factor(*free: bool | None) -> float | None:
    """What it costs accounts without VIP; unknown when a flag that could make it free is."""
    if True in free:
        return 0.0
    return None if None in free else 1.0


# The user record


def read_account(record: Mapping[str, Any], *, indexer: str, now: datetime) -> Account | None:
    """The account, from the record of today or the flat one of before September 2026. None when it is no record."""
    if not _text(record.get("username")) and not _text(record.get("uid")):
        return None
    counts = record.get("snatch_summary")
    counts = counts if isinstance(counts, dict) else record
    unsatisfied = counts.get("unsat")
    unsatisfied = unsatisfied if isinstance(unsatisfied, dict) else {}
    return Account(
        indexer=indexer,
        read_at=now,
        rank=_text(record.get("classname")),
        ratio=_ratio(record.get("ratio")),
        uploaded_bytes=_whole(record.get("uploaded_bytes"), most=LARGEST_BYTES * 1024),
        downloaded_bytes=_whole(record.get("downloaded_bytes"), most=LARGEST_BYTES * 1024),
        unsatisfied=_whole(unsatisfied.get("count")),
        unsatisfied_limit=_whole(unsatisfied.get("limit")),
        vip_until=_moment(record.get("vip_until")),
        points=_whole(record.get("seedbonus")),
        wedges=_whole(record.get("wedges")),
        connectable={"yes": True, "no": False}.get(_text(record.get("connectable")).lower()),
    )


def vip_runs(account: Account, now: datetime) -> bool | None:
    """Whether torrents that are free for VIPs are free for this account; None when its record does not tell."""
    if account.vip_until is not None:
        return account.vip_until > now
    # The higher ranks are VIP without an end, or the end was not said.
    return None if "vip" in account.rank.lower() else False


def _ratio(stated: object) -> float | None:
    """`3.27`, `"3,214.5"`, or `"∞"` where nothing was downloaded."""
    text = str(stated).strip() if isinstance(stated, str | int | float) and not isinstance(stated, bool) else ""
    if text == "∞":
        return BOUNDLESS
    plain = _without_commas(text)
    return float(plain) if re.fullmatch(r"\d{1,12}(?:\.\d{1,20})?", plain, re.ASCII) else None


# Values


def _object(stated: object) -> dict[str, Any]:
    """An object, or the one that a string holds as JSON; empty for anything else."""
    if isinstance(stated, str):
        try:
            stated = msgspec.json.decode(stated)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return {}
    return stated if isinstance(stated, dict) else {}


def _text(stated: object) -> str:
    """One clean line; a number is its digits (there is a book called 1984)."""
    if isinstance(stated, bool) or not isinstance(stated, str | int | float):
        return ""
    return clean_title(str(stated))


def _whole(stated: object, *, most: int = _MOST) -> int | None:
    """A count as number or text; unknown when it is no number, negative or absurd."""
    if isinstance(stated, bool):
        return None
    text = _without_commas(str(stated).strip()) if isinstance(stated, str | int) else ""
    return int(text) if re.fullmatch(r"\d{1,20}", text, re.ASCII) and int(text) <= most else None


def _flag(stated: object) -> bool | None:
    """0, 1, "0", "1", true or false; unknown otherwise."""
    return {"0": False, "1": True, "false": False, "true": True}.get(str(stated).strip().lower())


_SIZE = re.compile(r"(\d{1,16}(?:\.\d{1,6})?)\s*(?:([KMGTP])i?)?B?", re.IGNORECASE | re.ASCII)


def _bytes(stated: object) -> int | None:
    """`528.3 MiB`, `1,001.6 MiB`, plain bytes: units are binary. No torrent is empty: 0 is unknown."""
    text = _without_commas(str(stated).strip()) if isinstance(stated, str | int) else ""
    found = _SIZE.fullmatch(text)
    size = int(Decimal(found[1]) * 1024 ** " KMGTP".index((found[2] or " ").upper())) if found else 0
    return size if 0 < size <= LARGEST_BYTES else None


def _without_commas(text: str) -> str:
    """Only commas that part thousands: `12,34` stays what it is, and unreadable."""
    return text.replace(",", "") if re.match(r"\d{1,3}(?:,\d{3})+(?!\d|,)", text, re.ASCII) else text


def _moment(stated: object) -> datetime | None:
    """`YYYY-MM-DD HH:MM:SS` in UTC; unknown for anything else, and for the zero of the database."""
    try:
        moment = datetime.strptime(str(stated), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment if moment.year > 1980 else None


def clean_query(text: str) -> str:
    """Letters and digits of any script, one blank between words: everything else is an operator of the search."""
    kept = (mark if unicodedata.category(mark)[0] in "LMN" else " " for mark in unicodedata.normalize("NFC", text))
    return " ".join("".join(kept).split())[:300].strip()
