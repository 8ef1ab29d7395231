"""A real SMTP server that keeps the mails it receives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.support.ports import free_port


class Mails:
    """The mails that a server on ``port`` has received."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.received: list[Message[str, str]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.received.append(message_from_bytes(envelope.content))
        return "250 OK"

    def about(self, text: str) -> list[str]:
        """The bodies of the mails whose subject contains ``text``."""
        found = [mail for mail in self.received if text in str(mail["Subject"]).replace("\n", "")]
        return [body(mail) for mail in found]


def body(mail: Message[str, str]) -> str:
    """The text of a mail, all its text parts together."""
    parts = [part for part in mail.walk() if part.get_content_maintype() == "text"]
    return "".join(part.get_payload(decode=True).decode() for part in parts)  # type: ignore[union-attr]


@contextmanager
def receiving(password: str) -> Iterator[Mails]:
    """Run a server until the block ends; it accepts any user who logs in with ``password``."""

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, login: LoginPassword) -> AuthResult:
        return AuthResult(success=login.password == password.encode(), handled=False)

    mails = Mails(free_port())
    controller = Controller(
        mails, hostname="127.0.0.1", port=mails.port, authenticator=authenticate, auth_require_tls=False
    )
    controller.start()
    try:
        yield mails
    finally:
        controller.stop()
