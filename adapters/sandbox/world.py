"""The demo's world: the Oz books by L. Frank Baum, a few of them on the shelf, the others among decoys on an indexer.

The books are in the public domain; narrators, other writers and recordings are invented, and the recordings silent.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from adapters.sandbox.recordings import write_recording
from adapters.sandbox.torrent_maker import make_torrent
from adapters.sandbox.torznab import Offer
from adapters.torrents import read_torrent

AUTHOR = "L. Frank Baum"
NEWEST = datetime(2025, 11, 20, 10, tzinfo=UTC)
KBPS = 32
"""Enough for silence: the whole world is to be small."""
DECOY_S = 720
"""As long as the shorter books, so that neither size nor runtime gives a decoy away."""
OMNIBUS_PART_S = 220
"""Five of them are as long as one book, for the same reason."""


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """One book of the series, and the recording of it in this world."""

    position: int
    title: str
    year: int
    narrator: str
    parts_s: tuple[int, ...]
    """Seconds of each file."""

    @property
    def runtime_min(self) -> int:
        return sum(self.parts_s) // 60


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What `build` made on disk and what the indexer shall offer."""

    library: Path
    """The library's folder, with the books that are owned."""
    seeds: Mapping[str, Path]
    """Guid of an offer -> the folder that its torrent's content stands in. Dead offers have none."""
    offers: tuple[Offer, ...]
    owned: frozenset[int]
    obtainable: frozenset[int]
    """Volumes that are missing and rightly offered."""
    unobtainable: frozenset[int]
    """Volumes that are missing and offered only as something else."""


def _volume(position: int, title: str, year: int, narrator: str, *parts_s: int) -> Volume:
    return Volume(position=position, title=title, year=year, narrator=narrator, parts_s=parts_s)


VOLUMES = (
    _volume(1, "The Wonderful Wizard of Oz", 1900, "Ada Winslow", 220, 220, 220),
    _volume(2, "The Marvelous Land of Oz", 1904, "Thomas Beck", 960),
    _volume(3, "Ozma of Oz", 1907, "Clara Mead", 360, 360),
    _volume(4, "Dorothy and the Wizard in Oz", 1908, "Ada Winslow", 280, 280, 280),
    _volume(5, "The Road to Oz", 1909, "Thomas Beck", 600, 480),
    _volume(6, "The Emerald City of Oz", 1910, "Clara Mead", 345, 345, 345, 345),
    _volume(7, "The Patchwork Girl of Oz", 1913, "Ruth Halloran", 480, 480, 480),
    _volume(8, "Tik-Tok of Oz", 1914, "Ruth Halloran", 700, 560),
    _volume(9, "The Scarecrow of Oz", 1915, "Nora Field", 350, 400, 450),
    _volume(10, "Rinkitink in Oz", 1916, "Nora Field", 240, 240, 420, 420),
    _volume(11, "The Lost Princess of Oz", 1917, "Edwin Hale", 700, 440),
    _volume(12, "The Tin Woodman of Oz", 1918, "Edwin Hale", 510, 510),
    _volume(13, "The Magic of Oz", 1919, "Edwin Hale", 780),
    _volume(14, "Glinda of Oz", 1920, "Clara Mead", 300, 300, 300),
)
"""From 11 to 24 minutes, no two alike: under ten minutes no catalogue would count them as released."""

RUNTIMES_MIN = {volume.position: volume.runtime_min for volume in VOLUMES}
"""What a catalogue of this world says of the books, by number."""

OWNED = {
    1: ("L. Frank Baum/Oz/01 - The Wonderful Wizard of Oz {Ada Winslow}", "The Wonderful Wizard of Oz"),
    3: ("L. Frank Baum/Oz 03 - Ozma of Oz (Unabridged) [32k]", "Oz 03 - Ozma of Oz (Unabridged) [32k]"),
    5: ("L. Frank Baum/Oz/05 - The Road to Oz {Thomas Beck}", "The Road to Oz (Oz, Book 5) (Unabridged)"),
}
"""Folder and album tag of what is on the shelf: one as it should be, one with a messy folder, one with a messy tag."""


class _Lot(msgspec.Struct, frozen=True, kw_only=True):
    """An offer before its content is made."""

    title: str
    seeders: int
    volume: int | None = None
    label: str = "right"
    files: Mapping[str, int] = {}
    """File name -> seconds; an e-book has none."""
    categories: tuple[int, ...] = (3030,)
    attrs: Mapping[str, str] = {}
    states_hash: bool = False


def _right(position: int, title: str, seeders: int, *, suffix: str = "mp3", **attrs: str) -> _Lot:
    """The very book, as this or that tracker would write it."""
    volume = VOLUMES[position - 1]
    files = {f"{number:02} - {volume.title}.{suffix}": part for number, part in enumerate(volume.parts_s, start=1)}
    if len(files) == 1:
        files = {f"{volume.title}.{suffix}": volume.parts_s[0]}
    return _Lot(title=title, seeders=seeders, volume=position, files=files, attrs=attrs, states_hash=position % 2 == 0)


