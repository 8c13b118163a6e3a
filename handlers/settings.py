"""Where the systems are and how to reach them: from the environment, from files of secrets and from one YAML file.

Connections and secrets are not desired state, so they are not in manifests. Everything is optional: a system that is
not configured is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal
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
    kind: Literal["torznab"] = "torznab"
    url: Url
    api_key: ApiKey | None = None
    categories: tuple[Annotated[int, Meta(ge=1, le=999_999)], ...] = (3030,)


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
    indexers: tuple[IndexerSettings, ...] = ()
    paths: PathSettings = PathSettings()
    publish: Literal["hardlink", "copy", "in_place"] = "hardlink"
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class Variable(msgspec.Struct, frozen=True):
    """One variable of the environment, the key it sets in the settings file, and what it means."""

    name: str
    path: str
    meaning: str
    default: str = ""
    many: bool = False
    """Whether its text is a list with commas."""


VARIABLES = (
    Variable("BIBLIOSTAT_DATA_DIR", "data_dir", "Folder for what must survive a restart.", "~/.local/share/bibliostat"),
    Variable(
        "BIBLIOSTAT_DATABASE_URL",
        "database_url",
        "The store: SQLite, or PostgreSQL for more than one process. `postgres://` and `postgresql://` will do.",
        "sqlite+aiosqlite:///{data_dir}/bibliostat.db",
    ),
    Variable("BIBLIOSTAT_WANTED", "wanted", "File or folder of documents that say what is wanted.", "./wanted"),
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
    Variable("URL", "url", "Address of the indexer's Torznab feed."),
    Variable("API_KEY", "api_key", "API key of the indexer."),
    Variable("KIND", "kind", "torznab.", "torznab"),
    Variable("CATEGORIES", "categories", "Categories to search.", "3030", many=True),
)
"""What is set for each indexer, as `BIBLIOSTAT_INDEXER_<NAME>_…`."""

_BY_NAME = {variable.name: variable for variable in VARIABLES}
_NAMES = {variable.path: variable.name for variable in VARIABLES}
_INDEXER_BY_NAME = {variable.name: variable for variable in INDEXER_VARIABLES}
_INDEXER = re.compile(rf"(BIBLIOSTAT_INDEXER_([A-Z0-9_]*[A-Z0-9]))_({'|'.join(_INDEXER_BY_NAME)})")
_INDEXER_HINT = "known are " + ", ".join(f"BIBLIOSTAT_INDEXER_<NAME>_{name}" for name in _INDEXER_BY_NAME)
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
        root = _with_indexer(root, variable, value) or _with(root, _BY_NAME[variable].path.split("."), value)
    settings = read_as(root, Settings, mistakes)
    mistakes += _contradictions(root)
    if mistakes:
        return tuple(map(_named, mistakes))
    return _settled(settings, environ, cwd)


def describe() -> list[tuple[str, str, str]]:
    """Every variable with its default and its meaning."""
    each_indexer = [
        (f"BIBLIOSTAT_INDEXER_<NAME>_{variable.name}", variable.default, variable.meaning)
        for variable in INDEXER_VARIABLES
    ]
    file = (SETTINGS, f"./{SETTINGS_FILE}, when it is there", "YAML file with the same settings.")
    return [file, *((each.name, each.default, each.meaning) for each in VARIABLES), *each_indexer]


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
    match = _INDEXER.fullmatch(name)
    return _INDEXER_BY_NAME[match[3]] if match else _BY_NAME.get(name)


def _unknown(name: str) -> Mistake:
    hint = _INDEXER_HINT if name.startswith("BIBLIOSTAT_INDEXER_") else did_you_mean(name, [*_BY_NAME, SETTINGS])
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


def _with_indexer(root: nodes.Mapping, variable: str, value: Node) -> nodes.Mapping | None:
    """The settings with one value of one indexer set; None when the variable is not about an indexer."""
    match = _INDEXER.fullmatch(variable)
    if match is None:
        return None
    prefix, name, key = match.groups()
    stated = root.get("indexers")
    if not (nodes.is_null(stated) or isinstance(stated, nodes.Sequence)):
        return root
    items = list(stated.items) if isinstance(stated, nodes.Sequence) else []
    place = Place(file=prefix, line=0)
    index = next((index for index, item in enumerate(items) if _variable_part(item) == name), len(items))
    if index == len(items):
        title = (
            Scalar(text="name", place=place),
            Scalar(text=name.lower().replace("_", "-"), place=place, plain=False),
        )
        items.append(nodes.Mapping(pairs=(title,), place=place))
    indexer = items[index]
    assert isinstance(indexer, nodes.Mapping)
    items[index] = _with(indexer, [_INDEXER_BY_NAME[key].path], value)
    return _with(root, ["indexers"], nodes.Sequence(items=tuple(items), place=stated.place if stated else place))


def _variable_part(indexer: Node) -> str:
    """How an indexer is called in the names of variables: `My-Tracker` is `MY_TRACKER`."""
    return re.sub(r"[^A-Z0-9]", "_", (nodes.text_of(indexer, "name") or "").upper())


def _contradictions(root: nodes.Mapping) -> Iterator[Mistake]:
    client = root.get("qbittorrent")
    for one, other in (("username", "password"), ("password", "username")):
        if nodes.text_of(client, one) and not nodes.text_of(client, other):
            assert client is not None
            place = nodes.located(client, f"qbittorrent.{other}")
            yield Mistake(place=place, message=f"`{other}` {IS_MISSING}, but `{one}` is set")
    indexers = root.get("indexers")
    seen: set[str] = set()
    for index, item in enumerate(indexers.items if isinstance(indexers, nodes.Sequence) else ()):
        part = _variable_part(item)
        if part and part in seen:
            message = f"another indexer is called {shown(nodes.text_of(item, 'name') or '')}"
            yield Mistake(place=nodes.located(item, f"indexers[{index}].name"), message=message)
        seen.add(part)


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
