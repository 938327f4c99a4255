"""Validation of settings: each error names the setting, its value and what is allowed."""

from __future__ import annotations

import inspect
import ssl
from collections.abc import Callable, Mapping
from math import inf
from numbers import Integral, Real
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard
from urllib.parse import SplitResult, urlsplit

from msgspec.structs import force_setattr

from .._structs import did_you_mean
from ..exceptions import ConfigurationError
from ..protocol import (
    G711_RATE_HZ,
    AudioFormat,
    PushToTalk,
    ServerVad,
    Transcription,
    TurnDetection,
)

if TYPE_CHECKING:
    from .settings import Settings

PCM_RATES_HZ = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Source: https://docs.x.ai/voice-realtime.ws.json."""


MAX_TEXT_LETTERS = 1_000_000
"""Of one text in a message. The service documents no limit for messages; common clients and servers
take up to 16 MiB, and JSON writes a letter with up to 12 bytes."""


def require(is_fulfilled: object, name: str, requirement: str, value: object) -> None:
    """Raise the error for a value that is not what it must be."""
    if not is_fulfilled:
        raise ConfigurationError(f"{name} must be {requirement}, not {value!r}.")


def one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    """Check that a value is one of those allowed, and of its type; numpy's integers are int."""
    # True == 1 in Python, but 1 is not a valid value of a boolean setting.
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    kind = int if is_whole else type(value)
    is_allowed = any(value is each or (value == each and kind is type(each)) for each in allowed)
    if not is_allowed:
        texts = [each for each in allowed if isinstance(each, str)]
        raise ConfigurationError(
            f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}.",
            cure=did_you_mean(value, texts).strip() if isinstance(value, str) else "",
        )


def instance(name: str, value: object, kind: type) -> None:
    """Check that a value is of this class, or None."""
    is_fulfilled = value is None or isinstance(value, kind)
    require(is_fulfilled, name, f"{kind.__name__}(...) or None", value)


def is_number(value: object, kind: type = Real) -> bool:
    """Whether a value is a number of this kind; numpy's numbers are accepted, booleans not."""
    return isinstance(value, kind) and not isinstance(value, bool)


def between(
    name: str, value: Any, low: float, high: float, *, kind: type = Real, or_none: bool = False
) -> None:
    """Check that a value is a number within these limits."""
    if or_none and value is None:
        return
    number = "a whole number" if kind is Integral else "a number"
    alternative = " or None" if or_none else ""
    upper = f" to {high:.9g}" if high < inf else ""
    limits = f"{number} from {low:g}{upper}{alternative}"
    require(is_number(value, kind) and low <= value <= high, name, limits, value)


# --------------------------------------------------------------------------- settings
def check_settings(settings: Settings) -> None:
    """Check the settings whose limits depend on nothing else."""
    for name in ("model", "voice", "conversation_id"):
        _check_text(name, getattr(settings, name))
    _check_text("instructions", settings.instructions, may_be_empty=True)
    _check_url(settings.url)
    _check_detection(settings.turn_detection)
    for name in ("approve_tools", "resumption", "processing"):
        one_of(name, getattr(settings, name), (True, False))
    _check_format("input_format", settings.input_format)
    _check_format("output_format", settings.output_format)
    _check_transcription(settings.transcription)
    between("speed", settings.speed, 0.7, 1.5, or_none=True)
    _check_pairs("replace", settings.replace, most=200, key=100, value=128)
    one_of("reasoning", settings.reasoning, ("high", "none", None))
    check_metadata(settings.metadata)
    _check_record(settings.record)
    between("reconnect_tries", settings.reconnect_tries, 0, 20, kind=Integral)
    between("session_limit_s", settings.session_limit_s, 1, 86_400, or_none=True)
    between("idle_timeout_s", settings.idle_timeout_s, 1, 86_400, or_none=True)
    between("max_audio_minutes", settings.max_audio_minutes, 0.1, 100_000, or_none=True)
    between("reply_quiet_ms", settings.reply_quiet_ms, 100, 10_000)
    between("open_timeout_s", settings.open_timeout_s, 0.1, 120)
    _check_ssl(settings.ssl, settings.url)


