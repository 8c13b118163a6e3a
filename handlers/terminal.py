"""What every command shares: settings, everything connected for the length of a command, and ways to print."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import click
import msgspec
from rich.console import Console

from domain.errors import Permanent
from handlers.settings import Settings, load
from handlers.wiring import connect, set_up_logging
from reconcile.ports import Outside

T = TypeVar("T")

as_json = click.option("--json", "json_", is_flag=True, help="Print JSON for programs.")


def load_settings(*, service: bool = False) -> Settings:
    settings = load(os.environ, Path.cwd())
    if not isinstance(settings, Settings):
        raise Permanent("\n".join(["the settings hold mistakes:", *map(str, settings)]), code="SettingsInvalid")
    set_up_logging(settings, service=service)
    return settings


@asynccontextmanager
async def connected(settings: Settings | None = None) -> AsyncIterator[Outside]:
    async with connect(settings or load_settings()) as outside:
        yield outside


def run_with(work: Callable[[Outside], Awaitable[T]]) -> T:
    """Run one piece of async work with everything connected."""

    async def whole() -> T:
        async with connected() as outside:
            return await work(outside)

    return asyncio.run(whole())


def print_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def console() -> Console:
    """A terminal's own width; wide where the output goes into a file or a pipe, so that lines stay whole."""
    narrow = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, soft_wrap=False, width=None if narrow else 200)


def who() -> str:
    return os.environ.get("USER") or "somebody"


def is_text(argument: str) -> bool:
    """Whether an argument is text at all: bytes that are no UTF-8 arrive as lone surrogates, which nothing stores."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True
