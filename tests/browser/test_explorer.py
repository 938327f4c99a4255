"""The interactive view in a page: what it draws, and what leaves the loudspeaker."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soxr
from playwright.sync_api import Locator

from .cells import NOISE
from .conftest import OpenNotebook
from .lab_server import LabServer
from .notebook_page import NotebookPage
from .sound import PCM_RATE_HZ, cross_correlation, samples_from
from .test_looks import CONTRASTS, LEAST_CONTRAST
from .test_secrets import WIDGET_STATE
from .themes import LIGHT_AND_DARK

TALK = """
from grok_live_widget import PushToTalk, Talk
talk = Talk(partner=lambda turn: noise(3), turn_detection=PushToTalk())
reply = talk.ask("A noise, please.")
talk.ask(reply.pcm[:24_000], 24_000)
"""
SPEECH = """
from grok_live_widget import Talk
talk = Talk(partner="talker")
talk.ask("Please count to three.")
talk.ask(talk.turns[-1].pcm, 24_000)
reply = talk.turns[-1]
talk.close()
"""
BEEPS = """
import numpy as np
from grok_live_widget import Turn
from grok_live_widget.audio import AudioBuffer
from grok_live_widget.conversation import Clip, Tracks
from grok_live_widget.widget import Explorer
rate_hz = 24_000

# Eight beeps, each for a fifth of an eighth of the time; the second track has them half an eighth
# later and an octave higher.
def turn_of_beeps(duration_s, role="assistant", late=0):
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    phase = (8 * time_s / duration_s - late / 2) % 1
    beeps = np.sin(2 * np.pi * 1000 * (1 + late) * time_s) * (phase < 0.2)
    tape = AudioBuffer(len(beeps))
    tape.append(np.int16(16_000 * beeps))
    return Turn(role, tape=tape, text="beeps")

def beeps_of_both(duration_s):
    turns = [turn_of_beeps(duration_s, "user"), turn_of_beeps(duration_s, late=1)]
    return Explorer(
        Tracks([Clip(turn, 0, turn.pcm) for turn in turns], rate_hz),
        roles=("user", "assistant"), regions=[], since_s=None, until_s=None,
    )
