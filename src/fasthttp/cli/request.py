"""The verbs of the command line, and `graphql`: options to a request, its response to the output that was asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec
import typer

from fasthttp._pure.later import not_yet
from fasthttp._pure.masks import Masks
from fasthttp.app.application import DEFAULT_TIMEOUT
from fasthttp.app.pipeline import _with_json_parts
from fasthttp.app.report import RunLog
from fasthttp.cli.access import AllowHost, Debug, InsecureSSRF, Proxy, make_client, whole_url
from fasthttp.cli.terminal import failure, reported, save, say, show
from fasthttp.client import SyncClient
from fasthttp.graphql import graphql_error
from fasthttp.response import Response
from fasthttp.timeouts import Timeout

__all__ = ["VERBS", "graphql", "verb"]

VERBS = ("get", "head", "options", "delete", "post", "put", "patch", "query")


class Output(StrEnum):
    """What is printed of a response."""

    status = "status"
    headers = "headers"
    json = "json"
    text = "text"
    all = "all"


Url = Annotated[str, typer.Argument(metavar="URL", help="Where to; https:// may be left out.", show_default=False)]
Shown = Annotated[Output | None, typer.Argument(metavar="OUTPUT", help="status, headers, json, text or all.", show_default=False)]
Format = Annotated[Output | None, typer.Option("--format", metavar="OUTPUT", help="OUTPUT as an option.", show_default=False)]
Header = Annotated[list[str] | None, typer.Option("--header", "-H", metavar="K:V", help="Header; repeatable.", show_default=False)]
Param = Annotated[list[str] | None, typer.Option("--param", "-p", metavar="K=V", help="Query parameter; repeatable.", show_default=False)]
Json = Annotated[
    str | None, typer.Option("--json", "-j", metavar="JSON", help="JSON body; @FILE reads it, @- from stdin.", show_default=False)
]
Data = Annotated[
    str | None, typer.Option("--data", "-d", metavar="TEXT", help="Form body; @FILE reads it, @- from stdin.", show_default=False)
]
Upload = Annotated[
    list[str] | None, typer.Option("--file", "-f", metavar="FIELD=PATH", help="File to upload; repeatable.", show_default=False)
]
Seconds = Annotated[float, typer.Option("--timeout", "-t", metavar="SECONDS", help="For everything.")]
Target = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, and nothing to stdout.", show_default=False)
]
SaveTo = Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write to a file.", show_default=False)]
Auth = Annotated[str | None, typer.Option("--auth", "-a", metavar="USER:PASS", help="Basic authentication.", show_default=False)]
NoFollow = Annotated[bool, typer.Option("--no-follow", help="Do not follow redirects.", show_default=False)]
HTTP2 = Annotated[bool, typer.Option("--http2", help="Not implemented yet.", show_default=False)]


def verb(method: str) -> Callable[..., None]:
    """The command of a method."""

    def command(
        url: Url,
        shown: Shown = None,
        header: Header = None,
        param: Param = None,
        proxy: Proxy = None,
        json: Json = None,
        data: Data = None,
        file: Upload = None,
        timeout: Seconds = 30.0,
        output: Target = None,
        format: Format = None,
        auth: Auth = None,
        no_follow: NoFollow = False,
        allow_host: AllowHost = None,
        insecure_ssrf: InsecureSSRF = False,
        http2: HTTP2 = False,
        debug: Debug = False,
    ) -> None:
        if shown is not None and format is not None and shown is not format:
            raise typer.BadParameter(f"the output is {shown.value!r} by position and {format.value!r} by --format")
        with reported(2, debug=debug):
            if http2:
                not_yet("--http2")
            options = _common(header, param, auth, no_follow)
            _add_body(options, json, data, file)
            client = make_client(allow_host, insecure_ssrf, timeout=_limits(timeout), proxy=proxy)
        with client:
            response = _send(client, method, url, options, debug)
            status = _deliver(response, shown or format or Output.status, output, debug)
        if status:
            raise typer.Exit(status)

    command.__name__ = method.lower()
    command.__doc__ = f"Send {'an' if method == 'OPTIONS' else 'a'} {method} request."
    return command


def graphql(
    url: Url,
    shown: Shown = Output.json,
    query: Annotated[str, typer.Option("--query", "-q", metavar="QUERY", help="@FILE reads it, @- from stdin.", show_default=False)] = "",
    variables: Annotated[
        str | None, typer.Option("--variables", "-v", metavar="JSON", help="JSON object; @FILE reads it.", show_default=False)
    ] = None,
    operation: Annotated[str, typer.Option("--operation", "-o", metavar="query|mutation", help="What `{…}` alone stands for.")] = "query",
    header: Header = None,
    proxy: Proxy = None,
    timeout: Seconds = 30.0,
    output: SaveTo = None,
    auth: Auth = None,
    no_follow: NoFollow = False,
    allow_host: AllowHost = None,
    insecure_ssrf: InsecureSSRF = False,
    debug: Debug = False,
) -> None:
    """Send a GraphQL query or mutation."""
    if operation not in ("query", "mutation"):
        raise typer.BadParameter(f"--operation {operation!r}: there are 'query' and 'mutation'")
    if not query:
        raise typer.BadParameter("Missing option '--query' / '-q'.")
    with reported(2, debug=debug):
        text = _read(query).decode()
        payload: dict[str, Any] = {"query": f"mutation {text}" if operation == "mutation" and text.lstrip().startswith("{") else text}
        if variables is not None:
            payload["variables"] = _parsed("--variables", _read(variables))
            if not isinstance(payload["variables"], dict):
                raise ValueError("--variables must be a JSON object")
        options = _common(header, None, auth, no_follow)
        options["json"] = payload
        client = make_client(allow_host, insecure_ssrf, timeout=_limits(timeout), proxy=proxy)
    with client:
        response = _send(client, "POST", url, options, debug)
        status = _deliver(response, shown or Output.json, output, debug)
    if not status:
        with reported(1, debug=debug):
            answer = response.graphql()
            if answer.has_errors:
                raise graphql_error(answer, response)
    if status:
        raise typer.Exit(status)


# --- options to a request


def _common(header: Sequence[str] | None, param: Sequence[str] | None, auth: str | None, no_follow: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"headers": [_split(":", "-H", one, "K:V") for one in header or ()], "follow_redirects": not no_follow}
    if param:
        options["params"] = [_split("=", "-p", one, "K=V") for one in param]
    if auth is not None:
        user, colon, password = auth.partition(":")
        if not colon:
            raise ValueError("-a takes USER:PASS")  # what was given may be a password
        options["auth"] = (user, password)
    return options


def _split(mark: str, option: str, text: str, form: str) -> tuple[str, str]:
    name, found, value = text.partition(mark)
    if not found or not name.strip():
        shown = f"{name!r}" if option == "-H" else f"{text!r}"
        raise ValueError(f"{option} {shown}: it takes {form}")
    return (name.strip(), value.strip()) if mark == ":" else (name, value)


def _add_body(options: dict[str, Any], text: str | None, data: str | None, files: Sequence[str] | None) -> None:
    if text is not None and data is not None:
        raise ValueError("-j and -d exclude each other: a request has one body")
    uploads = []
    for one in files or ():
        field, path = _split("=", "-f", one, "FIELD=PATH")
        if not Path(path).is_file():
            raise ValueError(f"-f {one!r}: there is no file {path}")
        uploads.append((field, Path(path)))
    kind = "application/json" if text is not None else "application/x-www-form-urlencoded"
    given = text if text is not None else data
    if uploads:
        options["files"] = uploads
        if text is not None:
            options["json"] = _parsed("-j", _read(text))
            if not isinstance(options["json"], dict):
                raise ValueError("-j with -f must be a JSON object: each of its members becomes a part")
            options.update(_with_json_parts(options))
        elif data is not None:
            options["data"] = parse_qsl(_read(data).decode(), keep_blank_values=True)
    elif given is not None:
        body = _read(given)
        if text is not None:
            _parsed("-j", body)
        options["content"] = body
        if not any(name.lower() == "content-type" for name, _ in options["headers"]):
            options["headers"].append(("Content-Type", kind))


def _read(text: str) -> bytes:
    """The bytes of an argument, or of what it names with an `@`."""
    if text == "@-":
        return sys.stdin.buffer.read()
    return Path(text[1:]).read_bytes() if text.startswith("@") else text.encode("utf-8", "surrogateescape")


def _parsed(option: str, body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except ValueError as exc:
        raise ValueError(f"{option} is not JSON: {exc}") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no value of JSON")


def _limits(seconds: float) -> Timeout:
    return DEFAULT_TIMEOUT if seconds == 30.0 else Timeout.from_value(seconds)


# --- to the wire and back


def _send(client: SyncClient, method: str, url: str, options: dict[str, Any], debug: bool) -> Response:
    with reported(2, debug=debug):
        url = whole_url(url)
        built = client.build_request(method, url, **{**options, "files": None} if "files" in options else options)
    log = RunLog("routes", debug, Masks())
    with reported(1, debug=debug), redirect_stdout(sys.stderr):
        if debug:
            log.sending(built)
        response: Response = client.request(method, url, **options)
        if debug:
            log.received(response)
    return response


def _deliver(response: Response, shown: Output, target: Path | None, debug: bool) -> int:
    """Print or save what was asked for, and say how it went; the exit code."""
    took = f"HTTP {response.status_code} in {response.elapsed.total_seconds() * 1000:.2f}ms"
    if response.status_code < 400:
        say("✔", took, "green")
    else:
        failure(took, 1)
    with reported(1, debug=debug):
        if target is None:
            show(_parts(response, shown))
        elif shown in (Output.json, Output.headers):
            save(target, "".join(text for text, _ in _parts(response, shown)).encode())
        else:
            save(target, response.content)
    return 0 if response.status_code < 400 else 1


def _parts(response: Response, shown: Output) -> list[tuple[str, str]]:
    """The output, in pieces with their styles."""
    if shown is Output.status:
        return [(f"{response.status_code}\n", _colour(response))]
    if shown is Output.headers:
        return [(_headers(response) + "\n", "json")]
    if shown is Output.json:
        return [(_pretty(response) + "\n", "json")]
    if shown is Output.text:
        return [(_ended(str(response.text)), "")]
    fields = "".join(f"  {name}: {value}\n" for name, value in response.headers.multi_items())
    parts = [("Status:", "bold"), (f" {response.status_code} {response.reason_phrase}".rstrip() + "\n", _colour(response))]
    parts += [("Elapsed:", "bold"), (f" {response.elapsed.total_seconds() * 1000:.2f}ms\n", "")]
    parts += [("Headers:", "bold"), (f"\n{fields}", ""), ("Body:", "bold"), ("\n", "")]
    if "json" in response.headers.get("content-type", ""):
        try:
            return [*parts, (_pretty(response) + "\n", "json")]
        except ValueError:
            pass  # whatever it calls itself, it is shown as text
    return [*parts, (_ended(str(response.text)), "")]


def _colour(response: Response) -> str:
    return "green" if response.status_code < 300 else "yellow" if response.status_code < 400 else "red"


def _pretty(response: Response) -> str:
    """The body as JSON with line breaks, its numbers as they came. Raises `ResponseJSONError`."""
    response.json()
    return msgspec.json.format(str(response.text).lstrip("\ufeff"), indent=2)


def _headers(response: Response) -> str:
    """A JSON object; a header that came several times is a list."""
    fields: dict[str, Any] = {}
    for name, value in response.headers.multi_items():
        before = fields.get(name.lower())
        fields[name.lower()] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return json.dumps(fields, indent=2, ensure_ascii=False)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"
