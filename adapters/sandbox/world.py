"""The demo's world: the Oz books by L. Frank Baum, a few on the shelf, the others among decoys on several indexers.

The books are in the public domain; narrators, other writers and recordings are invented, and the recordings silent.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from adapters.sandbox import librivox_audio, myanonamouse
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


Place = Literal["torznab", "prowlarr", "myanonamouse", "librivox"]
"""The indexer that offers something."""


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What `build` made on disk and what the indexers shall offer."""

    library: Path
    """The library's folder, with the books that are owned."""
    seeds: Mapping[str, Path]
    """Guid of an offer -> the folder that its torrent's content stands in. Dead offers have none."""
    offers: tuple[Offer, ...]
    """All of them, as a Torznab indexer would list each."""
    places: Mapping[str, Place]
    """Guid of an offer -> who offers it."""
    owned: frozenset[int]
    obtainable: frozenset[int]
    """Volumes that are missing and rightly offered."""
    unobtainable: frozenset[int]
    """Volumes that are missing and offered only as something else."""

    def at(self, place: Place) -> tuple[Offer, ...]:
        return tuple(offer for offer in self.offers if self.places[offer.guid] == place)

    @property
    def on_myanonamouse(self) -> tuple[myanonamouse.Offer, ...]:
        """As the site lists them: people and series apart from the title."""
        return tuple(map(_as_row, self.at("myanonamouse")))

    @property
    def on_librivox(self) -> tuple[librivox_audio.Recording, ...]:
        return tuple(map(_as_recording, self.at("librivox")))


def _as_row(offer: Offer) -> myanonamouse.Offer:
    told = offer.attrs
    return myanonamouse.Offer(
        id=int(offer.guid),
        title=offer.title,
        authors=tuple(filter(None, [told.get("author")])),
        narrators=tuple(filter(None, [told.get("narrator")])),
        series=(("Oz", told["number"]),) if "number" in told else (),
        size_bytes=offer.size_bytes or 0,
        files=len(read_torrent(offer.torrent).files or ()) if offer.torrent else 1,
        seeders=offer.seeders or 0,
        filetype=told.get("filetype", "mp3"),
        free="free" in told,
        added_at=offer.published_at,
        torrent=offer.torrent,
    )


def _as_recording(offer: Offer) -> librivox_audio.Recording:
    assert offer.volume is not None
    volume = VOLUMES[offer.volume - 1]
    return librivox_audio.Recording(
        identifier=_identifier(volume),
        title=volume.title,
        authors=(("L. Frank", "Baum"),),
        readers=(volume.narrator,) * len(volume.parts_s),
        seconds=sum(volume.parts_s),
        torrent=offer.torrent,
        published_at=offer.published_at,
    )


def _identifier(volume: Volume) -> str:
    """As the Internet Archive calls the recording."""
    words = re.sub(r"[^a-z]+", "_", volume.title.lower())
    return f"{words}_librivox"


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
    place: Place = "torznab"


def _right(position: int, title: str, seeders: int, *, suffix: str = "mp3", **attrs: str) -> _Lot:
    """The very book, as this or that tracker would write it."""
    volume = VOLUMES[position - 1]
    files = {f"{number:02} - {volume.title}.{suffix}": part for number, part in enumerate(volume.parts_s, start=1)}
    if len(files) == 1:
        files = {f"{volume.title}.{suffix}": volume.parts_s[0]}
    return _Lot(title=title, seeders=seeders, volume=position, files=files, attrs=attrs, states_hash=position % 2 == 0)


def _mouse(position: int, seeders: int, *, suffix: str = "mp3", **attrs: str) -> _Lot:
    """The very book, with people, series and number apart from its title."""
    volume = VOLUMES[position - 1]
    told = {"author": AUTHOR, "narrator": volume.narrator, "number": str(position), "filetype": suffix, **attrs}
    return _at("myanonamouse", _right(position, volume.title, seeders, suffix=suffix, **told))


def _read_aloud(position: int) -> _Lot:
    """The very book as volunteers read it: one item holds it in several formats, of which one is enough."""
    volume = VOLUMES[position - 1]
    name = _identifier(volume).removesuffix("_librivox")
    files = {f"{name}_{number:02}_baum.mp3": part for number, part in enumerate(volume.parts_s, start=1)}
    smaller = {path.replace(".mp3", f"{SMALLER}.mp3"): part for path, part in files.items()}
    return _Lot(title=volume.title, seeders=1, volume=position, files=files | smaller, place="librivox")


