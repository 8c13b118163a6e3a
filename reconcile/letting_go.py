"""What becomes of our torrents once nothing is owed for them."""

from __future__ import annotations

import msgspec

from domain.actions import LetGo, Remove
from reconcile.acting import Round
from reconcile.ports import DownloadClient


async def let_go(round_: Round, act: LetGo, client: DownloadClient) -> bool:
    """Take our tags off; the torrent stays in the client and seeds on."""
    await client.untag(act.torrent, act.tags)
    await round_.acting.event(act.torrent, "LetGo", act.because.message)
    return True


async def _expect_one_less(round_: Round) -> None:
    """What we removed ourselves must not look like a list that was lost."""
    store = round_.outside.store
    before = await store.baseline()
    if before.torrents:
        await store.save_baseline(msgspec.structs.replace(before, torrents=before.torrents - 1))


async def remove(round_: Round, act: Remove, client: DownloadClient) -> bool:
    """Remove our torrent. Its files go only where the library holds links or copies of its own."""
    shelf = round_.outside.shelf
    torrent = next(one for one in round_.torrents if one.id == act.torrent)
    places = [shelf.local(path) for path in (torrent.content_path, torrent.save_path) if path] if shelf else []
    separate = shelf is not None and shelf.separate and bool(places) and not any(map(shelf.holds, places))
    await client.remove(act.torrent, with_files=separate)
    await _expect_one_less(round_)
    await round_.acting.event(act.torrent, "Removed", act.because.message)
    return True
