"""From signatures to dependants: what each parameter is, decided once, at registration."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import Annotated, Any, ForwardRef, NamedTuple, cast, get_args, get_origin

from starlette.background import BackgroundTasks
from starlette.datastructures import UploadFile
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from FasterAPI._annotations import is_kind, is_scalar, is_scalar_sequence, is_sequence, members
from FasterAPI._depends import Depends, Security
from FasterAPI._fields import Undefined, inferred, make_field, model_of
from FasterAPI._native import NativeInfo
from FasterAPI.dependencies.models import Dependant
from FasterAPI.dependencies.solving import SolvedDependency, solve_dependencies
from FasterAPI.exceptions import DependencyScopeError, FastAPIError
from FasterAPI.security.base import SecurityScopes
from FasterAPI.utils import get_path_param_names

__all__ = [
    "SolvedDependency",
    "add_dependencies",
    "get_dependant",
    "get_parameterless_sub_dependant",
    "get_stream_item_type",
    "get_typed_annotation",
    "get_typed_return_annotation",
    "get_typed_signature",
    "solve_dependencies",
]

_INJECTED = (
    (Request, "request_param_name"),
    (WebSocket, "websocket_param_name"),
    (HTTPConnection, "http_connection_param_name"),
    (Response, "response_param_name"),
    (BackgroundTasks, "background_tasks_param_name"),
    (SecurityScopes, "security_scopes_param_name"),
)
_STREAMS = (AsyncIterable, AsyncIterator, AsyncGenerator, Iterable, Iterator, Generator)
_EMPTY = inspect.Parameter.empty
# From Python 3.12; before that, of the library that pydantic brings, which has its own on later ones too.
_ALIASES: Any = (getattr(typing, "TypeAliasType", ()), getattr(sys.modules.get("typing_extensions"), "TypeAliasType", ()))


# --- annotations


def get_typed_signature(call: Callable[..., Any]) -> inspect.Signature:
    """The signature of a callable, its annotations evaluated as far as their names are known."""
    try:
        signature = inspect.signature(call, eval_str=True)
    except NameError:
        if sys.version_info >= (3, 14):
            import annotationlib

            signature = inspect.signature(call, annotation_format=annotationlib.Format.FORWARDREF)
        else:
            signature = inspect.signature(call)
    names = getattr(inspect.unwrap(call), "__globals__", {})
    found = signature.parameters.values()
    parameters = [item.replace(annotation=get_typed_annotation(item.annotation, names)) for item in found]
    return signature.replace(parameters=parameters)


def get_typed_annotation(annotation: Any, names: dict[str, Any]) -> Any:
    """An annotation, evaluated where it is text whose names are known."""
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        try:
            annotation = eval(annotation, names)  # the program's own annotation
        except NameError:
            return _from_callers(annotation, names)
    return None if annotation is type(None) else annotation


def _from_callers(text: str, names: dict[str, Any]) -> Any:
    """An annotation with names of the function that registers: classes that are local to a test, or to a factory."""
    frame = sys._getframe(1)
    while frame is not None:
        if not frame.f_globals.get("__name__", "").startswith("FasterAPI"):
            try:
                return eval(text, names, dict(frame.f_locals))  # the program's own annotation
            except NameError:
                pass
        frame = frame.f_back  # type: ignore[assignment]
    return ForwardRef(text)


def get_typed_return_annotation(call: Callable[..., Any]) -> Any:
    """What a callable says that it returns; None where it says nothing."""
    try:
        annotation = inspect.signature(call, eval_str=True).return_annotation
    except NameError:
        annotation = get_typed_signature(call).return_annotation
    if annotation is inspect.Signature.empty:
        return None
    return get_typed_annotation(annotation, getattr(inspect.unwrap(call), "__globals__", {}))


def get_stream_item_type(annotation: Any) -> Any:
    """`T` of an iterator or generator of `T`; `Any` of a bare one; None of anything else."""
    if get_origin(annotation) in _STREAMS:
        return (get_args(annotation) or (Any,))[0]
    return None


# --- dependants


def get_dependant(
    *,
    path: str,
    call: Callable[..., Any],
    name: str | None = None,
    own_oauth_scopes: Sequence[str] = (),
    parent_oauth_scopes: Sequence[str] = (),
    use_cache: bool = True,
    scope: Any = None,
    limit: Any = None,
    above: tuple[Callable[..., Any], ...] = (),
) -> Dependant:
    """What `call` needs for a request to `path`. `above`: the callables that depend on it.

    Raises:
        DependencyScopeError: for a dependency that ends before the one that uses it.
        AssertionError, FastAPIError: for a parameter that cannot be provided.
    """
    if any(call is other for other in above):
        chain = " -> ".join(getattr(item, "__name__", repr(item)) for item in (*above, call))
        raise RecursionError(f"dependencies form a cycle: {chain}")
    dependant = Dependant(
        call=call,
        name=name,
        path=path,
        use_cache=use_cache,
        scope=scope,
        limit=limit,
        own_oauth_scopes=list(own_oauth_scopes),
        parent_oauth_scopes=list(parent_oauth_scopes),
    )
    in_path = get_path_param_names(path)
    for parameter in get_typed_signature(call).parameters.values():
        details = analyze_param(parameter.name, parameter.annotation, parameter.default, in_path)
        if details.depends is not None:
            _check_lifetimes(dependant, details.depends)
            below = _dependant_of(details.depends, path, parameter.name, dependant.oauth_scopes, (*above, call))
            dependant.dependencies.append(below)
        elif details.field is None:
            attribute = next(found for kind, found in _INJECTED if is_kind(details.annotation, kind))
            setattr(dependant, attribute, parameter.name)
        else:
            kind = details.field.kind
            places = dependant.body_params if kind in ("body", "form", "file") else getattr(dependant, f"{kind}_params")
            places.append(details.field)
    if scope == "lifespan":
        _check_lifespan(dependant)
    return dependant


def _check_lifespan(dependant: Dependant) -> None:
    """There is no request when it is called."""
    asked = [name for name, value in vars(dependant).items() if value and name.endswith(("_params", "_param_name"))]
    if asked or any(below.scope != "lifespan" for below in dependant.dependencies):
        name = getattr(dependant.call, "__name__", "<unnamed_callable>")
        text = f'The dependency "{name}" has the scope "lifespan", it can only depend on others with that scope.'
        raise DependencyScopeError(text)


def _check_lifetimes(dependant: Dependant, depends: Depends) -> None:
    if dependant.is_generator and dependant.lifetime == "request" and depends.scope == "function":
        name = getattr(dependant.call, "__name__", "<unnamed_callable>")
        text = f'The dependency "{name}" has a scope of "request", it cannot depend on dependencies with scope "function".'
        raise DependencyScopeError(text)


def _dependant_of(depends: Depends, path: str, name: str | None, scopes: Sequence[str], above: tuple[Callable[..., Any], ...]) -> Dependant:
    assert callable(depends.dependency), f"Depends() of {name!r} needs something that can be called, not {depends.dependency!r}"
    own = list(depends.scopes or ()) if isinstance(depends, Security) else []
    return get_dependant(
        path=path,
        call=depends.dependency,
        name=name,
        own_oauth_scopes=own,
        parent_oauth_scopes=scopes,
        use_cache=depends.use_cache,
        scope=depends.scope,
        limit=depends._concurrency,
        above=above,
    )


def get_parameterless_sub_dependant(*, depends: Depends, path: str) -> Dependant:
    """What a dependency of a decorator, router or application needs; its value goes to nobody."""
    assert callable(depends.dependency), "A parameter-less dependency must have a callable dependency"
    dependant = _dependant_of(depends, path, None, (), ())
    dependant.use_cache = True
    return dependant


def add_dependencies(dependant: Dependant, dependencies: Sequence[Depends]) -> None:
    """Put the dependencies of decorators and routers before those of parameters."""
    dependant.dependencies[:0] = [get_parameterless_sub_dependant(depends=depends, path=dependant.path) for depends in dependencies]


# --- one parameter


class ParamDetails(NamedTuple):
    """What a parameter is: a dependency, a field of the request, or something that is injected by its type."""

    annotation: Any
    depends: Depends | None
    field: Any


def analyze_param(name: str, annotation: Any, default: Any, path_names: set[str]) -> ParamDetails:
    """Decide where a parameter comes from. Raises `AssertionError` for a combination that cannot work."""
    in_path = name in path_names
    if isinstance(annotation, _ALIASES):
        annotation = annotation.__value__
    if annotation is _EMPTY:
        annotation = Any
    bare, info, depends = annotation, None, None
    if get_origin(annotation) is Annotated:
        bare = get_args(annotation)[0]
        info, depends = _from_annotated(name, annotation, default, in_path)
    if isinstance(default, Depends):
        assert depends is None, f"Cannot specify `Depends` in `Annotated` and default value together for {name!r}"
        assert info is None, f"Cannot specify a FastAPI annotation in `Annotated` and `Depends` as a default value together for {name!r}"
        depends = default
    elif _is_marker(default, any_field=True):
        assert info is None, f"Cannot specify FastAPI annotations in `Annotated` and default value together for {name!r}"
        info = default
        info.annotation = bare
    if depends is not None:
        return ParamDetails(bare, depends if depends.dependency is not None else replace(depends, dependency=bare), None)
    if any(is_kind(bare, kind) for kind, _ in _INJECTED):
        assert info is None, f"Cannot specify FastAPI annotation for type {bare!r}"
        return ParamDetails(bare, None, None)
    if isinstance(bare, ForwardRef):
        raise FastAPIError(f"the annotation of parameter {name!r} names something that does not exist: {bare.__forward_arg__}")
    if info is None:
        info = _inferred(annotation, bare, default, in_path)
    return ParamDetails(bare, None, _field(name, info, annotation, path_names))


def _is_marker(value: Any, *, any_field: bool = False) -> bool:
    """Whether it is a marker of ours, or, with `any_field`, any field of pydantic's."""
    params = sys.modules.get("FasterAPI.params")
    if params is not None and isinstance(value, params._Marker):
        return True
    fields = sys.modules.get("pydantic.fields")
    return any_field and fields is not None and isinstance(value, fields.FieldInfo)


