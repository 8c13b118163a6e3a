"""One set of recordings is taken from a torrent that holds every format: whole, in the best format, with its cover."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from domain.releases import TorrentFile
from domain.wanted_files import chosen, left_out

ITEM = "wizard_oz_librivox"
MB = 1_000_000


def item(sizes: Mapping[str, int]) -> list[TorrentFile]:
    return [TorrentFile(path=f"{ITEM}/{name}", size_bytes=size) for name, size in sizes.items()]


def tracks(ending: str, size: int, *, count: int = 24) -> dict[str, int]:
    return {f"wizardofoz_{number:02}_baum{ending}": size for number in range(1, count + 1)}


def named(files: list[TorrentFile], formats: tuple[str, ...] = ("m4b", "mp3")) -> set[str]:
    return {path.removeprefix(f"{ITEM}/") for path in chosen(files, formats)}


EVERYTHING = {
    **tracks("_128kb.mp3", 10 * MB),
    **tracks("_64kb.mp3", 5 * MB),
    **tracks(".ogg", 4 * MB),
    **tracks(".png", 30_000),
    **tracks("_spectrogram.png", 300_000),
    "WizardOfOz_librivox.m4b": 120 * MB,
    "wizardofoz_1005.jpg": 120_000,
    "wizardofoz_1005_thumb.jpg": 400_000,
    "__ia_thumb.jpg": 9_000,
    "wizardofoz_readme.txt": 2_000,
    f"{ITEM}_64kb_mp3.zip": 120 * MB,
    f"{ITEM}_meta.xml": 2_100,
    f"{ITEM}_meta.sqlite": 20_000,
    "wizardofoz.pdf": 700_000,
}
BESIDE = {"wizardofoz_1005.jpg", "wizardofoz_readme.txt"}


def test_the_whole_book_in_one_file_is_taken_before_its_tracks():
    assert named(item(EVERYTHING)) == {"WizardOfOz_librivox.m4b", *BESIDE}


def test_of_two_qualities_the_larger_one_is_taken():
    files = item({name: size for name, size in EVERYTHING.items() if not name.endswith(".m4b")})

    assert named(files) == {*tracks("_128kb.mp3", 0), *BESIDE}


def test_the_originals_may_have_no_quality_in_their_names():
    files = item({**tracks("_64kb.mp3", 5 * MB), **tracks(".mp3", 10 * MB), **tracks("_vbr.mp3", 7 * MB)})

    assert named(files) == set(tracks(".mp3", 0))


def test_the_order_of_the_profile_decides():
    files = item(EVERYTHING)

    assert named(files, ("mp3", "m4b")) == {*tracks("_128kb.mp3", 0), *BESIDE}
    assert named(files, ("ogg",)) == {*tracks(".ogg", 0), *BESIDE}
    assert named(files, ("OGG",)) == {*tracks(".ogg", 0), *BESIDE}


def test_without_an_accepted_format_the_largest_whole_set_is_left_for_the_gates_to_refuse():
    files = item({**tracks(".ogg", 4 * MB), **tracks(".flac", 40 * MB)})

    assert named(files, ("m4b",)) == set(tracks(".flac", 0))


def test_a_set_that_lacks_a_track_is_not_whole():
    larger = tracks("_128kb.mp3", 10 * MB)
    del larger["wizardofoz_07_baum_128kb.mp3"]

    assert named(item({**larger, **tracks("_64kb.mp3", 5 * MB)})) == set(tracks("_64kb.mp3", 0))


def test_as_many_tracks_are_not_the_same_tracks():
    other = {**tracks("_128kb.mp3", 10 * MB, count=23), "wizardofoz_appendix_128kb.mp3": 10 * MB}
    longest = {**tracks(".ogg", 4 * MB), "wizardofoz_25_baum.ogg": 4 * MB}

    assert named(item({**other, **longest})) == set(longest)


def test_parts_of_a_book_are_a_whole_one_when_no_number_is_missing():
    mp3 = tracks("_64kb.mp3", 5 * MB)
    first, second, third = (f"WizardOfOz_Part{number}_librivox.m4b" for number in (1, 2, 3))

    assert named(item({**mp3, first: 40 * MB, second: 40 * MB, third: 40 * MB})) == {first, second, third}
    assert named(item({**mp3, first: 60 * MB, third: 60 * MB})) == set(mp3)
    assert named(item({**mp3, first: 120 * MB})) == set(mp3)


def test_a_chaptered_file_far_smaller_than_the_tracks_is_a_piece_of_the_book():
    mp3 = tracks("_64kb.mp3", 5 * MB)

    assert named(item({**mp3, "WizardOfOz_librivox.m4b": 60 * MB})) == {"WizardOfOz_librivox.m4b"}
    assert named(item({**mp3, "WizardOfOz_librivox.m4b": 40 * MB})) == set(mp3)


def test_formats_in_folders_are_told_apart_and_discs_are_not():
    folders = {f"64kb/{n}.mp3": 1 for n in "123"} | {f"128kb/{n}.mp3": 2 for n in "123"} | {"ogg/1.ogg": 9}
    discs = {f"disc {disc}/{n}.mp3": 1 for disc in "12" for n in "123"}

    assert named(item(folders)) == {f"128kb/{n}.mp3" for n in "123"}
    assert named(item(discs)) == set(discs)


def test_the_name_of_the_item_says_nothing_about_its_files():
    sizes = {**tracks("_64kb.mp3", 5), **tracks(".mp3", 10)}
    whole = {**sizes, "DonQuixote_librivox.m4b": 240}

    def taken(folder: str, sizes: Mapping[str, int]) -> set[str]:
        files = [TorrentFile(path=f"{folder}/{name}", size_bytes=size) for name, size in sizes.items()]
        return {path.partition("/")[2] for path in chosen(files)}

    assert taken("quixote_64kb_mp3", sizes) == set(tracks(".mp3", 0))
    assert taken("quixote_part1_librivox", whole) == {"DonQuixote_librivox.m4b"}


def test_one_cover_is_taken_and_the_one_that_is_called_so_before_a_larger_picture():
    files = item({"oz.mp3": 10 * MB, "page 1.jpg": 900_000, "oz cover.jpg": 50_000, "tom_thumb.jpg": 999_999})

    assert named(files) == {"oz.mp3", "oz cover.jpg"}


def test_a_picture_of_the_sound_is_no_cover():
    assert named(item({"oz_01.mp3": MB, "oz_02.mp3": MB, "oz_01.png": 900_000})) == {"oz_01.mp3", "oz_02.mp3"}
    assert named(item({"oz.mp3": MB, "oz.jpg": 900_000})) == {"oz.mp3", "oz.jpg"}


def test_a_long_text_is_a_book_and_not_a_note():
    assert named(item({"oz.mp3": MB, "oz.txt": 1_000, "oz_djvu.txt": 3 * MB})) == {"oz.mp3", "oz.txt"}


def test_a_torrent_without_audio_is_wanted_as_it_is():
    files = item({"oz.epub": 10, "oz.zip": 10})

    assert chosen(files) == tuple(file.path for file in files)
    assert chosen(()) == ()


def test_a_single_file_without_a_folder_is_wanted():
    assert chosen([TorrentFile(path="Ozma of Oz.m4b", size_bytes=1)]) == ("Ozma of Oz.m4b",)


NAMES = st.lists(st.sampled_from(["oz", "1", "2", "_64kb", "128 kbps", "part1", "cover", "ogg", "/", "\\", " ", "²"]))
ENDINGS = st.sampled_from(["mp3", "m4b", "ogg", "jpg", "png", "txt", "zip", ""])
FILES = st.lists(
    st.builds(
        lambda name, ending, size: TorrentFile(path=f"Oz/{''.join(name)}.{ending}", size_bytes=size),
        NAMES,
        ENDINGS,
        st.integers(0, 10**7),
    ),
    max_size=30,
    unique_by=lambda file: file.path,
)


@given(FILES, st.lists(st.sampled_from(["m4b", "mp3", "ogg"]), unique=True))
def test_whatever_is_listed_is_either_wanted_or_left_out_and_choosing_again_changes_nothing(files, formats):
    wanted, others = chosen(files, formats), left_out(files, formats)

    assert sorted([*wanted, *others]) == sorted(file.path for file in files)
    assert chosen([file for file in files if file.path in wanted], formats) == wanted
    assert set(chosen(files[::-1], formats)) == set(wanted)
    assert bool(wanted) == bool(files)


@given(st.lists(st.builds(TorrentFile, path=st.text(), size_bytes=st.integers(0)), unique_by=lambda file: file.path))
def test_any_text_may_be_a_path(files):
    assert len(chosen(files)) + len(left_out(files)) == len(files)
