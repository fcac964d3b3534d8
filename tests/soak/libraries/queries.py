"""strawberry-graphql: queries and mutations with a context from dependencies, and a subscription over a WebSocket."""

import asyncio
from collections.abc import AsyncGenerator

import strawberry
from fastapi import BackgroundTasks, Depends, FastAPI, Header
from fastapi.testclient import TestClient
from strawberry.fastapi import GraphQLRouter
from strawberry.types import Info

lamps = {1: "Reading lamp", 2: "Floor lamp"}
seen = []


async def who(user: str = Header("nobody")):
    return user


def context(tasks: BackgroundTasks, user=Depends(who)):
    return {"user": user, "tasks": tasks}


@strawberry.type
class Lamp:
    id: int
    name: str


@strawberry.type
class Query:
    @strawberry.field
    def lamp(self, id: int) -> Lamp | None:
        return Lamp(id=id, name=lamps[id]) if id in lamps else None

    @strawberry.field
    async def me(self, info: Info) -> str:
        return info.context["user"]


@strawberry.type
class Mutation:
    @strawberry.mutation
    def add(self, name: str, info: Info) -> Lamp:
        info.context["tasks"].add_task(seen.append, name)
        lamps[len(lamps) + 1] = name
        return Lamp(id=len(lamps), name=name)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        for number in range(to):
            yield number
            await asyncio.sleep(0)


app = FastAPI()
schema = strawberry.Schema(Query, Mutation, Subscription)
app.include_router(GraphQLRouter(schema, context_getter=context), prefix="/graphql")


def ask(query, **options):
    answer = client.post("/graphql", json={"query": query}, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


with TestClient(app) as client:
    assert ask("{ lamp(id: 1) { name } }")["data"] == {"lamp": {"name": "Reading lamp"}}
    assert ask("{ me }", headers={"user": "ann"})["data"] == {"me": "ann"}
    assert ask("{ chair }")["errors"][0]["message"].startswith("Cannot query field 'chair'")
    assert ask('mutation { add(name: "Desk lamp") { id } }')["data"] == {"add": {"id": 3}}
    assert seen == ["Desk lamp"]
    page = client.get("/graphql", headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    with client.websocket_connect("/graphql", subprotocols=["graphql-transport-ws"]) as socket:
        assert socket.accepted_subprotocol == "graphql-transport-ws"
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json()["type"] == "connection_ack"
        socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": "subscription { count(to: 3) }"}})
        got = [socket.receive_json() for _ in range(4)]
    assert [message.get("payload", {}).get("data") for message in got] == [{"count": 0}, {"count": 1}, {"count": 2}, None]
    assert got[-1]["type"] == "complete"
