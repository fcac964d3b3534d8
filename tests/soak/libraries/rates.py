"""slowapi: the third request in a minute is refused, by a decorator and by middleware."""

from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.middleware import SlowAPIASGIMiddleware, SlowAPIMiddleware
from slowapi.util import get_remote_address


def application(middleware=None, **options):
    app = FastAPI()
    app.state.limiter = limiter = Limiter(key_func=get_remote_address, **options)
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
    if middleware is not None:
        app.add_middleware(middleware)
    return app, limiter


def statuses(app, path, count=3):
    client = TestClient(app)
    return [client.get(path).status_code for _ in range(count)]


app, limiter = application(headers_enabled=True)


@app.get("/limited/{name}")
@limiter.limit("2/minute")
async def limited(request: Request, response: Response, name: str):
    return {"name": name}


@app.get("/blocking")
@limiter.limit("1/minute")
def blocking(request: Request, response: Response):
    return "ok"


@app.get("/free")
async def free():
    return "ok"


client = TestClient(app)
answer = client.get("/limited/ann")
assert (answer.json(), answer.headers["x-ratelimit-remaining"]) == ({"name": "ann"}, "1")
assert statuses(app, "/limited/ann") == [200, 429, 429]
refused = client.get("/limited/ann")
assert refused.json() == {"error": "Rate limit exceeded: 2 per 1 minute"}
assert int(refused.headers["retry-after"]) <= 60
assert statuses(app, "/blocking") == [200, 429, 429]
assert statuses(app, "/free", 5) == [200] * 5

for middleware in (SlowAPIMiddleware, SlowAPIASGIMiddleware):
    app, limiter = application(middleware, default_limits=["2/minute"])

    @app.get("/some/{number}")
    async def some(number: int):
        return number

    @app.get("/exempt")
    @limiter.exempt
    async def exempt():
        return "ok"

    assert statuses(app, "/some/1") == [200, 200, 429], middleware
    assert statuses(app, "/exempt", 5) == [200] * 5, middleware
