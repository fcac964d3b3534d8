"""Forms and files: fields, uploads, models of forms, limits, and that uploads are closed."""

from __future__ import annotations

import asyncio
import io
from typing import Annotated, Any

import pydantic
import pytest

from FasterAPI import Faster, File, Form, Request, TestClient, UploadFile
from tests.contract.raw_asgi import exchange, status_of


def post(operation: Any, **request: Any) -> Any:
    app = Faster()
    app.post("/x", response_model=None)(operation)
    with TestClient(app) as client:
        response = client.post("/x", **request)
    if response.status_code == 422:
        return [(fault["type"], *fault["loc"]) for fault in response.json()["detail"]]
    return response.json() if response.status_code == 200 else (response.status_code, response.json())


async def fields(
    name: Annotated[str, Form(max_length=5)],
    n: Annotated[int, Form()] = 3,
    tags: Annotated[list[str], Form()] = [],  # noqa: B006
    agree: Annotated[bool, Form()] = False,
) -> Any:
    return [name, n, tags, agree]


def test_fields_are_converted_and_checked() -> None:
    """In both encodings; an empty one counts as absent; several of a name make a list."""
    sent = {"name": "é +", "n": "5", "tags": ["a", "b"], "agree": "on"}
    assert post(fields, data=sent) == ["é +", 5, ["a", "b"], True]
    assert post(fields, data={"name": "x", "n": ""}) == ["x", 3, [], False]
    assert post(fields, data={"name": "too long", "n": "x"}) == [("string_too_long", "body", "name"), ("int_parsing", "body", "n")]
    assert post(fields) == [("missing", "body", "name")]
    multipart = [("name", (None, "m")), ("tags", (None, "a")), ("tags", (None, "b"))]
    assert post(fields, files=multipart) == ["m", 3, ["a", "b"], False]


def test_files_come_as_uploads_or_bytes() -> None:
    """One, several, or none; beside fields; with name, type and size."""

    async def files(one: UploadFile, several: list[UploadFile], raw: Annotated[bytes, File()], label: Annotated[str, Form()],
                    none: UploadFile | None = None) -> Any:  # fmt: skip
        await one.seek(2)
        rest = await one.read()
        return [one.filename, one.content_type, one.size, rest.decode(), [item.filename for item in several], raw.decode(), label, none]

    uploads = [("one", ("a.txt", b"hello", "text/x")), ("several", ("1", b"1")), ("several", ("2", b"2")), ("raw", ("r", b"raw"))]
    assert post(files, files=uploads, data={"label": "l"}) == ["a.txt", "text/x", 5, "llo", ["1", "2"], "raw", "l", None]
    assert post(files, data={"label": "l"}) == [("missing", "body", name) for name in ("one", "several", "raw")]
    [fault, *_] = post(files, data={"label": "l", "one": "text"})
    assert fault == ("value_error", "body", "one")


def test_a_model_reads_a_form() -> None:
    """With the names that it knows, and others refused where it says so."""

    class Login(pydantic.BaseModel):
        model_config = {"extra": "forbid"}
        user: str
        tags: list[int] = []

    async def login(form: Annotated[Login, Form()]) -> Any:
        return [form.user, form.tags]

    assert post(login, data={"user": "u", "tags": ["1", "2"]}) == ["u", [1, 2]]
    assert post(login, data={"user": "u", "more": "1"}) == [("extra_forbidden", "body", "more")]
    assert post(login, data={}) == [("missing", "body", "user")]