def _decoy(label: str, position: int | None, title: str, seeders: int, *, suffix: str = "mp3", **attrs: str) -> _Lot:
    """Something else, which somebody who is not careful takes for the volume at this position."""
    files = {f"01 - {_file_name(title)}.{suffix}": DECOY_S}
    return _Lot(title=title, seeders=seeders, volume=position, label=label, files=files, attrs=attrs)


def _file_name(title: str) -> str:
    return " ".join(re.sub(r'[\\/:*?"<>|\[\]]', " ", title).split())


def _omnibus(first: int, title: str, seeders: int) -> _Lot:
    """Five books in one torrent."""
    files = {f"{volume.position:02} - {volume.title}.mp3": OMNIBUS_PART_S for volume in VOLUMES[first - 1 : first + 4]}
    return _Lot(title=title, seeders=seeders, volume=first + 2, label="omnibus", files=files)


def _ebook(position: int, title: str, seeders: int, *categories: int) -> _Lot:
    return _Lot(title=title, seeders=seeders, volume=position, label="ebook", categories=categories)


BY_BAUM = {"author": AUTHOR, "language": "English"}

LOTS = (
    _right(2, "The Marvelous Land of Oz by L. Frank Baum [ENG / M4B]", 31, suffix="m4b", **BY_BAUM),
    _right(4, "L. Frank Baum - Oz 04 - Dorothy and the Wizard in Oz (Unabridged) MP3 32kbps", 12),
    _right(6, "The Emerald City of Oz by L. Frank Baum [ENG / MP3]", 18, **BY_BAUM, minimumseedtime="259200"),
    _right(7, "L.Frank.Baum-The.Patchwork.Girl.of.Oz.Unabridged.MP3.32kbps", 9),
    _right(8, "L. Frank Baum - [Oz 08] - Tik-Tok of Oz (Unabridged) [MP3]", 14, author=AUTHOR),
    _right(9, "The Scarecrow of Oz (Oz, Book 9) (Unabridged) - L. Frank Baum - read by Nora Field [MP3 32kbps]", 11),
    _right(10, "Rinkitink in Oz by L. Frank Baum [ENG / MP3]", 7, **BY_BAUM),
    _right(11, "The Lost Princess of Oz: Oz, Book 11 by L. Frank Baum [ENG / MP3] [VIP]", 22, downloadvolumefactor="0"),
    _right(13, "The Magic of Oz by L. Frank Baum [ENG / M4B]", 16, suffix="m4b", **BY_BAUM, minimumratio="1.0"),
    _right(14, "Baum, L. Frank - Oz 14 - Glinda of Oz (1920) Unabridged MP3", 15),
    _decoy("wrong_volume", 2, "L. Frank Baum - Oz 01 - The Wonderful Wizard of Oz (Unabridged) MP3 32kbps", 88),
    _decoy("wrong_volume", 4, "Ozma of Oz by L. Frank Baum [ENG / M4B]", 41, suffix="m4b", **BY_BAUM),
    _decoy("wrong_volume", 6, "The Road to Oz by L. Frank Baum [ENG / M4B]", 47, suffix="m4b", **BY_BAUM),
    _decoy("wrong_volume", 12, "L. Frank Baum - Oz 13 - The Tin Woodman of Oz (Unabridged) MP3 32kbps", 19),
    _decoy("wrong_volume", 14, "The Royal Book of Oz by Ruth Plumly Thompson [ENG / M4B]", 26, suffix="m4b"),
    _omnibus(6, "The Oz Collection: Books 6-10 by L. Frank Baum [ENG / MP3]", 64),
    _omnibus(10, "L. Frank Baum - Oz 10-14 (Unabridged) MP3 32kbps", 52),
    _decoy("abridged", 14, "Glinda of Oz (Abridged) by L. Frank Baum [ENG / MP3]", 33, **BY_BAUM),
    _decoy("abridged", 12, "The Tin Woodman of Oz by L. Frank Baum (Abridged) [ENG / MP3]", 24, **BY_BAUM),
    _ebook(9, "The Scarecrow of Oz by L. Frank Baum [ENG / EPUB]", 71, 3030),
    _ebook(12, "The Tin Woodman of Oz by L. Frank Baum [ENG / EPUB]", 58, 3030, 7020),
    _ebook(14, "Glinda of Oz by L. Frank Baum [ENG]", 2, 3030),
    _decoy("other_language", 1, "Der Zauberer von Oz - L. Frank Baum [GER / MP3]", 29, language="German"),
    _decoy("other_language", 10, "Rinkitink in Oz by L. Frank Baum [GER / MP3]", 21, author=AUTHOR, language="German"),
    _decoy("other_language", 12, "Der Blechholzfäller von Oz - L. Frank Baum (Ungekürzt) [GER / MP3]", 13),
    _decoy("not_a_book", None, "L. Frank Baum, Creator of Oz: A Biography by Martin Graves [ENG / MP3]", 36),
    _decoy("not_a_book", 7, "How L. Frank Baum Wrote The Patchwork Girl of Oz by Martin Graves [ENG / MP3]", 17),
    _decoy(
        "other_author", 13, "The Magic of Oz by Percy Holloway [ENG / M4B]", 44, suffix="m4b", author="Percy Holloway"
    ),
    _decoy("other_author", 12, "The Tin Woodman of Oz by Percy Holloway [ENG / MP3]", 23, author="Percy Holloway"),
    _decoy("dramatized", 8, "Tik-Tok of Oz (Full Cast Dramatization) by L. Frank Baum [ENG / MP3]", 39, **BY_BAUM),
    _decoy("dramatized", 12, "The Tin Woodman of Oz - Radio Drama - L. Frank Baum [MP3]", 20),
    _decoy("dead", 6, "The Emerald City of Oz by L. Frank Baum [ENG / M4B]", 0, suffix="m4b", **BY_BAUM),
    _decoy("dead", 12, "The Tin Woodman of Oz by L. Frank Baum [ENG / M4B]", 0, suffix="m4b", **BY_BAUM),
)
"""Right ones first, then the decoys. Most decoys have more seeders than what they stand beside."""


