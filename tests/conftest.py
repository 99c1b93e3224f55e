"""Which fixtures does every test see, and what does a run say last?"""

import gc
import os
import signal
import sys
from collections.abc import Generator

import pytest
import structlog
from _pytest.runner import runtestprotocol
from hypothesis import settings

from tests.servers.missing import advice

pytest_plugins = ["tests.support.servers", "tests.support.git_fixtures"]


def pytest_configure() -> None:
    """The inner loop looks at fewer examples (tests/support/examples.py); `make test` at as many as each test says.

    A shell's background job ignores SIGINT and hands that on; what a test starts must hear Ctrl-C all the same.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # xdist tells its workers the terminal's width, at which a command would wrap its lines.
    os.environ.pop("COLUMNS", None)
    settings.register_profile("usual", deadline=None)  # no test fails because the machine is busy
    settings.register_profile("quick", max_examples=8, deadline=None)
    settings.load_profile("usual")


def pytest_runtest_setup() -> None:
    """Whatever a test before has set up, the log goes to stderr: commands under test own stdout, as in production."""
    structlog.reset_defaults()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """The garbage collector need not look at what lives until the end, and not as often as for small programs: 3 s in all."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A worker of xdist tells of a test that passed in one message instead of five: 3 s of CPU over the inner loop."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return None
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    return True


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost, so that its lines come after pytest's own summary
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Name each real server that was missing, with the way to get it, where nobody overlooks it."""
    yield
    reports = terminalreporter.stats.get("skipped", [])
    lines = advice(report.longrepr[2] for report in reports if isinstance(report.longrepr, tuple))
    if lines:
        terminalreporter.section("real servers that are not on this machine; their tests were skipped")
        for line in lines:
            terminalreporter.write_line(line)