SMALLER = "_64kb"
"""How the Internet Archive calls the copies of lower quality."""


def _decoy(label: str, position: int | None, title: str, seeders: int, *, suffix: str = "mp3", **attrs: str) -> _Lot:
    """Something else, which somebody who is not careful takes for the volume at this position."""
    files = {f"01 - {_file_name(title)}.{suffix}": DECOY_S}
    return _Lot(title=title, seeders=seeders, volume=position, label=label, files=files, attrs=attrs)


def _at(place: Place, lot: _Lot) -> _Lot:
    return msgspec.structs.replace(lot, place=place)


def _file_name(title: str) -> str:
    return " ".join(re.sub(r'[\\/:*?"<>|\[\]]', " ", title).split())


def _omnibus(first: int, title: str, seeders: int) -> _Lot:
    """Five books in one torrent."""
    files = {f"{volume.position:02} - {volume.title}.mp3": OMNIBUS_PART_S for volume in VOLUMES[first - 1 : first + 4]}
    return _Lot(title=title, seeders=seeders, volume=first + 2, label="omnibus", files=files)


def _ebook(position: int, title: str, seeders: int, *categories: int) -> _Lot:
    return _Lot(title=title, seeders=seeders, volume=position, label="ebook", categories=categories)


BY_BAUM = {"author": AUTHOR, "language": "English"}
THREE_DAYS = {"minimumseedtime": "259200"}
ONE_TO_ONE = {"minimumratio": "1.0"}

LOTS = (
    _read_aloud(2),
    _right(4, "L. Frank Baum - Oz 04 - Dorothy and the Wizard in Oz (Unabridged) MP3 32kbps", 12),
    _at("prowlarr", _right(6, "The Emerald City of Oz by L. Frank Baum [ENG / MP3]", 18, **BY_BAUM, **THREE_DAYS)),
    _mouse(7, 9),
    _right(8, "L. Frank Baum - [Oz 08] - Tik-Tok of Oz (Unabridged) [MP3]", 14, author=AUTHOR),
    _right(9, "The Scarecrow of Oz (Oz, Book 9) (Unabridged) - L. Frank Baum - read by Nora Field [MP3 32kbps]", 11),
    _read_aloud(10),
    _mouse(11, 22, free="yes"),
    _at(
        "prowlarr",
        _right(13, "The Magic of Oz by L. Frank Baum [ENG / M4B]", 16, suffix="m4b", **BY_BAUM, **ONE_TO_ONE),
    ),
    _right(14, "Baum, L. Frank - Oz 14 - Glinda of Oz (1920) Unabridged MP3", 15),
    _decoy("wrong_volume", 2, "L. Frank Baum - Oz 01 - The Wonderful Wizard of Oz (Unabridged) MP3 32kbps", 88),
    _decoy("wrong_volume", 4, "Ozma of Oz by L. Frank Baum [ENG / M4B]", 41, suffix="m4b", **BY_BAUM),
    _decoy("wrong_volume", 6, "The Road to Oz by L. Frank Baum [ENG / M4B]", 47, suffix="m4b", **BY_BAUM),
    _at("myanonamouse", _decoy("wrong_volume", 7, "The Road to Oz", 61, author=AUTHOR, number="5")),
    _at("myanonamouse", _decoy("abridged", 11, "The Lost Princess of Oz (Abridged)", 70, author=AUTHOR, number="11")),
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
        places={offer.guid: lot.place for offer, lot in zip(offers, LOTS, strict=True)},
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
    item = lot.place == "librivox" and lot.volume
    content = seeds / guid / (_identifier(VOLUMES[lot.volume - 1]) if item and lot.volume else _file_name(lot.title))
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
    total = len(volume.parts_s) if volume else len(lot.files)
    for index, (name, seconds) in enumerate(lot.files.items()):
        number = index % total + 1
        if volume:
            tags = _tags(volume, volume.title, number, total)
        else:
            tags = {"album": lot.title, "title": name, "track": f"{number}/{total}"}
        write_recording(
            content / name,
            seconds=seconds,
            tags=tags,
            kbps=KBPS * 2 if lot.place == "librivox" and SMALLER not in name else KBPS,
        )


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
