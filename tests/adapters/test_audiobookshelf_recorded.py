"""Recorded exchanges of a real server, replayed: what is decoded from them, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from audiobookshelf_place import KEY, stand_in

from adapters.audiobookshelf import Audiobookshelf
from domain.errors import Ambiguous, Conflict, Permanent, Transient
from domain.metadata import ItemMetadata
from domain.releases import SeriesName

FIXTURES = Path(__file__).parent.parent / "fixtures" / "audiobookshelf"
WIZARD = "859af046-685f-401b-89dd-e4b00104e18f"

Handler = Callable[[httpx.Request], httpx.Response]


def recorded(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())["response"]["body"]


def reply(name: str) -> httpx.Response:
    said = json.loads((FIXTURES / f"{name}.json").read_text())["response"]
    headers = {"Content-Type": said["contentType"]} if said["contentType"] else {}
    if isinstance(said["body"], str):
        return httpx.Response(said["status"], text=said["body"], headers=headers | dict(said.get("headers") or {}))
    return httpx.Response(said["status"], json=said["body"], headers=said.get("headers") or {})


def replay(handler: Handler) -> Audiobookshelf:
    http = httpx.AsyncClient(transport=httpx.MockTransport(handler), base_url="http://abs.test")
    return Audiobookshelf(http)


def library_of(rows: list[Any], expanded: list[Any], *, size: int = 500) -> Handler:
    """A server with one library: these rows in its list, these items in full."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/api/libraries":
            return reply("libraries")
        if path.endswith("/items"):
            page = int(request.url.params["page"])
            some = rows[page * size : (page + 1) * size]
            return httpx.Response(200, json=recorded("items-page-past-end") | {"results": some, "total": len(rows)})
        ids = json.loads(request.content)["libraryItemIds"]
        return httpx.Response(200, json={"libraryItems": [item for item in expanded if item["id"] in ids]})

    return answer


def in_full(row: Any) -> Any:
    """A list row dressed as the expanded item that stands behind it."""
    said = row["media"]["metadata"]
    series = [{"id": "s", "name": name, "sequence": None} for name in said["seriesName"].split(", ") if name]
    authors = [{"id": "a", "name": name} for name in said["authorName"].split(", ") if name]
    metadata = said | {"authors": authors, "series": series, "narrators": []}
    return row | {"media": row["media"] | {"metadata": metadata}}


def rows_of_three_pages() -> list[Any]:
    return [row for page in range(3) for row in recorded(f"items-limit8-page{page}")["results"]]


async def test_three_pages_give_every_item_exactly_once() -> None:
    rows = rows_of_three_pages()

    view = await replay(library_of(rows, [in_full(row) for row in rows], size=8)).read({})

    assert [item.id for item in view.items] == [row["id"] for row in rows]
    assert len({item.id for item in view.items}) == recorded("items-limit8-page0")["total"] == 20
    assert view.faults == ()


async def test_numbers_names_and_ids_are_read_as_they_were_given() -> None:
    full = recorded("items-batch-get-variants")["libraryItems"]
    rows = [in_full(item) for item in full]

    view = await replay(library_of(rows, full)).read({})

    found = {item.title: item for item in view.items}
    land, holmes = found["The Marvelous Land of Oz"], found["The Adventures of Sherlock Holmes"]
    assert land.series == (SeriesName(name="Oz", position="2"), SeriesName(name="Famous Forty", position="2"))
    assert found["Little Wizard Stories of Oz"].series == (SeriesName(name="Oz", position="6.5"),)
    assert found["The Woggle-Bug Book"].series == (SeriesName(name="Oz", position=None),)
    assert (holmes.narrators, holmes.asin, holmes.authors) == (("Ruth Golding",), "B0TEST0003", ("Arthur Conan Doyle",))
    assert (holmes.duration_s, holmes.tracks, holmes.abridged) == (pytest.approx(1.0, abs=0.1), 1, None)


async def test_a_single_file_in_the_root_is_an_item_too() -> None:
    full = recorded("item-expanded-single-file")

    view = await replay(library_of([in_full(full)], [full])).read({})

    assert [(item.rel_path, item.title, item.authors) for item in view.items] == [("Sky Island.mp3", "Sky Island", ())]


