"""Torrent files and magnets: the ids agree with libtorrent, and nothing hostile comes through."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from bencode2 import bencode
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sandbox.torrent_maker import Version, make_torrent
from adapters.torrents import MAX_BYTES, MAX_FILES, read_magnet, read_torrent
from domain.errors import Permanent
from domain.releases import Payload, TorrentFile

ROOT = bytes(32)


def v1(*files: Mapping[str, Any], name: object = b"Tik-Tok of Oz", **info: Any) -> bytes:
    listed: dict[str, Any] = {"files": list(files)} if files else {}
    return bencode({"info": {"name": name, "piece length": 16384, "pieces": bytes(20), **listed, **info}})


def v2(tree: Mapping[Any, Any], name: bytes = b"Oz") -> bytes:
    return bencode({"info": {"name": name, "piece length": 16384, "meta version": 2, "file tree": tree}})


def file(*path: str, length: object = 5, **more: Any) -> dict[str, Any]:
    return {"length": length, "path": list(path), **more}


def code_of(content: bytes) -> str:
    with pytest.raises(Permanent) as caught:
        read_torrent(content)
    return caught.value.code


def outcome(read: Callable[[], Payload]) -> Payload | str:
    """The payload, or the code of the refusal. Anything else that is raised comes through."""
    try:
        return read()
    except Permanent as refusal:
        return refusal.code


@pytest.fixture
def book(tmp_path: Path) -> Path:
    folder, chance = tmp_path / "Tik-Tok of Oz", Random(8)
    (folder / "Teil 1 – Anfang").mkdir(parents=True)
    (folder / "Teil 1 – Anfang" / "01 – größer.mp3").write_bytes(chance.randbytes(300_011))
    (folder / "02.mp3").write_bytes(chance.randbytes(65_536))
    (folder / "cover.jpg").write_bytes(b"x" * 1000)
    (folder / "empty.txt").write_bytes(b"")
    return folder


@pytest.mark.parametrize("version", ["v1", "v2", "hybrid"])
@pytest.mark.parametrize("lone", [False, True])
def test_ids_and_files_agree_with_libtorrent(book: Path, version: Version, lone: bool):
    lt = pytest.importorskip("libtorrent", reason="left out: libtorrent is not installed")
    content = make_torrent(book / "02.mp3" if lone else book, version=version)
    theirs = lt.torrent_info(lt.bdecode(content))
    hashes, layout = theirs.info_hashes(), theirs.layout()

    payload = read_torrent(content)

    assert payload.infohash_v1 == (str(hashes.v1) if hashes.has_v1() else None)
    assert payload.infohash_v2 == (str(hashes.v2) if hashes.has_v2() else None)
    assert payload.name == theirs.name()
    padding = lt.file_flags_t.flag_pad_file
    listed = [one for one in range(layout.num_files()) if not layout.file_flags(one) & padding]
    assert sorted((one.path, one.size_bytes) for one in payload.files or ()) == sorted(
        (layout.file_path(one), layout.file_size(one)) for one in listed
    )


def test_the_id_comes_from_the_bytes_as_they_are():
    """Unsorted keys around `info` and a line end behind: both are found in the wild, and neither changes the id."""
    raw = b"d6:lengthi5e4:name6:Oz.mp312:piece lengthi16384e6:pieces20:" + bytes(20) + b"e"

    tidy = read_torrent(b"d4:info" + raw + b"e")
    odd = read_torrent(b"d1:z0:4:info" + raw + b"1:a0:e\r\n")

    assert tidy.infohash_v1 == odd.infohash_v1
    assert tidy.files == (TorrentFile(path="Oz.mp3", size_bytes=5),)


def test_padding_files_are_left_out():
    payload = read_torrent(
        v1(
            file("01.mp3"),
            file("0", attr="p"),
            file(".pad", "123"),
            file("_____padding_file_0_if you see this file, please update"),
            file(".____padding_file", "7", attr="p"),
        )
    )

    assert [one.path for one in payload.files or ()] == ["Tik-Tok of Oz/01.mp3"]


def test_names_in_utf_8_go_before_the_older_field():
    payload = read_torrent(v1({"length": 1, "path": [b"\xff\xfe"], "path.utf-8": ["ä.mp3"]}))

    assert [one.path for one in payload.files or ()] == ["Tik-Tok of Oz/ä.mp3"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!DOCTYPE html><html><body>Please log in</body></html>",
        b'<?xml version="1.0"?><error code="100" description="Invalid API key"/>',
        b'{"error": "limit"}',
        b"4:spam",
        b"le",
        b"d",
        b"d4:info",
        b"d4:infod4:name2:Oz",
        b"d4:infod4:name999999999:Oze",
        b"d4:infodi1ei1eee",
        b"l" * 100_000,
        b"d4:info" + b"l" * 500_000 + b"e" * 500_000 + b"e",
        b"d4:infod6:lengthi" + b"9" * 1_000_000 + b"eee",
        b"d4:info" + b"d1:a" * 5_000 + b"0:" + b"e" * 5_000 + b"e",
    ],
    ids=lambda content: repr(content[:24]),
)
def test_what_is_no_torrent_file_is_said_to_be_none(content: bytes):
    assert code_of(content) in ("TorrentNotBencoded", "TorrentInvalid", "TorrentTooManyFiles")
    if not content.startswith(b"d4:info"):
        assert code_of(content) == "TorrentNotBencoded"


@pytest.mark.parametrize(
    "content",
    [
        bencode({"announce": "http://127.0.0.1/"}),
        b"di1e4:infoe",
        bencode({"info": []}),
        bencode({"info": {}}),
        bencode({"info": {"name": "Oz"}}),
        bencode({"info": {"name": 7, "length": 1, "pieces": bytes(20)}}),
        bencode({"info": {"name": "Oz", "length": 1, "pieces": bytes(21)}}),
        bencode({"info": {"name": "Oz", "length": 1, "pieces": b""}}),
        v1(name="Oz", files=[]),
        v1(name="Oz", files={}),
        v1(name="Oz", files=["x"]),
        v1(name="Oz", files=[{"length": 1, "path": []}]),
        v1(name="Oz", files=[{"length": 1, "path": "x"}]),
        v1(name="Oz", files=[{"length": 1, "path": [1]}]),
        v1(file("x"), **{"meta version": 3}),
        v2({}),
        v2({"a": {}}),
        v2({"a": 1}),
        b"d4:infod4:name2:Oze4:infod4:name2:Ozee",
    ],
)
def test_bencode_that_is_no_torrent_is_invalid(content: bytes):
    assert code_of(content) == "TorrentInvalid"


HOSTILE = ["..", ".", "", " ", "/etc", "a/b", "a\\b", "\\\\host", "..\\..\\x", "C:", "C:evil", "a\0b", "a\nb", "\x7f"]


@pytest.mark.parametrize("component", HOSTILE)
def test_a_path_that_could_lead_elsewhere_is_refused(component: str):
    assert code_of(v1(file("disc 1", component))) == "TorrentUnsafePath"
    assert code_of(v1(file(component, "01.mp3"))) == "TorrentUnsafePath"
    assert code_of(v1(name=component, length=1)) == "TorrentUnsafePath"
    assert (
        code_of(v2({"disc 1": {component: {"": {"length": 1, "pieces root": ROOT}}, "z": {}}})) == "TorrentUnsafePath"
    )


def test_names_with_a_colon_or_dots_are_fine():
    payload = read_torrent(v1(file("Q: A Voyage", "...and then.mp3"), file("Oz..m4b")))

    assert [one.path for one in payload.files or ()] == [
        "Tik-Tok of Oz/Q: A Voyage/...and then.mp3",
        "Tik-Tok of Oz/Oz..m4b",
    ]


def test_symbolic_links_and_endless_folders_are_refused():
    deep: dict[Any, Any] = {"": {"length": 1, "pieces root": ROOT}}
    for _ in range(200):
        deep = {"a": deep}

    assert code_of(v1(file("x", attr="l"))) == "TorrentUnsafePath"
    assert code_of(v1(file(*["a"] * 200))) == "TorrentUnsafePath"
    assert code_of(v2(deep)) == "TorrentUnsafePath"


@pytest.mark.parametrize("size", [-1, 1 << 60, "5", None, [1], 10**19])
def test_impossible_sizes_are_refused(size: object):
    entry = file("x", length=size) if size is not None else {"path": ["x"]}

    assert code_of(v1(entry)) == "TorrentBadSize"


def test_too_many_files_and_too_large_a_file_are_refused():
    crowd = [file(f"{number}.mp3") for number in range(50_000)]

    assert code_of(v1(*crowd)) == "TorrentTooManyFiles"
    assert code_of(v2({f"{number}": {"": {"length": 1, "pieces root": ROOT}} for number in range(50_000)})) == (
        "TorrentTooManyFiles"
    )
    assert len(read_torrent(v1(*crowd[:MAX_FILES])).files or ()) == MAX_FILES
    assert code_of(b"d" + b"0" * MAX_BYTES) == "TorrentTooBig"
    assert code_of(b"d4:infol" + b"le" * 2_000_000 + b"ee") == "TorrentTooManyFiles"


def test_a_refusal_repeats_nothing_of_what_came():
    with pytest.raises(Permanent) as caught:
        read_torrent(b"<html>passkey=0123456789abcdef</html>")

    assert "passkey" not in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(content: bytes):
    assert str(outcome(lambda: read_torrent(content))).startswith(("Torrent", "Payload"))


LEAVES = st.integers() | st.sampled_from([bytes(20), b"..", b"", b"p", b"Oz.mp3"])
VALUES = LEAVES | st.lists(LEAVES, max_size=3)
KEYS = st.sampled_from(
    [b"name", b"length", b"files", b"pieces", b"meta version", b"file tree", b"path", b"attr", b"", b"name.utf-8"]
)


BRANCHES = VALUES | st.dictionaries(KEYS, VALUES, max_size=3)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, BRANCHES | st.lists(BRANCHES, max_size=2) | st.dictionaries(KEYS, BRANCHES, max_size=2)))
def test_arbitrary_info_dictionaries_are_read_or_refused(info: dict[bytes, Any]):
    read = outcome(lambda: read_torrent(bencode({"info": info})))

    assert str(read).startswith(("Torrent", "Payload"))
    for one in (read.files or ()) if isinstance(read, Payload) else ():
        assert ".." not in one.path.split("/")
        assert not one.path.startswith("/")
        assert one.size_bytes >= 0


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_torrent_is_read_or_refused(data: st.DataObject):
    content = bytearray(v1(file("01.mp3"), file("disc", "02.mp3", attr="p")))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))

    assert str(outcome(lambda: read_torrent(bytes(content)))).startswith(("Torrent", "Payload"))


def test_a_magnet_names_its_torrent_in_every_spelling():
    v1_id, v2_id = "1dd38ee81e6196390f5e188ef39b7e7925af11a6", "ab" * 32
    base32 = base64.b32encode(bytes.fromhex(v1_id)).decode()

    for link in (
        f"magnet:?xt=urn:btih:{v1_id}&dn=Tik-Tok%20of%20Oz",
        f"magnet:?dn=Tik-Tok+of+Oz&xt=urn:btih:{v1_id.upper()}",
        f"magnet:?xt.1=urn:btih:{base32}&dn=Tik-Tok%20of%20Oz&tr=http%3A%2F%2F127.0.0.1%2Fannounce",
    ):
        payload = read_magnet(link)
        assert (payload.infohash_v1, payload.infohash_v2, payload.id) == (v1_id, None, v1_id)
        assert (payload.name, payload.files, payload.magnet) == ("Tik-Tok of Oz", None, link)
    hybrid = read_magnet(f"magnet:?xt=urn:btih:{v1_id}&xt=urn:btmh:1220{v2_id}")
    assert (hybrid.infohash_v1, hybrid.infohash_v2, hybrid.id) == (v1_id, v2_id, v2_id[:40])


@pytest.mark.parametrize(
    "link",
    [
        "",
        "http://127.0.0.1/x.torrent",
        "magnet:?dn=bad",
        "magnet:?xt=urn:btih:123",
        "magnet:?xt=urn:sha1:" + "A" * 32,
        "magnet:?xt=urn:btmh:1120" + "ab" * 32,
        "magnet:?xt=urn:btih:" + "ab" * 20 + "\nmagnet:?xt=urn:btih:" + "cd" * 20,
        "magnet:?xt=urn:btih:" + "ab" * 20 + "&xt=urn:btih:" + "cd" * 20,
        "magnet:?" + "a=1&" * 5_000,
        "magnet:?xt=urn:btih:" + "ab" * 20 + "&dn=" + "x" * 100_000,
    ],
    ids=lambda link: link[:40],
)
def test_a_link_that_names_no_single_torrent_is_refused(link: str):
    with pytest.raises(Permanent) as caught:
        read_magnet(link)

    assert caught.value.code == "MagnetInvalid"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_arbitrary_magnets_are_read_or_refused(tail: str):
    for link in (tail, f"magnet:?{tail}", f"magnet:?xt=urn:btih:{tail}"):
        read = outcome(lambda: read_magnet(link))  # noqa: B023 - called at once
        assert isinstance(read, Payload) or read == "MagnetInvalid"


def test_a_payload_shows_neither_its_bytes_nor_its_link():
    magnet = read_magnet("magnet:?xt=urn:btih:" + "ab" * 20 + "&tr=http%3A%2F%2F127.0.0.1%2Fpasskey123")

    assert "passkey123" not in repr(magnet)