def _from_annotated(name: str, annotation: Any, default: Any, in_path: bool) -> tuple[Any, Depends | None]:
    markers = [item for item in get_args(annotation)[1:] if isinstance(item, Depends) or _is_marker(item)]
    if not markers:
        return None, None
    if isinstance(markers[-1], Depends):
        return None, markers[-1]
    from FasterAPI._pydantic import _NONE, copy_info

    info = copy_info(markers[-1], annotation)
    assert info.default is _NONE or info.default is ..., (
        f"`{type(info).__name__}` default value cannot be set in `Annotated` for {name!r}. Set the default value with `=` instead."
    )
    if default is _EMPTY:
        info.default = _NONE
    else:
        assert not in_path, "Path parameters cannot have default values"
        info.default = default
    return info, None


def _inferred(annotation: Any, bare: Any, default: Any, in_path: bool) -> Any:
    if in_path:
        kind = "path"
    elif any(is_kind(item, UploadFile) for item in members(bare)) or _is_file_sequence(bare):
        kind = "file"
    else:
        kind = "query" if is_scalar(bare) else "body"
    info = inferred(kind, annotation, Undefined if default is _EMPTY else default)
    if get_origin(annotation) is Annotated and hasattr(info, "from_annotation"):
        from FasterAPI._pydantic import copy_info

        own_default = info.default
        info = copy_info(info, annotation)
        info.default = own_default
        if in_path:
            info.default_factory = None
    return info