async def test_two_items_on_one_path_are_a_fault() -> None:
    rows = recorded("items-duplicate-path")["results"]

    view = await replay(library_of(rows, [in_full(row) for row in rows])).read({})

    [fault] = view.faults
    assert "A Midsummer Night's Dream" in fault
    assert rows[0]["id"] in fault
    assert rows[1]["id"] in fault


async def test_an_item_that_took_over_anothers_identity_is_a_fault() -> None:
    full = recorded("item-identity-taken-over")

    view = await replay(library_of([in_full(full)], [full])).read({})

    [fault] = view.faults
    assert "William Shakespeare/Venus and Adonis" in fault
    assert '"Dracula" by Bram Stoker' in fault


async def test_a_server_that_hands_out_fewer_items_than_it_lists_is_read_in_part() -> None:
    rows = rows_of_three_pages()

    with pytest.raises(Transient) as partial:
        await replay(library_of(rows, [in_full(row) for row in rows[1:]])).read({})

    assert partial.value.code == "LibraryPartial"


async def test_a_changed_item_that_is_not_handed_out_is_not_replaced_by_what_was_known() -> None:
    rows = rows_of_three_pages()
    full = [in_full(row) for row in rows]
    known = {item.id: item for item in (await replay(library_of(rows, full)).read({})).items}
    rows[0] = rows[0] | {"updatedAt": rows[0]["updatedAt"] + 1}

    with pytest.raises(Transient) as partial:
        await replay(library_of(rows, full[1:])).read(known)

    assert partial.value.code == "LibraryPartial"


async def test_a_renamed_author_is_noticed_though_the_item_did_not_change() -> None:
    rows = rows_of_three_pages()
    full = [in_full(row) for row in rows]
    known = {item.id: item for item in (await replay(library_of(rows, full)).read({})).items}
    said = rows[0]["media"]["metadata"]
    rows[0] = rows[0] | {"media": rows[0]["media"] | {"metadata": said | {"authorName": "Somebody Else"}}}

    view = await replay(library_of(rows, [in_full(row) for row in rows])).read(known)

    assert view.items[0].authors == ("Somebody Else",)


@pytest.mark.parametrize("moves", ["total", "twice"])
async def test_a_list_that_moves_between_pages_is_read_again_and_then_given_up(moves: str) -> None:
    rows, calls = rows_of_three_pages(), 0
    steady = library_of(rows, [in_full(row) for row in rows], size=8)

    def restless(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        answer = steady(request)
        if not request.url.path.endswith("/items"):
            return answer
        calls += 1
        page = json.loads(answer.content)
        if moves == "total":
            page["total"] += calls
        elif request.url.params["page"] == "1":
            page["results"][0] = rows[0]
        return httpx.Response(200, json=page)

    with pytest.raises(Transient) as partial:
        await replay(restless).read({})

    assert partial.value.code == "LibraryPartial"
    assert calls == 4, "two pages, twice"


async def test_a_list_that_moves_once_is_read_whole_the_second_time() -> None:
    rows, calls = rows_of_three_pages(), 0
    steady = library_of(rows, [in_full(row) for row in rows], size=8)

    def restless(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += request.url.path.endswith("/items")
        if calls == 2:
            return httpx.Response(200, json=json.loads(steady(request).content) | {"total": 21})
        return steady(request)

    view = await replay(restless).read({})

    assert len(view.items) == 20


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("error-bad-token", Permanent, "LibraryRefusedKey"),
        ("error-forbidden", Permanent, "LibraryForbidden"),
        ("error-library-not-found", Permanent, "LibraryNotFound"),
        ("error-unknown-route", Permanent, "LibraryNotFound"),
        ("error-login-rate-limited", Transient, "LibraryBusy"),
        ("tasks-idle", Transient, "LibraryNotJson"),
    ],
)
async def test_each_refusal_has_its_own_error(name: str, kind: type[Exception], code: str) -> None:
    with pytest.raises(kind) as refused:
        await replay(lambda _: reply(name)).read({})

    assert getattr(refused.value, "code", "") == code
    assert getattr(refused.value, "retry_after_s", None) == (297 if code == "LibraryBusy" else None)


async def test_an_item_that_is_not_found_is_gone() -> None:
    with pytest.raises(Conflict) as gone:
        await replay(lambda _: reply("error-item-not-found")).item(WIZARD)

    assert gone.value.code == "ItemGone"


