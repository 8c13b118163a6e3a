from __future__ import annotations

import pytest

from adapters.paths import PathMap

PATHS = PathMap([("/downloads", "/mnt/torrents"), ("/downloads/audiobooks/", "/srv/audio"), ("/", "/host")])


@pytest.mark.parametrize(
    ("remote", "local"),
    [
        ("/downloads/x/Oz", "/mnt/torrents/x/Oz"),
        ("/downloads/audiobooks/Oz/01.mp3", "/srv/audio/Oz/01.mp3"),
        ("/downloads/audiobooks", "/srv/audio"),
        ("/downloads/audiobooks-old/Oz", "/mnt/torrents/audiobooks-old/Oz"),
        ("/downloads2/Oz", "/host/downloads2/Oz"),
    ],
)
def test_the_longest_prefix_of_whole_components_wins(remote: str, local: str):
    assert PATHS.local(remote) == local


def test_a_path_under_no_prefix_stays_as_it_is():
    assert PathMap([("/downloads", "/mnt")]).local("/data/Oz") == "/data/Oz"
    assert PathMap().local("/data/Oz/") == "/data/Oz/"