def _is_file_sequence(annotation: Any) -> bool:
    def test(item: Any) -> bool:
        return is_sequence(item) and all(any(is_kind(part, UploadFile) for part in members(inner)) for inner in get_args(item))

    return any(test(item) for item in members(annotation))


def _field(name: str, info: Any, annotation: Any, path_names: set[str]) -> Any:
    in_path = name in path_names
    if in_path:
        assert getattr(info, "kind", "") == "path", f"Cannot use `{type(info).__name__}` for path param {name!r}"
    if "FasterAPI.params" in sys.modules and not isinstance(info, NativeInfo):
        info = _settled(info, path_names)
    if not info.alias:
        info.alias = name.replace("_", "-") if getattr(info, "convert_underscores", False) else name
    field = make_field(name, info)
    kinds = cast("Any", info.annotation)
    if in_path:
        assert is_scalar(kinds), "Path params must be of one of the supported types"
    elif info.kind == "query":
        possible = is_scalar(kinds) or is_scalar_sequence(kinds) or model_of(kinds) is not None
        assert possible, f"Query parameter {name!r} must be one of the supported types"
    return field


def _settled(info: Any, path_names: set[str]) -> Any:
    """A marker of pydantic's kind with everything that follows from where it stands."""
    from pydantic import AliasChoices

    from FasterAPI import params
    from FasterAPI.dependencies.forms import add_union_validators

    if isinstance(info, params.Param) and getattr(info, "in_", None) is None:
        info.in_ = params.ParamTypes.query
    elif not isinstance(info, (params.Param, params.Body)):
        info = _as_query(info)
    choices = info.validation_alias
    if isinstance(info, params.Path) and isinstance(choices, AliasChoices) and all(isinstance(item, str) for item in choices.choices):
        # The name that the path has; another prefix may have another, so not in the marker itself.
        found = next((choice for choice in choices.choices if choice in path_names), None)
        if found is not None:
            info = copy(info)
            info.validation_alias = found
    if isinstance(info, params.Form):
        info.annotation = add_union_validators(info.annotation)
    return info


def _as_query(info: Any) -> Any:
    """A bare `pydantic.Field()` as a default: a query parameter with its constraints."""
    from FasterAPI import params
    from FasterAPI._pydantic import _ATTRIBUTES

    query = params.Query()
    for name in (*_ATTRIBUTES, "annotation", "metadata"):
        if hasattr(info, name):
            setattr(query, name, getattr(info, name))
    return query


# --- names that libraries take which analyse routes anew, though they are not public


lenient_issubclass = is_kind


def _get_flat_body_params(dependant: Dependant) -> list[Any]:
    """The body fields of a dependant and of all below it."""
    return [field for below in dependant.walk() for field in below.body_params]


def _get_body_field(*, body_params: list[Any], name: str, embed_body_fields: bool) -> Any:
    """The field that stands for the body, None without one."""
    from FasterAPI.dependencies.forms import body_field

    return body_field(body_params, name, embed_body_fields)
