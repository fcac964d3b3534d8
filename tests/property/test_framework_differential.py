"""The same generated applications on this framework and on the one whose behaviour it has: the same answers and documents.

An application is generated as source text, so that both frameworks read the same declarations. Each request goes, as ASGI
messages, to the other framework and to ours: the short way, the short way inside of a middleware, and the long way.
FRAMEWORK_SEEDS: how many applications of each kind (or "from-to").
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from FasterAPI._index import RouteIndex
from tests.property import framework_declarations as known

pytest.importorskip("fastapi")


class Parameter(NamedTuple):
    """A parameter of an operation: where it comes from, the name in the request, and the key of what fits."""

    place: str
    alias: str
    kind: str
    several: bool = False


class Operation(NamedTuple):
    """An operation under the path that requests use, its `{}` the values of path parameters."""

    method: str
    path: str
    parameters: list[Parameter]
    embedded: bool = False


class Sent(NamedTuple):
    """A request."""

    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


# --- applications


class Writer:
    """Writes the source of one application, and knows its operations."""

    def __init__(self, seed: int, simple: bool) -> None:
        self.random = random.Random(f"{seed} {simple}")
        self.simple = simple
        self.lines: list[str] = []
        self.operations: list[Operation] = []
        self.count = 0

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def source(self) -> str:
        pick = self.random.choice
        if self.simple:
            self.lines.append("app = FastAPI(**OPTIONS)" + known.HANDLERS * self.chance(0.3))
            for _ in range(8):
                self.operation("app", "")
            return "\n".join(self.lines)
        strict = ", strict_content_type=False" if self.chance(0.2) else ""
        self.lines.append(f"app = FastAPI(**OPTIONS{strict})")
        self.lines.append(known.HANDLERS * self.chance(0.3))
        self.dependencies()
        self.lines.append(f"inner = APIRouter(prefix='/inner', tags=['in'], dependencies=[{pick(['', 'Depends(plain)'])}])")
        start = pick(["", "/outer"])
        responses = pick(["{}", "{404: {'description': 'x'}}"])
        self.lines.append(f"outer = APIRouter(prefix={start!r}, responses={responses})")
        for _ in range(3):
            self.operation("app", "")
        for _ in range(2):
            self.operation("inner", f"/o1{start}/inner")
            self.operation("outer", f"/o1{start}")
        self.lines.append("outer.include_router(inner)")
        self.lines.append("app.include_router(outer, prefix='/o1', tags=['one', Colour.red])")
        if self.chance(0.6):
            self.lines.append(f"app.include_router(outer, prefix='/o2', deprecated={pick(['None', 'True'])})")
            moved = [item for item in self.operations if item.path.startswith("/o1")]
            self.operations += [item._replace(path="/o2" + item.path[3:]) for item in moved]
        return "\n".join(self.lines)

    def dependencies(self) -> None:
        kind = self.random.choice(["int", "str | None", "list[int]"])
        said = self.random.choice(["", "None", "alias='d-q'"])
        self.lines.append(known.DEPENDENCIES.replace("DECLARED", f"{kind} = Query({said})"))

    def model(self) -> tuple[str, list[tuple[str, str, bool]]]:
        """Write a model class; returns its name, and the names in requests with what fits: (name, type, several)."""
        pick = self.random.choice
        number, self.count = self.count, self.count + 1
        lines = [f"class G{number}(BaseModel):"]
        camel = False
        if self.chance(0.5):
            config = pick(known.CONFIGS)
            camel = "to_camel" in config
            lines.append(f"    model_config = ConfigDict({config})")
        found: list[tuple[str, str, bool]] = [("more", "int", False)]
        for name in self.random.sample(["x_token", "first_name", "limit", "q", "a_b_c"], self.random.choice([1, 2, 3])):
            several = self.chance(0.25)
            kind = pick(known.LISTS) if several else pick(list(known.FITTING))
            fits = "int" if several else kind
            arguments = [pick(["...", "None"])]
            if self.chance(0.3):
                alias = pick([f"{name}_x", f"X-{name}", "é"])
                choices = f"validation_alias=AliasChoices({alias!r}, 'zz')"
                arguments.append(pick([f"alias={alias!r}", f"validation_alias={alias!r}", choices]))
                found += [(alias, fits, several), ("zz", fits, several)]
            lines.append(f"    {name}: {kind}{'' if arguments[0] == '...' else ' | None'} = Field({', '.join(arguments)})")
            found += [(name, fits, several), (name.replace("_", "-"), fits, several)]
            if camel:
                first, *rest = name.split("_")
                found.append((first + "".join(part.title() for part in rest), fits, several))
        self.lines.append("\n".join(lines) + "\n")
        return f"G{number}", found

    # --- operations

    def operation(self, owner: str, prefix: str) -> None:
        number, self.count = self.count, self.count + 1
        pick = self.random.choice
        parameters: list[Parameter] = []
        required: list[str] = []
        path = "/shared" if self.chance(0.2) else f"/p{number}"
        for index in range(self.random.choice([0, 0, 1, 2])):
            convertor = "" if self.simple or self.chance(0.8) else pick([":int", ":path", ":float", ":uuid", ":str"])
            kind = pick([key for key in known.FITTING if not key.startswith("Json")])
            path += f"/{{a{index}{convertor}}}" + pick(["", "", "/x"])
            parameters.append(Parameter("path", f"a{index}", kind))
            required.append(f"a{index}: {kind}" + (" = Path()" if self.chance(0.2) else ""))
        places = ["query"] * 3 if self.simple else ["query", "query", "header", "cookie"]
        for index in range(self.random.choice([0, 1, 2, 3])):
            required += [self.parameter(pick(places), f"b_{index}", parameters)]
        method = pick(["get", "post", "put", "patch", "delete"])
        embedded = False
        if method in ("post", "put", "patch"):
            embedded = self.body(parameters, required)
        if not self.simple:
            self.injected(parameters, required)
        options, lines, annotation = self.result(number, required)
        kind = pick(["async def", "def"])
        parts = f"*, {', '.join(required)}" if required else ""
        self.lines.append(f'@{owner}.{method}("{path}"{options})\n{kind} op{number}({parts}){annotation}:')
        self.lines.append(f"    {lines}\n")
        self.operations.append(Operation(method.upper(), prefix + path, parameters, embedded))

    def parameter(self, place: str, name: str, parameters: list[Parameter]) -> str:
        """The text of one parameter that is not of the path or body."""
        pick = self.random.choice
        if self.chance(0.2) and not self.simple:
            model, found = self.model()
            parameters += [Parameter(place, alias, fits, several) for alias, fits, several in found if place == "query" or alias.isascii()]
            return f"{name}: Annotated[{model}{pick(['', '', ' | None'])}, {place.title()}()]"
        kind = pick(list(known.FITTING))
        if self.chance(0.15) and place != "cookie":
            several = pick(known.LISTS)
            parameters.append(Parameter(place, self.requested(place, name), "int", True))
            return f"{name}: {several} = {place.title()}({pick(['', '[]', '...', 'max_length=2'])})"
        annotation = kind
        default = None
        if self.chance(0.3):
            annotation, default = f"{kind} | None" if self.chance(0.5) else f"Optional[{kind}]", pick(["None", None])
        elif kind in known.DEFAULTS and self.chance(0.5):
            default = known.DEFAULTS[kind]
        alias = name
        arguments: list[str] = []
        if self.chance(0.25):
            alias = pick([f"{name}-x", f"X{name}", "é", "a b"]) if place == "query" else f"{name}-x"
            arguments.append(f"alias={alias!r}")
        if self.chance(0.1):
            arguments.append(pick(known.PARAMETER_OPTIONS))
        parameters.append(Parameter(place, self.requested(place, alias) if alias == name else alias, kind))
        if place == "query" and not arguments and self.chance(0.6) and not kind.startswith("Annotated[Deci"):
            return f"{name}: {annotation}" + ("" if default is None else f" = {default}")
        if self.chance(0.5):
            said = "" if default is None else f" = {default}"
            return f"{name}: Annotated[{annotation}, {place.title()}({', '.join(arguments)})]{said}"
        return f"{name}: {annotation} = {place.title()}({', '.join([*([default] if default is not None else []), *arguments])})"

    @staticmethod
    def requested(place: str, name: str) -> str:
        return name.replace("_", "-") if place == "header" else name

    def body(self, parameters: list[Parameter], required: list[str]) -> bool:
        """Add the parameters of a body; returns whether it is an object of them."""
        pick = self.random.choice
        if not self.simple and self.chance(0.3):
            self.form(parameters, required)
            return True
        kinds = [pick(list(known.BODIES))]
        if not self.simple and self.chance(0.3):
            kinds.append(pick(list(known.BODIES)))
        embed = not self.simple and self.chance(0.2)
        for index, kind in enumerate(kinds):
            arguments = ["embed=True"] if embed else []
            annotation, default = kind, ""
            if self.chance(0.2):
                annotation, default = f"{kind} | None", pick([" = None", ""])
            parameters.append(Parameter("body", f"c{index}", kind))
            required.append(f"c{index}: Annotated[{annotation}, Body({', '.join(arguments)})]{default}")
        return embed or len(kinds) > 1

    def form(self, parameters: list[Parameter], required: list[str]) -> None:
        pick = self.random.choice
        if self.chance(0.25):
            model, found = self.model()
            required.append(f"f: Annotated[{model}{pick(['', '', ' | None'])}, Form()]")
            parameters += [Parameter("form", alias, fits, several) for alias, fits, several in found]
            return
        for index in range(pick([1, 2, 3])):
            name = f"f{index}"
            if self.chance(0.25):
                kind = pick(["UploadFile", "bytes", "list[UploadFile]", "UploadFile | None", "list[bytes]"])
                required.append(f"{name}: Annotated[{kind}, File()]" + (" = None" if "None" in kind else ""))
                parameters.append(Parameter("file", name, "str", "list" in kind))
                continue
            kind = pick(list(known.FITTING))
            several = self.chance(0.2)
            annotation = pick(known.LISTS) if several else pick([kind, f"{kind} | None"])
            required.append(f"{name}: Annotated[{annotation}, Form()]" + pick(["", " = None"] if "None" in annotation else [""]))
            parameters.append(Parameter("form", name, "int" if several else kind, several))

    def injected(self, parameters: list[Parameter], required: list[str]) -> None:
        """Add dependencies and what the framework itself gives."""
        pick = self.random.choice
        if self.chance(0.35):
            call = pick(["plain", "below", "closing", "Pager"])
            required.append(f"dep: Any = Depends({call})" if call != "Pager" else "dep: Pager = Depends()")
            parameters += [Parameter("query", alias, "int") for alias in ("d_q", "d-q", "page", "size")]
        if self.chance(0.15):
            required.append("request: Request")
        if self.chance(0.15):
            required.append("response: Response")

    def result(self, number: int, required: list[str]) -> tuple[str, str, str]:
        """(options of the decorator, the function's body, its return annotation)"""
        pick = self.random.choice
        options = ""
        annotation = ""
        names = [text.split(":")[0] for text in required]
        body = f"return seen({', '.join(f'{name}={name}' for name in names if name not in ('request', 'response'))})"
        if self.chance(0.35):
            body = f"return {pick(known.RESULTS)}"
            if self.chance(0.6):
                model = pick(known.MODELS)
                if self.chance(0.5):
                    annotation = f" -> {model}"
                else:
                    options += f", response_model={model}"
                if self.chance(0.4):
                    options += ", " + pick(known.RESULT_OPTIONS)
        elif self.chance(0.08):
            body = pick(known.RAISES)
        if self.chance(0.2):
            options += f", status_code={pick([201, 202, 204, 304, 404, 205])}"
        if not self.simple and self.chance(0.3):
            options += ", " + pick([*known.ROUTE_OPTIONS, f"operation_id='o{number}'"])
        if "request" in names and self.chance(0.5):
            body = "return [request.method, request.url.path, list(request.query_params.multi_items())]"
        return options, body, annotation


# --- requests


class Caller:
    """Makes requests for operations: most fit, some nearly, some not at all."""

    def __init__(self, chooser: random.Random) -> None:
        self.random = chooser
        self.fits = False  # whether the request at hand is to be a good one

    def text(self, kind: str) -> str:
        if self.fits:
            return known.FITTING[kind][0]
        return self.random.choice(known.FITTING[kind] if self.random.random() < 0.55 else known.HOSTILE)

    def encoded(self, kind: str) -> str:
        if not self.fits and self.random.random() < 0.1:
            return self.random.choice(known.RAW_VALUES)
        text = self.text(kind)
        return quote(text, safe="") if self.random.random() < 0.9 else text.encode("utf-8", "replace").decode("latin-1").replace("&", "")

    def request(self, operation: Operation) -> Sent:
        pick = self.random.choice
        self.fits = self.random.random() < 0.5
        path = operation.path
        for parameter in operation.parameters:
            if parameter.place == "path":
                for text in ("", ":int", ":path", ":float", ":uuid", ":str"):
                    path = path.replace(f"{{{parameter.alias}{text}}}", self.text(parameter.kind))
        if self.random.random() < 0.05:
            path += pick(["/", "//", "\n", "x", "/..", "\x00"])
        pairs = self.pairs(operation, "query")
        noise = 0 if self.fits else 0.1
        query = "&".join(f"{quote(name) if self.random.random() < 0.9 else name}={value}" for name, value in pairs)
        if self.random.random() < noise:
            query += pick(["&", "&&", "&b_0", "&=1", ";b_0=1", "&b_0=1;b_1=2", "&%62_0=5", "&b_0==", "&x[]=1", "?b_0=1"])
        headers = [(name.lower().encode(), self.header(value)) for name, value in self.plain_pairs(operation, "header")]
        cookies = self.plain_pairs(operation, "cookie")
        if cookies:
            separator = pick(["; ", ";", " ; "])
            headers.append((b"cookie", self.header(separator.join(f"{name}={value}" for name, value in cookies))))
        content_type, body = self.content(operation)
        if content_type is not None:
            headers.insert(0, (b"content-type", content_type))
        method = operation.method if self.random.random() < 0.95 else pick(["GET", "HEAD", "OPTIONS", "POST"])
        return Sent(method, path, query.encode("latin-1", "replace"), headers, body)

    @staticmethod
    def header(value: str) -> bytes:
        return value.encode("utf-8", "replace").replace(b"\n", b"").replace(b"\x00", b"")

    def plain_pairs(self, operation: Operation, place: str) -> list[tuple[str, str]]:
        return [(parameter.alias, self.text(parameter.kind)) for parameter, _ in self.chosen(operation, place)]

    def pairs(self, operation: Operation, place: str) -> list[tuple[str, str]]:
        return [(parameter.alias, self.encoded(parameter.kind)) for parameter, _ in self.chosen(operation, place)]

    def chosen(self, operation: Operation, place: str) -> Iterator[tuple[Parameter, int]]:
        for parameter in operation.parameters:
            if parameter.place == place:
                times = self.random.choice([1] if self.fits else [0, 1, 2, 3] if parameter.several else [0, 1, 1, 1, 1, 1, 2])
                yield from ((parameter, number) for number in range(times))

    def content(self, operation: Operation) -> tuple[bytes | None, bytes]:
        bodies = [parameter for parameter in operation.parameters if parameter.place == "body"]
        forms = [parameter for parameter in operation.parameters if parameter.place in ("form", "file")]
        if not bodies and not forms:
            return (b"application/json", b"{}") if self.random.random() < 0.1 else (None, b"")
        if forms:
            kind, body = self.form(operation)
        else:
            kind, body = b"application/json", self.json(bodies, operation.embedded)
        if self.random.random() < 0.05:
            body = b""
        if not self.fits and self.random.random() < 0.12:
            return self.random.choice([*known.CONTENT_TYPES, None]), body
        return kind, body

    def json(self, bodies: list[Parameter], embedded: bool) -> bytes:
        if self.random.random() < (0.05 if self.fits else 0.25):
            return self.random.choice(known.TEXTS)
        values = {parameter.alias: self.value(parameter.kind) for parameter in bodies if self.random.random() < 0.95}
        value = values if embedded else self.value(bodies[0].kind)
        text = json.dumps(value, ensure_ascii=self.random.random() < 0.5, separators=self.random.choice([None, (",", ":")])).encode()
        if self.random.random() < 0.05:
            at = self.random.randrange(len(text) + 1)
            text = text[:at] + self.random.choice([b"\xff", b"1", b",", b'"', b"\n", b"\x00", b" "]) + text[at + self.random.randrange(2) :]
        return text

    def value(self, kind: str) -> Any:
        value = json.loads(json.dumps(self.random.choice(known.BODIES[kind][: 2 if self.fits else None])))
        return self.changed(value) if not self.fits and self.random.random() < 0.5 else value

    def changed(self, value: Any) -> Any:
        """A value with one thing in it that is different."""
        if isinstance(value, dict) and value and self.random.random() < 0.85:
            name = self.random.choice(list(value))
            what = self.random.random()
            if what < 0.2:
                del value[name]
            elif what < 0.3:
                value[self.random.choice(["more", "", "é", name.upper()])] = self.random.choice(known.LEAVES)
            else:
                value[name] = self.changed(value[name])
            return value
        if isinstance(value, list) and value and self.random.random() < 0.85:
            at = self.random.randrange(len(value))
            value[at] = self.changed(value[at])
            return value
        return self.random.choice(known.LEAVES)

    def form(self, operation: Operation) -> tuple[bytes, bytes]:
        chosen = [*self.chosen(operation, "form"), *self.chosen(operation, "file")]
        if any(parameter.place == "file" for parameter in operation.parameters) or self.random.random() < 0.25:
            return self.multipart([parameter for parameter, _ in chosen])
        body = "&".join(f"{quote(parameter.alias)}={self.encoded(parameter.kind)}" for parameter, _ in chosen)
        if self.random.random() < 0.1:
            body += self.random.choice(["&", "&more=1", ";f0=1", "&f0", "&%ff=1", "&=", "&f0=%"])
        return b"application/x-www-form-urlencoded", body.encode("latin-1", "replace")

    def multipart(self, chosen: list[Parameter]) -> tuple[bytes, bytes]:
        lines = []
        for parameter in chosen:
            is_file = (parameter.place == "file") == (self.random.random() < 0.9)
            file = f'; filename="{self.random.choice(["a.txt", "", "é", "x"])}"' if is_file else ""
            kind = self.random.choice(["", "\r\nContent-Type: text/plain", "\r\nContent-Type: text/plain; charset=latin-1"]) if file else ""
            lines.append(f'--B\r\nContent-Disposition: form-data; name="{parameter.alias}"{file}{kind}\r\n\r\n')
            lines.append(f"{self.text(parameter.kind)}\r\n")
        boundary = b"" if self.random.random() < 0.04 else b"; boundary=B"
        lines.append(self.random.choice(["--B--\r\n", "--B--\r\n", "--B--\r\n", "--B"]))
        return b"multipart/form-data" + boundary, "".join(lines).encode("utf-8", "replace")


# --- both


NAMES = ("content-type", "location", "allow", "www-authenticate", "set-cookie")


async def answer(app: Any, sent: Sent) -> Any:
    """(status, headers, JSON or bytes, the exception that the server got) of one request."""
    sentences: list[Any] = []
    half = len(sent.body) // 2
    waiting = [sent.body[:half], sent.body[half:]] if half % 2 else [sent.body]

    async def receive() -> Any:
        if not waiting:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sentences.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": sent.method, "scheme": "http", "path": sent.path,
        "raw_path": quote(sent.path).encode(), "query_string": sent.query, "root_path": "", "headers": [(b"host", b"test"), *sent.headers],
        "client": ("127.0.0.1", 1), "server": ("test", 80), "state": {},
    }  # fmt: skip
    raised = ""
    try:
        await asyncio.wait_for(app(scope, receive, send), 20)
    except Exception as exc:
        raised = type(exc).__name__
    starts = [message for message in sentences if message["type"] == "http.response.start"]
    if len(starts) != 1:
        return ("starts", len(starts), raised)
    headers = [(name.decode(), value.decode("latin-1")) for name, value in starts[0]["headers"]]
    body = b"".join(message.get("body", b"") for message in sentences if message["type"] == "http.response.body")
    length = dict(headers).get("content-length")
    content: Any = body
    try:
        content = json.loads(body)
    except ValueError:
        pass
    fits = length is None or int(length) == len(body) or sent.method == "HEAD"
    status = starts[0]["status"]
    # Where there is no content ours has neither type nor length of it (RFC 9110 §8.3), on purpose.
    bare = status in (204, 205, 304)
    names = NAMES[1:] if bare else NAMES
    return status, sorted(item for item in headers if item[0] in names), content, raised, fits or bare


