"""The parts of an operation as HTML: its parameters, bodies, answers, and the models that they are of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fasthttp.openapi.markup import Child, Markup, code, element

__all__ = ["Tables"]

_PREFIX = "#/components/schemas/"
_LIMITS = {
    "minimum": "≥ {}", "maximum": "≤ {}", "exclusiveMinimum": "> {}", "exclusiveMaximum": "< {}", "multipleOf": "multiple of {}",
    "minLength": "at least {} characters", "maxLength": "at most {} characters",
    "minItems": "at least {} items", "maxItems": "at most {} items", "pattern": "matches {}",
}  # fmt: skip
_DEEPEST = 12  # levels of a schema that stand in one another; a model is written once, and linked elsewhere


class Tables:
    """Writes what refers to the models of one document."""

    def __init__(self, models: Mapping[str, Any]) -> None:
        self._models = models
        self.names = list(models)

    def section(self) -> Child:
        """All models."""
        if not self._models:
            return None
        shown = [
            element(
                "details", element("summary", element("span", name, class_="path")), element("div", self._schema(schema), class_="inside"),
                class_="model", id=f"model-{name}", open=True,
            )
            for name, schema in self._models.items()
        ]  # fmt: skip
        return element("section", element("h2", "Models"), shown, class_="group")

    def parameters(self, parameters: Sequence[Mapping[str, Any]]) -> Child:
        """What stands in path, query and headers."""
        rows = [
            element(
                "tr", element("td", element("code", item["name"])), element("td", item["in"]), element("td", self._type(item["schema"])),
                element("td", self._value(item.get("example", item["schema"].get("default")))),
            )
            for item in parameters
        ]  # fmt: skip
        head = element("thead", element("tr", [element("th", text, scope="col") for text in ("Name", "In", "Type", "Value")]))
        table = element("table", head, element("tbody", rows))
        return [element("h3", "Parameters"), element("div", table, class_="wide")] if rows else None

    def body(self, body: Mapping[str, Any] | None) -> Child:
        """What is sent in the body."""
        return None if body is None else [element("h3", "Body"), self._content(body)]

    def responses(self, responses: Mapping[str, Any]) -> Child:
        """What may come back."""
        rows = [
            element(
                "div", element("span", status, class_=f"status s{status[0]}"), " ", code(response["description"]), self._content(response),
                class_="response",
            )
            for status, response in responses.items()
        ]  # fmt: skip
        return [element("h3", "Answers"), rows]

    def _content(self, holder: Mapping[str, Any]) -> list[Child]:
        found: list[Child] = []
        for kind, media in holder.get("content", {}).items():
            schema = media.get("schema", {})
            name = element("span", kind, class_="kind")
            found.append(element("div", name, self._schema(schema), self._looked_up(schema), class_="schema"))
        return found

    def _looked_up(self, schema: Mapping[str, Any]) -> Child:
        """The members of the model that a schema is of, so that the first of them can be read in its place."""
        while isinstance(schema.get("items"), Mapping):
            schema = schema["items"]
        model = self._models.get(str(schema.get("$ref", "")).removeprefix(_PREFIX), {})
        return self._schema({**model, "description": ""})[1:]

    def _schema(self, schema: Mapping[str, Any], level: int = 0) -> list[Child]:
        """The type of a schema, and its members where it is an object."""
        found: list[Child] = [element("span", self._type(schema), class_="type") if level == 0 else None]
        if level == 0 and schema.get("description"):
            found.append(element("p", code(schema["description"]), class_="prose"))
        members, required = schema.get("properties"), schema.get("required", ())
        if isinstance(members, Mapping) and members and level < _DEEPEST:
            listed = [self._member(name, item, name in required, level) for name, item in members.items()]
            found.append(element("ul", listed, class_="members"))
        for inner in (schema.get("items"), schema.get("additionalProperties")):
            if isinstance(inner, Mapping):
                found += self._schema(inner, level + 1)
        return found

    def _member(self, name: str, schema: Any, required: bool, level: int) -> Markup:
        schema = schema if isinstance(schema, Mapping) else {}
        facts: list[Child] = [element("code", name), element("span", "*", class_="required", title="required") if required else None, " "]
        facts.append(element("span", self._type(schema), class_="type"))
        facts += [element("span", text, class_="limit") for text in _limits(schema)]
        if schema.get("default") is not None:
            facts += [" = ", self._value(schema["default"])]
        if schema.get("description"):
            facts.append(element("div", code(schema["description"]), class_="note"))
        return element("li", facts, self._schema(schema, level + 1))

    def _type(self, schema: Any) -> Child:
        """A schema in a few words, with links to its models."""
        if not isinstance(schema, Mapping):
            return "anything"
        reference = schema.get("$ref")
        if isinstance(reference, str):
            name = reference.removeprefix(_PREFIX)
            return element("a", name, href=f"#model-{name}")
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(schema.get(key), list):
                return _joined([self._type(item) for item in schema[key]], " & " if key == "allOf" else " | ")
        if "enum" in schema or "const" in schema:
            return _joined([element("code", json.dumps(item)) for item in schema.get("enum", [schema.get("const")])], " | ")
        kind = schema.get("type")
        if kind == "array":
            items = schema.get("items")
            return ["array of ", self._type(items)] if items else "array"
        if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
            return ["object of ", self._type(schema["additionalProperties"])]
        if isinstance(kind, list):
            return " | ".join(map(str, kind))
        detail = schema.get("format") or ("file" if "contentMediaType" in schema else None)
        return f"{kind} ({detail})" if kind and detail else str(kind or schema.get("title") or "anything")

    @staticmethod
    def _value(value: Any) -> Child:
        if value is None:
            return None
        return element("code", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), class_="value")


def _limits(schema: Mapping[str, Any]) -> Iterator[str]:
    for key, words in _LIMITS.items():
        if key in schema:
            yield words.format(schema[key])


def _joined(parts: list[Child], between: str) -> list[Child]:
    found: list[Child] = []
    for part in parts:
        found += [between, part] if found else [part]
    return found
