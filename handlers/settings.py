"""Where the systems are and how to reach them: from the environment, from files of secrets and from one YAML file.

Connections and secrets are not desired state, so they are not in manifests. Everything is optional: a system that is
not configured is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from adapters.manifests import read_documents, read_file
from domain import nodes
from domain.fields import Text
from domain.nodes import IS_MISSING, Mistake, Node, Objection, Place, Scalar, did_you_mean, read_as, shown

PREFIX = "BIBLIOSTAT_"
SETTINGS = "BIBLIOSTAT_SETTINGS"
SETTINGS_FILE = "bibliostat.yaml"


class Secret:
    """A text that shows itself only to who asks: `reveal()`. Printed, logged or formatted it is `***`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


def _password(secret: Secret) -> Secret | Objection:
    return secret if secret.reveal().isprintable() else Objection("holds a line break or a control character")


def _api_key(secret: Secret) -> Secret | Objection:
    """What fits into a header of HTTP."""
    if re.fullmatch(r"[\x21-\x7e]+", secret.reveal()):
        return secret
    return Objection("holds a blank or a character that no API key has", "copy the key again, without quotes")


def _session(secret: Secret) -> Secret | Objection:
    """The value alone; people also copy `mam_id=` in front of it."""
    text = re.sub(r"^(cookie:\s*)?mam_id=", "", secret.reveal().strip(), flags=re.IGNORECASE).rstrip(";")
    if re.fullmatch(r"[\x21-\x2b\x2d-\x3a\x3c-\x7e]+", text):
        return Secret(text)
    return Objection("holds a character that no session has", "copy the session's value again, without quotes")


def _secret_key(secret: Secret) -> Secret | Objection:
    """What `cryptography` takes for a Fernet key: 32 bytes in URL-safe base64."""
    if re.fullmatch(r"[A-Za-z0-9_-]{43}=", secret.reveal().strip()):
        return Secret(secret.reveal().strip())
    return Objection("is no key", "make one with `bibliostat new-secret-key`")


def _url(text: str) -> str | Objection:
    """Without the trailing slash. The objection never repeats the text: it may hold a password or a key."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return Objection("is not a URL", "write it like `http://host:1234`")
    if parts.scheme not in {"http", "https"} or not host or re.search(r"[\s\\]", text):
        return Objection("is not a URL of http or https with a host", "write it like `http://host:1234`")
    if parts.username is not None or parts.password is not None:
        return Objection("holds a user or a password", "write them into their own settings")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        return Objection("holds more than an address and a path", "leave out everything from `?` or `#` on")
    return text.rstrip("/")


def _shop_url(text: str) -> str | Objection:
    """An address, in which `{region}` may stand for the region of a shop."""
    url = _url(text.replace("{region}", "us"))
    if isinstance(url, Objection):
        return url
    if re.search(r"[{}]", url):
        return Objection("holds braces around something else than `region`", "write it like `http://host/{region}`")
    return text.rstrip("/")


def _token(secret: Secret) -> Secret | Objection:
    """Hardcover shows its tokens with `Bearer` in front, and people copy that too."""
    return _api_key(Secret(re.sub(r"^(bearer(\s+|$))+", "", secret.reveal().strip(), flags=re.IGNORECASE)))


def _authorization(secret: Secret) -> Secret | Objection:
    """A whole header: `Basic …`, `Bearer …` or whatever the server asks for."""
    text = secret.reveal().strip()
    return (
        Secret(text) if re.fullmatch(r"[\x20-\x7e]+", text) else Objection("holds a character that no header may hold")
    )


def _contact(text: str) -> str | Objection:
    """What fits into the brackets of a User-Agent."""
    if re.fullmatch(r"[\x20-\x7e]+", text) and not re.search(r"[()\\]", text):
        return text
    return Objection("holds a character that no User-Agent may hold", "write a mail address or a URL")


def _provider_name(text: str) -> str | Objection:
    """As sources are called: `goodreads`, `abs-agg`."""
    name = _variable_part(text).lower().replace("_", "-")
    return name if name.strip("-") else Objection("holds neither a letter from a to z nor a digit")


def _variable_part(name: str) -> str:
    """How an indexer or a provider is called in the names of variables: `My-Tracker` is `MY_TRACKER`."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _database_url(secret: Secret) -> Secret | Objection:
    """With the driver that we use. The objection never repeats the text: it may hold a password."""
    scheme, separator, rest = secret.reveal().strip().partition("://")
    if separator and scheme in {"postgres", "postgresql", "postgresql+asyncpg"} and rest:
        rest = re.sub(r"([?&])sslmode=", r"\1ssl=", rest)  # libpq's name for what asyncpg calls ssl
        return Secret(f"postgresql+asyncpg://{rest}")
    if separator and scheme in {"sqlite", "sqlite+aiosqlite"} and rest.startswith("/"):
        return Secret(f"sqlite+aiosqlite://{rest}")
    return Objection(
        "is not the URL of a database that can be used",
        "write `postgresql://user:password@host/name` or `sqlite:////folder/file.db`",
    )