def kept(change: dict[str, Any]) -> Handler:
    """A server that accepts every change and keeps this one whatever was asked."""
    item = recorded("item-expanded")
    changed = False

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal changed
        if request.method == "PATCH":
            changed = True
            return reply("item-media-patch-no-change")
        metadata = item["media"]["metadata"] | (change if changed else {})
        return httpx.Response(200, json=item | {"media": item["media"] | {"metadata": metadata}})

    return answer


async def test_a_missing_updated_in_the_answer_is_no_error() -> None:
    item = await replay(kept({"asin": "B0TEST0001"})).write(WIZARD, ItemMetadata(asin="B0TEST0001"))

    assert item.asin == "B0TEST0001"


async def test_a_server_that_keeps_something_else_is_a_conflict_that_names_the_fields() -> None:
    wanted = ItemMetadata(asin="B0TEST0001", narrators=("Phil Chenevert",), title="The Wonderful Wizard of Oz")

    with pytest.raises(Conflict) as other:
        await replay(kept({"asin": "B0TEST0009"})).write(WIZARD, wanted)

    assert "asin, narrators" in other.value.message
    assert "title" not in other.value.message


async def test_a_change_is_sent_with_complete_lists_of_objects_and_texts() -> None:
    sent: list[Any] = []
    server = kept({})

    def listen(request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            sent.append((request.url.path, json.loads(request.content)))
        return server(request)

    wanted = ItemMetadata(
        authors=(" L. Frank Baum ", "W. W. Denslow"),
        narrators=("Phil Chenevert",),
        series=(SeriesName(name=" Oz ", position=" 1 "), SeriesName(name="Famous Forty")),
        published_year="1900",
    )
    with pytest.raises(Conflict):
        await replay(listen).write(WIZARD, wanted)

    body = {
        "authors": [{"name": "L. Frank Baum"}, {"name": "W. W. Denslow"}],
        "narrators": ["Phil Chenevert"],
        "series": [{"name": "Oz", "sequence": "1"}, {"name": "Famous Forty"}],
        "publishedYear": "1900",
    }
    assert sent == [(f"/api/items/{WIZARD}/media", {"metadata": body})]


@pytest.mark.parametrize(
    "metadata",
    [
        ItemMetadata(title=" "),
        ItemMetadata(authors=("",)),
        ItemMetadata(narrators=("Phil Chenevert", " ")),
        ItemMetadata(series=(SeriesName(name=" ", position="1"),)),
    ],
)
async def test_nothing_blank_is_ever_sent(metadata: ItemMetadata) -> None:
    def unreachable(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"asked {request.url}")

    with pytest.raises(Permanent):
        await replay(unreachable).write(WIZARD, metadata)


@pytest.mark.parametrize("error", [httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.WriteError])
async def test_a_change_without_an_answer_is_sent_once_and_is_ambiguous(error: type[httpx.TransportError]) -> None:
    sent = 0

    def die(request: httpx.Request) -> httpx.Response:
        nonlocal sent
        if request.method == "PATCH":
            sent += 1
            raise error("gone")
        return reply("item-expanded")

    with pytest.raises(Ambiguous) as unknown:
        await replay(die).write(WIZARD, ItemMetadata(asin="B0TEST0001"))

    assert unknown.value.code == "LibraryWriteUnknown"
    assert sent == 1


async def test_a_change_that_was_never_sent_is_transient() -> None:
    def down(request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            raise httpx.ConnectError("refused")
        return reply("item-expanded")

    with pytest.raises(Transient) as unreachable:
        await replay(down).write(WIZARD, ItemMetadata(asin="B0TEST0001"))

    assert unreachable.value.code == "LibraryUnreachable"


async def test_a_change_that_cannot_be_read_back_is_ambiguous() -> None:
    server, changed = kept({}), False

    def die_later(request: httpx.Request) -> httpx.Response:
        nonlocal changed
        if changed:
            raise httpx.ConnectError("refused")
        changed = request.method == "PATCH"
        return server(request)

    with pytest.raises(Ambiguous):
        await replay(die_later).write(WIZARD, ItemMetadata(asin="B0TEST0001"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"app": "jellyfin"}, "LibraryNotAudiobookshelf"),
        ({"isInit": False}, "LibraryNotSetUp"),
        ({"serverVersion": "2.25.1"}, "LibraryTooOld"),
    ],
)
async def test_the_check_refuses_a_server_that_cannot_do_it(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Permanent) as refused:
        await replay(lambda _: httpx.Response(200, json=recorded("status") | change)).check()

    assert refused.value.code == code


