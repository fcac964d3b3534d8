"""Mail, as files in the outbox; a program that sends them would read that folder."""

import uuid
from email.message import EmailMessage
from pathlib import Path


def send(outbox: Path, to: str, subject: str, text: str) -> None:
    message = EmailMessage()
    message["From"] = "shop@example.com"
    message["To"] = to
    message["Subject"] = subject
    message.set_content(text)
    (outbox / f"{uuid.uuid4().hex}.eml").write_bytes(bytes(message))