def _mapped(text: str) -> str | Objection:
    remote, separator, local = (part.strip() for part in text.partition("="))
    if remote and separator and local:
        return f"{remote}={local}"
    return Objection(f"{shown(text)} does not map a path", "write it like `/downloads=/mnt/downloads`")


Url = Annotated[str, Meta(min_length=1, max_length=2000, extra={"rule": _url})]
DatabaseUrl = Annotated[Secret, Meta(extra={"rule": _database_url})]
Password = Annotated[Secret, Meta(extra={"rule": _password})]
ApiKey = Annotated[Secret, Meta(extra={"rule": _api_key})]
PathMapping = Annotated[str, Meta(min_length=1, extra={"rule": _mapped})]
ShopUrl = Annotated[str, Meta(min_length=1, max_length=2000, extra={"rule": _shop_url})]
Token = Annotated[Secret, Meta(extra={"rule": _token})]
Authorization = Annotated[Secret, Meta(extra={"rule": _authorization})]
Contact = Annotated[str, Meta(min_length=1, max_length=200, extra={"rule": _contact})]
ProviderName = Annotated[str, Meta(min_length=1, max_length=100, extra={"rule": _provider_name})]
Session = Annotated[Secret, Meta(extra={"rule": _session})]
SecretKey = Annotated[Secret, Meta(extra={"rule": _secret_key})]
Number = Annotated[int, Meta(ge=1, le=999_999)]
IndexerKind = Literal["torznab", "prowlarr", "myanonamouse", "librivox"]
Region = Literal["us", "uk", "ca", "au", "fr", "de", "jp", "it", "in", "es", "br"]
UsualSource = Literal["audible", "audiosilo", "audnexus", "openlibrary", "librivox"]
USUAL_SOURCES: tuple[str, ...] = get_args(UsualSource)
"""The sources that are asked unless they are switched off, in the order in which they are asked."""


class AudiobookshelfSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The library server."""

    url: Url
    api_key: ApiKey
    libraries: tuple[Text, ...] = ()
    """Names; empty means every library of books."""


class QbittorrentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The download client."""

    url: Url
    save_path: Text
    """Where downloads go, as the client sees it: absolute."""
    username: Text | None = None
    password: Password | None = None
    api_key: ApiKey | None = None
    category: Text = "bibliostat"


class IndexerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source of releases."""

    name: Text
    kind: IndexerKind = "torznab"
    url: Url | None = None
    """Torznab: the address that `/api` follows. None: where everybody finds MyAnonamouse or LibriVox."""
    api_key: ApiKey | None = None
    """Of Torznab and Prowlarr."""
    session: Session | None = None
    """MyAnonamouse: the cookie `mam_id` of a session made for Bibliostat alone."""
    categories: tuple[Number, ...] = (3030,)
    """Of Torznab."""
    only: tuple[Number, ...] = ()
    """Prowlarr: its own numbers of the indexers to ask; empty means all that are enabled."""
    archive: Url = "https://archive.org"
    """LibriVox: where its recordings are kept."""


class CatalogueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to ask which books there are. The usual sources need nothing; the others are asked when a key, an address
    or a word of the user's turns them on."""

    off: tuple[UsualSource, ...] = ()
    audible_url: ShopUrl | None = None
    """`{region}` in it stands for each region; without that it is one shop. None: Audible's own hosts."""
    audible_regions: Annotated[tuple[Region, ...], Meta(min_length=1)] = ("us", "uk")
    """Asked in this order. Audnexus is asked about the same ones."""
    audiosilo_url: Url = "https://meta.audiosilo.app"
    audnexus_url: Url = "https://api.audnex.us"
    open_library_url: Url = "https://openlibrary.org"
    librivox_url: Url = "https://librivox.org/api/feed"
    hardcover_token: Token | None = None
    hardcover_url: Url = "https://api.hardcover.app/v1/graphql"
    google_books_key: ApiKey | None = None
    google_books_url: Url = "https://www.googleapis.com/books/v1"
    itunes: bool = False
    itunes_url: Url = "https://itunes.apple.com"
    rreading_glasses_url: Url | None = None
    contact: Contact | None = None
    """Goes into the User-Agent for sources that want to know whom to write to."""

    @property
    def asked(self) -> tuple[str, ...]:
        """The names of the sources that are asked, in this order."""
        chosen = {
            "hardcover": self.hardcover_token,
            "google": self.google_books_key,
            "itunes": self.itunes,
            "rreading-glasses": self.rreading_glasses_url,
        }
        usual = (name for name in USUAL_SOURCES if name not in self.off)
        return (*usual, *(name for name, said in chosen.items() if said))


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One server that speaks Audiobookshelf's protocol for metadata providers."""

    name: ProviderName
    """What stands behind it: by this name its word is weighed."""
    url: Url
    authorization: Authorization | None = None
    """Sent as it is."""
    durations: Literal["minutes", "seconds"] | None = None
    """The unit of its lengths; None where it keeps to the protocol."""


class PathSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this machine, the library server and the download client name the same folders."""

    library: Path | None = None
    """The library's root folder as this machine sees it."""
    library_remote: Text | None = None
    """The same folder as the library server sees it."""
    path_map: tuple[PathMapping, ...] = ()
    """`remote=local` for the paths of the download client."""

    @property
    def mappings(self) -> tuple[tuple[str, str], ...]:
        """Pairs of (path of the download client, the same path on this machine)."""
        return tuple((remote, local) for remote, _, local in (each.partition("=") for each in self.path_map))


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything this process is told at its start. `load` makes the paths absolute and fills in `{data_dir}`."""

    data_dir: Path = Path("~/.local/share/bibliostat")
    database_url: DatabaseUrl = Secret("sqlite+aiosqlite:///{data_dir}/bibliostat.db")
    wanted: Path = Path("wanted")
    audiobookshelf: AudiobookshelfSettings | None = None
    qbittorrent: QbittorrentSettings | None = None
    secret_key: SecretKey | None = None
    """Seals what must be kept in the store and be read by nobody: sessions that rotate."""
    indexers: tuple[IndexerSettings, ...] = ()
    """Those that are stated; `every_indexer` are all."""
    indexers_off: tuple[Literal["librivox"], ...] = ()
    catalogues: CatalogueSettings = CatalogueSettings()
    providers: tuple[ProviderSettings, ...] = ()
    paths: PathSettings = PathSettings()
    publish: Literal["hardlink", "copy", "in_place"] = "hardlink"
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def every_indexer(self) -> tuple[IndexerSettings, ...]:
        """Those that are stated, and LibriVox, which needs nothing, unless it is switched off."""
        if "librivox" in self.indexers_off or any(one.kind == "librivox" for one in self.indexers):
            return self.indexers
        return (*self.indexers, IndexerSettings(name="librivox", kind="librivox"))


class Variable(msgspec.Struct, frozen=True):
    """One variable of the environment, the key it sets in the settings file, and what it means."""

    name: str
    path: str
    meaning: str
    default: str = ""
    many: bool = False
    """Whether its text is a list with commas."""
    truth: bool = False
    """Whether its text is yes or no."""


VARIABLES = (
    Variable("BIBLIOSTAT_DATA_DIR", "data_dir", "Folder for what must survive a restart.", "~/.local/share/bibliostat"),
    Variable(
        "BIBLIOSTAT_DATABASE_URL",
        "database_url",
        "The store: SQLite, or PostgreSQL for more than one process. `postgres://` and `postgresql://` will do.",
        "sqlite+aiosqlite:///{data_dir}/bibliostat.db",
    ),
    Variable("BIBLIOSTAT_WANTED", "wanted", "File or folder of documents that say what is wanted.", "./wanted"),
    Variable(
        "BIBLIOSTAT_SECRET_KEY",
        "secret_key",
        "Seals tracker sessions in the store; `bibliostat new-secret-key` makes one. Needed by MyAnonamouse.",
    ),
    Variable(
        "BIBLIOSTAT_INDEXERS_OFF",
        "indexers_off",
        "`librivox` here: LibriVox and the Internet Archive, which need no account, are not asked for releases.",
        many=True,
    ),
    Variable("BIBLIOSTAT_AUDIOBOOKSHELF_URL", "audiobookshelf.url", "Address of Audiobookshelf."),
    Variable("BIBLIOSTAT_AUDIOBOOKSHELF_API_KEY", "audiobookshelf.api_key", "API key of an Audiobookshelf user."),
    Variable(
        "BIBLIOSTAT_AUDIOBOOKSHELF_LIBRARIES",
        "audiobookshelf.libraries",
        "Names of the libraries to keep; empty means every library of books.",
        many=True,
    ),
    Variable("BIBLIOSTAT_QBITTORRENT_URL", "qbittorrent.url", "Address of qBittorrent's Web UI."),
    Variable("BIBLIOSTAT_QBITTORRENT_USERNAME", "qbittorrent.username", "User of the Web UI."),
    Variable("BIBLIOSTAT_QBITTORRENT_PASSWORD", "qbittorrent.password", "Password of the Web UI."),
    Variable("BIBLIOSTAT_QBITTORRENT_API_KEY", "qbittorrent.api_key", "API key, instead of user and password."),
    Variable("BIBLIOSTAT_QBITTORRENT_CATEGORY", "qbittorrent.category", "Category of our torrents.", "bibliostat"),
    Variable(
        "BIBLIOSTAT_QBITTORRENT_SAVE_PATH",
        "qbittorrent.save_path",
        "Folder for our downloads as qBittorrent sees it, absolute.",
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_OFF",
        "catalogues.off",
        f"Sources not to ask, of {', '.join(USUAL_SOURCES)}; these need no key and are asked unless they stand here.",
        many=True,
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_AUDIBLE_URL",
        "catalogues.audible_url",
        "Address of a mirror of Audible's catalogue; `{region}` in it stands for each region.",
        "Audible's own hosts, whose interface is unofficial",
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_AUDIBLE_REGIONS",
        "catalogues.audible_regions",
        f"Audible's shops to ask, in this order, of {', '.join(get_args(Region))}.",
        "us, uk",
        many=True,
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_AUDIOSILO_URL",
        "catalogues.audiosilo_url",
        "Address of audiosilo-meta.",
        "https://meta.audiosilo.app",
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_AUDNEXUS_URL", "catalogues.audnexus_url", "Address of Audnexus.", "https://api.audnex.us"
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_OPEN_LIBRARY_URL",
        "catalogues.open_library_url",
        "Address of Open Library.",
        "https://openlibrary.org",
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_LIBRIVOX_URL",
        "catalogues.librivox_url",
        "Address of LibriVox's feed.",
        "https://librivox.org/api/feed",
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_HARDCOVER_TOKEN",
        "catalogues.hardcover_token",
        "Your token of hardcover.app, which turns Hardcover on; it is off without, because it answers nobody else.",
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_HARDCOVER_URL",
        "catalogues.hardcover_url",
        "Address of Hardcover's GraphQL.",
        "https://api.hardcover.app/v1/graphql",
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_GOOGLE_BOOKS_KEY",
        "catalogues.google_books_key",
        "Your key of Google Books, which turns it on; it is off without, because what Google gives to everybody"
        " together is always spent.",
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_GOOGLE_BOOKS_URL",
        "catalogues.google_books_url",
        "Address of Google Books.",
        "https://www.googleapis.com/books/v1",
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_ITUNES",
        "catalogues.itunes",
        "`yes` asks Apple's iTunes Search too; it is off by default, because Apple's terms allow what it shows only for"
        " promoting the store.",
        "no",
        truth=True,
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_ITUNES_URL",
        "catalogues.itunes_url",
        "Address of iTunes Search.",
        "https://itunes.apple.com",
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_RREADING_GLASSES_URL",
        "catalogues.rreading_glasses_url",
        "Address of a rreading-glasses server, your own or https://api.bookinfo.pro; it is off without, because its"
        " books are taken from Goodreads and a volunteer runs the hosted one for other programs.",
    ),
    Variable(
        "BIBLIOSTAT_CATALOGUE_CONTACT",
        "catalogues.contact",
        "Mail address or URL that Open Library may write to, told to it in the User-Agent.",
    ),
    Variable("BIBLIOSTAT_PATH_LIBRARY", "paths.library", "Root folder of the library as this machine sees it."),
    Variable(
        "BIBLIOSTAT_PATH_LIBRARY_REMOTE",
        "paths.library_remote",
        "The same folder as Audiobookshelf sees it.",
        "the same path",
    ),
    Variable(
        "BIBLIOSTAT_PATH_MAP",
        "paths.path_map",
        "Paths of qBittorrent and of this machine: `/downloads=/mnt/downloads`.",
        many=True,
    ),
    Variable("BIBLIOSTAT_PUBLISH", "publish", "How files reach the library: hardlink, copy or in_place.", "hardlink"),
    Variable("BIBLIOSTAT_LOG_FORMAT", "log_format", "console or json.", "console"),
    Variable("BIBLIOSTAT_LOG_LEVEL", "log_level", "debug, info, warning or error.", "info"),
)

INDEXER_VARIABLES = (
    Variable("KIND", "kind", f"{', '.join(get_args(IndexerKind))}.", "torznab"),
    Variable(
        "URL",
        "url",
        "Address of the indexer's Torznab feed, or of Prowlarr.",
        "of MyAnonamouse and LibriVox: their own",
    ),
    Variable("API_KEY", "api_key", "API key of the Torznab indexer, or of Prowlarr."),
    Variable(
        "SESSION",
        "session",
        "Session (`mam_id`) of MyAnonamouse, made under Preferences > Security for Bibliostat alone.",
    ),
    Variable("CATEGORIES", "categories", "Categories to search at a Torznab indexer.", "3030", many=True),
    Variable("ONLY", "only", "Prowlarr's numbers of the indexers to ask.", "all that are enabled", many=True),
    Variable("ARCHIVE", "archive", "Address of the Internet Archive, for LibriVox.", "https://archive.org"),
)
PROVIDER_VARIABLES = (
    Variable(
        "URL",
        "url",
        "Address of a metadata provider for Audiobookshelf, <NAME> being what stands behind it (GOODREADS, KINDLE,"
        " AUDIOTEKA …); none is asked by default, because most of them scrape.",
    ),
    Variable("AUTHORIZATION", "authorization", "What the provider wants to read in the header `Authorization`."),
    Variable("DURATIONS", "durations", "Unit of the provider's lengths, minutes or seconds.", "what its protocol says"),
)


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A list in the settings, each item of which has variables of its own: `BIBLIOSTAT_INDEXER_<NAME>_URL`."""

    path: str
    """The key of the list."""
    one: str
    """What an item is called."""
    variables: tuple[Variable, ...]

    @property
    def prefix(self) -> str:
        return f"{PREFIX}{self.one.upper()}_"

    @property
    def names(self) -> tuple[str, ...]:
        """Its variables, for people."""
        return tuple(f"{self.prefix}<NAME>_{variable.name}" for variable in self.variables)

    def variable(self, name: str) -> tuple[str, str, Variable] | None:
        """What all variables of the item begin with, the item's name in them, and which one this is; None for a
        variable that is not about this list."""
        known = {variable.name: variable for variable in self.variables}
        match = re.fullmatch(rf"({self.prefix}([A-Z0-9_]*[A-Z0-9]))_({'|'.join(known)})", name)
        return (match[1], match[2], known[match[3]]) if match else None


