"""One adapter for each source at its public address: what is needed to read recorded replies of any of them."""

from __future__ import annotations

from typing import Protocol

from adapters.catalogues.abs_provider import AbsProvider, AnyProvider
from adapters.catalogues.audible import Audible
from adapters.catalogues.audiosilo import Audiosilo
from adapters.catalogues.audnexus import Audnexus
from adapters.catalogues.google_books import GoogleBooks
from adapters.catalogues.graphic_audio import GraphicAudio
from adapters.catalogues.hardcover import Hardcover
from adapters.catalogues.itunes import ITunes
from adapters.catalogues.librivox import LibriVox
from adapters.catalogues.open_library import OpenLibrary
from adapters.catalogues.replies import Reply, Web
from adapters.catalogues.rreading_glasses import HARDCOVER, RreadingGlasses
from domain.catalogue.claims import Answer, Question

_NO_KEY = "not-for-asking"
"""Reading needs no key, and who asks builds an adapter with their own."""


class Source(Protocol):
    """What every adapter of a catalogue source can do."""

    name: str
    answers: frozenset[type]

    def knows(self, url: str) -> bool: ...

    def read(self, reply: Reply) -> Answer: ...

    async def ask(self, question: Question) -> Answer: ...


def every_source(web: Web) -> tuple[Source, ...]:
    """Every adapter, the first that knows an address being the one to read it. Those that need a key have none."""
    return (
        # Providers speak another language than the server they may stand on, so they come before it.
        AbsProvider(web, name="audiosilo", base_url="https://meta.audiosilo.app/abs"),
        Audible(web),
        Audiosilo(web),
        Audnexus(web),
        Hardcover(web, token=_NO_KEY),
        OpenLibrary(web),
        LibriVox(web),
        GoogleBooks(web, _NO_KEY),
        ITunes(web),
        RreadingGlasses(web),
        RreadingGlasses(web, HARDCOVER),
        GraphicAudio(web),
        AnyProvider(web),
    )