@pytest.mark.parametrize(("limits", "sent", "detail"), [
    ({"max_fields": 1}, {"a": "1", "b": "2"}, "Too many fields. Maximum number of fields is 1."),
    ({"max_files": 1}, [("f", ("1", b"1")), ("f", ("2", b"2"))], "Too many files. Maximum number of files is 1."),
    ({"max_part_size": 3}, {"a": "1234"}, None),
])  # fmt: skip
@pytest.mark.parametrize("level", ["app", "route"])
def test_forms_are_bounded(limits: dict[str, int], sent: Any, detail: str | None, level: str) -> None:
    """In fields, files, and bytes of a part that is no file; on any level."""
    app = Faster(form_limits=limits if level == "app" else None)
    options: Any = {"form_limits": limits} if level == "route" else {}

    @app.post("/x", **options)
    async def operation(a: Annotated[str, Form()] = "", f: Annotated[list[UploadFile], File()] = []) -> str:  # noqa: B006
        return a

    with TestClient(app) as client:
        response = client.post("/x", files=sent if isinstance(sent, list) else [(name, (None, value)) for name, value in sent.items()])
        assert response.status_code == 400
        assert detail in (None, response.json()["detail"])
        assert client.post("/x", data={"a": "1"}).json() == "1"


def test_limits_of_forms_are_checked_at_registration() -> None:
    """Unknown names, and what is no count."""
    for wrong in ({"max_field": 1}, {"max_files": -1}, {"max_fields": True}):
        with pytest.raises(ValueError, match="form_limits"):
            Faster(form_limits=wrong)
        with pytest.raises(ValueError, match="form_limits"):
            Faster().post("/x", form_limits=wrong)(lambda: None)


def test_a_broken_form_is_the_client_s_fault() -> None:
    """A missing boundary, and an end that does not come."""
    app = Faster()
    app.post("/x")(fields)
    for content_type, body in ((b"multipart/form-data", b"x"), (b"multipart/form-data; boundary=b", b"--b\r\nnonsense")):
        sent = exchange(app, "POST", "/x", headers=[(b"content-type", content_type)], messages=[{"type": "http.request", "body": body}])
        assert status_of(sent) in (400, 422)


def test_uploads_are_closed_after_everything_else() -> None:
    """Also when the operation fails."""
    kept: list[UploadFile] = []

    async def operation(f: UploadFile) -> str:
        kept.append(f)
        if f.filename == "bad":
            raise KeyError
        return f"{f.file.closed}"

    app = Faster()
    app.post("/x")(operation)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.post("/x", files={"f": ("good", b"x")}).json() == "False"
        assert client.post("/x", files={"f": ("bad", b"x" * (2 << 20))}).status_code == 500
    assert [upload.file.closed for upload in kept] == [True, True]


def test_a_request_reads_its_form_itself() -> None:
    """With limits of its own."""

    async def operation(request: Request) -> Any:
        async with request.form(max_files=1) as form:
            return [[name, value if isinstance(value, str) else value.filename] for name, value in form.multi_items()]

    assert post(operation, files=[("a", ("1", b"1")), ("b", (None, "t"))]) == [["a", "1"], ["b", "t"]]
    assert post(operation, files=[("a", ("1", b"1")), ("a", ("2", b"2"))])[0] == 400


@pytest.mark.parametrize(("name", "safe"), [
    ("a.txt", "a.txt"), ("../../etc/passwd", "passwd"), ("C:\\x\\y.exe", "y.exe"), (".hidden", "hidden"), ("a\0b\n.txt", "ab.txt"),
    ("..", "upload"), ("", "upload"),
])  # fmt: skip
def test_a_safe_file_name_is_a_base_name(name: str, safe: str) -> None:
    """Without separators, controls or leading dots; the name itself is as it was sent."""
    upload = UploadFile(io.BytesIO(), filename=name)
    assert (upload.filename, upload.safe_filename) == (name, safe)


def test_uploads_are_made_in_both_spellings() -> None:
    """From a file, or by name with an empty one to write into."""

    async def run() -> None:
        by_file = UploadFile(io.BytesIO(b"abc"), size=3, filename="f")
        assert (await by_file.read(2), by_file.filename, by_file.size) == (b"ab", "f", 3)
        by_name = UploadFile("n.txt", "text/x")
        assert (by_name.filename, by_name.content_type, by_name.size) == ("n.txt", "text/x", 0)
        assert UploadFile("n", file_=io.BytesIO()).content_type == "application/octet-stream"
        assert await by_name.write(b"hello") == 5
        await by_name.seek(0)
        assert (await by_name.read(), by_name.size) == (b"hello", 5)
        await by_name.close()
        await by_file.close()

    asyncio.run(run())
