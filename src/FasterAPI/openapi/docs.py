"""The pages that show a schema: Swagger UI, ReDoc and Scalar."""

from __future__ import annotations

import html
import json
from typing import Any

from starlette.responses import HTMLResponse

from FasterAPI.encoders import jsonable_encoder

__all__ = [
    "get_redoc_html",
    "get_scalar_html",
    "get_swagger_ui_html",
    "get_swagger_ui_oauth2_redirect_html",
    "scalar_default_parameters",
    "swagger_ui_default_parameters",
]

_SWAGGER = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/"
_FAVICON = "https://fastapi.tiangolo.com/img/favicon.png"

swagger_ui_default_parameters: dict[str, Any] = {
    "dom_id": "#swagger-ui",
    "layout": "BaseLayout",
    "deepLinking": True,
    "showExtensions": True,
    "showCommonExtensions": True,
}
# Nothing is to leave the page on its own: no fonts, measurements or services of its makers.
scalar_default_parameters: dict[str, Any] = {
    "withDefaultFonts": False,
    "telemetry": False,
    "agent": {"disabled": True},
    "mcp": {"disabled": True},
    "hideClientButton": True,
    "showDeveloperTools": "never",
}


def _script_json(value: Any) -> str:
    """JSON that cannot end the script that it stands in."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _script_text(value: str) -> str:
    """Text in single quotes, as those who look for a URL in the page expect it, that can end neither them nor the script."""
    return "'" + _script_json(value)[1:-1].replace("'", "\\u0027") + "'"


def get_swagger_ui_html(
    *,
    openapi_url: str,
    title: str,
    swagger_js_url: str = _SWAGGER + "swagger-ui-bundle.js",
    swagger_css_url: str = _SWAGGER + "swagger-ui.css",
    swagger_favicon_url: str = _FAVICON,
    oauth2_redirect_url: str | None = None,
    init_oauth: dict[str, Any] | None = None,
    swagger_ui_parameters: dict[str, Any] | None = None,
) -> HTMLResponse:
    """The page of Swagger UI for a schema.

    Args:
        openapi_url: of the schema.
        title: of the page.
        swagger_js_url, swagger_css_url, swagger_favicon_url: its parts.
        oauth2_redirect_url: where logins come back to.
        init_oauth: settings of logins.
        swagger_ui_parameters: settings of the page, added to or in place of `swagger_ui_default_parameters`.
    """
    settings = {**swagger_ui_default_parameters, **(swagger_ui_parameters or {})}
    lines = [f"{_script_json(key)}: {_script_json(jsonable_encoder(value))}," for key, value in settings.items()]
    if oauth2_redirect_url:
        lines.append(f"oauth2RedirectUrl: window.location.origin + {_script_text(oauth2_redirect_url)},")
    login = f"ui.initOAuth({_script_json(jsonable_encoder(init_oauth))})" if init_oauth else ""
    options = "\n        ".join(lines)
    return HTMLResponse(f"""<!DOCTYPE html>
<html>
  <head>
    <meta name="viewport" content="width=device-width, initial-scale=1.0">
    <link type="text/css" rel="stylesheet" href="{html.escape(swagger_css_url)}">
    <link rel="shortcut icon" href="{html.escape(swagger_favicon_url)}">
    <title>{html.escape(title)}</title>
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="{html.escape(swagger_js_url)}"></script>
    <script>
      const ui = SwaggerUIBundle({{
        url: {_script_text(openapi_url)},
        {options}
        presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
      }})
      {login}
    </script>
  </body>
</html>
""")


def get_redoc_html(
    *,
    openapi_url: str,
    title: str,
    redoc_js_url: str = "https://cdn.jsdelivr.net/npm/redoc@2/bundles/redoc.standalone.js",
    redoc_favicon_url: str = _FAVICON,
    with_google_fonts: bool = True,
) -> HTMLResponse:
    """The page of ReDoc for a schema; `with_google_fonts`: load the fonts that it was made for."""
    fonts = "https://fonts.googleapis.com/css?family=Montserrat:300,400,700|Roboto:300,400,700"
    link = f'<link href="{fonts}" rel="stylesheet">' if with_google_fonts else ""
    return HTMLResponse(f"""<!DOCTYPE html>
