"""What Bibliostat relies on: the same for the stand-in and, where its address is given, for the real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from audiobookshelf_place import SERVERS, Place, place

from adapters.audiobookshelf import Audiobookshelf, ServerInfo
from adapters.http import client
from domain.errors import Conflict, Permanent
from domain.metadata import ItemMetadata
from domain.releases import SeriesName
from domain.world import Item

OZ = "L. Frank Baum/Oz/Vol 1 - The Wonderful Wizard of Oz"


@pytest.fixture(params=SERVERS)
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    yield from place(request.param, tmp_path)


@pytest.fixture
async def shelf(there: Place) -> AsyncIterator[Audiobookshelf]:
    async with there.http() as http:
        yield there.adapter(http)


async def scanned(shelf: Audiobookshelf) -> dict[str, Item]:
    """The items after a scan, by their path below the library."""
    await shelf.scan()
    return {item.rel_path: item for item in (await shelf.read({})).items}


async def test_the_check_names_version_user_library_and_folder(shelf: Audiobookshelf, there: Place) -> None:
    found = await shelf.check()

    assert isinstance(found, ServerInfo)
    assert found.version.startswith("2.")
    assert found.user == "root"
    [library] = found.libraries
    assert (library.name, library.folders, library.watcher) == (there.library, (str(there.root),), False)
    assert library.last_scan_at is None
    assert found.advice == ()


async def test_the_check_advises_to_turn_the_watcher_off(shelf: Audiobookshelf, there: Place) -> None:
    await there.call("PATCH", f"/api/libraries/{await there.library_id()}", {"settings": {"disableWatcher": False}})

    found = await shelf.check()

    assert found.libraries[0].watcher
    assert there.library in found.advice[0]


async def test_a_wrong_key_is_for_a_person_to_mend(there: Place) -> None:
    async with there.http("not-the-key") as http:
        with pytest.raises(Permanent) as refused:
            await there.adapter(http).read({})

    assert refused.value.code == "LibraryRefusedKey"
    assert "not-the-key" not in refused.value.message


async def test_a_library_that_does_not_exist_is_an_error_and_not_an_empty_one(there: Place) -> None:
    async with there.http() as http:
        with pytest.raises(Permanent) as refused:
            await Audiobookshelf(http, libraries=["No such library"]).read({})

    assert refused.value.code == "LibraryUnknown"
    assert there.library in refused.value.message


async def test_an_empty_library_reads_as_empty(shelf: Audiobookshelf) -> None:
    assert (await shelf.read({})).items == ()


async def test_a_folder_name_becomes_metadata(shelf: Audiobookshelf, there: Place) -> None:
    name = "Arthur Conan Doyle/Sherlock Holmes/Book 3 - 1892 - The Adventures {Ruth Golding} [B0TEST0003]"
    there.book(name)

    item = (await scanned(shelf))[name]

    assert item.title == "The Adventures"
    assert item.authors == ("Arthur Conan Doyle",)
    assert item.narrators == ("Ruth Golding",)
    assert item.series == (SeriesName(name="Sherlock Holmes", position="3"),)
    assert (item.published_year, item.asin, item.subtitle, item.abridged) == ("1892", "B0TEST0003", None, None)
    assert item.path == str(there.root / name)
    assert (item.tracks, item.is_missing, item.is_invalid) == (1, False, False)
    assert item.duration_s == pytest.approx(1.0, abs=0.2)
    assert item.size_bytes == (there.root / name / "book.mp3").stat().st_size
    assert item.inode == str((there.root / name).stat().st_ino)


@pytest.mark.parametrize(
    ("folder", "position", "title"),
    [
        ("06.5 - Little Wizard Stories {Phil Chenevert}", "6.5", "Little Wizard Stories"),
        ("02 - The Marvelous Land", "2", "The Marvelous Land"),
        ("The Woggle-Bug Book", None, "The Woggle-Bug Book"),
        ("13. The Magic of Oz", "13", "The Magic of Oz"),
    ],
)
async def test_a_number_in_the_folder_name_is_the_place_in_the_series(
    shelf: Audiobookshelf, there: Place, folder: str, position: str | None, title: str
) -> None:
    there.book(f"L. Frank Baum/Oz/{folder}")

    [item] = (await scanned(shelf)).values()

    assert item.series == (SeriesName(name="Oz", position=position),)
    assert item.title == title


async def test_several_authors_in_a_folder_name_are_several_authors(shelf: Audiobookshelf, there: Place) -> None:
    there.book("Grimm, Jacob & Grimm, Wilhelm/Fairy Tales")

    [item] = (await scanned(shelf)).values()

    assert set(item.authors) == {"Jacob Grimm", "Wilhelm Grimm"}


async def test_tags_outrank_the_folder_name(shelf: Audiobookshelf, there: Place) -> None:
    there.book(
        "Somebody/Something",
        TALB="Ozma of Oz",
        TIT2="Chapter 1",
        TPE1="L. Frank Baum",
        TPE2="Somebody Else",
        TCOM="Phil Chenevert",
        TDRC="1907",
        TPUB="Reilly & Britton",
        TCON="Fantasy/Children",
        series="Oz",
        series_part="3",
        asin="B0TEST0007",
    )

    [item] = (await scanned(shelf)).values()

    assert item.title == "Ozma of Oz"
    assert item.authors == ("L. Frank Baum",)
    assert item.narrators == ("Phil Chenevert",)
    assert item.series == (SeriesName(name="Oz", position="3"),)
    assert (item.published_year, item.asin) == ("1907", "B0TEST0007")


async def test_series_tags_may_hold_several_series(shelf: Audiobookshelf, there: Place) -> None:
    there.book("A/Tip", series="Oz; Famous Forty", series_part="2; 2")
    there.book("A/Glinda", TIT1="Oz #14; Famous Forty")

    items = await scanned(shelf)

    assert {path: {(one.name, one.position) for one in item.series} for path, item in items.items()} == {
        "A/Tip": {("Oz", "2"), ("Famous Forty", "2")},
        "A/Glinda": {("Oz", "14"), ("Famous Forty", None)},
    }


async def test_the_first_track_speaks_for_the_book(shelf: Audiobookshelf, there: Place) -> None:
    there.book("A/Oz", files=("a.mp3",), TALB="Second", TRCK="2/2")
    there.book("A/Oz", files=("b.mp3",), TALB="First", TRCK="1/2")

    [item] = (await scanned(shelf)).values()

    assert item.title == "First"


async def test_folders_that_say_so_are_ignored(shelf: Audiobookshelf, there: Place) -> None:
    (there.book("Jane Austen/Emma") / ".ignore").touch()
    there.book("@eaDir/Emma")

    assert await scanned(shelf) == {}


async def test_one_folder_is_one_book_and_discs_belong_together(shelf: Audiobookshelf, there: Place) -> None:
    there.book("Jules Verne/Five Weeks in a Balloon", files=("01.mp3", "02.mp3"))
    there.book("Jules Verne/Twenty Thousand Leagues", files=("CD1/01.mp3", "CD2/01.mp3"))
    there.book("Jules Verne/The Mysterious Island", files=("Part 1/01.mp3", "Part 2/01.mp3"))
    there.book("", files=("Sky Island.mp3",))

    items = await scanned(shelf)

    assert {path: item.tracks for path, item in items.items()} == {
        "Jules Verne/Five Weeks in a Balloon": 2,
        "Jules Verne/Twenty Thousand Leagues": 2,
        "Jules Verne/The Mysterious Island/Part 1": 1,
        "Jules Verne/The Mysterious Island/Part 2": 1,
        "Sky Island.mp3": 1,
    }
    assert items["Sky Island.mp3"].title == "Sky Island"


async def test_dot_folders_and_unfinished_files_are_not_seen(shelf: Audiobookshelf, there: Place) -> None:
    there.book(".bibliostat/staging/A Book")
    there.book("Jane Austen/Emma", files=("emma.mp3.part",))
    (there.root / "Jane Austen/Persuasion").mkdir()
    (there.root / "Jane Austen/Persuasion/broken.mp3").write_bytes(b"")

    assert await scanned(shelf) == {}


async def test_a_stray_file_in_an_authors_folder_swallows_the_books_below(shelf: Audiobookshelf, there: Place) -> None:
    there.book(OZ)
    before = (await scanned(shelf))[OZ]
    there.book("L. Frank Baum", files=("stray.mp3",))

    swallowed = await scanned(shelf)
    (there.root / "L. Frank Baum/stray.mp3").unlink()
    after = await scanned(shelf)

    assert swallowed[OZ].is_missing
    assert not swallowed["L. Frank Baum"].is_missing
    assert after[OZ].id == before.id
    assert not after[OZ].is_missing
    assert after["L. Frank Baum"].is_missing


async def test_what_did_not_change_is_not_fetched_again(shelf: Audiobookshelf, there: Place) -> None:
    there.book(OZ)
    there.book("Bram Stoker/Dracula")
    await shelf.scan()
    first = await shelf.read({})
    there.asked.clear()

    second = await shelf.read({item.id: item for item in first.items})

    assert second == first
    assert there.asked == ["GET /api/libraries", f"GET /api/libraries/{await there.library_id()}/items"]


async def test_what_changed_is_fetched_again(shelf: Audiobookshelf, there: Place) -> None:
    there.book(OZ)
    there.book("Bram Stoker/Dracula")
    before = await scanned(shelf)
    await there.call("PATCH", f"/api/items/{before[OZ].id}/media", {"metadata": {"narrators": ["Phil Chenevert"]}})

    view = await shelf.read({item.id: item for item in before.values()})

    after = {item.rel_path: item for item in view.items}
    assert after[OZ].narrators == ("Phil Chenevert",)
    assert after["Bram Stoker/Dracula"] == before["Bram Stoker/Dracula"]


async def test_an_item_that_is_gone_is_not_kept_from_the_last_reading(shelf: Audiobookshelf, there: Place) -> None:
    there.book(OZ)
    before = await scanned(shelf)
    await there.call("DELETE", f"/api/items/{before[OZ].id}")

    view = await shelf.read({item.id: item for item in before.values()})

    assert view.items == ()


async def test_a_deleted_folder_is_a_missing_item_until_it_is_back(shelf: Audiobookshelf, there: Place) -> None:
    folder = there.book(OZ)
    before = (await scanned(shelf))[OZ]
    folder.rename(there.root.parent / f"{there.root.name}-aside")

    missing = (await scanned(shelf))[OZ]
    (there.root.parent / f"{there.root.name}-aside").rename(folder)
    back = (await scanned(shelf))[OZ]

    assert missing.is_missing
    assert missing.id == back.id == before.id
    assert not back.is_missing


async def test_an_unmounted_disk_reads_as_all_missing_and_not_as_empty(shelf: Audiobookshelf, there: Place) -> None:
    there.book(OZ)
    there.book("Bram Stoker/Dracula")
    before = await scanned(shelf)
    away = there.root.with_name(f"{there.root.name}.away")
    there.root.rename(away)

    gone = await scanned(shelf)
    away.rename(there.root)
    back = await scanned(shelf)

    assert [item.is_missing for item in gone.values()] == [True, True]
    assert {item.id for item in back.values() if not item.is_missing} == {item.id for item in before.values()}


async def test_a_renamed_folder_keeps_its_item_and_its_metadata(shelf: Audiobookshelf, there: Place) -> None:
    folder = there.book(OZ)
    before = (await scanned(shelf))[OZ]
    renamed = "Someone Else/Other Series/Vol 9 - Another Name [B0TEST0009]"
    (there.root / renamed).parent.mkdir(parents=True)
    folder.rename(there.root / renamed)

    [after] = (await scanned(shelf)).values()

    assert after.rel_path == renamed
    assert (after.id, after.title, after.authors, after.series) == (
        before.id,
        before.title,
        before.authors,
        before.series,
    )
    assert after.asin == "B0TEST0009", "a field that was empty is filled from the new name"


async def test_a_metadata_file_beside_the_audio_outranks_tags(shelf: Audiobookshelf, there: Place) -> None:
    folder = there.book("Somebody/Something", TALB="Wrong", TPE1="Wrong")
    (folder / "metadata.json").write_text(
        '{"title": "Glinda of Oz", "authors": ["L. Frank Baum"], "series": ["Oz #14"]}'
    )

    [item] = (await scanned(shelf)).values()

    assert (item.title, item.authors, item.series) == (
        "Glinda of Oz",
        ("L. Frank Baum",),
        (SeriesName(name="Oz", position="14"),),
    )


def said(one: Item | ItemMetadata, about: ItemMetadata) -> dict[str, object]:
    """The writable fields. The server promises no order of authors and series."""
    fields: dict[str, object] = {name: getattr(one, name) for name in about.__struct_fields__}
    return fields | {"authors": set(one.authors or ()), "series": set(one.series or ())}


async def test_every_field_that_is_written_is_read_back(shelf: Audiobookshelf, there: Place) -> None:
    there.book(OZ)
    item = (await scanned(shelf))[OZ]
    wanted = ItemMetadata(
        title="The Wizard",
        subtitle="A Tale",
        authors=("L. Frank Baum", "W. W. Denslow"),
        narrators=("Phil Chenevert", "J. Hall"),
        series=(
            SeriesName(name="Oz", position="1.0"),
            SeriesName(name="Famous Forty"),
            SeriesName(name="X", position="1-3"),
        ),
        asin="B0TEST0001",
        isbn="9780000000001",
        published_year="1900",
        language="English",
    )

    written = await shelf.write(item.id, wanted)

    later = (await scanned(shelf))[OZ]
    assert [said(written, wanted), said(later, wanted)] == [said(wanted, wanted)] * 2, "edits survive a scan"


async def test_fields_that_are_not_given_stay_as_they_are(shelf: Audiobookshelf, there: Place) -> None:
    there.book(f"{OZ} {{Phil Chenevert}} [B0TEST0001]")
    [item] = (await scanned(shelf)).values()

    written = await shelf.write(item.id, ItemMetadata(language="en"))

    assert written.language == "en"
    assert (written.title, written.authors, written.narrators, written.series, written.asin) == (
        item.title,
        item.authors,
        item.narrators,
        item.series,
        item.asin,
    )


async def test_writing_what_is_there_already_changes_nothing(shelf: Audiobookshelf, there: Place) -> None:
    there.book(OZ)
    item = (await scanned(shelf))[OZ]

    written = await shelf.write(item.id, ItemMetadata(title=" The Wonderful Wizard of Oz ", authors=("l. frank BAUM",)))

    assert written == item


async def test_empty_lists_and_empty_texts_clear(shelf: Audiobookshelf, there: Place) -> None:
    there.book(f"{OZ} {{Phil Chenevert}} [B0TEST0001]")
    [item] = (await scanned(shelf)).values()

    written = await shelf.write(item.id, ItemMetadata(narrators=(), series=(), asin=""))

    assert (written.narrators, written.series, written.asin) == ((), (), None)


async def test_a_number_can_be_corrected_and_taken_away(shelf: Audiobookshelf, there: Place) -> None:
    there.book(OZ)
    item = (await scanned(shelf))[OZ]

    numbered = await shelf.write(item.id, ItemMetadata(series=(SeriesName(name="oz", position=" 6.5 "),)))
    bare = await shelf.write(item.id, ItemMetadata(series=(SeriesName(name="Oz"),)))

    assert numbered.series == (SeriesName(name="Oz", position="6.5"),)
    assert bare.series == (SeriesName(name="Oz"),)


async def test_an_item_that_does_not_exist_is_a_conflict(shelf: Audiobookshelf) -> None:
    with pytest.raises(Conflict) as gone:
        await shelf.write("00000000-0000-0000-0000-000000000000", ItemMetadata(title="Tik-Tok of Oz"))

    assert gone.value.code == "ItemGone"


@pytest.mark.parametrize(
    ("change", "effect"),
    [
        ({"authors": ["L. Frank Baum"]}, {"authors": []}),
        ({"series": ["Oz"]}, {"series": [("Oz", "1")]}),
        ({"series": [{"name": "Oz", "sequence": 2}]}, {"series": [("Oz", None)]}),
        ({"series": [{"name": "Oz", "sequence": "2"}, {"name": "Oz", "sequence": "3"}]}, {"series": [("Oz", "3")]}),
        ({"series": [{"name": "OZ", "sequence": "4"}]}, {"series": [("Oz", "4")]}),
        ({"narrators": "Phil Chenevert"}, {"narrators": []}),
        ({"title": ""}, {"title": None}),
        ({"publishedYear": 1900}, {"publishedYear": "1900"}),
        ({"authorName": "Somebody"}, {"authors": ["L. Frank Baum"]}),
    ],
)
async def test_careless_bodies_have_these_effects(
    shelf: Audiobookshelf, there: Place, change: dict[str, object], effect: dict[str, object]
) -> None:
    there.book(OZ)
    item = (await scanned(shelf))[OZ]

    await there.call("PATCH", f"/api/items/{item.id}/media", {"metadata": change})

    known = (await there.call("GET", f"/api/items/{item.id}")).json()["media"]["metadata"]
    known["authors"] = [author["name"] for author in known["authors"]]
    known["series"] = [(series["name"], series["sequence"]) for series in known["series"]]
    assert {name: known[name] for name in effect} == effect


async def test_nothing_changed_is_told_by_a_key_that_is_absent(shelf: Audiobookshelf, there: Place) -> None:
    there.book(OZ)
    item = (await scanned(shelf))[OZ]
    body = {"metadata": {"asin": "B0TEST0001"}}

    first = (await there.call("PATCH", f"/api/items/{item.id}/media", body)).json()
    second = (await there.call("PATCH", f"/api/items/{item.id}/media", body)).json()

    assert first["updated"] is True
    assert "updated" not in second


async def test_a_scan_that_somebody_else_began_does_not_stand_in_for_ours(shelf: Audiobookshelf, there: Place) -> None:
    there.book("Bram Stoker/Dracula")
    await there.call("POST", f"/api/libraries/{await there.library_id()}/scan")
    there.book(OZ)

    items = await scanned(shelf)

    assert set(items) == {OZ, "Bram Stoker/Dracula"}


async def test_with_the_watcher_on_a_scan_begins_after_a_quiet_while(shelf: Audiobookshelf, there: Place) -> None:
    there.book(OZ)
    await there.call("PATCH", f"/api/libraries/{await there.library_id()}", {"settings": {"disableWatcher": False}})

    items = await scanned(shelf)

    assert set(items) == {OZ}


async def test_the_pages_of_a_list_add_up(shelf: Audiobookshelf, there: Place) -> None:
    for number in range(7):
        there.book(f"L. Frank Baum/Oz/Vol {number} - Book {number}")
    await shelf.scan()
    path = f"/api/libraries/{await there.library_id()}/items?limit=3&sort=addedAt"

    pages = [(await there.call("GET", f"{path}&page={number}")).json() for number in range(4)]

    assert [len(page["results"]) for page in pages] == [3, 3, 1, 0]
    assert {page["total"] for page in pages} == {7}
    assert len({row["id"] for page in pages for row in page["results"]}) == 7


async def test_batch_get_refuses_nothing_and_drops_what_it_does_not_know(shelf: Audiobookshelf, there: Place) -> None:
    unknown = {"libraryItemIds": ["00000000-0000-0000-0000-000000000000"]}

    dropped = (await there.call("POST", "/api/items/batch/get", unknown)).json()
    async with there.http() as http:
        refused = await http.post("/api/items/batch/get", json={"libraryItemIds": []})

    assert dropped == {"libraryItems": []}
    assert refused.status_code == 403


async def test_both_paths_lead_to_the_server(there: Place) -> None:
    under = (await there.call("GET", "/audiobookshelf/api/libraries")).json()

    assert under == (await there.call("GET", "/api/libraries")).json()


async def test_below_the_base_path_everything_works_the_same(there: Place) -> None:
    there.book(OZ)
    address = f"{there.url}/audiobookshelf/"

    async with client(address, headers={"Authorization": f"Bearer {there.key}"}) as http:
        shelf = there.adapter(http)
        items = await scanned(shelf)
        async with asyncio.timeout(20), aclosing(shelf.wakeups()) as wakeups:
            first = await anext(wakeups)

    assert set(items) == {OZ}
    assert first.event == "init"


async def test_changes_are_announced(shelf: Audiobookshelf, there: Place) -> None:
    there.book(OZ)
    heard: list[str] = []

    async with asyncio.timeout(20), aclosing(shelf.wakeups()) as wakeups:
        heard.append((await anext(wakeups)).event)
        items = await scanned(shelf)
        while "task_finished" not in heard:
            heard.append((await anext(wakeups)).event)
        await shelf.write(items[OZ].id, ItemMetadata(language="en"))
        while heard[-1] != "item_updated":
            heard.append((await anext(wakeups)).event)

    assert heard[0] == "init"
    assert "items_added" in heard
