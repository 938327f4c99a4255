"""`doctor`: runs the checks one after another, and collects what they find."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Unpack

from .._structs import names_checked
from ..client import TALK_THREAD, Secret, wrap_secret
from ..exceptions import GrokLiveError
from ..recording import Redactor, check_new_folder
from ..settings import Settings, SettingsKwargs, expand_kwargs_signature, settings_from
from ..tools import secrets_of
from .connection import SERVER, Chosen, choose_server, connection_checks, is_unreachable
from .installation import installation_checks
from .report import Check, Report, failed, not_reached, redacted, skipped
from .spoken import SPOKEN, spoken_checks


@names_checked
@expand_kwargs_signature(SettingsKwargs)
def doctor(
    *,
    api_key: str | Secret | None = None,
    talk: bool = False,
    **settings: Unpack[SettingsKwargs],
) -> Report:
    """Find out why a talk does not work: each thing that it needs is one row of a table.

    It opens a connection as a talk with the same arguments would, looks at what the server
    answers, and closes it. What it finds is in the report, also where nothing works; the key is in
    none of it.

    Parameters
    ----------
    api_key : str or None
        None looks where a talk does.
    talk : bool
        Whether one question is asked by sound, which the service charges for like any other. A
        recording of it is kept in the `Report.folder`, without the key.
    **settings
        See `Settings`; those with which a talk does not work.

    Returns
    -------
    Report

    Raises
    ------
    ConfigurationError
        For an argument that does not exist. What is wrong with a value is in the report.

    Examples
    --------
    >>> from grok_live_widget import doctor
    >>> report = doctor(partner="parrot")
    >>> report["session"].result, report.is_ok
    ('ok', True)
    >>> print(doctor(url="ws://127.0.0.1:9/v1/realtime")["TCP"].found)
    nothing answers at 127.0.0.1:9.
    """
    api_key = wrap_secret(api_key)
    if settings.keys() - SettingsKwargs.__optional_keys__:
        settings_from(settings)  # Names the nearest setting.
    try:
        checked = settings_from(settings)
        check_new_folder(checked.record)
    except GrokLiveError as error:
        names = [name for name in (*SERVER, *(SPOKEN if talk else ())) if name != "settings"]
        installed = installation_checks(is_rehearsal=False)
        return Report([*installed, failed("settings", error), *not_reached(names, "settings")])
    # On this thread: a keyring that waits for its user must not hold up talks.
    chosen = choose_server(checked, api_key)
    examined = TALK_THREAD.run(all_of(examine(checked, chosen)))
    if not talk:
        return Report(examined)
    if is_unreachable(examined):
        unasked = [skipped(name, "Not checked, since no talk can be opened.") for name in SPOKEN]
        return Report([*examined, *unasked])
    return _with_talk(examined, checked, chosen)


async def examine(settings: Settings, chosen: Chosen) -> AsyncIterator[list[Check]]:
    """The checks of the installation and of the connection, in groups as they become known; runs
    on the talks' thread.
    """
    endpoint, redactor = chosen.endpoint, _redactor(settings, chosen)
    is_rehearsal = endpoint is not None and endpoint.is_rehearsal
    installed = await asyncio.to_thread(installation_checks, is_rehearsal=is_rehearsal)
    yield redacted([*installed, *chosen.checks], redactor)
    if endpoint is not None:
        yield redacted(await connection_checks(settings, endpoint), redactor)


async def all_of(groups: AsyncIterator[list[Check]]) -> list[Check]:
    """The checks of all groups; of two with one name the later one, which knows better."""
    found = {check.name: check async for group in groups for check in group}
    return list(found.values())


def _redactor(settings: Settings, chosen: Chosen) -> Redactor:
    return Redactor(lambda: (chosen.key.reveal(), *secrets_of(settings.tools)))


def _with_talk(examined: list[Check], settings: Settings, chosen: Chosen) -> Report:
    """The report with the checks of a spoken question, which is written beside its recording."""
    folder = Path(tempfile.mkdtemp(prefix="grok-live-doctor-"))
    spoken = spoken_checks(settings, chosen.key or None, folder / "talk")
    checks = redacted(spoken, _redactor(settings, chosen))
    report = Report([*examined, *checks], folder)
    (folder / "report.json").write_text(report.to_json(), "utf-8")
    (folder / "report.txt").write_text(repr(report), "utf-8")
    return report
