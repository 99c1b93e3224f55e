"""Are the pictures that the docs show there, small, of the size that the script takes, and all of them the script's?"""

import re
from pathlib import Path

import pytest

from tests.repo.tree import ROOT, pages, where
from tests.support.pictures import FOLDER, PICTURES, Picture

MOST_BYTES = 150_000
NAMED = re.compile(r'(?:src|srcset)="([^"]+\.png)"|!\[[^\]]*\]\(([^)]+\.png)\)')


def named() -> list[tuple[str, Path]]:
    """(page, file) of each picture that a page shows."""
    return [
        (where(page), (page.parent / (by_tag or by_mark)).resolve())
        for page in pages()
        for by_tag, by_mark in NAMED.findall(page.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize(("page", "file"), named(), ids=str)
def test_a_picture_that_a_page_shows_is_one_that_the_script_takes(page: str, file: Path) -> None:
    assert file.is_file(), f"{page} shows {file.relative_to(ROOT)}; take it: python -m tests.support.pictures"
    assert file in {FOLDER / picture.file for picture in PICTURES}


def test_the_script_takes_all_pictures_and_each_is_shown() -> None:
    kept = sorted(path.name for path in FOLDER.iterdir())

    assert kept == sorted(picture.file for picture in PICTURES)
    assert kept == sorted({file.name for _, file in named()})


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.file)
def test_a_picture_is_small_and_as_large_as_its_screen(picture: Picture) -> None:
    content = (FOLDER / picture.file).read_bytes()

    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))

    assert len(content) < MOST_BYTES
    assert (width, height) == picture.size or (picture.part and width <= picture.size[0])


@pytest.mark.parametrize("page", sorted({page for page, _ in named()}))
def test_who_does_not_see_a_picture_reads_what_it_shows(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")

    tags = re.findall(r"<img [^>]*>", text)

    assert [tag for tag in tags if not re.search(r'alt="[^"]{10,}"', tag)] == []
