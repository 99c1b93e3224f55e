"""Is only what we sealed opened, and which keys count?"""

import string
from pathlib import Path

import pytest

from rollout.web.sealing import MOST_KEYS, KeyFile, Sealer, keys_in, random_key

ONE, TWO = "1" * 32, "2" * 40


def test_what_was_sealed_is_opened_for_its_purpose_alone() -> None:
    sealer = Sealer(random_key())

    sealed = sealer.sealed("session", b"ana")

    assert (sealer.opened("session", sealed), sealer.opened("login", sealed)) == (b"ana", None)


def test_the_same_text_is_never_sealed_to_the_same_again() -> None:
    sealer = Sealer(random_key())

    assert len({sealer.sealed("session", b"ana") for _ in range(100)}) == 100


def test_no_single_character_can_be_changed() -> None:
    sealer = Sealer(random_key())
    sealed = sealer.sealed("session", b"ana")
    letters = string.ascii_letters + string.digits + "-_"
    changed = [
        sealed[:place] + letter + sealed[place + 1 :]
        for place in range(len(sealed))
        for letter in letters
        if letter != sealed[place]
    ]

    assert [text for text in changed if sealer.opened("session", text) is not None] == []


@pytest.mark.parametrize("text", ["", "A", "AAAA", "A" * 16, "ä", "a b", "A" * 4096, "=" * 8, "\x00"])
def test_what_nobody_sealed_is_not_opened(text: str) -> None:
    assert Sealer(random_key()).opened("session", text) is None


def test_a_process_without_a_key_file_has_a_key_that_nobody_else_has() -> None:
    assert random_key()() != random_key()()


def test_the_first_key_seals_and_each_opens(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{ONE}\n")
    sealer = Sealer(KeyFile(file))
    sealed = sealer.sealed("session", b"ana")

    file.write_text(f"# the newest first\n{TWO}\n\n{ONE}\n")

    assert sealer.opened("session", sealed) == b"ana"
    assert Sealer(lambda: (TWO.encode(),)).opened("session", sealer.sealed("session", b"bo")) == b"bo"


def test_a_secret_that_is_mounted_anew_is_read_anew(tmp_path: Path) -> None:
    for name, key in (("first", ONE), ("second", ONE[::-1] + "x")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keys").write_text(key)
    (tmp_path / "data").symlink_to("first")
    keys = KeyFile(tmp_path / "data" / "keys")
    before = keys()

    (tmp_path / "new").symlink_to("second")
    (tmp_path / "new").rename(tmp_path / "data")

    assert (before, keys()) == ((ONE.encode(),), ((ONE[::-1] + "x").encode(),))


@pytest.mark.parametrize("wrong", ["", "too short", "\xff" * 3])
def test_a_key_file_that_becomes_wrong_signs_nobody_out(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "keys"
    file.write_text(ONE)
    keys = KeyFile(file)
    keys()

    file.write_text(wrong, encoding="latin-1")
    kept = keys()
    file.unlink()

    assert (kept, keys()) == ((ONE.encode(),), (ONE.encode(),))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "0 keys"),
        ("# none\n", "0 keys"),
        (f"{ONE}\nshort\n", "key 2 is shorter than 32 characters"),
        ("\n".join([ONE] * (MOST_KEYS + 1)), f"write 1 to {MOST_KEYS}"),
    ],
)
def test_a_file_without_good_keys_is_refused_without_a_word_of_them(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        keys_in(text, "/keys")

    assert "short\n" not in str(caught.value)
    assert ONE not in str(caught.value)


def test_a_file_that_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="keys"):
        KeyFile(tmp_path / "keys")()