NAMED = (
    Named(path="indexers", one="indexer", variables=INDEXER_VARIABLES),
    Named(path="providers", one="provider", variables=PROVIDER_VARIABLES),
)

_BY_NAME = {variable.name: variable for variable in VARIABLES}
_NAMES = {variable.path: variable.name for variable in VARIABLES}
_TRUTH = {
    **dict.fromkeys(("yes", "true", "on", "1"), "true"),
    **dict.fromkeys(("no", "false", "off", "0"), "false"),
}
_SERVICE_LINK = re.compile(
    r"BIBLIOSTAT_(\w+_)?"
    r"(SERVICE_(HOST|PORT(_\w+)?)=.*|PORT(_[0-9]+_(TCP|UDP|SCTP))?=(tcp|udp|sctp):.*|"
    r"PORT_[0-9]+_(TCP|UDP|SCTP)_(ADDR|PORT|PROTO)=.*)",
    re.DOTALL,
)
"""What Kubernetes puts into every container when a Service is called `bibliostat` or `bibliostat-…`."""


def load(environ: Mapping[str, str], cwd: Path) -> Settings | tuple[Mistake, ...]:
    """The settings, or every mistake in them, each named by its variable or its place in the file.

    The environment wins over the file; an empty variable counts as not set. Reads the settings file (the one that
    BIBLIOSTAT_SETTINGS names, else `bibliostat.yaml` in `cwd` when there is one) and the files that `*_FILE` variables
    name. Relative paths start at `cwd`. No mistake holds the value of a secret.
    """
    mistakes: list[Mistake] = []
    root = _from_file(environ, cwd, mistakes)
    for variable, value in _from_environment(environ, cwd, mistakes):
        root = _with_named(root, variable, value) or _with(root, _BY_NAME[variable].path.split("."), value)
    settings = read_as(root, Settings, mistakes)
    mistakes += _contradictions(root)
    if mistakes:
        return tuple(map(_named, mistakes))
    return _settled(settings, environ, cwd)


