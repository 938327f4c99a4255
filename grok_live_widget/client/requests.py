"""Requests of the user as events, validated, with ids that an error of the server can name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar
from uuid import uuid4

from msgspec.structs import replace

from ..exceptions import ConfigurationError, ServerError
from ..protocol import PARTNER_PARAM, CreateItem, CreateResponse, ErrorReported, Item, UpdateSession
from ..settings import check_length, check_metadata

T = TypeVar("T", bound=CreateItem | CreateResponse | UpdateSession)


def with_new_id(event: T) -> T:
    """The same with an id of its own, which an error of the server can name."""
    return replace(event, event_id=uuid4().hex)


def user_message(text: object) -> CreateItem:
    """The user's typed message; ConfigurationError when there is nothing in it."""
    return with_new_id(CreateItem(Item(role="user", part="input_text", text=_text(text))))


def verbatim_message(text: object, *, is_interruptible: bool = True) -> CreateItem:
    """A text for the model's voice to speak word for word; no request has to follow."""
    item = Item(
        kind="force_message",
        role="assistant",
        part="output_text",
        text=_text(text),
        is_interruptible=is_interruptible,
    )
    return with_new_id(CreateItem(item))


def reply_request(
    instructions: str | None = None, metadata: Mapping[str, str] | None = None
) -> CreateResponse:
    """A request for a reply.

    Raises
    ------
    ConfigurationError
        For instructions that are too long for a message, and for metadata beyond 16 pairs of up
        to 64 and 512 characters.
    """
    if instructions is not None and not isinstance(instructions, str):
        raise ConfigurationError(f"instructions must be text or None, not {instructions!r}.")
    if instructions is not None:
        check_length("instructions", instructions)
    check_metadata(metadata)
    pairs = None if metadata is None else dict(metadata)
    return with_new_id(CreateResponse(instructions=instructions, metadata=pairs))


def text_of(error: ErrorReported) -> str:
    """The text of a server's error."""
    return error.message or error.code or "an error without a text"


def server_error(error: ErrorReported) -> ServerError:
    """The error of ours for one that the server reported."""
    who = "" if error.param == PARTNER_PARAM else "the server reported: "
    return ServerError(
        f"{who}{text_of(error)}",
        error_type=error.error_type,
        code=error.code,
    )


def _text(text: object) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ConfigurationError(f"there is nothing to say in {text!r}.", cure="Pass some text.")
    check_length("the text", text)
    return text