def _check_ssl(context: Any, url: str | None) -> None:
    """Check that a context verifies the server, which is sent the key."""
    if context is None:
        return
    trust = "ssl.create_default_context(cafile=PATH) trusts the authority in a PEM file."
    is_context = isinstance(context, ssl.SSLContext)
    if context is False or (is_context and context.verify_mode != ssl.CERT_REQUIRED):
        raise ConfigurationError(
            "ssl must check the server's certificate, since the API key and all that is said "
            "would otherwise be sent to any server that takes its place.",
            cure=trust,
        )
    if not is_context:
        raise ConfigurationError(
            f"ssl must be an ssl.SSLContext or None, not {context!r}.", cure=trust
        )
    if url is not None and url.startswith("ws://"):
        raise ConfigurationError(
            "ssl is given for a ws:// URL, which uses no TLS.", cure="Use wss://, or omit ssl=."
        )


def check_length(name: str, text: str) -> None:
    """Check that a text is not too long to be sent in one message."""
    if len(text) > MAX_TEXT_LETTERS:
        raise ConfigurationError(
            f"{name} has {len(text):,} letters, and one message may have {MAX_TEXT_LETTERS:,}.",
            cure="Shorten it, or send it in parts.",
        )


def _check_text(name: str, value: Any, *, may_be_empty: bool = False) -> None:
    """Check a text that can be encoded as UTF-8; None, which omits it, unless it may be empty."""
    if value is None and not may_be_empty:
        return
    require(isinstance(value, str), name, "text", value)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigurationError(
            f"{name} contains a lone surrogate, which cannot be encoded: {value!r}.",
            cure="text.encode('utf-8', 'replace').decode() replaces it.",
        ) from None
    check_length(name, value)
    if not may_be_empty and not value.strip():
        raise ConfigurationError(
            f"{name} is empty.", cure="Omit it for the default of the dialect."
        )


def _check_url(url: Any) -> None:
    """Check the URL of a WebSocket."""
    if url is None:
        return
    parts = _parts_of(url)
    if parts.hostname:
        _check_port(parts)
        if any(each.isspace() for each in url):
            raise ConfigurationError("url contains a space or a line break.", cure="Remove it.")
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        # The error does not repeat the whole URL, which may hold a key in its query.
        raise ConfigurationError(
            f"url must begin with wss:// (or ws:// on this machine) and name a host; its scheme "
            f"is {parts.scheme!r}.",
            cure="For example wss://api.x.ai/v1/realtime.",
        )


def _parts_of(url: Any) -> SplitResult:
    """The parts of a URL; all of them are empty if it is none."""
    try:
        return urlsplit(url if isinstance(url, str) else "")
    except ValueError:
        return urlsplit("")


def _check_port(parts: SplitResult) -> None:
    try:
        parts.port  # noqa: B018 - parsed on access, where it may raise
    except ValueError:
        # Only a number is repeated; other text there may be a secret.
        port = parts.netloc.rpartition(":")[2]
        raise ConfigurationError(
            f"url has an invalid port{f': {port}' if port.isdigit() else ''}.",
            cure="A port is a number from 0 to 65535.",
        ) from None


def _check_detection(detection: TurnDetection) -> None:
    """Check turn detection. Source of the ranges: https://docs.x.ai/voice-realtime.ws.json."""
    if isinstance(detection, PushToTalk):
        return
    is_vad = isinstance(detection, ServerVad)
    require(is_vad, "turn_detection", "ServerVad(...) or PushToTalk()", detection)
    between("threshold", detection.threshold, 0.1, 0.9)
    for name in ("silence_duration_ms", "prefix_padding_ms"):
        between(name, getattr(detection, name), 0, 10_000, kind=Integral)
    idle_ms = detection.idle_timeout_ms
    between("idle_timeout_ms", idle_ms, 1, 86_400_000, kind=Integral, or_none=True)
    for name in ("create_response", "interrupt_response"):
        one_of(name, getattr(detection, name), (True, False))


def _check_format(name: str, form: Any) -> None:
    """Check an audio format that this package can encode and decode."""
    require(isinstance(form, AudioFormat), name, "AudioFormat(...) or None", form)
    if form.encoding == "opus":
        raise ConfigurationError(
            f"{name} cannot be opus: this package has no codec for it.",
            cure="Use 'pcm', or 'pcmu' and 'pcma' for telephony.",
        )
    one_of(f"{name}.encoding", form.encoding, ("pcm", "pcmu", "pcma"))
    rates_hz = PCM_RATES_HZ if form.encoding == "pcm" else (G711_RATE_HZ,)
    one_of(f"{name}.sample_rate", form.sample_rate, rates_hz)
    one_of(f"{name}.transport", form.transport, ("json", "binary"))


