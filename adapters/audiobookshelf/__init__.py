"""Audiobookshelf: the library server. Everything else reaches it through `Audiobookshelf`."""

from adapters.audiobookshelf.scanning import Patience
from adapters.audiobookshelf.server import Audiobookshelf, LibraryInfo, ServerInfo
from adapters.audiobookshelf.wakeups import Wakeup

__all__ = ["Audiobookshelf", "LibraryInfo", "Patience", "ServerInfo", "Wakeup"]
