"""Whether an address belongs to a source."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}


def below(base_url: str, url: str) -> bool:
    """Whether `url` is `base_url` or lies below it. The scheme may differ: a recording does not care for TLS."""
    base, asked = _split(base_url), _split(url)
    if base is None or asked is None or base.hostname != asked.hostname or _port(base) != _port(asked):
        return False
    root = base.path.rstrip("/")
    return asked.path == root or asked.path.startswith(f"{root}/")


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses are of one server: scheme, host and port."""
    a, b = _split(one), _split(other)
    return a is not None and b is not None and (a.scheme, a.hostname, _port(a)) == (b.scheme, b.hostname, _port(b))


def _split(url: str) -> SplitResult | None:
    """None for what is no address. Reading the port is what finds out."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in _PORTS and parts.hostname else None


def _port(parts: SplitResult) -> int | None:
    """None stands for the scheme's own port, whichever of the two it is."""
    return None if parts.port == _PORTS[parts.scheme] else parts.port
