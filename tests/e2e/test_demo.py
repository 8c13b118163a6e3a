"""`bibliostat demo` as a person types it: the world closes, and of all the decoys none is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Said, bibliostat

from adapters.sandbox.nox import installed
from adapters.sandbox.world import LOTS, RUNTIMES_MIN, SMALLER, VOLUMES, Volume
from adapters.store import open_store

EXAMPLE = Path(__file__).parents[2] / "examples" / "oz"
OBTAINABLE = 10

SAYS_NO = {
    "wrong_volume": {"WrongTitle", "WrongVolume", "OtherNumbering"},
    "omnibus": {"Omnibus"},
    "abridged": {"Abridged"},
    "ebook": {"Ebook"},
    "other_language": {"WrongLanguage", "WrongTitle"},
    "not_a_book": {"WrongTitle"},
    "other_author": {"WrongAuthor"},
    "dramatized": {"Dramatized"},
    "dead": {"NoSeeders"},
}
"""What a decoy is -> the rules of which at least one must have said so, for the book that it imitates."""

LEFT_OUT = {
    "by another author": 8,
    "collections": 3,
    "short pieces between the numbers": 2,
    "translated recordings": 2,
    "dramatised recordings": 1,
    "abridged recordings": 1,
}
"""What the catalogues list besides the fourteen books and plain recordings of them."""

FOUND_OUT_LATER = "Glinda of Oz by L. Frank Baum [ENG]"
"""An e-book that says nothing of itself: only its list of files gives it away, so it has no refusal before that."""


@pytest.fixture(scope="module")
def without_nox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of programs that holds none, so that the demo takes its own stand-in."""
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(scope="module")
def demo_said(tmp_path_factory: pytest.TempPathFactory, without_nox: Path) -> tuple[Said, Path]:
    folder = tmp_path_factory.mktemp("demo") / "world"
    return bibliostat({"PATH": str(without_nox)}, "demo", "--folder", folder, "--keep"), folder


def test_the_demo_ends_well_with_its_stand_ins(demo_said: tuple[Said, Path]) -> None:
    said, _ = demo_said

    assert said.code == 0, said.out + said.err
    assert "the download client is a stand-in" in said.out
    assert "13 of 14 books are in the library" in said.out


def test_the_books_are_looked_up_and_what_is_left_out_is_counted(demo_said: tuple[Said, Path]) -> None:
    said, _ = demo_said
    told = " ".join(said.out.split("Which books these are")[1].split("What would be done")[0].split())

    assert "no book by its title" in said.out
    assert "14 books of Oz, from 4 sources" in told
    assert "audnexus 0 requests not needed" in told
    for reason, count in LEFT_OUT.items():
        assert f" {count} {reason} " in told


async def test_what_is_wanted_comes_from_the_catalogue_with_the_lengths_that_it_states(
    demo_said: tuple[Said, Path],
) -> None:
    _, folder = demo_said
    async with open_store(f"sqlite:///{_database(folder)}") as store:
        [known] = (await store.catalogued()).values()

    [tin_woodman] = [book for book in known.books if book.position == "12"]
    assert {edition.runtime_min for edition in tin_woodman.editions} == {RUNTIMES_MIN[12]}
    assert set(tin_woodman.sources) == {"audible", "audiosilo", "librivox", "openlibrary"}


@pytest.mark.skipif(not installed(), reason="left out: qbittorrent-nox")
def test_the_demo_ends_well_with_a_real_qbittorrent(tmp_path: Path) -> None:
    said = bibliostat({}, "demo", "--folder", tmp_path / "world", "--keep")

    assert said.code == 0, said.out + said.err
    assert "qbittorrent-nox of this machine" in said.out
    assert "13 of 14 books are in the library" in said.out
    assert len(_downloaded(tmp_path / "world")) == OBTAINABLE


async def test_of_the_decoys_none_is_grabbed_and_each_right_one_once(demo_said: tuple[Said, Path]) -> None:
    _, folder = demo_said
    async with open_store(f"sqlite:///{_database(folder)}") as store:
        grabs = [claim for claim in await store.claims() if claim.action == "grab"]

    right = {(_key(VOLUMES[lot.volume - 1]), lot.place) for lot in LOTS if lot.label == "right" and lot.volume}
    assert sorted((claim.want, claim.indexer) for claim in grabs) == sorted(right)
    assert len(right) == OBTAINABLE == len(_downloaded(folder))


def test_it_says_from_which_indexer_each_book_came(demo_said: tuple[Said, Path]) -> None:
    said, _ = demo_said
    shelves = said.out.split("The shelves")[1].split("What was refused")[0]

    for lot in LOTS:
        if lot.label == "right" and lot.volume:
            title = VOLUMES[lot.volume - 1].title
            assert any(title in line and lot.place in line for line in shelves.splitlines()), title


async def test_of_a_whole_item_only_the_wanted_files_are_downloaded(demo_said: tuple[Said, Path]) -> None:
    _, folder = demo_said

    published = {path.name for path in (folder / "world" / "library").rglob("*.mp3")}
    assert "rinkitink_in_oz_01_baum.mp3" in {path.name for path in _downloaded_files(folder)} | published
    assert not [path for path in _downloaded_files(folder) if SMALLER in path.name]


async def test_each_decoy_is_refused_by_the_rule_that_it_breaks(demo_said: tuple[Said, Path]) -> None:
    _, folder = demo_said
    keys = {volume.position: _key(volume) for volume in VOLUMES}
    async with open_store(f"sqlite:///{_database(folder)}") as store:
        rows = {key: await store.verdicts(key) for key in keys.values()}

    for lot in LOTS:
        imitates = [keys[lot.volume]] if lot.volume and rows[keys[lot.volume]] else list(keys.values())
        objections = {
            (key, row.rule)
            for key in imitates
            for row in rows[key]
            if row.title == lot.title and row.answer in ("no", "possible")
        }
        if lot.label == "right" or lot.title == FOUND_OUT_LATER:
            assert not objections, lot.title
        else:
            assert {rule for _, rule in objections} & SAYS_NO[lot.label], lot.title


def test_why_tells_which_rule_refused_the_decoys_of_the_book_that_stays_wanted(demo_said: tuple[Said, Path]) -> None:
    _, folder = demo_said
    environment = {"BIBLIOSTAT_DATA_DIR": str(folder / "data"), "BIBLIOSTAT_WANTED": str(EXAMPLE)}

    said = bibliostat(environment, "why", "The Tin Woodman of Oz")

    assert said.code == 0
    for lot in LOTS:
        if lot.volume == 12 and lot.label != "right":
            told = said.out.split(lot.title, 1)[1].split("\n  no ", 1)[0].split("\n  possible ", 1)[0]
            assert any(rule in told for rule in SAYS_NO[lot.label]), lot.title


def _key(volume: Volume) -> str:
    return f"baum-l-frank/{volume.title.lower().replace(' ', '-')}"


def _downloaded(folder: Path) -> list[Path]:
    """Without what the client keeps of pieces that hold unwanted files too."""
    return [path for path in (folder / "downloads").iterdir() if not path.name.startswith(".")]


def _downloaded_files(folder: Path) -> list[Path]:
    return [path for path in (folder / "downloads").rglob("*.mp3") if ".unwanted" not in path.parts]


def _database(folder: Path) -> Path:
    [found] = (folder / "data").glob("*.db")
    return found
