"""The pytest plugin: the fixture `fasthttp_mock`. Imports nothing of the library until a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fasthttp.testing import MockTransport

__all__ = ["fasthttp_mock"]


@pytest.fixture
def fasthttp_mock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[MockTransport]:
    """Answers for every app, session and client that the test makes, and that would go to the network.

    The test fails at its end for an answer that was declared and never given, unless `fasthttp_mock.allow_unused` is
    true, and for a request without an answer whose error the tested code has swallowed.
    """
    from fasthttp.app.guarded import Security
    from fasthttp.client import _Core
    from fasthttp.testing import MockTransport
    from fasthttp.transports.http import HTTPTransport

    mock = MockTransport()
    begin = _Core.__init__

    def make_core(core: Any, config: Any, transport: Any) -> None:
        # Whatever a test sends through by its own choice, an application for example, stays.
        begin(core, config, mock if isinstance(transport, HTTPTransport) else transport)

    monkeypatch.setattr(_Core, "__init__", make_core)
    monkeypatch.setattr(Security, "guard", lambda security: None)
    failed = request.session.testsfailed
    yield mock
    if request.session.testsfailed > failed:
        return  # the test has failed already, and what it left out may be why
    if mock.unmatched:
        pytest.fail(f"the tested code has swallowed: {mock.unmatched[0]}", pytrace=False)
    if mock.unused and not mock.allow_unused:
        pytest.fail(f"declared and never asked for: {', '.join(mock.unused)}; fasthttp_mock.allow_unused = True permits it", pytrace=False)
