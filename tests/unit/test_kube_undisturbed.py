"""Is the garbage collector away while objects are made, and back afterwards?"""

import gc

import pytest

from adapters.kube.undisturbed import undisturbed


def test_it_is_away_for_so_long_only() -> None:
    with undisturbed():
        during = gc.isenabled()

    assert (during, gc.isenabled()) == (False, True)


def test_it_is_back_after_a_failure() -> None:
    with pytest.raises(ValueError, match="no JSON"), undisturbed():
        raise ValueError("no JSON")

    assert gc.isenabled()


def test_whoever_keeps_it_away_for_longer_is_obeyed() -> None:
    with undisturbed():
        with undisturbed():
            pass

        assert not gc.isenabled()
