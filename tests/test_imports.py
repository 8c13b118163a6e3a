"""Dependencies point inwards: domain knows nobody, reconcile and adapters not each other, and handlers joins them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {"domain", "reconcile", "adapters", "handlers"}
MAY_IMPORT = {
    "domain": {"domain", "msgspec", "rapidfuzz"},
    "reconcile": {"reconcile", "domain", "msgspec", "structlog"},
}
"""Everything that these two may import besides the standard library."""
NEVER_IMPORTS = {"adapters": {"reconcile", "handlers"}, "bench": {"handlers"}}


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and first part of every absolute import, also of those inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, (node.module or "").split(".")[0] if node.level == 0 else "a relative import"


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_inner_packages_import_only_what_they_may(package: str):
    assert modules(package)
    for path in modules(package):
        for line, root in imported(path):
            allowed = root in sys.stdlib_module_names or root in MAY_IMPORT[package]
            assert allowed, f"{path.relative_to(ROOT)}:{line} imports {root}"


@pytest.mark.parametrize("package", NEVER_IMPORTS)
def test_outer_packages_do_not_reach_around_the_ports(package: str):
    assert modules(package)
    for path in modules(package):
        for line, root in imported(path):
            assert root not in NEVER_IMPORTS[package], f"{path.relative_to(ROOT)}:{line} imports {root}"


def test_nobody_imports_handlers():
    for package in OURS - {"handlers"}:
        for path in modules(package):
            assert "handlers" not in {root for _, root in imported(path)}, f"{path.relative_to(ROOT)} imports handlers"


def test_no_module_reads_a_clock_or_logs_in_the_domain():
    for path in modules("domain"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {
            node.func.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not called & {"now", "utcnow", "today", "getLogger", "get_logger"}, path.name
