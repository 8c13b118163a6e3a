"""A database that is away, locked, closed to us or killed in the middle."""

import asyncio
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text

from adapters.sandbox.serve import free_port
from adapters.store import Store, open_store, tables
from domain.errors import Permanent, Transient

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)

DIES_IN_THE_MIDDLE = """
import asyncio, sys
from datetime import UTC, datetime
from sqlalchemy import insert
from adapters.store import open_store, tables

async def main():
    async with open_store(sys.argv[1]) as store, store.writing() as connection:
        await connection.execute(insert(tables.requests).values(target="half", at=datetime.now(UTC)))
        print("written", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@asynccontextmanager
async def locked(url: str):
    """Another process holds what a claim needs."""
    async with open_store(url) as other, other.writing() as connection:
        await connection.execute(select(tables.leases).with_for_update())
        yield


async def refusal(url: str) -> str:
    """The code of the sentence with which opening is refused."""
    with pytest.raises(Permanent) as refused:
        await Store.open(url)
    assert "\n" not in refused.value.message
    assert "a-secret" not in refused.value.message
    return refused.value.code


async def test_a_locked_database_is_transient_and_nothing_was_written(store, store_url):
    epoch = await store.acquire_lease("tick", "one", now=NOW, ttl_s=60)
    async with locked(store_url), open_store(store_url, timeout_s=0.1) as impatient:
        with pytest.raises(Transient) as busy:
            await impatient.claim("grab", want="oz", release="r1", attempt=1, epoch=epoch, now=NOW)

    assert busy.value.code == "StoreUnreachable"
    assert await store.claims() == ()
    assert await store.claim("grab", want="oz", release="r1", attempt=1, epoch=epoch, now=NOW) is not None


async def test_a_writer_waits_for_a_short_lock(store, store_url):
    async with locked(store_url):
        waiting = asyncio.create_task(store.acquire_lease("tick", "one", now=NOW, ttl_s=60))
        await asyncio.sleep(0.05)

    assert await waiting == 1


async def test_a_server_that_is_not_there_is_transient():
    url = f"postgresql://reader:a-secret@127.0.0.1:{free_port()}/library"

    with pytest.raises(Transient) as away:
        await Store.open(url, timeout_s=2)

    assert away.value.code == "StoreUnreachable"
    assert "a-secret" not in str(away.value)


async def test_a_server_that_restarted_is_used_again(postgres_server, postgres_url):
    async with open_store(postgres_url) as store:
        async with store.reading() as connection:
            process = await connection.scalar(text("SELECT pg_backend_pid()"))
        async with open_store(postgres_server.url("postgres")) as admin, admin.writing() as connection:
            await connection.execute(text("SELECT pg_terminate_backend(:process, 5000)"), {"process": process})

        async with store.reading() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1


async def test_a_connection_that_breaks_in_the_middle_is_transient(postgres_server, postgres_url):
    async def broken(store: Store) -> None:
        async with store.writing() as connection:
            process = await connection.scalar(text("SELECT pg_backend_pid()"))
            async with open_store(postgres_server.url("postgres")) as admin, admin.writing() as killer:
                await killer.execute(text("SELECT pg_terminate_backend(:process, 5000)"), {"process": process})
            await connection.execute(text("SELECT 1"))

    async with open_store(postgres_url) as store:
        with pytest.raises(Transient) as lost:
            await broken(store)

    assert lost.value.code == "StoreUnreachable"


async def test_a_server_that_refuses_us_needs_a_person(postgres_server):
    assert await refusal(postgres_server.url("no_such_database")) == "StoreRefused"
    stranger = postgres_server.url("postgres").replace("bibliostat@", "stranger:a-secret@")
    assert await refusal(stranger) == "StoreRefused"


async def test_the_folder_of_the_file_is_made_but_not_its_parents(tmp_path):
    async with open_store(f"sqlite:///{tmp_path / 'new' / 'store.db'}"):
        assert (tmp_path / "new").is_dir()

    too_deep = f"sqlite:///{tmp_path / 'a' / 'b' / 'store.db'}"
    assert await refusal(too_deep) == "StoreUnwritable"
    assert not (tmp_path / "a").exists()


async def test_a_path_that_cannot_be_a_database_needs_a_person(tmp_path):
    (tmp_path / "notes.txt").write_text("There is no place like home. " * 100)

    assert await refusal(f"sqlite:///{tmp_path}") == "StoreUnwritable"
    assert await refusal(f"sqlite:///{tmp_path / 'notes.txt'}") == "StoreDamaged"
    assert (tmp_path / "notes.txt").read_text().startswith("There is no place like home.")


@pytest.mark.parametrize("url", ["", "mysql://me:a-secret@host/db", "sqlite://", "sqlite:///:memory:", "postgresql"])
async def test_an_address_that_names_no_lasting_database_is_refused_without_repeating_it(url):
    assert await refusal(url) == "StoreUrlWrong"


async def test_a_process_killed_in_the_middle_of_a_unit_of_work_leaves_nothing(store, store_url):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DIES_IN_THE_MIDDLE, store_url, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"written\n"

    process.send_signal(signal.SIGKILL)
    await process.wait()

    await store.request("whole", at=NOW)
    assert await store.requests() == {"whole": NOW}


async def test_a_cancelled_unit_of_work_leaves_nothing_and_the_store_goes_on(store):
    entered = asyncio.Event()

    async def half() -> None:
        async with store.writing() as connection:
            await connection.execute(tables.requests.insert().values(target="half", at=NOW))
            entered.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(half())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await store.request("whole", at=NOW)
    assert await store.requests() == {"whole": NOW}


async def test_an_error_that_nobody_foresaw_hides_its_parameters(store):
    with pytest.raises(Exception, match=r"NOT NULL|not-null") as bug:
        await store.add_override(target=None, verb="hold", value="a-secret", why="", who="", at=NOW, until=None)

    assert not isinstance(bug.value, (Permanent, Transient))
    assert "a-secret" not in str(bug.value)
