"""What is let go of before pytest looks for garbage?"""

from tests.repo import tree


def pytest_sessionfinish() -> None:
    """A million nodes of syntax trees, at which the collector would look for a second."""
    tree.parsed.cache_clear()