<html>
  <head>
    <title>{html.escape(title)}</title>
    <meta charset="utf-8"/>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    {link}
    <link rel="shortcut icon" href="{html.escape(redoc_favicon_url)}">
    <style>body {{ margin: 0; padding: 0; }}</style>
  </head>
  <body>
    <noscript>ReDoc requires Javascript to function. Please enable it to browse the documentation.</noscript>
    <redoc spec-url="{html.escape(openapi_url)}"></redoc>
    <script src="{html.escape(redoc_js_url)}"> </script>
  </body>
</html>
""")


def get_scalar_html(
    *,
    openapi_url: str,
    title: str,
    scalar_js_url: str = "https://cdn.jsdelivr.net/npm/@scalar/api-reference@1",
    scalar_favicon_url: str = _FAVICON,
    scalar_parameters: dict[str, Any] | None = None,
) -> HTMLResponse:
    """The page of Scalar for a schema.

    Args:
        openapi_url: of the schema.
        title: of the page.
        scalar_js_url, scalar_favicon_url: its parts.
        scalar_parameters: settings of the page, added to or in place of `scalar_default_parameters`.
    """
    settings = {"url": openapi_url, **scalar_default_parameters, **(scalar_parameters or {})}
    return HTMLResponse(f"""<!DOCTYPE html>
<html>
  <head>
    <title>{html.escape(title)}</title>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <link rel="shortcut icon" href="{html.escape(scalar_favicon_url)}">
  </head>
  <body>
    <noscript>Scalar needs JavaScript.</noscript>
    <div id="scalar"></div>
    <script src="{html.escape(scalar_js_url)}"></script>
    <script>
      Scalar.createApiReference('#scalar', {_script_json(jsonable_encoder(settings))})
    </script>
  </body>
</html>
""")


def get_swagger_ui_oauth2_redirect_html() -> HTMLResponse:
    """The page that a login comes back to: it hands what the URL says to the page that opened it, and closes."""
    return HTMLResponse("""<!doctype html>
<html lang="en-US">
  <head><title>Swagger UI: OAuth2 Redirect</title></head>
  <body>
    <script>
      'use strict';
      function run() {
        const oauth2 = window.opener.swaggerUIRedirectOauth2;
        const inHash = /code|token|error/.test(window.location.hash);
        const text = inHash ? window.location.hash.substring(1) : window.location.search.substring(1);
        const given = Object.fromEntries(new URLSearchParams(text.replace('?', '&')));
        const isValid = given.state === oauth2.state;
        const flow = oauth2.auth.schema.get('flow');
        const byCode = ['accessCode', 'authorizationCode', 'authorization_code'].includes(flow);
        if (!byCode || oauth2.auth.code) {
          oauth2.callback({auth: oauth2.auth, token: given, isValid: isValid, redirectUrl: oauth2.redirectUrl});
        } else {
          if (!isValid) {
            oauth2.errCb({authId: oauth2.auth.name, source: 'auth', level: 'warning',
              message: 'The answer is not to the login that was begun here: its state differs.'});
          }
          if (given.code) {
            delete oauth2.state;
            oauth2.auth.code = given.code;
            oauth2.callback({auth: oauth2.auth, redirectUrl: oauth2.redirectUrl});
          } else {
            const reason = given.error ? `[${given.error}]: ${given.error_description || 'no reason given'}` : 'no code in the answer';
            oauth2.errCb({authId: oauth2.auth.name, source: 'auth', level: 'error', message: reason});
          }
        }
        window.close();
      }
      if (document.readyState !== 'loading') { run(); } else { document.addEventListener('DOMContentLoaded', run); }
    </script>
  </body>
</html>
""")
