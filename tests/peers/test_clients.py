"""Clients that other people wrote talk with the rehearsal server, each as it is meant to be used.

Each has a script in `clients/` that reads like its own documentation: a typed turn, a spoken one,
one that calls a tool, and what it was told of them as JSON.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget.rehearsal import CallTool, PartnerTurn, RehearsalServer
from grok_live_widget.rehearsal.asr import speech_note
from grok_live_widget.rehearsal.tts import Spoken

from .environments import WITH_NODE, node_modules_with, python_with, surroundings

SCRIPTS = Path(__file__).parent / "clients"
PATIENCE_S = 120

# Nothing that resampling, a lost piece or a piece told twice would leave as it is.
SOUND = np.random.default_rng(7).integers(-3_000, 3_000, 30_000).astype(np.int16)
WORDS = ("These words", " are known.")
WEATHER = "What is the weather in Lyon?"

# A command and its environment variables; and the way to them from the name of a script.
Command = tuple[list[str], dict[str, str]]
Environment = Callable[[str], Command]

# Grok's own words, which OpenAI has not.
GROKS = {"ping", "conversation.item.input_audio_transcription.updated"}


def python(*requirements: str) -> Environment:
    return lambda script: ([python_with(*requirements), str(SCRIPTS / script)], surroundings())


def node(*packages: str) -> Environment:
    def command(script: str) -> Command:
        modules = str(node_modules_with(*packages))
        return [WITH_NODE, "node", str(SCRIPTS / script)], surroundings(NODE_PATH=modules)

    return command


@dataclass(frozen=True, kw_only=True)
class Client:
    """Somebody else's client.

    Parameters
    ----------
    unread : set of str
        Words that it says it does not understand. It would say so of the service's too: each was
        checked against recorded frames.
    complaints : set of str
        What else it logs or reports.
    reads_the_user : bool
        Whether it hands on what the user was understood to say.
    asks_again : bool
        Whether it can ask for a second reply: one that cannot read the end of the first waits for
        it. A spoken turn is answered unasked.
    """

    script: str
    environment: Environment
    unread: set[str] = field(default_factory=set)
    complaints: set[str] = field(default_factory=set)
    reads_the_user: bool = True
    asks_again: bool = True


# Both of these ask for the item anew when words were understood; Grok has no such word.
RETRIEVES = "unknown event 'conversation.item.retrieve'."

CLIENTS = {
    "openai": Client(
        script="openai_client.py", environment=python("openai[realtime]~=3.54"), unread=GROKS
    ),
    "openai-agents": Client(
        script="openai_agents_client.py",
        environment=python("openai-agents~=0.24.0"),
        unread=GROKS
        | {
            "session.created",
            "session.updated",
            "conversation.item.input_audio_transcription.completed",
            "response.created",
            "response.content_part.done",
            "response.done",
        },
        complaints={"Failed to validate server event", RETRIEVES},
        reads_the_user=False,
        asks_again=False,
    ),
    "pipecat": Client(script="pipecat_client.py", environment=python("pipecat-ai[grok]~=1.14")),
    "livekit": Client(script="livekit_client.py", environment=python("livekit-plugins-xai~=1.8.9")),
    "agents-realtime": Client(
        script="agents_realtime_client.cjs",
        environment=node("@openai/agents-realtime@~0.20.0", "ws@^8", "zod@^4"),
        complaints={RETRIEVES},
    ),
}
# One is enough for each change; the others are for a release.
NEAR = {"openai"}


@dataclass(frozen=True)
class Talked:
    """What the client was told, and what the partner heard."""

    client: Client
    told: dict[str, Any]
    heard: list[PartnerTurn]
    sent: np.ndarray


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(client, id=name, marks=() if name in NEAR else pytest.mark.peers)
        for name, client in CLIENTS.items()
    ],
)
def talked(
    request: Any, question: np.ndarray, silence: Any, tmp_path_factory: pytest.TempPathFactory
) -> Talked:
    client = request.param
    command, environment = client.environment(client.script)
    # Raw PCM16, mono, at 24 kHz, which all of them take; silence ends the turn.
    sent = np.concatenate((question, silence(1.5)))
    path = tmp_path_factory.mktemp("sound") / "question.pcm"
    path.write_bytes(sent.astype("<i2").tobytes())
    heard: list[PartnerTurn] = []

    def partner(turn: PartnerTurn) -> Iterator[Spoken | CallTool]:
        heard.append(turn)
        if turn.text == WEATHER:
            yield CallTool("weather", {"city": "Lyon"})
            return
        yield Spoken(SOUND[:20_000], WORDS[0])
        yield Spoken(SOUND[20_000:], WORDS[1])

    with RehearsalServer(partner) as server:
        done = subprocess.run(
            [*command, server.url("realtime"), str(path)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4_000:]
    return Talked(client, json.loads(done.stdout.splitlines()[-1]), heard, sent)


def test_each_reply_is_heard_sample_for_sample(talked: Talked) -> None:
    for turn in talked.told["turns"]:
        sound = np.frombuffer(base64.b64decode(turn["sound"]), "<i2")
        np.testing.assert_array_equal(sound, SOUND)


def test_each_reply_is_read_word_for_word(talked: Talked) -> None:
    said = [turn["text"] for turn in talked.told["turns"]]
    assert said == ["".join(WORDS)] * (3 if talked.client.asks_again else 2)


def test_the_partner_hears_what_was_typed_and_then_what_was_said(talked: Talked) -> None:
    typed, spoken = talked.heard[:2]
    assert typed.text == "Hello."
    assert spoken.pcm.size > 24_000
    # Cut out of what was sent, and not one sample changed.
    assert spoken.pcm.tobytes() in talked.sent.tobytes()


def test_a_tool_is_called_and_its_output_is_answered(talked: Talked) -> None:
    wanted = [("user", WEATHER), ("tool", "foggy")] if talked.client.asks_again else []
    # Some spell the output as JSON.
    assert [(turn.role, turn.text.strip('"')) for turn in talked.heard[2:]] == wanted
    assert talked.told["cities"] == ["Lyon"] * (len(wanted) // 2)


def test_the_user_can_read_what_was_understood(talked: Talked) -> None:
    spoken = talked.heard[1]
    understood = spoken.text or speech_note(spoken.duration_s)
    wanted = understood if talked.client.reads_the_user else ""
    assert talked.told["turns"][1]["user"] == wanted


def test_nothing_is_refused_that_is_not_the_service_s_own(talked: Talked) -> None:
    assert set(talked.told["unread"]) == talked.client.unread


def test_nobody_complains(talked: Talked) -> None:
    assert set(talked.told["complaints"]) == talked.client.complaints