@pytest.mark.parametrize("lacking", ["type", "update", "accessAllLibraries", "accessAllTags", "accessExplicitContent"])
async def test_the_check_refuses_a_user_who_cannot_see_or_do_everything(lacking: str) -> None:
    me = recorded("me")
    if lacking == "type":
        me["type"] = "user"
    else:
        me["permissions"][lacking] = False

    def answer(request: httpx.Request) -> httpx.Response:
        return reply("status") if request.url.path == "/status" else httpx.Response(200, json=me)

    with pytest.raises(Permanent) as refused:
        await replay(answer).check()

    assert refused.value.code == "LibraryForbidden"


async def test_the_check_passes_for_the_recorded_server() -> None:
    answers = {"/status": "status", "/api/me": "me", "/api/libraries": "libraries"}

    found = await replay(lambda request: reply(answers[request.url.path])).check()

    assert found.version == "2.36.0"
    assert [library.folders for library in found.libraries] == [("/audiobooks",)]


def keys(value: Any) -> Any:
    """The names in a JSON object, and in the objects and lists below it; not of free-form tags."""
    if isinstance(value, dict):
        return {name: keys(below) for name, below in value.items() if name not in ("metaTags", "scanResults")}
    return keys(value[0]) if isinstance(value, list) and value else None


def lacks(there: Any, recorded_keys: Any, path: str = "") -> list[str]:
    if not isinstance(recorded_keys, dict):
        return []
    if not isinstance(there, dict):
        return [path]
    return [
        lack
        for name, below in recorded_keys.items()
        for lack in (lacks(there[name], below, f"{path}.{name}") if name in there else [f"{path}.{name}"])
    ]


NOT_IMITATED = {  # details of the prober, and of settings nobody here reads
    *(f"{name}FromMeta" for name in ("trackNum", "discNum")),
    *(f"{name}FromFilename" for name in ("trackNum", "discNum")),
    *("manuallyVerified", "format", "bitRate", "codec", "timeBase", "channels", "channelLayout", "embeddedCoverArt"),
    *("mimeType", "language", "mediaProgress", "seriesHideFromContinueListening", "bookmarks", "lastSeen"),
    *("hasOpenIDLink", "skipMatchingMediaWithAsin", "skipMatchingMediaWithIsbn", "epubsAllowScriptedContent"),
    *("hideSingleBookSeries", "onlyShowLaterBooksInContinueSeries", "markAsFinishedPercentComplete"),
    *("markAsFinishedTimeRemaining", "titleKey", "titleSubs", "descriptionKey", "descriptionSubs", "errorKey"),
    *("errorSubs",),
}


async def test_the_stand_in_has_the_recorded_shapes(tmp_path: Path) -> None:
    with stand_in(tmp_path, scan_seconds=0.3) as there:
        there.book("L. Frank Baum/Oz/Vol 1 - The Wonderful Wizard of Oz {Phil Chenevert}")
        library = f"/api/libraries/{await there.library_id()}"
        await there.call("POST", f"{library}/scan")
        shapes = {"tasks-during-scan": (await there.call("GET", "/api/tasks")).json()}
        async with there.http(KEY) as http:
            await there.adapter(http).scan()
        row = (await there.call("GET", f"{library}/items?limit=8&sort=addedAt")).json()
        item = f"/api/items/{row['results'][0]['id']}"
        for name, path in {
            "status": "/status", "me": "/api/me", "libraries": "/api/libraries", "library": library,
            "tasks-idle": "/api/tasks", "item-expanded": f"{item}?expanded=1",
        }.items():  # fmt: skip
            shapes[name] = (await there.call("GET", path)).json()
        change = {"metadata": {"series": [{"name": "Oz", "sequence": "2"}]}}
        shapes["item-media-patch"] = (await there.call("PATCH", f"{item}/media", change)).json()
        shapes["items-limit8-page0"] = row

    for name, shape in shapes.items():
        missing = lacks(keys(shape), keys(recorded(name)))
        assert [lack for lack in missing if lack.rpartition(".")[2] not in NOT_IMITATED] == [], name
