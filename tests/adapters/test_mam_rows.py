"""What is read from the rows and the user record of MyAnonamouse, against recorded shapes and against dirt."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.indexers.mam_rows import Page, Row, clean_query, read_account, read_page, vip_runs
from domain.accounts import BOUNDLESS, Account
from domain.case import judge_once
from domain.gates import Answer, answer
from domain.languages import read_language
from domain.releases import SeriesName
from domain.wants import Want

FIXTURES = Path(__file__).parents[1] / "fixtures" / "indexers"
SITE = "https://www.myanonamouse.net"
NOW = datetime(2025, 11, 21, 12, tzinfo=UTC)


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"mam_{name}.json").read_bytes())


def page_of(name: str) -> Page:
    document = fixture(name)
    return read_page(document, document["data"], indexer="mouse", site=SITE)


def by_number(name: str) -> dict[int, Row]:
    return {int((row.release.tracker_id or "").removeprefix("mam/")): row for row in page_of(name).rows}


def one(**changes: Any) -> Row:
    row = {"id": 900001, "title": "Ozma of Oz", "free": 0, "personal_freeleech": 0, "fl_vip": 0}
    [read] = read_page({}, [row | changes], indexer="mouse", site=SITE).rows
    return read


MANY = by_number("search_many")
TOLD = {row["id"]: row for row in fixture("search_many.expected")["rows"]}


@pytest.mark.parametrize("number", TOLD)
def test_every_row_of_the_recorded_page_is_read_in_full(number: int) -> None:
    release, told = MANY[number].release, TOLD[number]

    series = [{"name": one.name, "number": one.position or ""} for one in release.series or ()]
    read = {
        "title": release.title,
        "authors": list(release.authors or ()),
        "authors_count": len(release.authors or ()),
        "narrators": list(release.narrators or ()),
        "series": series,
        "filetypes": list(release.filetypes or ()),
        "size": release.size_bytes,
        "seeders": release.seeders,
        "tags": release.tags,
        "lang_code": release.language,
        "snatched_by_me": release.snatched,
        "free": release.download_factor == 0.0,
        "personal_freeleech": release.download_factor == 0.0,
        "vip": MANY[number].free_for_vip,
        "added": release.published_at and f"{release.published_at:%Y-%m-%dT%H:%M:%SZ}",
        "audiobook_main_category": release.categories[0] == 13,
    }
    shared = read.keys() & told.keys()
    assert {key: read[key] for key in shared} == {key: told[key] for key in shared}


def test_the_page_knows_how_many_there_are() -> None:
    page = page_of("search_many")

    assert (page.sent, page.broken, page.found) == (14, 0, 63)
    assert not page.is_last(0, 100)
    assert page.is_last(49, 100)


def test_a_release_says_what_is_true_of_every_torrent_there() -> None:
    release = MANY[900001].release

    assert (release.min_ratio, release.min_seed_s) == (1.0, 259_200)
    assert release.whole
    assert (release.tracker_id, release.info_url) == ("mam/900001", f"{SITE}/t/900001")
    assert (release.indexer, len(release.id)) == ("mouse", 16)
    assert release.category == "Audiobooks - Juvenile"
    assert (release.files, release.leechers, release.grabs) == (1, 0, 310)
    assert release.infohash is None


def test_blanks_in_series_numbers_become_plain_ones_and_all_series_are_kept() -> None:
    assert MANY[900008].release.series == (SeriesName(name="Barsoom", position="0,5 - 7"),)
    assert MANY[900009].release.series == (SeriesName(name="Barsoom", position="4p2"),)
    assert MANY[900005].release.series == (
        SeriesName(name="Sherlock Holmes", position="3"),
        SeriesName(name="Canon of Sherlock Holmes", position=None),
    )


def test_the_older_shape_says_the_same() -> None:
    page = page_of("search_doc_style")
    old, new = by_number("search_doc_style"), MANY

    assert (page.broken, page.found) == (0, 3)
    for number, row in old.items():
        # Sizes are exact there and rounded here; the language has no code there.
        assert row.release.size_bytes == pytest.approx(new[number].release.size_bytes, rel=0.001)
        assert row.free_for_vip == new[number].free_for_vip
        for field in ("id", "title", "authors", "series", "filetypes", "categories", "published_at", "download_factor"):
            assert getattr(row.release, field) == getattr(new[number].release, field)
        assert read_language(row.release.language) == read_language(new[number].release.language) == "en"
    assert [row.release.snatched for row in old.values()] == [False, False, True]


def test_broken_rows_never_lose_the_good_ones() -> None:
    page, told = page_of("search_malformed"), fixture("search_malformed.expected")
    rows = by_number("search_malformed")

    assert list(rows) == told["kept"]
    assert page.broken == len(told["dropped"])
    assert page.found is None


def test_what_cannot_be_read_is_unknown_and_never_zero() -> None:
    rows = {number: row.release for number, row in by_number("search_malformed").items()}

    first, second, third = rows[900101], rows[900102], rows[900103]
    assert (first.size_bytes, first.seeders, first.files, first.grabs) == (None, None, None, None)
    assert (second.size_bytes, second.published_at, second.leechers) == (None, None, None)
    assert (third.authors, third.narrators, third.series) == (None, None, None)
    assert rows[900104].authors == ("L Frank Baum",)
    assert rows[900104].series == (SeriesName(name="Oz", position="5"),)
    assert rows[900105].series == (SeriesName(name="Oz", position=None),)
    assert (rows[900105].filetypes, rows[900105].tags) == (None, None)
    assert (rows[900107].title, rows[900107].size_bytes, rows[900107].seeders) == ("Tik-Tok of Oz", None, None)
    assert rows[900107].download_factor is None
    assert (rows[900108].published_at, rows[900108].seeders, rows[900108].size_bytes) == (None, None, None)
    assert rows[900108].categories == (13,)
    assert (rows[900109].size_bytes, rows[900109].download_factor) == (1234567, 0.0)
    assert rows[900109].authors == ("L Frank Baum",)


def test_no_password_of_a_row_gets_into_a_release() -> None:
    assert "EXAMPLE-NOT-A-REAL-KEY" not in repr(page_of("search_many"))


def test_a_radio_play_and_an_ebook_are_known_by_their_category() -> None:
    radio, ebook = MANY[900013].release, MANY[900014].release

    assert (radio.category, radio.categories) == ("Radio - Reading", (16, 132))
    assert (ebook.category, ebook.categories) == ("Ebooks - Fantasy", (14, 63))


def test_an_ebook_is_not_taken_for_the_audiobook_of_its_title() -> None:
    want = Want(key="oz6", title="The Emerald City of Oz", authors=("L. Frank Baum",), because=())

    verdicts = judge_once(want, MANY[900014].release)

    assert answer(verdicts) is Answer.NO
    assert [verdict.rule for verdict in verdicts if verdict.answer is Answer.NO] == ["Ebook"]


def test_a_category_without_a_name_is_named_by_its_main_category() -> None:
    assert one(main_cat="16", category=999).release.category == "Radio"
    assert one(main_cat=13).release.category == "Audiobooks"


def test_the_measured_bit_rate_comes_before_what_the_tags_say() -> None:
    info = json.dumps({"Audio1": {"BitRate": 125588, "Format": "AAC"}})

    assert one(mediainfo=info, tags="64 kbps").release.tags == "126 kbps, 64 kbps"
    assert one(mediainfo=None, tags="64 kbps").release.tags == "64 kbps"
    assert one(mediainfo='{"Audio1": {"BitRate": "variable"}}', tags=None).release.tags is None


@pytest.mark.parametrize(
    ("stated", "size"),
    [
        ("528.3 MiB", 553962700),
        ("1,001.6 MiB", 1050253721),
        ("1.1 GiB", 1181116006),
        ("12,345,678", 12345678),
        (117440512, 117440512),
        ("12,34 GiB", None),
        ("1,2345 MiB", None),
        ("0 B", None),
        ("999999999.9 TiB", None),
        ("-3 MiB", None),
        (True, None),
        (None, None),
    ],
)
def test_sizes_are_binary_and_dirt_is_unknown(stated: object, size: int | None) -> None:
    assert one(size=stated).release.size_bytes == size


@pytest.mark.parametrize("added", ["1970-01-01 00:00:00", "0000-00-00 00:00:00", "2024-02-30 00:00:00", "", 17, None])
def test_a_date_that_is_none_is_unknown(added: object) -> None:
    assert one(added=added).release.published_at is None


@pytest.mark.parametrize("yes", [1, "1", True])
@pytest.mark.parametrize("flag", ["free", "personal_freeleech"])
def test_what_is_free_for_us_costs_nothing(flag: str, yes: object) -> None:
    assert one(**{flag: yes}) == one(**{flag: yes, "fl_vip": yes})
    assert one(**{flag: yes}).release.download_factor == 0.0


@pytest.mark.parametrize("yes", [1, "1", True])
def test_what_is_free_for_vips_costs_others_everything(yes: object) -> None:
    row = one(fl_vip=yes, vip=yes)

    assert (row.release.download_factor, row.free_for_vip) == (1.0, True)


def test_a_language_without_a_code_is_told_by_its_number() -> None:
    assert one(language="36").release.language == "French"
    assert one(language=37, lang_code="???").release.language == "German"
    assert one(language=47).release.language is None
    assert one(language=1, lang_code="GER").release.language == "GER"


@pytest.mark.parametrize("series", ["[]", "", "{}", None, '{"301":[]}', '{"301":["",1]}', "[1", 7, '{"301":null}'])
def test_a_series_that_is_none_is_unstated(series: object) -> None:
    assert one(series_info=series).release.series is None


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("author_info", "series_info", "size", "added", "mediainfo", "free", "numfiles", "lang_code", "main_cat")


rowlike = st.fixed_dictionaries(
    {"id": st.integers(1, 99) | junk, "title": st.just("Oz") | junk}, optional=dict.fromkeys(FIELDS, junk)
)


@given(st.lists(rowlike | junk, max_size=3), junk)
def test_whatever_comes_is_read_or_counted_as_broken(rows: list[Any], found: Any) -> None:
    page = read_page({"found": found}, rows, indexer="mouse", site=SITE)

    assert len(page.rows) + page.broken == page.sent == len(rows)
    assert all(row.release.title and row.release.tracker_id for row in page.rows)


@given(st.dictionaries(st.sampled_from(["uid", "ratio", "snatch_summary", "vip_until", "wedges"]), junk))
def test_a_record_of_dirt_is_an_account_of_unknowns_or_none(record: dict[str, Any]) -> None:
    account = read_account({"uid": 1} | record, indexer="mouse", now=NOW)

    assert account is None or account.unsatisfied_limit is None or account.unsatisfied_limit >= 0


# The user record


def account_of(name: str) -> Account:
    account = read_account(fixture(name), indexer="mouse", now=NOW)
    assert account is not None
    return account


def test_the_record_of_today_is_read() -> None:
    assert account_of("user") == Account(
        indexer="mouse",
        read_at=NOW,
        rank="Power User",
        ratio=3214.5,
        uploaded_bytes=13529490138071,
        downloaded_bytes=4209067950,
        unsatisfied=12,
        unsatisfied_limit=100,
        vip_until=datetime(2026, 1, 15, 12, tzinfo=UTC),
        points=45123,
        wedges=7,
        connectable=True,
    )


def test_the_flat_record_of_before_is_read() -> None:
    account = account_of("user_legacy")

    assert (account.rank, account.ratio) == ("VIP", 3.27)
    assert (account.unsatisfied, account.unsatisfied_limit) == (148, 150)
    assert (account.uploaded_bytes, account.points, account.wedges) == (138297948979, 99999, 0)
    assert account.connectable is None


def test_a_new_member_has_no_end_to_the_ratio_and_unknowns_stay_unknown() -> None:
    account = account_of("user_new_member")

    assert account.ratio == BOUNDLESS
    assert (account.unsatisfied, account.unsatisfied_limit) == (0, 20)
    assert (account.vip_until, account.wedges, account.connectable) == (None, None, None)


def test_a_record_without_a_name_is_no_record() -> None:
    assert read_account({}, indexer="mouse", now=NOW) is None


@pytest.mark.parametrize("ratio", ["---", "1.2.3", "-1", None, True, "12,34", [3]])
def test_a_ratio_that_is_no_number_is_unknown(ratio: object) -> None:
    account = read_account({"uid": 1, "ratio": ratio}, indexer="mouse", now=NOW)

    assert account is not None
    assert account.ratio is None


@pytest.mark.parametrize(
    ("record", "runs"),
    [
        ({"vip_until": "2026-01-15 12:00:00", "classname": "Power User"}, True),
        ({"vip_until": "2025-11-20 12:00:00", "classname": "VIP"}, False),
        ({"vip_until": None, "classname": "Mouse"}, False),
        ({"vip_until": None, "classname": "Elite VIP"}, None),
    ],
)
def test_vip_runs_until_its_end_and_an_end_that_is_not_told_is_unknown(
    record: dict[str, Any], runs: bool | None
) -> None:
    account = read_account({"uid": 1, **record}, indexer="mouse", now=NOW)

    assert account is not None
    assert vip_runs(account, NOW) is runs


# The question


CLEANED = [case for case in fixture("requests")["cases"] if "text" in case]


@pytest.mark.parametrize("case", CLEANED, ids=[case["intent"] for case in CLEANED])
def test_operators_of_the_search_become_blanks(case: dict[str, Any]) -> None:
    want = case["want"]

    assert clean_query(f"{want['title']} {want['author']}") == case["text"]


def test_letters_of_every_script_are_kept_whole() -> None:
    assert clean_query("Волшебник – страны_Оз") == "Волшебник страны Оз"
    assert clean_query("हिन्दी कथा") == "हिन्दी कथा"
    assert clean_query("I\u0302le") == "Île"


@given(st.text())
def test_a_cleaned_question_has_nothing_but_words(text: str) -> None:
    cleaned = clean_query(text)

    assert cleaned == " ".join(cleaned.split())
    assert not set(cleaned) & set("\"'@()|-/*&!~^$_:")
    assert len(cleaned) <= 300