def describe() -> list[tuple[str, str, str]]:
    """Every variable with its default and its meaning."""
    each_named = [
        (name, variable.default, variable.meaning)
        for named in NAMED
        for name, variable in zip(named.names, named.variables, strict=True)
    ]
    file = (SETTINGS, f"./{SETTINGS_FILE}, when it is there", "YAML file with the same settings.")
    return [file, *((each.name, each.default, each.meaning) for each in VARIABLES), *each_named]


def _from_file(environ: Mapping[str, str], cwd: Path, mistakes: list[Mistake]) -> nodes.Mapping:
    named = environ.get(SETTINGS, "").strip()
    path = cwd / _at_home(named or SETTINGS_FILE, environ)
    empty = nodes.Mapping(pairs=(), place=Place(file="the environment", line=0))
    if not named and not path.exists():
        return empty
    file = named or SETTINGS_FILE
    documents = read_documents(read_file(path, SETTINGS if named else file, mistakes), file, mistakes)
    stated = [document for document in documents if not nodes.is_null(document)]
    if len(stated) == 1 and isinstance(stated[0], nodes.Mapping):
        return stated[0]
    if stated:
        place = nodes.located(stated[-1], "")
        mistakes.append(Mistake(place=place, message="the settings file must hold one mapping of settings"))
    return empty


def _from_environment(
    environ: Mapping[str, str], cwd: Path, mistakes: list[Mistake]
) -> Iterator[tuple[str, Scalar | nodes.Sequence]]:
    """Each variable that is set, directly or through its `*_FILE`, with its value as a node."""
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or name == SETTINGS or _SERVICE_LINK.fullmatch(f"{name}={text}"):
            continue
        variable = _known(name) or _known(name.removesuffix("_FILE"))
        if variable is None:
            mistakes.append(_unknown(name))
        elif not text.strip():
            continue
        elif _known(name):
            yield name, _node(name, text, variable)
        elif environ.get(name.removesuffix("_FILE"), "").strip():
            mistakes.append(_at(name, f"{name.removesuffix('_FILE')} is set too", "keep one of them"))
        else:
            content = _content(name, cwd / _at_home(text.strip(), environ), mistakes)
            if content is not None:
                yield name.removesuffix("_FILE"), _node(name, content, variable)


