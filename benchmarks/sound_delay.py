"""How long sound is under way between page and connection, and how soon speech stops a reply.

What is measured:

- *up*: from the capture worklet that posts a chunk to the process of the connection;
- *down*: from the process that sends a chunk of a reply to the playback worklet that receives it;
- *first sound*: from the process that sends the first chunk of a reply to its first sample that
  leaves the playback worklet, with the cushion that it waits for;
- *barge-in*: from the first loud quantum at the microphone's node to the last one of the reply,
  both counted in samples of one AudioContext; the rehearsal's voice activity detection is in it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
from playwright.sync_api import Playwright

from tests.browser.speech import Said, Studio

from .delay_part import COLLECT
from .lab_panel import LabPanel

ANSWER = (
    "This is a long answer that goes on and on, so that somebody who listens to it has all the "
    "time that it takes to say a word in between, which is what is measured here, again and again."
)
MADE = """
from grok_live_widget import GrokLive
live = GrokLive(partner=[{answer!r}], processing=False, {settings})
"""
# The microphone as the capture worklet has it, beside the tap of the loudspeaker.
TAP_MICROPHONE = """() => {
  const context = seams.page().context;
  const source = context.createMediaStreamSource(new MediaStream([seams.tracks.at(-1)]));
  const tap = new AudioWorkletNode(context, "test-tap", { numberOfOutputs: 0 });
  seams.said = [];
  tap.port.onmessage = ({ data }) => seams.said.push(data);
  source.connect(tap);
}"""
# The playback worklet says when it has received each chunk, in a message that the page ignores.
REPORT_ARRIVALS = """() => {
  const PATCH = `{
    const register = globalThis.registerProcessor.bind(globalThis);
    globalThis.registerProcessor = (name, Processor) => register(name,
      !name.startsWith("grok-live-playback") ? Processor : class extends Processor {
        constructor(...given) {
          super(...given);
          const receive = this.port.onmessage;
          this.port.onmessage = (event) => {
            const { type, reply, sample_offset } = event.data;
            const arrival = [reply, sample_offset, Date.now()];
            if (type === "chunk") this.port.postMessage({ type: "probe", pcm: [], arrival });
            receive(event);
          };
        }
      });
  }\n`;
  const { addModule } = AudioWorklet.prototype;
  AudioWorklet.prototype.addModule = async function (url) {
    const source = await (await fetch(url)).text();
    const blob = new Blob([PATCH, source], { type: "text/javascript" });
    return addModule.call(this, URL.createObjectURL(blob));
  };
  seams.arrivals = [];
  const Node = AudioWorkletNode;
  AudioWorkletNode = class extends Node {
    constructor(...given) {
      super(...given);
      this.port.addEventListener("message", ({ data }) => {
        if (data.arrival) seams.arrivals.push(data.arrival);
      });
    }
  };
}"""
# For each quantum of 128 samples its number and its peak.
PEAKS = """(list) => seams[list].flatMap(({ first, quanta }) => quanta.map((quantum, i) =>
  [first / 128 + i, quantum.reduce((peak, x) => Math.max(peak, Math.abs(x)), 0)]))"""

LOUD = 0.02
PAUSE_S = 0.4


def delays_of(panel: LabPanel, carrier: str, seconds: float) -> dict[str, list[float]]:
    notebook = panel.notebook
    notebook.wait(lambda: notebook.kernel.value("live.channel.kind") == carrier, what="the channel")
    notebook.page.evaluate(REPORT_ARRIVALS)
    notebook.start()
    notebook.wait_for_status("Listening")
    notebook.page.evaluate(TAP_MICROPHONE)
    time.sleep(seconds)
    rate_hz = notebook.device_rate_hz()
    said, heard = (notebook.page.evaluate(PEAKS, name) for name in ("said", "heard"))
    arrivals = notebook.page.evaluate("seams.arrivals")
    found = dict(notebook.kernel.value("delays"))
    return {
        "up": found["up"],
        "down": down_ms(found["sent"], arrivals),
        "first sound": found["first sound"],
        "barge-in": barge_in_ms(np.array(said), np.array(heard), rate_hz),
    }


def down_ms(sent: list[list[float]], arrivals: list[list[float]]) -> list[float]:
    """How long each chunk was under way [ms]; of both: reply, offset and time [ms]."""
    sent_ms = {(reply, offset): at_ms for reply, offset, at_ms in sent}
    return [at_ms - sent_ms[reply, offset] for reply, offset, at_ms in arrivals]


def barge_in_ms(said: np.ndarray, heard: np.ndarray, rate_hz: int) -> list[float]:
    """For each word that was said while a reply sounded, how long that went on [ms]."""
    quantum_s = 128 / rate_hz
    speech = said[said[:, 1] > LOUD, 0]
    begins = speech[np.diff(speech, prepend=-1e9) * quantum_s > PAUSE_S]
    sounding = heard[heard[:, 1] > LOUD / 4, 0]
    found = []
    for begin in begins:
        before = sounding[(sounding < begin) & (sounding > begin - 0.3 / quantum_s)]
        after = sounding[sounding >= begin]
        if not len(before) or not len(after):
            continue
        gaps = np.flatnonzero(np.diff(after) * quantum_s > PAUSE_S)
        last = after[gaps[0]] if len(gaps) else after[-1]
        if (last - begin) * quantum_s < 1.0:
            found.append(1000 * float(last + 1 - begin) * quantum_s)
    return found


def rows(name: str, found: dict[str, list[float]]) -> list[str]:
    lines = []
    for what, values in found.items():
        if values:
            p99 = float(np.percentile(values, 99))
            figures = f"{median(values):.1f} | {p99:.1f} | {max(values):.1f} | {len(values)}"
            lines.append(f"| {name} | {what} | {figures} |")
    return lines


def measure(
    playwright: Playwright, folder: Path, carriers: dict[str, str], seconds: float
) -> Iterator[str]:
    """The rows of a table; carriers with the arguments of `GrokLive`."""
    script = Studio(folder / "speech").script(
        *(Said("Wait, please.", 4.5) for _ in range(round(seconds / 4) + 2)), lead_s=2.0
    )
    yield "| carrier | | median [ms] | p99 [ms] | greatest [ms] | count |"
    yield "|---|---|--:|--:|--:|--:|"
    for name, settings in carriers.items():
        made = MADE.format(answer=ANSWER, settings=settings) + COLLECT
        with LabPanel(playwright, folder / name, "", script.path, made=made) as panel:
            yield from rows(name, delays_of(panel, name, seconds))