def _check_transcription(wanted: Any) -> None:
    """Check transcription. Source of the limits: https://docs.x.ai/voice-realtime.ws.json."""
    instance("transcription", wanted, Transcription)
    if wanted is None:
        return
    for name in ("model", "language_hint"):
        value = getattr(wanted, name)
        may_be_none = name == "language_hint"
        is_text = isinstance(value, str) and value.strip()
        require(is_text or (may_be_none and value is None), f"transcription.{name}", "text", value)
    terms = wanted.keyterms
    is_list = isinstance(terms, list | tuple)
    require(is_list, "transcription.keyterms", "a list of up to 100 texts", terms)
    if len(terms) > 100:
        raise ConfigurationError(
            f"transcription.keyterms may have up to 100 texts, not {len(terms)}."
        )
    for term in terms:
        _check_length("transcription.keyterms", term, 50)
    force_setattr(wanted, "keyterms", tuple(terms))


def check_metadata(metadata: object) -> None:
    """Check metadata. Source of the limits: https://docs.x.ai/voice-realtime.ws.json."""
    _check_pairs("metadata", metadata, most=16, key=64, value=512)


def _check_pairs(name: str, pairs: Any, *, most: int, key: int, value: int) -> None:
    """Check a dict of texts with up to `most` entries, `key` and `value` characters long."""
    if pairs is None:
        return
    require(isinstance(pairs, Mapping), name, "a dict of texts or None", pairs)
    if len(pairs) > most:
        raise ConfigurationError(f"{name} may have up to {most} entries, not {len(pairs)}.")
    for each, text in pairs.items():
        _check_length(f"a name in {name}", each, key)
        _check_length(f"{name}[{each!r}]", text, value)


def _check_length(name: str, text: Any, most: int) -> None:
    """Check a text of 1 to `most` characters."""
    require(isinstance(text, str), name, "text", text)
    if not 0 < len(text) <= most:
        shown = text if len(text) <= 60 else f"{text[:57]}…"
        raise ConfigurationError(
            f"{name} must have 1 to {most} characters; {shown!r} has {len(text)}."
        )


# As the rehearsal's `PARTNERS` and `scripts.READY`, which are in a layer above.
PARTNER_NAMES = ("parrot", "talker")
SCRIPT_NAMES = ("cafe", "interview", "lab-assistant")


class HasPartner(Protocol):
    """What a partner is made of for each server, such as a `Script` of the rehearsal."""

    def as_partner(self) -> Callable[..., Any]:
        """A new partner."""


def is_script(partner: object) -> TypeGuard[str | PathLike[str]]:
    """Whether a partner is the name of a script of this package, or the path of one."""
    if not isinstance(partner, str):
        return isinstance(partner, PathLike)
    is_path = partner.lower().endswith((".yaml", ".yml")) or "/" in partner or "\\" in partner
    return is_path or partner in SCRIPT_NAMES


def check_partner(partner: object) -> None:
    """Check a partner of the rehearsal; whether a script can be read is checked by `check_script`
    of the rehearsal.
    """
    is_known = is_script(partner) or (isinstance(partner, str) and partner in PARTNER_NAMES)
    is_list = isinstance(partner, list | tuple) and len(partner) > 0
    is_valid = is_known or is_list or partner is None or callable(partner)
    if not (is_valid or callable(getattr(partner, "as_partner", None))):
        names = (*PARTNER_NAMES, *SCRIPT_NAMES)
        near = did_you_mean(partner, names) if isinstance(partner, str) else ""
        raise ConfigurationError(
            f"partner must be {', '.join(map(repr, names))}, the path of a script (.yaml), a "
            "Script, a ChatPartner, a function of one turn, a list of answers (not empty), or "
            f"None, not {partner!r}.",
            cure=near.strip(),
        )
    is_function = not hasattr(partner, "as_partner")
    if is_function and callable(partner) and not _takes_one_argument(partner):
        name = getattr(partner, "__name__", type(partner).__name__)
        raise ConfigurationError(
            f"partner must be a function of one argument, the turn, not "
            f"{name}{inspect.signature(partner)}.",
            cure="Define def partner(turn), which returns its answer.",
        )


def _takes_one_argument(function: Any) -> bool:
    """Whether a function can be called with one argument."""
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:
        pass  # Some functions in C do not tell their arguments.
    return True


def _check_record(record: object) -> None:
    """Check the path of a folder, or None."""
    is_path = isinstance(record, str | PathLike) and str(record)
    require(is_path or record is None, "record", "the path of a folder, or None", record)