def _known(name: str) -> Variable | None:
    found = (each.variable(name) for each in NAMED)
    return next((match[2] for match in found if match), _BY_NAME.get(name))


def _unknown(name: str) -> Mistake:
    near = next((each for each in NAMED if name.startswith(each.prefix)), None)
    hint = f"known are {', '.join(near.names)}" if near else did_you_mean(name, [*_BY_NAME, SETTINGS])
    return _at(name, "unknown variable", hint)


def _content(name: str, path: Path, mistakes: list[Mistake]) -> str | None:
    before = len(mistakes)
    content = read_file(path, name, mistakes)
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        mistakes.append(_at(name, f"{path} is not UTF-8 text"))
        return None
    if not text and len(mistakes) == before:
        mistakes.append(_at(name, f"{path} is empty"))
    return text or None


def _node(name: str, text: str, variable: Variable) -> Scalar | nodes.Sequence:
    place = Place(file=name, line=0)
    if variable.truth:
        return Scalar(text=_TRUTH.get(text.strip().casefold(), text.strip()), place=place)
    if not variable.many:
        return _scalar(text.strip(), place)
    items = tuple(_scalar(item.strip(), place) for item in text.split(",") if item.strip())
    return nodes.Sequence(items=items, place=place)


def _scalar(text: str, place: Place) -> Scalar:
    """Digits may be a number; everything else is text, even `null`."""
    return Scalar(text=text, place=place, plain=text.isdecimal())


def _with(node: nodes.Mapping, path: Sequence[str], value: Node) -> nodes.Mapping:
    """The mapping with one value set. What stands in the way and is no mapping stays, to be refused as what it is."""
    key, *rest = path
    inner = node.get(key)
    if rest:
        group = nodes.Mapping(pairs=(), place=value.place) if nodes.is_null(inner) else inner
        if not isinstance(group, nodes.Mapping):
            return node
        value = _with(group, rest, value)
    if inner is None:
        return nodes.Mapping(pairs=(*node.pairs, (Scalar(text=key, place=value.place), value)), place=node.place)
    pairs = tuple((name, value if name.text == key else old) for name, old in node.pairs)
    return nodes.Mapping(pairs=pairs, place=node.place)


def _with_named(root: nodes.Mapping, variable: str, value: Node) -> nodes.Mapping | None:
    """The settings with one value of one item of a list set; None when the variable is not about such an item."""
    found = next(((named, match) for named in NAMED if (match := named.variable(variable))), None)
    if found is None:
        return None
    named, (prefix, name, known) = found
    stated = root.get(named.path)
    if not (nodes.is_null(stated) or isinstance(stated, nodes.Sequence)):
        return root
    items = list(stated.items) if isinstance(stated, nodes.Sequence) else []
    place = Place(file=prefix, line=0)
    index = next((index for index, item in enumerate(items) if _called(item) == name), len(items))
    if index == len(items):
        title = (
            Scalar(text="name", place=place),
            Scalar(text=name.lower().replace("_", "-"), place=place, plain=False),
        )
        items.append(nodes.Mapping(pairs=(title,), place=place))
    item = items[index]
    assert isinstance(item, nodes.Mapping)
    items[index] = _with(item, [known.path], value)
    return _with(root, [named.path], nodes.Sequence(items=tuple(items), place=stated.place if stated else place))


def _called(item: Node) -> str:
    return _variable_part(nodes.text_of(item, "name") or "")


def _contradictions(root: nodes.Mapping) -> Iterator[Mistake]:
    client = root.get("qbittorrent")
    for one, other in (("username", "password"), ("password", "username")):
        if nodes.text_of(client, one) and not nodes.text_of(client, other):
            assert client is not None
            place = nodes.located(client, f"qbittorrent.{other}")
            yield Mistake(place=place, message=f"`{other}` {IS_MISSING}, but `{one}` is set")
    for named in NAMED:
        yield from _called_twice(named, root)
    yield from _asked_twice(root)
    yield from _indexers_lack(root)


NEEDED: Mapping[str, tuple[str, ...]] = {
    "torznab": ("url",),
    "prowlarr": ("url", "api_key"),
    "myanonamouse": ("session",),
    "librivox": (),
}
"""Kind of an indexer -> what it cannot be asked without."""