"""
REPLY = "reply.explore()"
TURNS = "talk.turns.explore()"

PHASES = 8

# The pixels of each canvas of the plot that are not transparent, as a part of all; copies with what
# was played are not counted.
DRAWN = """(view) => {
  const root = view.querySelector('.glw-plot-area > div').shadowRoot;
  return [...root.querySelectorAll('canvas')]
    .filter((canvas) => !canvas.closest('.progress') && canvas.width > 0)
    .map((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, i) => i % 4 === 3 && value > 0).length / (data.length / 4);
    });
}"""


# What is in sight of the spectrogram: for each track, the first and the last pixel of each sound,
# from the beginning of the talk, and the width of all of it. A column of pixels has sound where the
# spectrogram covers what is behind it, which is from 40 dB below the loudest.
SOUNDS = """(view) => {
  const root = view.querySelector('.glw-plot-area > div').shadowRoot;
  const wrapper = root.querySelector('.wrapper').getBoundingClientRect();
  const seen = root.querySelector('.scroll').getBoundingClientRect();
  const lanes = [...view.querySelectorAll('.glw-lane')];
  const bottom = Math.max(...lanes.map((lane) => lane.getBoundingClientRect().bottom));
  const pictures = [...root.querySelectorAll('canvas')]
    .map((canvas) => ({ canvas, box: canvas.getBoundingClientRect() }))
    .filter(({ canvas, box }) => canvas.width && box.height && box.top > bottom - 2);
  const [top, foot] = [Math.min(...pictures.map(({ box }) => box.top)),
                       Math.max(...pictures.map(({ box }) => box.bottom))];
  const columns = lanes.map(() => new Uint8Array(Math.ceil(wrapper.width) + 1));
  for (const { canvas, box } of pictures) {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const [across, down] = [canvas.width / box.width, canvas.height / box.height];
    for (let x = 0; x < canvas.width; x++) {
      const at = box.left + (x + 0.5) / across;
      if (at < seen.left || at > Math.min(seen.right, wrapper.right)) continue;
      for (let y = 0; y < canvas.height; y++) {
        const part = (box.top + (y + 0.5) / down - top) / (foot - top);
        if (data[4 * (y * canvas.width + x) + 3] < 250) continue;
        columns[Math.floor(part * lanes.length)][Math.floor(at - wrapper.left)] = 1;
      }
    }
  }
  const sounds = columns.map((column) => {
    const found = [];
    column.forEach((has, x) => {
      if (has && !column[x - 1]) found.push([x, x + 1]);
      if (has) found.at(-1)[1] = x + 1;
    });
    return found;
  });
  return [sounds, wrapper.width, seen.left - wrapper.left, seen.right - wrapper.left];
}"""


IS_DRAWN = """async (view) => {
  await new Promise((resume) => requestAnimationFrame(() => requestAnimationFrame(resume)));
  const root = view.querySelector('.glw-plot-area > div').shadowRoot;
  const spectrogram = root.querySelector('[part=glw-spectrogram]');
  return spectrogram?.ariaBusy === 'false' && [...spectrogram.children].every((canvas) =>
    Math.abs(canvas.getBoundingClientRect().width * devicePixelRatio - canvas.width) < 1);
}"""
WIDTH = """(view) => view.querySelector('.glw-plot-area > div')
  .shadowRoot.querySelector('.wrapper').clientWidth"""


def wait_for_spectrogram(notebook: NotebookPage, view: Locator) -> None:
    """Wait until what is in sight of it is drawn at the width that the view has now."""
    notebook.wait(lambda: view.evaluate(IS_DRAWN), what="the spectrogram")


def view_of(notebook: NotebookPage, place: int = 0) -> Locator:
    """A view, when its spectrogram is drawn."""
    view = notebook.page.locator(".glw-explorer").nth(place)
    view.locator(".glw-frequency").first.wait_for()
    tracks = view.locator(".glw-lane").count()
    view.scroll_into_view_if_needed()
    notebook.wait(
        lambda: sum(part > 0.01 for part in view.evaluate(DRAWN)) > tracks, what="the spectrogram"
    )
    wait_for_spectrogram(notebook, view)
    return view


def time_of(view: Locator) -> float:
    minutes, seconds = view.locator(".glw-time").inner_text().split(" / ")[0].split(":")
    return 60 * int(minutes) + float(seconds)


def click_at(view: Locator, part: float) -> None:
    """Click the waveform at a part of its width."""
    plot = view.locator(".glw-plot-area")
    box = plot.bounding_box()
    assert box is not None
    plot.click(position={"x": part * box["width"], "y": 40})


def find_heard(notebook: NotebookPage, expression: str) -> tuple[float, float]:
    """Where in a turn what was heard first lies [s], and the correlation of 0.4 s of both.

    Playback may begin between two samples of the device, so the turn is compared at eight times
    its rate.
    """
    pcm, rate_hz = notebook.kernel.array(expression), notebook.device_rate_hz()
    heard = notebook.heard()
    # Without the fade.
    first = np.flatnonzero(np.abs(heard) > 0.01)[0] + rate_hz // 10
    piece = heard[first : first + 2 * rate_hz // 5]
    turn = soxr.resample(samples_from(pcm), PCM_RATE_HZ, PHASES * rate_hz, quality="HQ")
    best = (0.0, 0.0)
    for phase in range(PHASES):
        sound = turn[phase::PHASES]
        place = int(np.argmax(cross_correlation(sound, piece)))
        there = sound[place : place + len(piece)]
        correlation = float(there @ piece / np.sqrt((there @ there) * (piece @ piece)))
        best = max(best, (correlation, place / rate_hz))
    return best[1], best[0]


@pytest.mark.slow
@pytest.mark.alone
def test_turns_play_from_where_they_are_clicked_and_no_sound_is_saved(
    open_notebook: OpenNotebook,
) -> None:
    notebook = open_notebook([NOISE, TALK, REPLY, TURNS])
    notebook.run_cells(0, 1, 2)
    view = view_of(notebook)
    waveform, *_ = view.evaluate(DRAWN)
    assert waveform > 0.1, "of noise, most of the height is drawn"
    _assert_a_click_plays_from_there(notebook, view)
    notebook.page.evaluate("() => seams.reset()")
    notebook.run_cell(3)
    _assert_a_strip_plays_its_turn(notebook, view_of(notebook, 1))
    _assert_no_sound_is_saved(notebook)


def _assert_a_click_plays_from_there(notebook: NotebookPage, view: Locator) -> None:
    click_at(view, 0.25)
    notebook.until("() => seams.tap()", what="the loudspeaker")
    view.get_by_role("button", name="Pause", exact=True).wait_for()
    notebook.until("() => seams.heard.length > 22", what="a second of sound")
    view.locator(".glw-stage").focus()
    notebook.page.keyboard.press("Space")
    view.get_by_role("button", name="Play", exact=True).wait_for()
    place_s, correlation = find_heard(notebook, "reply.pcm")
    assert 0.84 < place_s < 1.6, "at a quarter of 3 s, and what the tap missed when it began"
    assert correlation > 0.99
    assert place_s < time_of(view) < 2.9


def _assert_a_strip_plays_its_turn(notebook: NotebookPage, view: Locator) -> None:
    strip = view.get_by_role("button", name="You, 0:")
    assert strip.count() == 1, "typed turns have no sound"
    assert view.get_by_role("button", name="Reply, 0:").count() == 2
    strip.click()
    notebook.until("() => seams.tap()", what="the loudspeaker")
    view.get_by_role("button", name="Play", exact=True).wait_for()
    # The tap records the left channel, which is the user's.
    place_s, correlation = find_heard(notebook, "talk.turns[2].pcm")
    assert 0.1 <= place_s < 0.6
    assert correlation > 0.99
    # Its name is like "You, 0:03.1–0:04.1".
    end = (strip.get_attribute("aria-label") or "").split("–")[1].split(",")[0]
    assert view.locator(".glw-time").inner_text().startswith(f"{end} / "), "it stays at its end"


def _assert_no_sound_is_saved(notebook: NotebookPage) -> None:
    notebook.command("docmanager:save")
    saved = json.loads((notebook.lab.root / notebook.path).read_text())
    states = saved["metadata"]["widgets"][WIDGET_STATE]["state"].values()
    shown = [each for each in states if "Explorer" in each["state"].get("_anywidget_id", "")]
    assert len(shown) == 2
    for each in shown:
        assert not each.get("buffers")
        for name in ("_esm", "_css", "_texts"):
            del each["state"][name]
    assert len(json.dumps(shown)) < 2000


@pytest.mark.slow
@LIGHT_AND_DARK
def test_the_view_can_be_read_and_used_with_keys(
    open_notebook: OpenNotebook, theme: str, tmp_path: Path
) -> None:
    pictures = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    notebook = open_notebook([SPEECH, REPLY, TURNS], viewport={"width": 1280, "height": 1000})
    notebook.use_theme(theme)
    notebook.run_cells(0, 1, 2)
    for place, name in enumerate(("turn", "talk")):
        view = view_of(notebook, place)
        view.screenshot(path=pictures / f"{theme}_explorer_{name}.png")
        weak = [
            (what, round(ratio, 2))
            for what, ratio in notebook.page.evaluate(
                CONTRASTS.replace(".glw-panel", ".glw-explorer")
            )
            if ratio < LEAST_CONTRAST
        ]
        assert not weak
    view.locator(".glw-stage").focus()
    widths = []
    for key in ("+", "+", "-", "-", "-"):
        notebook.page.keyboard.press(key)
        widths.append(view.evaluate(WIDTH))
    assert widths[0] < widths[1] > widths[2] > widths[3]
    assert abs(widths[3] - widths[4]) <= 1, "no narrower than the view"
    notebook.page.keyboard.press("End")
    end_s = time_of(view)
    notebook.page.keyboard.press("ArrowLeft")
    assert time_of(view) < end_s
    notebook.page.keyboard.press("Home")
    assert time_of(view) == 0
    assert notebook.outputs(2), "JupyterLab took no key for its own commands"
    view.screenshot(path=pictures / f"{theme}_explorer_keys.png")


def _assert_sounds_stand_at_their_times(view: Locator, duration_s: float) -> None:
    """Compare what is in sight of eight beeps on each track with the times of the beeps."""
    tracks, width, left, right = view.evaluate(SOUNDS)
    # Two pixels, and half of the window of 512 samples, which reaches beyond a beep.
    within = 2 + 256 / PCM_RATE_HZ * width / duration_s
    eighth = width / 8
    for late, sounds in enumerate(tracks):
        wanted = [(eighth * (i + late / 2), eighth * (i + late / 2 + 0.2)) for i in range(8)]
        wanted = [
            (max(start, left), min(stop, right))
            for start, stop in wanted
            if start < right - within and stop > left + within
        ]
        found = [each for each in sounds if each[0] < right - within and each[1] > left + within]
        times = [round(start / width * duration_s, 3) for start, _ in found]
        assert len(found) == len(wanted), f"sounds from {times} s of {duration_s} s"
        np.testing.assert_allclose(found, wanted, atol=within, err_msg=f"sounds from {times} s")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "ratio", "theme"), [(1100, 1, "light"), (640, 2, "dark"), (1800, 1, "light")]
)
def test_a_spectrogram_stands_at_the_times_of_its_sound(
    open_notebook: OpenNotebook, tmp_path: Path, width: int, ratio: float, theme: str
) -> None:
    pictures = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    durations_s = (1, 20, 40, 60, 540)
    views = [f"beeps_of_both({each})" for each in durations_s]
    notebook = open_notebook(
        [BEEPS, *views], viewport={"width": width, "height": 900}, pixel_ratio=ratio
    )
    notebook.use_theme(theme)
    notebook.run_cell(0)
    for place, duration_s in enumerate(durations_s):
        notebook.run_cell(place + 1)
        view = view_of(notebook, place)
        _assert_sounds_stand_at_their_times(view, duration_s)
        view.screenshot(path=pictures / f"spectrogram_{width}_{ratio}_{duration_s}_s.png")
        for step in (1, 1, 6, -7, -1):
            view.locator(".glw-stage").focus()
            for _ in range(abs(step)):
                notebook.page.keyboard.press("+" if step > 0 else "-")
            wait_for_spectrogram(notebook, view)
            _assert_sounds_stand_at_their_times(view, duration_s)
        view.screenshot(path=pictures / f"spectrogram_{width}_{ratio}_{duration_s}_s_again.png")
    for changed in (width - 200, width):
        notebook.page.set_viewport_size({"width": changed, "height": 900})
        for place, duration_s in enumerate(durations_s):
            view = view_of(notebook, place)
            _assert_sounds_stand_at_their_times(view, duration_s)


@pytest.fixture(scope="module")
def notebook_7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    with LabServer(tmp_path_factory.mktemp("notebook"), "notebook") as server:
        yield server


@pytest.mark.slow
class TestNotebook7:
    @pytest.fixture
    def lab(self, notebook_7: LabServer) -> LabServer:
        return notebook_7

    def test_the_view_is_drawn_and_plays(self, open_notebook: OpenNotebook) -> None:
        notebook = open_notebook([NOISE, TALK, REPLY])
        notebook.run_cells(0, 1, 2)
        view = view_of(notebook)
        click_at(view, 0.1)
        notebook.until("() => seams.tap()", what="the loudspeaker")
        notebook.until("() => seams.soundingAtMs().length > 10", what="sound")
        view.get_by_role("button", name="Pause", exact=True).click()
        assert time_of(view) > 0.4
        # Notebook 7.6 fails at a schema of settings that JupyterLab 4.6 has and it lacks.
        notebook.errors[:] = [each for each in notebook.errors if "reading 'schema'" not in each]
