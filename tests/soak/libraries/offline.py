"""fastapi-offline: the pages of the documentation with their parts served by the application itself."""

import re

from fastapi.testclient import TestClient
from fastapi_offline import FastAPIOffline

app = FastAPIOffline(title="Shop")


@app.get("/items/{number}")
async def item(number: int):
    return number


with TestClient(app) as client:
    for page, part in (("/docs", "swagger-ui-bundle.js"), ("/redoc", "redoc.standalone.js")):
        answer = client.get(page)
        assert answer.status_code == 200
        links = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
        assert any(link.endswith(part) for link in links), links
        for link in links:
            assert "//" not in link, link
            assert client.get(link).status_code == 200, link
    assert list(client.get("/openapi.json").json()["paths"]) == ["/items/{number}"]