def build(folder: Path, *, announce: str | None = None) -> World:
    """Make the library, the content of the offers and their torrents below `folder`; replaces what stands there.

    `announce` is the tracker that the torrents name. Ids of torrents do not depend on it: they are the same every time.
    """
    library, seeds = folder / "library", folder / "seeds"
    for old in (library, seeds):
        shutil.rmtree(old, ignore_errors=True)
    for position in OWNED:
        _shelve(VOLUMES[position - 1], library)
    offers = tuple(_offer(number, lot, seeds, announce) for number, lot in enumerate(LOTS))
    right = frozenset(offer.volume for offer in offers if offer.label == "right" and offer.volume is not None)
    missing = frozenset(volume.position for volume in VOLUMES if volume.position not in OWNED)
    return World(
        library=library,
        seeds={offer.guid: seeds / offer.guid for offer in offers if offer.label != "dead"},
        offers=offers,
        owned=frozenset(OWNED),
        obtainable=missing & right,
        unobtainable=missing - right,
    )


def _shelve(volume: Volume, library: Path) -> None:
    folder, album = OWNED[volume.position]
    for number, seconds in enumerate(volume.parts_s, start=1):
        path = library / folder / f"{number:02} - {volume.title}.mp3"
        write_recording(path, seconds=seconds, tags=_tags(volume, album, number, len(volume.parts_s)), kbps=KBPS)


def _offer(number: int, lot: _Lot, seeds: Path, announce: str | None) -> Offer:
    guid = f"{1001 + number}"
    content = seeds / guid / _file_name(lot.title)
    _fill(content, lot)
    torrent = make_torrent(content, announce=announce, private=True)
    payload = read_torrent(torrent)
    size_bytes = sum(file.size_bytes for file in payload.files or ())
    if lot.label == "dead":
        shutil.rmtree(content.parent)
    stated = {"infohash": payload.infohash_v1} if lot.states_hash and payload.infohash_v1 else {}
    return Offer(
        guid=guid,
        title=lot.title,
        size_bytes=size_bytes,
        seeders=lot.seeders,
        categories=lot.categories,
        attrs={**lot.attrs, **stated},
        published_at=NEWEST - timedelta(days=number),
        torrent=torrent,
        label=lot.label,
        volume=lot.volume,
    )


def _fill(content: Path, lot: _Lot) -> None:
    if not lot.files:
        _write_epub(content / f"{_file_name(lot.title)}.epub")
    volume = VOLUMES[lot.volume - 1] if lot.label == "right" and lot.volume else None
    for number, (name, seconds) in enumerate(lot.files.items(), start=1):
        if volume:
            tags = _tags(volume, volume.title, number, len(lot.files))
        else:
            tags = {"album": lot.title, "title": name, "track": f"{number}/{len(lot.files)}"}
        write_recording(content / name, seconds=seconds, tags=tags, kbps=KBPS)


def _tags(volume: Volume, album: str, number: int, total: int) -> dict[str, str]:
    return {
        "album": album,
        "title": f"{volume.title}, part {number}",
        "artist": AUTHOR,
        "composer": volume.narrator,
        "date": str(volume.year),
        "track": f"{number}/{total}",
        "language": "eng",
    }


def _write_epub(path: Path) -> None:
    """The smallest thing that is an e-book by name and type; the fixed date keeps its bytes the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(zipfile.ZipInfo("mimetype"), "application/epub+zip")