def _indexers_lack(root: nodes.Mapping) -> Iterator[Mistake]:
    for index, item in enumerate(_items(root, "indexers")):
        kind = nodes.text_of(item, "kind") or "torznab"
        for key in NEEDED.get(kind, ()):
            if not nodes.text_of(item, key):
                place = nodes.located(item, f"indexers[{index}].{key}")
                yield Mistake(
                    place=place, message=f"`{key}` {IS_MISSING}", suggestion=f"an indexer of the kind {kind} needs it"
                )
        if kind == "myanonamouse" and not nodes.text_of(root, "secret_key"):
            place = Place(file="BIBLIOSTAT_SECRET_KEY", line=0, path="secret_key")
            message = "its session changes with every answer and is kept in the store, sealed with a key"
            hint = "make a key with `bibliostat new-secret-key` and set BIBLIOSTAT_SECRET_KEY_FILE"
            yield Mistake(place=place, message=message, suggestion=hint)


def _items(root: nodes.Mapping, path: str) -> tuple[Node, ...]:
    stated = root.get(path)
    return stated.items if isinstance(stated, nodes.Sequence) else ()


def _called_twice(named: Named, root: nodes.Mapping) -> Iterator[Mistake]:
    seen: set[str] = set()
    for index, item in enumerate(_items(root, named.path)):
        part = _called(item)
        if part and part in seen:
            message = f"another {named.one} is called {shown(nodes.text_of(item, 'name') or '')}"
            yield Mistake(place=nodes.located(item, f"{named.path}[{index}].name"), message=message)
        seen.add(part)


def _asked_twice(root: nodes.Mapping) -> Iterator[Mistake]:
    """What is heard is kept under the name of who said it: a source and a provider cannot share one."""
    stated = root.get("catalogues") or nodes.Mapping(pairs=(), place=root.place)
    catalogues = read_as(stated, CatalogueSettings, [])
    asked = catalogues.asked if isinstance(catalogues, CatalogueSettings) else ()
    for index, item in enumerate(_items(root, "providers")):
        name = _provider_name(nodes.text_of(item, "name") or "")
        if name in asked:
            message = f"the catalogue asks a source called `{name}` already"
            hint = "switch that source off, or leave this provider out"
            place = nodes.located(item, f"providers[{index}].name")
            yield Mistake(place=place, message=message, suggestion=hint)


def _named(mistake: Mistake) -> Mistake:
    """Named by the variable instead of by the key, when it comes from the environment."""
    place = mistake.place
    if place.line or not place.path:
        return mistake
    name = _NAMES.get(place.path.partition("[")[0])
    if name is None:
        missing = mistake.message.endswith(IS_MISSING)
        name = f"{place.file}_{place.path.rpartition('.')[2].upper()}" if missing else place.file
    elif place.file == f"{name}_FILE":
        name = place.file
    return msgspec.structs.replace(mistake, place=Place(file=name, line=0))


def _at(name: str, message: str, suggestion: str = "") -> Mistake:
    return Mistake(place=Place(file=name, line=0), message=message, suggestion=suggestion)


def _at_home(text: str, environ: Mapping[str, str]) -> str:
    """`~` is the home folder that the environment names; without one it is the current folder."""
    home = environ.get("HOME") or "."
    return f"{home}{text[1:]}" if text == "~" or text.startswith("~/") else text


def _settled(settings: Settings, environ: Mapping[str, str], cwd: Path) -> Settings:
    """With absolute paths, and with the defaults that depend on other settings."""

    def absolute(path: Path) -> Path:
        return cwd / _at_home(str(path), environ)

    data_dir, paths = absolute(settings.data_dir), settings.paths
    library = absolute(paths.library) if paths.library else None
    remote = paths.library_remote or (str(library) if library else None)
    return msgspec.structs.replace(
        settings,
        data_dir=data_dir,
        database_url=Secret(settings.database_url.reveal().replace("{data_dir}", str(data_dir))),
        wanted=absolute(settings.wanted),
        paths=msgspec.structs.replace(paths, library=library, library_remote=remote),
    )
