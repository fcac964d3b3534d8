"""A page of something: what to ask for, and how to go on."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response


class Page:
    """Reads `limit` and `offset`, and names the next page in the field `Link` (RFC 8288)."""

    def __init__(
        self,
        request: Request,
        response: Response,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> None:
        self.limit = limit
        self.offset = offset
        self._request = request
        self._response = response

    def link(self, total: int) -> None:
        if self.offset + self.limit < total:
            following = self._request.url.include_query_params(limit=self.limit, offset=self.offset + self.limit)
            self._response.headers["Link"] = f'<{following}>; rel="next"'


PageDep = Annotated[Page, Depends()]
