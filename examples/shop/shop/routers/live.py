"""Notices over a WebSocket, for the user whose token stands in the query: browsers cannot send it in a field."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, WebSocket, WebSocketDisconnect, WebSocketException, status

from ..database import Database
from ..models import User
from ..security import user_of
from ..settings import SettingsDep

router = APIRouter()


def listener(token: Annotated[str, Query()], db: Database, settings: SettingsDep) -> User:
    try:
        return user_of(token, db, settings)
    except ValueError as exc:
        raise WebSocketException(status.WS_1008_POLICY_VIOLATION, str(exc)) from None


@router.websocket("/live")
async def live(websocket: WebSocket, user: Annotated[User, Depends(listener)]) -> None:
    notices = websocket.app.state.notices
    await websocket.accept()
    notices.join(user.id, websocket)
    try:
        await websocket.send_json({"event": "ready", "user": user.name})
        while True:
            await websocket.receive_text()  # nothing is expected; this is how its end is seen
    except WebSocketDisconnect:
        pass
    finally:
        notices.leave(user.id, websocket)
