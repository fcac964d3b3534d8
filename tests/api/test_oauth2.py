"""One token for everybody: tasks, threads and loops that need it at the same time; and what the class refuses."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from fasthttp import (
    AsyncClient,
    Client,
    ConnectError,
    FastHTTPRequestError,
    InvalidURL,
    MockTransport,
    OAuth2ClientCredentials,
    Request,
    Timeout,
    TotalTimeout,
)


class Gate:
    """A token endpoint that answers when it is opened, and an API that tells what it got."""

    def __init__(self, *answers: Any) -> None:
        self.answers = answers or ({"access_token": "t", "expires_in": 30},)
        self.asked = 0
        self.asking = threading.Event()
        self.opened = threading.Event()
        self.tokens: list[str] = []
        self.auth = OAuth2ClientCredentials("https://id.test/token", "me", "hunter2")

    def answer(self, request: Request) -> Any:
        if request.host != "id.test":
            self.tokens.append(request.headers["authorization"])
            return 200
        self.asked += 1
        self.asking.set()
        assert self.opened.wait(10)
        return self.answers[min(self.asked, len(self.answers)) - 1]

    async def answer_async(self, request: Request) -> Any:
        if request.host == "id.test" and not self.opened.is_set():
            self.asking.set()
            await asyncio.to_thread(self.opened.wait, 10)
        return self.answer(request)

    def client(self) -> Client:
        return Client("http://api.test", auth=self.auth, transport=MockTransport(self.answer))

    def async_client(self) -> AsyncClient:
        return AsyncClient("http://api.test", auth=self.auth, transport=MockTransport(self.answer_async))


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for belongs to other threads too
            await asyncio.sleep(0)


async def several(gate: Gate, count: int = 5) -> list[Any]:
    """That many requests at once; the token comes when all of them are under way."""
    async with gate.async_client() as client:
        calls = [asyncio.ensure_future(client.get("/")) for _ in range(count)]
        await until(gate.asking.is_set)
        for _ in range(10):
            await asyncio.sleep(0)
        gate.opened.set()
        return await asyncio.gather(*calls, return_exceptions=True)


def test_tasks_share_one_token_request() -> None:
    """Five tasks at once make one token request, and share its token however soon that expires."""
    gate = Gate()
    asyncio.run(several(gate))
    assert (gate.asked, gate.tokens) == (1, ["Bearer t"] * 5)


def test_tasks_share_a_refusal() -> None:
    """Those who waited fail with an error of their own each, after one token request; the next call tries again."""
    gate = Gate((401, {"error": "invalid_client"}), {"access_token": "t"})
    errors = asyncio.run(several(gate))
    assert [str(error) for error in errors] == ["OAuth2 token request failed: 401 invalid_client: POST https://id.test/token"] * 5
    assert all(type(error) is FastHTTPRequestError for error in errors)
    assert len({id(error) for error in errors}) == 5
    assert (gate.asked, gate.tokens) == (1, [])
    with gate.client() as client:
        client.get("/")
    assert gate.tokens == ["Bearer t"]


def test_tasks_share_a_failure_of_the_connection() -> None:
    """A token endpoint that is down is asked once, not once by each in turn."""
    gate = Gate(ConnectError("refused"))
    errors = asyncio.run(several(gate))
    assert [type(error) for error in errors] == [ConnectError] * 5
    assert gate.asked == 1


def test_threads_and_loops_share_one_token_request() -> None:
    """Threads with blocking clients and threads with loops wait for the same token."""
    gate = Gate()

    async def call() -> None:
        async with gate.async_client() as client:
            await client.get("/")

    def block() -> None:
        with gate.client() as client:
            client.get("/")

    first = threading.Thread(target=block)
    first.start()
    assert gate.asking.wait(10)
    others = [threading.Thread(target=block if number % 2 else lambda: asyncio.run(call())) for number in range(4)]
    for thread in others:
        thread.start()
    gate.opened.set()
    for thread in (first, *others):
        thread.join(10)
    # Who came only after the token was there found one that has less than a minute left, and asked for another.
    assert gate.tokens == ["Bearer t"] * 5
    assert gate.asked <= 5


def test_whoever_leaves_is_replaced() -> None:
    """When the task that fetches is cancelled, or out of time, another that waits fetches; one that waits may leave too."""

    async def main(gate: Gate, timeout: float | None) -> list[Any]:
        async with gate.async_client() as client:
            first = asyncio.ensure_future(client.get("/", timeout=timeout and Timeout(total=timeout)))
            await until(gate.asking.is_set)
            others = [asyncio.ensure_future(client.get("/")) for _ in range(3)]
            for _ in range(10):
                await asyncio.sleep(0)
            others[0].cancel()
            if timeout is None:
                first.cancel()
            await asyncio.wait([first])
            gate.opened.set()
            return await asyncio.gather(first, *others, return_exceptions=True)

    for timeout, kind in ((None, asyncio.CancelledError), (0.05, TotalTimeout)):
        gate = Gate()
        first, cancelled, *rest = asyncio.run(main(gate, timeout))
        assert isinstance(first, kind)
        assert isinstance(cancelled, asyncio.CancelledError)
        assert [response.status_code for response in rest] == [200, 200]
        assert gate.asked == 1  # the answer to the first was never given
        assert gate.tokens == ["Bearer t"] * 2


def test_one_refresh_for_many_refusals() -> None:
    """Five requests whose token is refused together fetch one new token."""
    asked: list[Request] = []
    refused: list[Request] = []

    async def answer(request: Request) -> Any:
        if request.host == "id.test":
            asked.append(request)
            return {"access_token": f"t{len(asked)}"}
        if request.headers["authorization"] != "Bearer t1":
            return 200
        refused.append(request)
        await until(lambda: len(refused) == 5)
        return 401

    async def main() -> list[Any]:
        auth = OAuth2ClientCredentials("https://id.test/token", "me", "hunter2")
        async with AsyncClient("http://api.test", auth=auth, transport=MockTransport(answer)) as client:
            return await asyncio.gather(*(client.get("/") for _ in range(5)))

    assert [response.status_code for response in asyncio.run(main())] == [200] * 5
    assert len(asked) == 2


def test_a_forked_child_asks_for_itself() -> None:
    """A token request under way belongs to the process that made it."""
    auth = OAuth2ClientCredentials("https://id.test/token", "me", "hunter2")
    lock = auth._lock
    lock.acquire()
    auth._pending = object()  # type: ignore[assignment]
    auth.disown()
    assert auth._pending is None
    assert auth._lock is not lock


@pytest.mark.parametrize(("arguments", "keywords", "error", "says"), [
    (("/token", "a", "b"), {}, InvalidURL, "Invalid URL"),
    (("ftp://x/", "a", "b"), {}, InvalidURL, "scheme"),
    (("https://u:hunter2@x/", "a", "b"), {}, ValueError, "use client_id and client_secret"),
    (("https://x/", 5, "b"), {}, TypeError, "client_id must be str, got int"),
    (("https://x/", "a", None), {}, TypeError, "client_secret must be str, got NoneType"),
    (("https://x/", "a", "b"), {"auth_method": "header"}, ValueError, "auth_method='header' must be"),
])  # fmt: skip
def test_arguments_that_are_refused(arguments: Any, keywords: Any, error: Any, says: str) -> None:
    """They are at once, and the secret is not shown."""
    with pytest.raises(error, match=says) as caught:
        OAuth2ClientCredentials(*arguments, **keywords)
    assert "hunter2" not in str(caught.value)


def test_repr_and_attributes() -> None:
    """The repr hides the credentials; the attributes do not."""
    auth = OAuth2ClientCredentials("https://id.test/token?api_key=hunter2", "me", "hunter2", ["a", "b"], {"x": 1})
    assert repr(auth) == "OAuth2ClientCredentials('https://id.test/token?api_key=*****', '*****', '*****')"
    assert (auth.client_id, auth.client_secret, auth.scopes, auth.extra, auth.auth_method) == ("me", "hunter2", "a b", {"x": 1}, "body")
