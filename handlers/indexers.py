"""Whom releases are asked of: settings become indexers, each within limits that its server can bear."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AsyncExitStack

from adapters import http
from adapters.indexers.librivox import LibriVox
from adapters.indexers.myanonamouse import MyAnonamouse
from adapters.indexers.prowlarr import Prowlarr
from adapters.indexers.rationed import Rationed
from adapters.indexers.torznab import Torznab
from adapters.sessions import SealedSessions
from adapters.store import Store
from adapters.web import Clock, Limits
from handlers.settings import IndexerSettings, Settings
from reconcile.ports import Indexer

HOMES: Mapping[str, str] = {
    "myanonamouse": "https://www.myanonamouse.net",
    "librivox": "https://librivox.org/api/feed",
}
"""Where everybody finds those that have one address."""

LIMITS: Mapping[str, Limits] = {
    "torznab": Limits(per_s=0.5, per_day=2_000),
    "prowlarr": Limits(per_s=0.5, per_day=2_000),
    # No limit is written down anywhere; its clients pace between 0.4 and 2 s, and one answer names a hundred releases.
    "myanonamouse": Limits(per_s=0.5, per_day=2_000),
    # Volunteers' servers: a request a second at most, also in the middle of one question.
    "librivox": Limits(per_s=1.0, per_day=2_000),
}
"""What we allow ourselves with each kind (contracts: indexers, section 0); the budgets of a day are ours."""

NATIVE = {"myanonamouse": "MyAnonamouse"}
"""Kind -> what Prowlarr calls it: asked by ourselves, it is not asked through Prowlarr once more."""


async def indexers(
    settings: Settings, store: Store, clock: Clock, stack: AsyncExitStack, *, polite: bool = True
) -> tuple[Indexer, ...]:
    """Every indexer of the settings, LibriVox last. What they leave open is closed with `stack`.

    Only stand-ins of our own may be asked without pauses: another server on this machine may pass on what it is asked.
    """
    kinds = {one.kind for one in settings.every_indexer}
    skip = frozenset(name for kind, name in NATIVE.items() if kind in kinds)
    client = await stack.enter_async_context(http.client())
    sessions = SealedSessions(store, settings.secret_key.reveal()) if settings.secret_key else None

    def build(one: IndexerSettings, gap_s: float) -> Indexer:
        url = one.url or HOMES[one.kind]
        key = one.api_key.reveal() if one.api_key else ""
        match one.kind:
            case "torznab":
                return Torznab(one.name, url, key, http=client, categories=one.categories, gap_s=gap_s)
            case "prowlarr":
                return Prowlarr(one.name, url, key, http=client, indexer_ids=one.only, skip=skip, gap_s=gap_s)
            case "myanonamouse":
                assert one.session is not None  # the settings are refused without either of them
                assert sessions is not None
                session = one.session.reveal()
                return MyAnonamouse(one.name, url, session=session, sessions=sessions, http=client, gap_s=gap_s)
            case "librivox":
                return LibriVox(one.name, librivox_url=url, archive_url=one.archive, http=client, gap_s=gap_s)

    def rationed(one: IndexerSettings) -> Indexer:
        limits = LIMITS[one.kind] if polite else Limits(per_s=math.inf)
        return Rationed(build(one, 1 / limits.per_s), store, limits, clock)

    return tuple(map(rationed, settings.every_indexer))