class Quiet:
    """A middleware that does nothing, so that operations are called inside of something."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class LongIndex(RouteIndex):
    def short_way(self, method: str, path: str, segments: list[str]) -> tuple[Any, Any]:
        return None, None


def without_short_way(app: Any) -> Any:
    """The same application, all of whose requests go the long way."""
    if not isinstance(app, Exception):
        app.router.index = lambda: LongIndex(app.router.routes)
        app._is_plain = lambda: False
    return app


def built(source: str, framework: str, **options: Any) -> Any:
    """The application of a source, or the exception of its registration."""
    module = types.ModuleType("generated")
    vars(module)["OPTIONS"] = options
    sys.modules["generated"] = module
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = (known.PRELUDE + source).replace("@ import", f"{framework} import").replace("from @.", f"from {framework}.")
            exec(compile(text, "generated", "exec"), vars(module))
        return vars(module)["app"]
    except Exception as exc:
        return exc


def document(app: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return json.loads(json.dumps(app.openapi(), sort_keys=True))
        except Exception as exc:
            return type(exc).__name__


def differences(seed: int, simple: bool, requests: int = 12) -> Iterator[tuple[str, Any, Any, Any]]:
    """(what, source or request, theirs, ours) of one application."""
    from starlette.middleware import Middleware

    writer = Writer(seed, simple)
    source = writer.source()
    inside = built(source, "FasterAPI", middleware=[Middleware(Quiet)])
    apps: list[Any] = [built(source, "fastapi"), built(source, "FasterAPI"), inside, without_short_way(built(source, "FasterAPI"))]
    if any(isinstance(app, Exception) for app in apps):
        if len({type(app) for app in apps}) > 1:
            yield "registration", source, repr(apps[0]), repr(apps[1])
        return
    theirs, ours = document(apps[0]), document(apps[1])
    if theirs != ours:
        yield "schema", source, theirs, ours
    caller = Caller(writer.random)
    with asyncio.Runner() as runner:
        for operation in writer.operations:
            for _ in range(requests):
                sent = caller.request(operation)
                answers = []
                for app in apps:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        answers.append(runner.run(answer(app, sent)))
                for name, found in (("short", answers[1]), ("inner short", answers[2]), ("long", answers[3])):
                    if ascii(found) != ascii(answers[0]):
                        yield f"{name} way", sent, answers[0], found


def seeds() -> range:
    first, _, last = os.environ.get("FRAMEWORK_SEEDS", "0-25").rpartition("-")
    return range(int(first or 0), int(last))


def reported(found: Iterator[tuple[str, Any, Any, Any]]) -> str:
    return "\n".join(f"{what}: {where}\n  theirs {theirs!a}\n  ours   {ours!a}" for what, where, theirs, ours in found)


@pytest.mark.parametrize("seed", seeds())
def test_simple_operations_are_the_same_either_way(seed: int) -> None:
    """Path and query parameters and a JSON body: the other framework, the short and the long way agree."""
    report = reported(differences(seed, simple=True))
    assert not report, report


@pytest.mark.parametrize("seed", seeds())
def test_all_else_is_the_same(seed: int) -> None:
    """Headers, cookies, forms, files, dependencies, routers, options: the answers and the documents agree."""
    report = reported(differences(seed, simple=False))
    assert not report, report
