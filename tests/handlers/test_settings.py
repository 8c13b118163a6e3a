"""Settings from the environment, files of secrets and a YAML file: one frozen value, or every mistake at once."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.catalogues import (
    audible,
    audiosilo,
    audnexus,
    google_books,
    hardcover,
    itunes,
    librivox,
    open_library,
    rreading_glasses,
)
from handlers.settings import (
    NAMED,
    VARIABLES,
    CatalogueSettings,
    IndexerSettings,
    ProviderSettings,
    Region,
    Secret,
    Settings,
    describe,
    load,
)

SHELF = {"BIBLIOSTAT_AUDIOBOOKSHELF_URL": "http://abs:13378/", "BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY": "swordfish"}


SECRET_KEY = "b3o" * 14 + "o="


def loaded(environ: dict[str, str], cwd: Path) -> Settings:
    result = load({"HOME": "/home/dorothy"} | environ, cwd)
    assert isinstance(result, Settings), list(map(str, result))
    return result


def mistakes(environ: dict[str, str], cwd: Path) -> list[str]:
    result = load({"HOME": "/home/dorothy"} | environ, cwd)
    assert isinstance(result, tuple), result
    return [str(mistake) for mistake in result]


def test_nothing_has_to_be_set(tmp_path):
    found = loaded({}, tmp_path)

    assert found.data_dir == Path("/home/dorothy/.local/share/bibliostat")
    assert found.database_url.reveal() == "sqlite+aiosqlite:////home/dorothy/.local/share/bibliostat/bibliostat.db"
    assert found.wanted == tmp_path / "wanted"
    assert (found.audiobookshelf, found.qbittorrent, found.indexers) == (None, None, ())
    assert (found.publish, found.log_format, found.log_level) == ("hardlink", "console", "info")
    assert (found.catalogues, found.providers) == (CatalogueSettings(), ())


def test_librivox_is_asked_unless_it_is_switched_off_or_stated(tmp_path):
    def asked(**environ: str) -> list[str]:
        return [
            one.name
            for one in loaded({f"BIBLIOSTAT_{name}": text for name, text in environ.items()}, tmp_path).every_indexer
        ]

    assert asked() == ["librivox"]
    assert asked(INDEXER_OZ_URL="http://oz/api") == ["oz", "librivox"]
    assert asked(INDEXER_OZ_URL="http://oz/api", INDEXERS_OFF="librivox") == ["oz"]
    assert asked(INDEXER_READERS_KIND="librivox") == ["readers"]


def test_an_indexer_that_lacks_what_it_needs_says_so(tmp_path):
    environ = {
        "BIBLIOSTAT_INDEXER_MICE_KIND": "myanonamouse",
        "BIBLIOSTAT_INDEXER_PROWLARR_KIND": "prowlarr",
        "BIBLIOSTAT_INDEXER_OZ_SESSION": "a b",
    }

    assert sorted(mistakes(environ, tmp_path)) == [
        "BIBLIOSTAT_INDEXER_MICE_SESSION: `session` is missing (an indexer of the kind myanonamouse needs it)",
        "BIBLIOSTAT_INDEXER_OZ_SESSION: holds a character that no session has"
        " (copy the session's value again, without quotes)",
        "BIBLIOSTAT_INDEXER_OZ_URL: `url` is missing (an indexer of the kind torznab needs it)",
        "BIBLIOSTAT_INDEXER_PROWLARR_API_KEY: `api_key` is missing (an indexer of the kind prowlarr needs it)",
        "BIBLIOSTAT_INDEXER_PROWLARR_URL: `url` is missing (an indexer of the kind prowlarr needs it)",
        "BIBLIOSTAT_SECRET_KEY: its session changes with every answer and is kept in the store, sealed with a key"
        " (make a key with `bibliostat new-secret-key` and set BIBLIOSTAT_SECRET_KEY_FILE)",
    ]


def test_every_variable_reaches_its_setting(tmp_path):
    environ = SHELF | {
        "BIBLIOSTAT_DATA_DIR": "data",
        "BIBLIOSTAT_DATABASE_URL": "sqlite:///{data_dir}/store.db",
        "BIBLIOSTAT_WANTED": "~/wanted",
        "BIBLIOSTAT_AUDIOBOOKSHELF_LIBRARIES": "Audiobooks, Radio plays",
        "BIBLIOSTAT_QBITTORRENT_URL": "https://[::1]:8080/qb",
        "BIBLIOSTAT_QBITTORRENT_USERNAME": "no",
        "BIBLIOSTAT_QBITTORRENT_PASSWORD": "null",
        "BIBLIOSTAT_QBITTORRENT_API_KEY": "qbt_1",
        "BIBLIOSTAT_QBITTORRENT_CATEGORY": "007",
        "BIBLIOSTAT_QBITTORRENT_SAVE_PATH": "/downloads/books",
        "BIBLIOSTAT_INDEXER_EMERALD_CITY_URL": "http://prowlarr:9696/1/api",
        "BIBLIOSTAT_INDEXER_EMERALD_CITY_API_KEY": "k",
        "BIBLIOSTAT_INDEXER_EMERALD_CITY_KIND": "torznab",
        "BIBLIOSTAT_INDEXER_EMERALD_CITY_CATEGORIES": "3030, 103030",
        "BIBLIOSTAT_INDEXER_MICE_KIND": "myanonamouse",
        "BIBLIOSTAT_INDEXER_MICE_SESSION": "mam_id=a%2Fb",
        "BIBLIOSTAT_INDEXER_PROWLARR_KIND": "prowlarr",
        "BIBLIOSTAT_INDEXER_PROWLARR_URL": "http://prowlarr:9696",
        "BIBLIOSTAT_INDEXER_PROWLARR_API_KEY": "p",
        "BIBLIOSTAT_INDEXER_PROWLARR_ONLY": "3, 7",
        "BIBLIOSTAT_INDEXER_READERS_KIND": "librivox",
        "BIBLIOSTAT_INDEXER_READERS_ARCHIVE": "http://emerald/9",
        "BIBLIOSTAT_INDEXERS_OFF": "librivox",
        "BIBLIOSTAT_SECRET_KEY": SECRET_KEY,
        "BIBLIOSTAT_CATALOGUE_OFF": "librivox, audible",
        "BIBLIOSTAT_CATALOGUE_AUDIBLE_URL": "http://libex:8000/{region}/",
        "BIBLIOSTAT_CATALOGUE_AUDIBLE_REGIONS": "de,us",
        "BIBLIOSTAT_CATALOGUE_AUDIOSILO_URL": "http://emerald/1",
        "BIBLIOSTAT_CATALOGUE_AUDNEXUS_URL": "http://emerald/2",
        "BIBLIOSTAT_CATALOGUE_OPEN_LIBRARY_URL": "http://emerald/3",
        "BIBLIOSTAT_CATALOGUE_LIBRIVOX_URL": "http://emerald/4",
        "BIBLIOSTAT_CATALOGUE_HARDCOVER_TOKEN": "Bearer ey.J0.x",
        "BIBLIOSTAT_CATALOGUE_HARDCOVER_URL": "http://emerald/5",
        "BIBLIOSTAT_CATALOGUE_GOOGLE_BOOKS_KEY": "AIza",
        "BIBLIOSTAT_CATALOGUE_GOOGLE_BOOKS_URL": "http://emerald/6",
        "BIBLIOSTAT_CATALOGUE_ITUNES": "Yes",
        "BIBLIOSTAT_CATALOGUE_ITUNES_URL": "http://emerald/7",
        "BIBLIOSTAT_CATALOGUE_RREADING_GLASSES_URL": "http://emerald/8",
        "BIBLIOSTAT_CATALOGUE_CONTACT": "dorothy@kansas.example",
        "BIBLIOSTAT_PROVIDER_ABS_AGG_URL": "http://abs-agg:3000/ardaudiothek/",
        "BIBLIOSTAT_PROVIDER_ABS_AGG_AUTHORIZATION": "Basic b3o6b3o=",
        "BIBLIOSTAT_PROVIDER_ABS_AGG_DURATIONS": "seconds",
        "BIBLIOSTAT_PATH_LIBRARY": "/mnt/books",
        "BIBLIOSTAT_PATH_LIBRARY_REMOTE": "/audiobooks",
        "BIBLIOSTAT_PATH_MAP": "/downloads=/mnt/downloads, D:\\seed = /mnt/seed",
        "BIBLIOSTAT_PUBLISH": "in_place",
        "BIBLIOSTAT_LOG_FORMAT": "json",
        "BIBLIOSTAT_LOG_LEVEL": "warning",
    }

    found = loaded(environ, tmp_path)

    assert found.data_dir == tmp_path / "data"
    assert found.database_url.reveal() == f"sqlite+aiosqlite:///{tmp_path}/data/store.db"
    assert found.wanted == Path("/home/dorothy/wanted")
    assert found.audiobookshelf.url == "http://abs:13378"
    assert found.audiobookshelf.libraries == ("Audiobooks", "Radio plays")
    assert found.qbittorrent.url == "https://[::1]:8080/qb"
    assert (found.qbittorrent.username, found.qbittorrent.password.reveal()) == ("no", "null")
    assert (found.qbittorrent.api_key.reveal(), found.qbittorrent.category) == ("qbt_1", "007")
    assert found.qbittorrent.save_path == "/downloads/books"
    assert found.indexers == (
        IndexerSettings(
            name="emerald-city", url="http://prowlarr:9696/1/api", api_key=Secret("k"), categories=(3030, 103030)
        ),
        IndexerSettings(name="mice", kind="myanonamouse", session=Secret("a%2Fb")),
        IndexerSettings(name="prowlarr", kind="prowlarr", url="http://prowlarr:9696", api_key=Secret("p"), only=(3, 7)),
        IndexerSettings(name="readers", kind="librivox", archive="http://emerald/9"),
    )
    assert (found.secret_key, found.indexers_off) == (Secret(SECRET_KEY), ("librivox",))
    assert found.catalogues == CatalogueSettings(
        off=("librivox", "audible"),
        audible_url="http://libex:8000/{region}",
        audible_regions=("de", "us"),
        audiosilo_url="http://emerald/1",
        audnexus_url="http://emerald/2",
        open_library_url="http://emerald/3",
        librivox_url="http://emerald/4",
        hardcover_token=Secret("ey.J0.x"),
        hardcover_url="http://emerald/5",
        google_books_key=Secret("AIza"),
        google_books_url="http://emerald/6",
        itunes=True,
        itunes_url="http://emerald/7",
        rreading_glasses_url="http://emerald/8",
        contact="dorothy@kansas.example",
    )
    assert found.providers == (
        ProviderSettings(
            name="abs-agg",
            url="http://abs-agg:3000/ardaudiothek",
            authorization=Secret("Basic b3o6b3o="),
            durations="seconds",
        ),
    )
    assert (found.paths.library, found.paths.library_remote) == (Path("/mnt/books"), "/audiobooks")
    assert found.paths.mappings == (("/downloads", "/mnt/downloads"), ("D:\\seed", "/mnt/seed"))
    assert (found.publish, found.log_format, found.log_level) == ("in_place", "json", "warning")
    named = [name for name in environ if "_INDEXER_" in name or "_PROVIDER_" in name]
    assert environ.keys() - named == {variable.name for variable in VARIABLES}
    found_by = [each.variable(name) for name in named for each in NAMED]
    assert {match[2] for match in found_by if match} == {variable for each in NAMED for variable in each.variables}


def test_the_usual_addresses_are_those_that_the_adapters_know():
    usual = CatalogueSettings()

    assert usual.audiosilo_url == audiosilo.PUBLIC
    assert usual.audnexus_url == audnexus.PUBLIC
    assert usual.open_library_url == open_library.PUBLIC
    assert usual.librivox_url == librivox.PUBLIC
    assert usual.hardcover_url == hardcover.PUBLIC
    assert usual.google_books_url == google_books.PUBLIC
    assert usual.itunes_url == itunes.PUBLIC
    assert usual.audible_regions == audible.USUAL_REGIONS
    assert set(get_args(Region)) == set(audible.HOSTS)
    assert rreading_glasses.GOODREADS in next(each.meaning for each in VARIABLES if "RREADING" in each.name)


@pytest.mark.parametrize("written", ["swordfish", "Bearer swordfish", "bearer Bearer  swordfish "])
def test_a_token_of_hardcover_may_be_copied_with_its_bearer(tmp_path, written):
    found = loaded({"BIBLIOSTAT_CATALOGUE_HARDCOVER_TOKEN": written}, tmp_path)

    assert found.catalogues.hardcover_token == Secret("swordfish")


@pytest.mark.parametrize(
    ("written", "meant"), [("yes", True), ("TRUE", True), ("1", True), ("no", False), ("off", False), ("0", False)]
)
def test_yes_and_no_may_be_said_in_many_ways(tmp_path, written, meant):
    assert loaded({"BIBLIOSTAT_CATALOGUE_ITUNES": written}, tmp_path).catalogues.itunes is meant


def test_a_provider_cannot_have_the_name_of_a_source_that_is_asked(tmp_path):
    provider = {"BIBLIOSTAT_PROVIDER_LIBRIVOX_URL": "http://abs-agg/librivox"}

    assert mistakes(provider, tmp_path) == [
        "BIBLIOSTAT_PROVIDER_LIBRIVOX: the catalogue asks a source called `librivox` already"
        " (switch that source off, or leave this provider out)"
    ]
    assert loaded(provider | {"BIBLIOSTAT_CATALOGUE_OFF": "librivox"}, tmp_path).providers[0].name == "librivox"


def test_the_library_of_the_server_is_where_it_is_here_unless_said_otherwise(tmp_path):
    assert loaded({"BIBLIOSTAT_PATH_LIBRARY": "books"}, tmp_path).paths.library_remote == f"{tmp_path}/books"


def test_the_environment_wins_over_the_file(tmp_path):
    (tmp_path / "bibliostat.yaml").write_text(
        """
        log_level: error
        publish: copy
        audiobookshelf: {url: http://old, api_key: 0123, libraries: [Books]}
        indexers:
          - {name: Emerald City, url: http://a, categories: [1]}
          - {name: kansas, url: http://b}
        catalogues: {off: [audnexus], itunes: true, audible_regions: [uk]}
        providers:
          - {name: Good Reads, url: http://d, durations: minutes}
        paths: {path_map: [/a=/b]}
        """
    )
    environ = {
        "BIBLIOSTAT_LOG_LEVEL": "debug",
        "BIBLIOSTAT_AUDIOBOOKSHELF_URL": "http://new",
        "BIBLIOSTAT_INDEXER_EMERALD_CITY_API_KEY": "k",
        "BIBLIOSTAT_INDEXER_OZ_URL": "http://c",
        "BIBLIOSTAT_CATALOGUE_ITUNES": "off",
        "BIBLIOSTAT_PROVIDER_GOOD_READS_AUTHORIZATION": "007",
    }

    found = loaded(environ, tmp_path)

    assert (found.log_level, found.publish) == ("debug", "copy")
    assert (found.audiobookshelf.url, found.audiobookshelf.api_key.reveal()) == ("http://new", "0123")
    assert found.audiobookshelf.libraries == ("Books",)
    assert [(each.name, each.url) for each in found.indexers] == [
        ("Emerald City", "http://a"),
        ("kansas", "http://b"),
        ("oz", "http://c"),
    ]
    assert (found.indexers[0].api_key.reveal(), found.indexers[0].categories) == ("k", (1,))
    assert found.catalogues == CatalogueSettings(off=("audnexus",), audible_regions=("uk",))
    assert found.providers == (
        ProviderSettings(name="good-reads", url="http://d", authorization=Secret("007"), durations="minutes"),
    )
    assert found.paths.mappings == (("/a", "/b"),)


def test_an_empty_variable_is_not_set(tmp_path):
    assert loaded({"BIBLIOSTAT_LOG_LEVEL": "", "BIBLIOSTAT_AUDIOBOOKSHELF_URL": " "}, tmp_path).audiobookshelf is None


def test_a_secret_may_come_from_a_file(tmp_path):
    (tmp_path / "key").write_text("swordfish\n")
    environ = {
        "BIBLIOSTAT_AUDIOBOOKSHELF_URL": "http://abs",
        "BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY_FILE": "key",
        "BIBLIOSTAT_CATALOGUE_HARDCOVER_TOKEN_FILE": "key",
        "BIBLIOSTAT_CATALOGUE_GOOGLE_BOOKS_KEY_FILE": "key",
        "BIBLIOSTAT_PROVIDER_KINDLE_URL": "http://abs-tract:5555/kindle/us",
        "BIBLIOSTAT_PROVIDER_KINDLE_AUTHORIZATION_FILE": "key",
    }

    found = loaded(environ, tmp_path)

    assert found.audiobookshelf.api_key.reveal() == "swordfish"
    assert found.catalogues.hardcover_token.reveal() == "swordfish"
    assert found.catalogues.google_books_key.reveal() == "swordfish"
    assert found.providers[0].authorization.reveal() == "swordfish"


def test_a_file_of_a_secret_that_gives_none_is_a_mistake(tmp_path):
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\xff")
    environ = {
        "BIBLIOSTAT_DATABASE_URL_FILE": "missing",
        "BIBLIOSTAT_QBITTORRENT_API_KEY_FILE": "empty",
        "BIBLIOSTAT_QBITTORRENT_PASSWORD_FILE": "binary",
        "BIBLIOSTAT_INDEXER_OZ_URL": "http://oz",
        "BIBLIOSTAT_INDEXER_OZ_URL_FILE": "url",
    }

    assert mistakes(environ, tmp_path) == [
        f"BIBLIOSTAT_DATABASE_URL_FILE: {tmp_path}/missing cannot be read: No such file or directory",
        "BIBLIOSTAT_INDEXER_OZ_URL_FILE: BIBLIOSTAT_INDEXER_OZ_URL is set too (keep one of them)",
        f"BIBLIOSTAT_QBITTORRENT_API_KEY_FILE: {tmp_path}/empty is empty",
        f"BIBLIOSTAT_QBITTORRENT_PASSWORD_FILE: {tmp_path}/binary is not UTF-8 text",
    ]


def test_every_mistake_is_reported_at_once_under_the_name_of_its_variable(tmp_path):
    (tmp_path / "url").write_text("ftp://swordfish\n")
    environ = {
        "BIBLIOSTAT_AUDIOBOOKSHELF_URL": "abs:13378",
        "BIBLIOSTAT_QBITTORRENT_USERNAME": "dorothy",
        "BIBLIOSTAT_INDEXER_OZ_CATEGORIES": "3030,audio",
        "BIBLIOSTAT_INDEXER_KANSAS_URL_FILE": "url",
        "BIBLIOSTAT_PATH_MAP": "/downloads",
        "BIBLIOSTAT_PUBLISH": "hardlnk",
        "BIBLIOSTAT_LOG_LEVL": "info",
        "BIBLIOSTAT_INDEXER_OZ_KEY": "swordfish",
        "BIBLIOSTAT_CATALOGUE_OFF": "audible,hardcover",
        "BIBLIOSTAT_CATALOGUE_AUDIBLE_REGIONS": "us, oz",
        "BIBLIOSTAT_CATALOGUE_AUDIBLE_URL": "http://libex/{shop}",
        "BIBLIOSTAT_CATALOGUE_ITUNES": "maybe",
        "BIBLIOSTAT_CATALOGUE_CONTACT": "Dorothée",
        "BIBLIOSTAT_CATALOGUE_HARDCOVER_TOKEN": "Bearer",
        "BIBLIOSTAT_PROVIDER_OZ_KEY": "swordfish",
        "BIBLIOSTAT_PROVIDER_KANSAS_DURATIONS": "hours",
    }

    assert sorted(mistakes(environ, tmp_path)) == sorted(
        [
            "BIBLIOSTAT_LOG_LEVL: unknown variable (did you mean `BIBLIOSTAT_LOG_LEVEL`?)",
            "BIBLIOSTAT_INDEXER_OZ_KEY: unknown variable (known are BIBLIOSTAT_INDEXER_<NAME>_KIND,"
            " BIBLIOSTAT_INDEXER_<NAME>_URL, BIBLIOSTAT_INDEXER_<NAME>_API_KEY, BIBLIOSTAT_INDEXER_<NAME>_SESSION,"
            " BIBLIOSTAT_INDEXER_<NAME>_CATEGORIES, BIBLIOSTAT_INDEXER_<NAME>_ONLY,"
            " BIBLIOSTAT_INDEXER_<NAME>_ARCHIVE)",
            "BIBLIOSTAT_AUDIOBOOKSHELF_URL: is not a URL of http or https with a host"
            " (write it like `http://host:1234`)",
            "BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY: `api_key` is missing",
            "BIBLIOSTAT_QBITTORRENT_URL: `url` is missing",
            "BIBLIOSTAT_QBITTORRENT_SAVE_PATH: `save_path` is missing",
            "BIBLIOSTAT_QBITTORRENT_PASSWORD: `password` is missing, but `username` is set",
            "BIBLIOSTAT_INDEXER_KANSAS_URL_FILE: is not a URL of http or https with a host"
            " (write it like `http://host:1234`)",
            "BIBLIOSTAT_INDEXER_OZ_CATEGORIES: must be a whole number, not `audio`",
            "BIBLIOSTAT_INDEXER_OZ_URL: `url` is missing (an indexer of the kind torznab needs it)",
            "BIBLIOSTAT_CATALOGUE_OFF: must be one of audible, audiosilo, audnexus, librivox, openlibrary,"
            " not `hardcover`",
            "BIBLIOSTAT_CATALOGUE_AUDIBLE_REGIONS: must be one of au, br, ca, de, es, fr, in, it, jp, uk, us, not `oz`",
            "BIBLIOSTAT_CATALOGUE_AUDIBLE_URL: holds braces around something else than `region`"
            " (write it like `http://host/{region}`)",
            "BIBLIOSTAT_CATALOGUE_ITUNES: must be true or false, not `maybe`",
            "BIBLIOSTAT_CATALOGUE_CONTACT: holds a character that no User-Agent may hold"
            " (write a mail address or a URL)",
            "BIBLIOSTAT_CATALOGUE_HARDCOVER_TOKEN: holds a blank or a character that no API key has"
            " (copy the key again, without quotes)",
            "BIBLIOSTAT_PROVIDER_OZ_KEY: unknown variable (known are BIBLIOSTAT_PROVIDER_<NAME>_URL,"
            " BIBLIOSTAT_PROVIDER_<NAME>_AUTHORIZATION, BIBLIOSTAT_PROVIDER_<NAME>_DURATIONS)",
            "BIBLIOSTAT_PROVIDER_KANSAS_URL: `url` is missing",
            "BIBLIOSTAT_PROVIDER_KANSAS_DURATIONS: must be one of minutes, seconds, not `hours`",
            "BIBLIOSTAT_PATH_MAP: `/downloads` does not map a path (write it like `/downloads=/mnt/downloads`)",
            "BIBLIOSTAT_PUBLISH: must be one of copy, hardlink, in_place, not `hardlnk` (did you mean `hardlink`?)",
        ]
    )


def test_mistakes_in_the_file_have_their_line(tmp_path):
    (tmp_path / "my.yaml").write_text(
        """\
log_levl: info
audiobookshelf: http://abs
indexers:
  - {name: Oz, url: http://a}
  - {name: oz, url: http://b}
providers:
  - {name: Kindle, url: http://a}
  - {name: kindle, url: http://b}
  - {name: 'ОЗ', url: http://c}
catalogues: {itunes: yes, audible_regions: []}
"""
    )

    assert mistakes({"BIBLIOSTAT_SETTINGS": "my.yaml", "BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY": "k"}, tmp_path) == [
        "my.yaml:1: log_levl: unknown key `log_levl` (did you mean `log_level`?)",
        "my.yaml:2: audiobookshelf: must be a mapping, not a single value",
        "my.yaml:9: providers[2].name: holds neither a letter from a to z nor a digit",
        "my.yaml:10: catalogues.itunes: must be true or false, not `yes` (write `true`)",
        "my.yaml:10: catalogues.audible_regions: must not be an empty list",
        "my.yaml:5: indexers[1].name: another indexer is called `oz`",
        "my.yaml:8: providers[1].name: another provider is called `kindle`",
    ]


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        ("a: [", "bibliostat.yaml:1: this is not YAML: did not find expected node content"),
        ("- a", "bibliostat.yaml:1: the settings file must hold one mapping of settings"),
        ("{}\n---\n{}", "bibliostat.yaml:3: the settings file must hold one mapping of settings"),
        ("indexers: {}", "bibliostat.yaml:1: indexers: must be a list, not a mapping"),
    ],
)
def test_a_settings_file_that_is_none_is_a_mistake(tmp_path, content, mistake):
    (tmp_path / "bibliostat.yaml").write_text(content)

    assert mistakes({"BIBLIOSTAT_INDEXER_OZ_URL": "http://oz"}, tmp_path) == [mistake]


def test_an_empty_settings_file_sets_nothing(tmp_path):
    (tmp_path / "bibliostat.yaml").write_text("# nothing yet\n---\nqbittorrent:\n")

    assert loaded({}, tmp_path).qbittorrent is None


def test_a_settings_file_that_was_named_must_be_there(tmp_path):
    [mistake] = mistakes({"BIBLIOSTAT_SETTINGS": "my.yaml"}, tmp_path)

    assert mistake == f"BIBLIOSTAT_SETTINGS: {tmp_path}/my.yaml cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u:p@db/name", "postgresql+asyncpg://u:p@db/name"),
        ("postgresql://u:p@db/name?a=1&sslmode=require", "postgresql+asyncpg://u:p@db/name?a=1&ssl=require"),
        ("postgresql+asyncpg://db/name", "postgresql+asyncpg://db/name"),
        ("sqlite:////data/b.db", "sqlite+aiosqlite:////data/b.db"),
        ("sqlite+aiosqlite:///b.db", "sqlite+aiosqlite:///b.db"),
    ],
)
def test_a_database_url_gets_the_driver_that_we_use(tmp_path, given, used):
    assert loaded({"BIBLIOSTAT_DATABASE_URL": given}, tmp_path).database_url.reveal() == used


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BIBLIOSTAT_DATABASE_URL", "mysql://dorothy:swordfish@db/name"),
        ("BIBLIOSTAT_DATABASE_URL", "swordfish"),
        ("BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY", "swordfish swordfish"),
        ("BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY", "“swordfish”"),
        ("BIBLIOSTAT_QBITTORRENT_PASSWORD", "swordfish\nswordfish"),
        ("BIBLIOSTAT_QBITTORRENT_URL", "http://dorothy:swordfish@qb:8080"),
        ("BIBLIOSTAT_QBITTORRENT_URL", "http://qb:swordfish"),
        ("BIBLIOSTAT_QBITTORRENT_URL", "http://[swordfish"),
        ("BIBLIOSTAT_INDEXER_OZ_URL", "http://jackett/api?apikey=swordfish"),
        ("BIBLIOSTAT_INDEXER_OZ_URL", "http://jackett/swordfish api"),
        ("BIBLIOSTAT_INDEXER_OZ_URL", "swordfish" * 300),
        ("BIBLIOSTAT_CATALOGUE_HARDCOVER_TOKEN", "Bearer swordfish swordfish"),
        ("BIBLIOSTAT_CATALOGUE_GOOGLE_BOOKS_KEY", "“swordfish”"),
        ("BIBLIOSTAT_CATALOGUE_AUDIBLE_URL", "http://oz:swordfish@libex/{region}"),
        ("BIBLIOSTAT_CATALOGUE_AUDIBLE_URL", "http://libex/{swordfish}"),
        ("BIBLIOSTAT_CATALOGUE_RREADING_GLASSES_URL", "http://oz:swordfish@glasses"),
        ("BIBLIOSTAT_CATALOGUE_CONTACT", "swordfish\nswordfish"),
        ("BIBLIOSTAT_PROVIDER_OZ_URL", "http://abs-agg/search?key=swordfish"),
        ("BIBLIOSTAT_PROVIDER_OZ_AUTHORIZATION", "swordfish\r\nswordfish"),
    ],
)
def test_no_mistake_repeats_a_secret(tmp_path, variable, value):
    found = mistakes({variable: value}, tmp_path)

    assert any(mistake.startswith(f"{variable}: ") for mistake in found)
    assert "swordfish" not in str(found)


@pytest.mark.parametrize(
    "content",
    [
        "audiobookshelf: {url: http://abs, api_key: [swordfish]}",
        "audiobookshelf: {url: http://abs, api_key: {swordfish: 1}}",
        "qbittorrent: {url: http://qb, username: dorothy, password: !swordfish}",
        "qbittorrent: {url: http://qb, username: dorothy, password: *swordfish}",
        "indexers: http://jackett/api?apikey=swordfish",
        "indexers: [http://jackett/api?apikey=swordfish]",
        "catalogues: {hardcover_token: [swordfish]}",
        "catalogues: {google_books_key: {swordfish: 1}}",
        "providers: http://abs-agg/search?key=swordfish",
        "providers: [http://abs-agg/search?key=swordfish]",
        "providers: [{name: oz, url: http://abs-agg, authorization: [swordfish]}]",
    ],
)
def test_no_mistake_of_the_file_repeats_a_secret(tmp_path, content):
    (tmp_path / "bibliostat.yaml").write_text(content)

    assert "swordfish" not in str(mistakes({}, tmp_path))


def test_settings_print_no_secret(tmp_path):
    environ = SHELF | {
        "BIBLIOSTAT_DATABASE_URL": "postgres://dorothy:swordfish@db/name",
        "BIBLIOSTAT_CATALOGUE_HARDCOVER_TOKEN": "Bearer swordfish",
        "BIBLIOSTAT_CATALOGUE_GOOGLE_BOOKS_KEY": "swordfish",
        "BIBLIOSTAT_PROVIDER_OZ_URL": "http://oz",
        "BIBLIOSTAT_PROVIDER_OZ_AUTHORIZATION": "Bearer swordfish",
    }

    found = loaded(environ, tmp_path)

    assert "swordfish" not in f"{found!r} {found} {found.audiobookshelf.api_key} {found.database_url!s:}"
    assert "swordfish" not in f"{found.catalogues} {found.catalogues.hardcover_token} {found.providers}"
    with pytest.raises(TypeError):
        msgspec.json.encode(found)


def test_a_secret_is_compared_by_what_it_hides():
    assert {Secret("a"), Secret("a")} == {Secret("a")}
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_what_kubernetes_adds_for_a_service_of_our_name_is_not_ours(tmp_path):
    environ = {
        "BIBLIOSTAT_SERVICE_HOST": "10.0.0.1",
        "BIBLIOSTAT_SERVICE_PORT": "80",
        "BIBLIOSTAT_SERVICE_PORT_HTTP": "80",
        "BIBLIOSTAT_PORT": "tcp://10.0.0.1:80",
        "BIBLIOSTAT_PORT_80_TCP": "tcp://10.0.0.1:80",
        "BIBLIOSTAT_PORT_80_TCP_ADDR": "10.0.0.1",
        "BIBLIOSTAT_POSTGRES_SERVICE_HOST": "10.0.0.2",
    }

    assert loaded(environ, tmp_path) == loaded({}, tmp_path)
    assert mistakes({"BIBLIOSTAT_PORT": "8080"}, tmp_path)[0].startswith("BIBLIOSTAT_PORT: unknown variable")


def test_the_description_names_every_variable_with_the_default_that_holds(tmp_path):
    described = {variable: default for variable, default, _ in describe()}
    stated = {
        name: default for name, default in described.items() if default and "<" not in name and "," not in default
    }
    stated.pop("BIBLIOSTAT_PATH_LIBRARY_REMOTE")
    stated["BIBLIOSTAT_CATALOGUE_AUDIBLE_REGIONS"] = described["BIBLIOSTAT_CATALOGUE_AUDIBLE_REGIONS"]

    with_url = {"BIBLIOSTAT_QBITTORRENT_URL": "http://qb", "BIBLIOSTAT_QBITTORRENT_SAVE_PATH": "/downloads"}

    assert loaded(stated | with_url, tmp_path) == loaded(with_url, tmp_path)
    assert len(described) == len(VARIABLES) + sum(len(each.variables) for each in NAMED) + 1
    assert all(meaning.endswith(".") for _, _, meaning in describe())


NAMES = [variable.name for variable in VARIABLES]
OZ = [name.replace("<NAME>", "OZ") for each in NAMED for name in each.names]
VALUES = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)


@given(st.dictionaries(st.sampled_from([*NAMES, *OZ, "BIBLIOSTAT_", "BIBLIOSTAT_SETTINGS", "HOME"]), VALUES))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_environment_gives_settings_or_mistakes_and_never_an_exception(tmp_path, environ):
    assert load(environ, tmp_path)
