"""The embedded rehearsal in a process of its own."""

from __future__ import annotations

import pickle
import secrets
from pathlib import Path
from typing import Any

import pytest

from grok_live_widget import Talk
from grok_live_widget.exceptions import AuthenticationError, RehearsalError
from grok_live_widget.rehearsal.chat import ChatPartner
from grok_live_widget.rehearsal.process import RehearsalProcess, can_be_sent
from grok_live_widget.rehearsal.scripts import read_script
from grok_live_widget.settings.settings import UNSET

from ..support.waiting import wait_until


@pytest.mark.parametrize(
    "partner", [None, "parrot", Path("talk.yaml"), ["One.", "Two."], read_script("cafe")]
)
def test_what_answers_alike_anywhere_is_sent(partner: Any) -> None:
    assert can_be_sent(partner)
    pickle.dumps(partner)


def test_a_chat_model_is_sent_and_a_function_is_not() -> None:
    assert can_be_sent(ChatPartner(base_url="http://localhost:9/v1", model="m"))
    assert not can_be_sent(lambda turn: "Yes.")
    assert not can_be_sent(["Yes.", lambda turn: "No."])


@pytest.mark.parametrize("partner", [["Yes."], UNSET, "cafe"], ids=["list", "unset", "script"])
def test_it_answers_with_its_partner_whom_it_is_told_the_key(partner: Any) -> None:
    rehearsal = RehearsalProcess(pickle.dumps(partner), secrets.token_urlsafe(32))
    try:
        with Talk(url=rehearsal.url("realtime"), api_key=rehearsal.api_key) as talk:
            assert talk.ask("Hello.").sample_count > 0
        with (
            Talk(url=rehearsal.url(), api_key="another") as talk,
            pytest.raises(AuthenticationError),
        ):
            talk.start()
    finally:
        rehearsal.close()
    wait_until(lambda: not Path(f"/proc/{rehearsal.process_id}").exists())


def test_one_that_cannot_start_is_an_error_with_the_reason() -> None:
    with pytest.raises(RehearsalError, match=r"has not started: .*nobody.yaml"):
        RehearsalProcess(pickle.dumps(Path("nobody.yaml")), "key")
    with pytest.raises(RehearsalError, match=r"has not started: .*Unpickling"):
        RehearsalProcess(b"not pickled", "key")
