"""The pages of a document as HTML. They are complete without a script, and nothing on them sends anything anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from fasthttp._pure.routes import split_url
from fasthttp.openapi.markup import Child, Markup, code, coloured_json, element, prose
from fasthttp.openapi.tables import Tables
from httpwire.masking import MASK
from httpwire.query import encode_pairs, flatten

__all__ = ["Shown", "error_page", "page"]

_AUTH = {"basicAuth": f"Basic {MASK}", "digestAuth": f"Digest {MASK}"}
_EMPTY = """from fasthttp import FastHTTP

app = FastHTTP("https://api.example")

@app.get("/parts/7")
def part(resp):
    \"\"\"A part by its number.\"\"\"
    return resp.json()["name"]
"""


class Shown(NamedTuple):
    """What is shown.

    Attributes: `document` (OpenAPI), `problem` (why it is not the newest, if so), `revision` (None unless the page is to
    come again by itself whenever that changes).
    """

    document: Mapping[str, Any]
    problem: str = ""
    revision: int | None = None


class _Operation(NamedTuple):
    method: str
    key: str  # the path in the document
    described: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.described["operationId"])

    @property
    def anchor(self) -> str:
        return "op-" + re.sub(r"\s", "-", self.name)

    @property
    def kind(self) -> str:
        return str(self.described.get("x-kind", "http"))

    @property
    def badge(self) -> Markup:
        text = {"sse": "SSE", "ws": "WS", "graphql": "GQL"}.get(self.kind, self.method)
        return element("span", text, class_=f"method m-{text.lower()}")


def page(shown: Shown, prefix: str, *, reading: bool) -> str:
    """The page of a document.

    Args:
        prefix: path before those of the pages.
        reading: everything open and samples beside it, rather than a list to open things in.
    """
    document = shown.document
    info = document["info"]
    groups = _groups(document)
    if "" in groups:
        groups["Other routes" if len(groups) > 1 else "Routes"] = groups.pop("")
    tables = Tables(document.get("components", {}).get("schemas", {}))
    count = sum(map(len, groups.values()))
    hosts = {operation.key.split("/")[1] for group in groups.values() for operation in group}
    main = [
        element(
            "header",
            element("h1", info["title"], " ", element("span", info["version"], class_="version")),
            prose(info.get("description", "")),
            element(
                "p", element("b", count), f" route{'' if count == 1 else 's'}", " to ", element("b", len(hosts)),
                f" host{'' if len(hosts) == 1 else 's'}. Declared with FastHTTP; this page sends nothing.", class_="facts",
            ) if count else _welcome(),
            class_="hero",
        ),
        [_group(tag, group, document, tables, reading) for tag, group in groups.items()],
        tables.section(),
    ]  # fmt: skip
    body = [
        _top(info["title"], prefix, reading),
        _problem(shown.problem) if shown.problem else None,
        element(
            "div", _navigation(groups, tables), element("main", main, id="main"),
            class_="frame reading" if reading else "frame", data_revision=shown.revision, data_state=f"{prefix}/docs/revision",
        ),
    ]  # fmt: skip
    return _html(info["title"], prefix, body)


def _problem(text: str) -> Markup:
    return element("p", element("b", "This is not the newest version: "), text, class_="problem", role="alert")


def error_page(status: int, said: str, prefix: str) -> str:
    """The page for what is not there, or cannot be done."""
    box = element(
        "main", element("p", status, class_="status"), element("h1", said),
        element("p", element("a", "Documentation", href=f"{prefix}/docs", class_="button"), " ",
                element("a", "Reading view", href=f"{prefix}/redoc", class_="button plain")),
        class_="lost", id="main",
    )  # fmt: skip
    return _html(f"{status} {said}", prefix, [box])


def _html(title: str, prefix: str, body: Child) -> str:
    head = element(
        "head", element("meta", charset="utf-8"), element("title", title),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("link", rel="icon", type="image/svg+xml", href=f"{prefix}/docs/icon.svg"),
        element("link", rel="stylesheet", href=f"{prefix}/docs/page.css"),
        element("script", src=f"{prefix}/docs/page.js"),
    )  # fmt: skip
    return "<!doctype html>\n" + element("html", head, element("body", body), lang="en")


def _top(title: str, prefix: str, reading: bool) -> Markup:
    other = ("List", "docs") if reading else ("Reading view", "redoc")
    return element(
        "nav",
        element("a", "Skip to content", href="#main", class_="skip"),
        element("a", element("img", src=f"{prefix}/docs/icon.svg", alt=""), title, href=f"{prefix}/docs", class_="brand"),
        element("span", class_="live", id="live", hidden=True),
        element("a", other[0], href=f"{prefix}/{other[1]}"),
        element("a", "openapi.json", href=f"{prefix}/openapi.json"),
        element("button", "◐", type="button", id="theme", title="Dark or light", aria_label="Dark or light"),
        class_="top", aria_label="Pages",
    )  # fmt: skip


def _welcome() -> Markup:
    return element("div", element("p", "No routes yet. Declare one, and it appears here:"), element("pre", _EMPTY), class_="welcome")


def _navigation(groups: Mapping[str, list[_Operation]], tables: Tables) -> Markup:
    parts: list[Child] = [element("input", type="search", id="filter", placeholder="Filter routes  ( / )", aria_label="Filter routes")]
    for tag, group in groups.items():
        links = [
            element("li", element("a", one.badge, element("span", one.name, class_="name"), href="#" + quote(one.anchor))) for one in group
        ]
        parts.append(element("section", element("h2", tag), element("ul", links)))
    if tables.names:
        links = [element("li", element("a", name, href=f"#model-{name}")) for name in tables.names]
        parts.append(element("section", element("h2", "Models"), element("ul", links), class_="models"))
    return element("aside", parts, class_="side", aria_label="Routes")


def _groups(document: Mapping[str, Any]) -> dict[str, list[_Operation]]:
    """The operations by their first tag, in the order of the document; those without one at the end."""
    found: dict[str, list[_Operation]] = {}
    for operation in _operations(document["paths"]):
        tag = operation.described.get("tags", [""])[0]
        found.setdefault(tag, []).append(operation)
    without = found.pop("", None)
    return found if without is None else {**found, "": without}


def _operations(paths: Mapping[str, Any]) -> Iterator[_Operation]:
    for key, item in paths.items():
        for field, described in item.items():
            if field == "x-streams":
                for stream in described:
                    yield _Operation(stream["x-method"], key, stream)
            else:
                yield _Operation(field.removeprefix("x-").upper(), key, described)


def _group(tag: str, group: list[_Operation], document: Mapping[str, Any], tables: Tables, reading: bool) -> Markup:
    shown = [_operation(one, document, tables, reading) for one in group]
    return element("section", element("h2", tag), shown, class_="group")


def _operation(one: _Operation, document: Mapping[str, Any], tables: Tables, reading: bool) -> Markup:
    described = one.described
    before, path, _ = split_url(described["x-original-url"])
    host = element("span", before.partition("://")[2], class_="host")
    marks = [element("span", text, class_="mark") for text in _marks(described)]
    line = element(
        "summary", one.badge,
        element("span", host, element("span", path or "/", class_="path"), class_="url"),
        element("span", code(described.get("summary", "")), class_="says"), marks,
    )  # fmt: skip
    facts = [
        element("div", prose(described.get("description", "")), class_="prose") if "description" in described else None,
        tables.parameters(described.get("parameters", [])),
        tables.body(described.get("requestBody")),
        tables.responses(described["responses"]),
        _security(described, document),
    ]
    sample = element(
        "div", element("h3", "What is sent", element("button", "Copy", type="button", class_="copy")),
        element("pre", _sample(one)), class_="sample",
    )  # fmt: skip
    inside = element("div", element("div", facts, class_="told"), sample, class_="inside")
    return element("details", line, inside, class_="operation", id=one.anchor, open=reading)


def _marks(described: Mapping[str, Any]) -> Iterator[str]:
    if described.get("x-each"):
        yield "one for each item"
    if described.get("x-after"):
        yield f"after {', '.join(described['x-after'])}"
    if described.get("x-computed"):
        yield f"computed: {', '.join(described['x-computed'])}"
    if described.get("security") or "x-auth" in described:
        yield "credentials"


def _security(described: Mapping[str, Any], document: Mapping[str, Any]) -> Child:
    rows: list[Child] = []
    for requirement in described.get("security", ()):
        for name, scopes in requirement.items():
            scheme = document["components"]["securitySchemes"][name]
            token_url = scheme.get("flows", {}).get("clientCredentials", {}).get("tokenUrl")
            details = [", token from ", element("code", token_url)] if token_url else None
            wanted = [", scopes ", element("code", " ".join(scopes))] if scopes else None
            rows.append(element("li", element("b", name), details, wanted))
    if "x-auth" in described:
        rows.append(element("li", element("b", described["x-auth"])))
    return [element("h3", "Credentials"), element("ul", rows)] if rows else None


def _sample(one: _Operation) -> list[Child]:
    """The request as a message, secrets masked: what is declared of it, not what middleware and functions add."""
    described = one.described
    before, path, _ = split_url(described["x-original-url"])
    parameters = described.get("parameters", [])
    query = {item["name"]: item["schema"].get("default") for item in parameters if item["in"] == "query"}
    target = f"{path or '/'}{'?' if query else ''}{_form(query)}"
    lines = [("Host", before.partition("://")[2])] if before else []
    lines += [(item["name"], item["schema"].get("default", "")) for item in parameters if item["in"] == "header"]
    for requirement in described.get("security", ()):
        lines += [("Authorization", _AUTH.get(name, f"Bearer {MASK}")) for name in requirement]
    contents = dict(described.get("requestBody", {}).get("content", {}))
    lines += [("Content-Type", kind) for kind in contents]
    message: list[Child] = [element("b", one.method), f" {target} HTTP/1.1\n"]
    message += [[element("span", name, class_="j-key"), f": {value}\n"] for name, value in lines]
    for kind, media in contents.items():
        if media.get("example") is not None:
            message += ["\n", _written(kind, media["example"])]
    return message


def _written(kind: str, example: Any) -> Child:
    """A body as it is sent, or nearly."""
    if isinstance(example, str) and "json" not in kind:
        return example
    if isinstance(example, Mapping) and kind == "application/x-www-form-urlencoded":
        return _form(example)
    return coloured_json(example)


def _form(pairs: Mapping[str, Any]) -> str:
    flat = {name: [_text(item) for item in (value if isinstance(value, list) else [value])] for name, value in pairs.items()}
    return encode_pairs(flatten(flat)).replace(quote(MASK), MASK)


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, (Mapping, list)) else value
