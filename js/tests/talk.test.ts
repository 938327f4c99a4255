// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { audioPage } from "../src/page";
import { prefer } from "../src/preferences";
import { Scope } from "../src/scope";
import { TalkController } from "../src/talk";
import { cardsOf, statusOf } from "../src/view/strings";
import { callOf, FakeComm, FakeContext, FakeNode, installAudio, settle, talkState, turnOf } from "./fakes";

let browser: ReturnType<typeof installAudio>;
let comm: FakeComm;
let scope: Scope;
let talk: TalkController;

beforeEach(() => {
  vi.useFakeTimers();
  browser = installAudio();
  comm = new FakeComm();
  scope = new Scope();
  talk = new TalkController(comm, scope);
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
});

const me = () => audioPage().id;
const state = () => talk.store.state;
const capture = () => FakeNode.newest("grok-live-capture");
const playback = () => FakeNode.newest("grok-live-playback");

function kernelState(changes = {}): void {
  comm.deliver({ type: "state", ...talkState({ owner: me(), ...changes }) });
}

/** Open the connection and turn the microphone on. */
async function open(changes = {}): Promise<void> {
  kernelState({ phase: "closed", session: 0, ...changes });
  talk.start();
  kernelState({ phase: "opening", ...changes });
  kernelState(changes);
  await settle();
}

function chunk(sampleCount = 2400): void {
  const pcm = new Int16Array(sampleCount);
  capture().port.deliver({ type: "chunk", pcm, sample_index: 0, captured_at_ms: 0 });
}

function audio(changes = {}): void {
  const header = { type: "audio", session: 1, epoch: 0, seq: 0, reply: 1, sample_offset: 0, is_last: false };
  comm.deliver({ ...header, ...changes }, new Int16Array(2400));
}

function playhead(changes = {}): void {
  const place = { session: 1, epoch: 0, reply: 1, sample_count: 9, is_final: false, first_sound_at_ms: 5 };
  const counts = { buffered_sample_count: 100, underrun_count: 0, lost_sample_count: 0 };
  playback().port.deliver({ type: "playhead", position: { ...place, ...counts, ...changes } });
}

describe("at first", () => {
  it("only hello is sent and no device is opened", () => {
    talk.attachView();
    expect(comm.sent).toMatchObject([
      { type: "hello", page: me(), version: "0.0.0-test", microphone: "ok", device_rate_hz: null },
    ]);
    expect(browser.mediaDevices.getUserMedia).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1000);
    expect(audioPage().context).toBeNull();
  });

  it("a hello without an answer for 3 s shows that there is no kernel, until it answers", () => {
    talk.attachView();
    vi.advanceTimersByTime(3000);
    expect(state().kernel).toBe("unanswered");
    kernelState({ phase: "closed" });
    expect(state().kernel).toBe("ok");
  });

  it("a note replaces an older one on its topic, and an empty one removes it", () => {
    const note = (text: string, topic = "") =>
      comm.deliver({ type: "note", note: { text, level: "info", topic } });
    const shown = () => state().notes.map((note) => note.text);
    note("Welcome");
    note("The connection broke.", "connection");
    note("Try 1 of 5.", "connection");
    expect(shown()).toEqual(["Welcome", "Try 1 of 5."]);
    note("", "connection");
    expect(shown()).toEqual(["Welcome"]);
  });

  it("a snapshot replaces turns and notes", () => {
    const notes = [{ text: "Welcome", level: "info" }];
    comm.deliver({ type: "snapshot", page: me(), ...talkState(), notes, turns: [turnOf()] });
    expect(state().turns.get("t1")?.text).toBe("Hello.");
    expect(state().notes).toMatchObject(notes);
  });

  it("a snapshot replaces the tool calls", () => {
    comm.deliver({ type: "snapshot", page: me(), ...talkState(), tools: [callOf({ state: "waiting" })] });
    expect(state().calls).toEqual([callOf({ state: "waiting" })]);
    const tools = [callOf({ state: "done", turn_id: "t1" }), callOf({ call_id: "c2" })];
    comm.deliver({ type: "snapshot", page: me(), ...talkState(), tools });
    expect([state().calls, state().turnCalls]).toEqual([[tools[1]], new Map([["t1", [tools[0]]]])]);
  });

  it("a talk without an owner does not belong to another page", () => {
    kernelState({ owner: "", phase: "open" });
    expect(state()).toMatchObject({ isOwner: false, hasOwner: false });
  });

  it("hello is sent again when the kernel asks", () => {
    talk.attachView();
    comm.deliver({ type: "snapshot_wanted" });
    expect(comm.ofType("hello")).toHaveLength(2);
  });
});

describe("a tool call", () => {
  const call = (changes = {}) => comm.deliver({ type: "tool", call: callOf(changes) });
  const states = () => state().calls.map((each) => `${each.call_id} ${each.state}`);

  it("is shown until another one has ended", () => {
    call();
    call({ call_id: "c2" });
    call({ state: "done", duration_s: 0.5 });
    expect(states()).toEqual(["c1 done", "c2 running"]);
    call({ call_id: "c2", state: "failed", error: "no" });
    expect(states()).toEqual(["c2 failed"]);
  });

  it("stays with the turn that it is part of, also when its id is used again", () => {
    const ofTurn = () =>
      state()
        .turnCalls.get("t1")
        ?.map((each) => `${each.call_id} ${each.state}`);
    call({ state: "done" });
    call({ call_id: "c2" });
    call({ state: "done", turn_id: "t1" });
    expect([states(), ofTurn()]).toEqual([["c2 running"], ["c1 done"]]);
    call({ state: "waiting" });
    call({ call_id: "c2", state: "failed", turn_id: "t1" });
    expect([states(), ofTurn()]).toEqual([["c1 waiting"], ["c1 done", "c2 failed"]]);
    call({ state: "failed", turn_id: "t1" });
    expect(ofTurn()).toEqual(["c1 failed", "c2 failed"]);
  });

  it.each([
    [true, "running"],
    [false, "denied"],
  ])("is answered with %s and shown as %s at once", (isAllowed, shown) => {
    call({ state: "waiting" });
    talk.answerTool("c1", isAllowed);
    expect(comm.ofType("tool_answer")).toMatchObject([{ call_id: "c1", is_allowed: isAllowed }]);
    expect(states()).toEqual([`c1 ${shown}`]);
  });
});

describe("a turn", () => {
  it("is played again on request, in a click, also after Stop", async () => {
    await open();
    talk.stop();
    await vi.advanceTimersByTimeAsync(500);
    kernelState({ phase: "closed" });
    talk.requestSound("replay", "t1");
    expect(comm.ofType("replay")).toMatchObject([{ turn_id: "t1" }]);
    kernelState({ phase: "closed", replay: 4, replayed_turn: "t1" });
    audio({ reply: 4, is_last: true });
    await settle();
    playhead({ reply: 4, sample_count: 12_000 });
    expect(state()).toMatchObject({ soundingReply: 4, replay: 4, replayedTurn: "t1", playedS: 0.5 });
  });

  it("that is played again is not drawn as said now, unlike a reply, and its level is shown", async () => {
    await open();
    const columns = new Float32Array(8).fill(0.5);
    const drawn = () => {
      vi.advanceTimersByTime(2000);
      const now = Math.floor(Date.now() / 20);
      talk.onPlaybackLevels({ columns, rms: 0.4, durationMs: 80 });
      return [talk.signals.assistant.highestAt(now), talk.signals.assistant.levelAt(Date.now())];
    };
    kernelState({ phase: "open", replay: 4, replayed_turn: "t1" });
    for (const [reply, highest] of [
      [4, 0],
      [5, 0.5],
    ]) {
      audio({ reply, is_last: true });
      await settle();
      playhead({ reply, sample_count: 12_000 });
      expect(drawn()).toEqual([highest, 0.4]);
    }
  });

  it("is downloaded from the pieces that the kernel sends to this page", () => {
    const click = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => {});
    talk.requestSound("save", "t1");
    expect(comm.ofType("save")).toMatchObject([{ turn_id: "t1" }]);
    const piece = { type: "sound", turn_id: "t1", name: "turn_1_user.wav", piece: 0, piece_count: 1 };
    comm.deliver({ ...piece, page: "another" }, new Int16Array(50));
    expect(click).not.toHaveBeenCalled();
    comm.deliver({ ...piece, page: me() }, new Int16Array(50));
    expect(click).toHaveBeenCalledOnce();
    click.mockRestore();
  });
});

describe("Start", () => {
  it("opens the connection and requests the microphone in the same click", () => {
    talk.start();
    expect(comm.ofType("start")).toMatchObject([{ with_microphone: true }]);
    expect(browser.mediaDevices.getUserMedia).toHaveBeenCalledOnce();
    expect(state().isStarting).toBe(true);
  });

  it("opens the connection without a microphone, too", async () => {
    Object.assign(window, { isSecureContext: false });
    talk.start();
    await settle();
    expect(comm.ofType("start")).toMatchObject([{ with_microphone: false }]);
    expect(comm.ofType("microphone_state").at(-1)).toMatchObject({ state: "failed", reason: "insecure" });
  });

  it("buffers speech while the connection opens, and listens when it has been sent", async () => {
    kernelState({ phase: "closed", session: 0 });
    talk.start();
    await settle();
    chunk();
    kernelState({ phase: "opening" });
    chunk();
    expect(comm.ofType("microphone")).toHaveLength(0);
    kernelState();
    expect(comm.ofType("microphone")).toHaveLength(2);
    chunk();
    expect(state().isCapturing).toBe(true);
  });

  it("sends the microphone's state to the kernel", async () => {
    await open();
    expect(comm.ofType("microphone_state").map(({ state }) => state)).toEqual(["asking", "on"]);
  });
});

describe("Stop", () => {
  it("sends the last chunk, closes the connection, releases the microphone and stops playback", async () => {
    await open();
    audio();
    await settle();
    talk.stop();
    chunk(700);
    capture().port.deliver({ type: "gate", is_open: false });
    await settle();
    const types = comm.sent.map(({ type }) => type);
    expect(types.lastIndexOf("microphone")).toBeLessThan(types.indexOf("stop"));
    expect(browser.track.isStopped).toBe(true);
    expect(playback().port.posted.map(({ type }) => type)).toContain("flush");
  });

  it("by the kernel releases the microphone, too", async () => {
    await open();
    kernelState({ phase: "closed" });
    expect(browser.track.isStopped).toBe(true);
    vi.advanceTimersByTime(1100);
    expect(audioPage().context).toBeNull();
  });
});

describe("the microphone is released", () => {
  beforeEach(() => open());

  it("when there was no panel for 5 s, but not if one returns", () => {
    const leave = talk.attachView();
    leave();
    leave();
    vi.advanceTimersByTime(4000);
    const leaveAgain = talk.attachView();
    vi.advanceTimersByTime(5000);
    expect(browser.track.isStopped).toBe(false);
    leaveAgain();
    vi.advanceTimersByTime(5000);
    expect(browser.track.isStopped).toBe(true);
  });

  it("when the kernel sends nothing for 15 s", () => {
    vi.advanceTimersByTime(16_000);
    expect(browser.track.isStopped).toBe(true);
    expect(state().kernel).toBe("gone");
  });

  it("and the loudspeaker, when the kernel is gone before the end of a reply", async () => {
    audio();
    await settle();
    comm.isBroken = true;
    chunk();
    expect(FakeNode.newest("grok-live-playback").port.posted.at(-1)).toEqual({ type: "complete" });
  });

  it("when a message cannot be sent", () => {
    comm.isBroken = true;
    chunk();
    expect(browser.track.isStopped).toBe(true);
  });

  it("when another page takes the talk over", () => {
    comm.deliver({ type: "owner", owner: "other" });
    expect(browser.track.isStopped).toBe(true);
    expect(state()).toMatchObject({ isOwner: false, hasOwner: true });
  });

  it("when the model is destroyed, after bye is sent", () => {
    scope.dispose();
    expect(browser.track.isStopped).toBe(true);
    expect(comm.sent.at(-1)?.type).toBe("bye");
  });

  it("when Python asks", async () => {
    comm.deliver({ type: "microphone_wanted", wanted: false });
    expect(browser.track.isStopped).toBe(true);
    expect(state().microphone).toBe("off");
  });
});

describe("when Python requests the microphone", () => {
  beforeEach(() => kernelState({ phase: "open" }));

  it("it is turned on if no click is needed", async () => {
    const permissions = { query: async () => ({ state: "granted" }) };
    Object.defineProperty(navigator, "permissions", { value: permissions, configurable: true });
    Object.defineProperty(navigator, "userActivation", {
      value: { hasBeenActive: true },
      configurable: true,
    });
    comm.deliver({ type: "microphone_wanted", wanted: true });
    await settle();
    expect(browser.mediaDevices.getUserMedia).toHaveBeenCalledOnce();
  });

  it("the panel shows the request if a click is needed", async () => {
    const permissions = { query: async () => ({ state: "prompt" }) };
    Object.defineProperty(navigator, "permissions", { value: permissions, configurable: true });
    comm.deliver({ type: "microphone_wanted", wanted: true });
    await settle();
    expect(browser.mediaDevices.getUserMedia).not.toHaveBeenCalled();
    expect(state().isMicrophoneWanted).toBe(true);
  });
});

describe("mute", () => {
  it("keeps the connection and is sent to the kernel", async () => {
    await open();
    talk.toggleMute();
    capture().port.deliver({ type: "gate", is_open: false });
    await settle();
    expect(comm.ofType("microphone_state").at(-1)).toMatchObject({ state: "muted" });
    expect(state()).toMatchObject({ phase: "open", microphone: "muted" });
    talk.toggleMute();
    expect(state().microphone).toBe("on");
  });

  it("is sent after the last chunk before it", async () => {
    await open();
    talk.toggleMute();
    chunk(600);
    expect(comm.sent.at(-1)?.type).toBe("microphone");
    capture().port.deliver({ type: "gate", is_open: false });
    await settle();
    expect(comm.sent.at(-1)).toMatchObject({ type: "microphone_state", state: "muted" });
  });

  it("is not sent once it is over", async () => {
    await open();
    talk.toggleMute();
    talk.toggleMute();
    capture().port.deliver({ type: "gate", is_open: false });
    await settle();
    expect(comm.ofType("microphone_state").at(-1)).toMatchObject({ state: "on" });
  });

  it("commits what was said with the button held down", async () => {
    await open({ turn_detection: "push_to_talk" });
    talk.holdToTalk();
    chunk();
    talk.toggleMute();
    capture().port.deliver({ type: "gate", is_open: false });
    await settle();
    expect(state()).toMatchObject({ isHeld: false, microphone: "muted" });
    const types = comm.sent.map(({ type }) => type).filter((type) => type !== "received");
    expect(types.slice(-3)).toEqual(["microphone", "commit", "microphone_state"]);
  });
});

describe("a microphone that is muted while it is off", () => {
  it("is muted when it is switched on, and posts nothing", async () => {
    talk.setMuted(true);
    await open();
    expect(state()).toMatchObject({ isMuted: true, microphone: "muted" });
    expect(browser.track.enabled).toBe(false);
    expect(capture().options.processorOptions).toEqual({ is_gate_open: false });
    talk.toggleMute();
    expect(state()).toMatchObject({ isMuted: false, microphone: "on" });
    expect(browser.track.enabled).toBe(true);
    expect(capture().port.posted.at(-1)).toEqual({ type: "gate", is_open: true });
  });

  it("stays muted when another microphone is used, or the talk is started again", async () => {
    await open();
    talk.toggleMute();
    talk.useNextMicrophone();
    await settle();
    expect(state().microphone).toBe("muted");
    talk.stop();
    capture().port.deliver({ type: "gate", is_open: false });
    await settle();
    await open();
    expect(state().microphone).toBe("muted");
  });
});

describe("what the kernel is told of the microphone", () => {
  it("is the reason, for which the panel has a sentence with its cure", async () => {
    Object.assign(window, { isSecureContext: false });
    talk.attachView();
    talk.start();
    await settle();
    const [card] = cardsOf({ ...state(), kernel: "ok" });
    expect(card!.text).toContain("This page is not secure");
    expect(comm.ofType("hello")[0]!.microphone).toBe("insecure");
    expect(comm.ofType("microphone_state").at(-1)!.reason).toBe("insecure");
  });

  it.each([
    ["NotAllowedError", "denied"],
    ["NotFoundError", "no_device"],
    ["NotReadableError", "busy"],
    ["TypeError", "other"],
  ])("is the reason for %s", async (name, reason) => {
    browser.mediaDevices.getUserMedia.mockRejectedValueOnce(Object.assign(new Error("no"), { name }));
    await open();
    const reported = comm.ofType("microphone_state").at(-1)!;
    expect(reported).toMatchObject({ state: "failed", reason });
    expect(cardsOf(state()).at(-1)!.key).toBe(`microphone-${reason}`);
  });
});

describe("what the kernel is told", () => {
  const told = (type: string) => comm.ofType(type).at(-1)!;

  beforeEach(open);

  it("of a microphone that the system mutes is the reason", async () => {
    browser.track.mute(true);
    await settle();
    expect(told("microphone_state")).toMatchObject({ state: "on", reason: "system_muted" });
    expect(cardsOf(state())[0]!.text).toContain("is muted by the system");
    browser.track.mute(false);
    expect(told("microphone_state")).toMatchObject({ state: "on", reason: null });
  });

  it("of a page whose sound is paused is that the microphone hears nothing", async () => {
    const context = FakeContext.made.at(-1)!;
    context.become("suspended");
    vi.advanceTimersByTime(400);
    await settle();
    expect(told("microphone_state")).toMatchObject({ state: "muted", reason: "paused" });
    expect(cardsOf(state())[0]!.text).toContain("has paused the sound of this page");
    context.become("running");
    expect(told("microphone_state")).toMatchObject({ state: "on", reason: null });
  });

  it("of a loudspeaker whose sound is paused is that it waits, until it plays", () => {
    expect(comm.ofType("loudspeaker_state")).toEqual([]);
    FakeContext.made.at(-1)!.state = "suspended";
    audio();
    vi.advanceTimersByTime(400);
    expect(told("loudspeaker_state")).toMatchObject({ state: "waiting", reason: "paused" });
    FakeContext.made.at(-1)!.become("running");
    expect(told("loudspeaker_state")).toMatchObject({ state: "ok", reason: "" });
  });

  it("of sound that cannot be played is what the browser says of it", () => {
    talk.onPlaybackFailed("no device");
    expect(told("loudspeaker_state")).toMatchObject({ state: "failed", reason: "no device" });
    expect(state().notes[0]!.text).toContain("cannot be played here: no device.");
    playhead();
    expect(told("loudspeaker_state")).toMatchObject({ state: "ok", reason: "" });
  });
});

describe("half-duplex", () => {
  const gates = () => capture().port.posted.filter(({ type }) => type === "gate");
  const closed = () => capture().port.deliver({ type: "gate", is_open: false });

  beforeEach(async () => {
    talk.setHalfDuplex(true);
    await open();
  });

  it("sends nothing from before a reply sounds until 0.2 s after it has left the loudspeaker", async () => {
    Object.assign(FakeContext.made.at(-1)!, { baseLatency: 0.01, outputLatency: 0.04 });
    audio();
    expect(gates()).toEqual([{ type: "gate", is_open: false }]);
    await settle();
    playhead();
    expect(statusOf(state()).text).toBe("Listening again when Grok has finished");
    playhead({ is_final: true, buffered_sample_count: 0 });
    vi.advanceTimersByTime(249);
    expect(gates()).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(gates().at(-1)).toEqual({ type: "gate", is_open: true });
    expect(statusOf(state()).text).not.toContain("again");
  });

  it("stays closed for a reply that follows at once", async () => {
    audio();
    await settle();
    playhead({ is_final: true, buffered_sample_count: 0 });
    vi.advanceTimersByTime(150);
    audio({ seq: 1, reply: 2 });
    vi.advanceTimersByTime(1000);
    expect(gates()).toHaveLength(1);
  });

  it("is told to the kernel as a mute, after the last chunk", async () => {
    audio();
    chunk(600);
    expect(comm.ofType("microphone_state").at(-1)).toMatchObject({ state: "on" });
    closed();
    await settle();
    const reported = comm.ofType("microphone_state").at(-1)!;
    expect(reported).toMatchObject({ state: "muted", reason: "half_duplex", device: "Built-in microphone" });
    expect(comm.sent.findLastIndex(({ type }) => type === "microphone")).toBeLessThan(
      comm.sent.indexOf(reported),
    );
    // The button and the trait are about the user's mute.
    expect(state()).toMatchObject({ microphone: "on", isMuted: false });
    playhead({ is_final: true, buffered_sample_count: 0 });
    vi.advanceTimersByTime(250);
    expect(comm.ofType("microphone_state").at(-1)).toMatchObject({ state: "on", reason: null });
  });

  it("can be interrupted by the button", async () => {
    audio();
    await settle();
    playhead();
    talk.interrupt();
    playback().port.deliver({ type: "flushed", position: { reply: 1, is_final: true } });
    vi.advanceTimersByTime(250);
    expect(gates().at(-1)).toEqual({ type: "gate", is_open: true });
  });

  it("does not unmute the microphone", async () => {
    talk.toggleMute();
    audio();
    await settle();
    playhead({ is_final: true, buffered_sample_count: 0 });
    vi.advanceTimersByTime(250);
    expect(gates().at(-1)).toEqual({ type: "gate", is_open: false });
    expect(state().microphone).toBe("muted");
  });

  it("holds for a microphone that is switched on while a reply sounds", async () => {
    audio();
    talk.useNextMicrophone();
    await settle();
    expect(capture().options.processorOptions).toEqual({ is_gate_open: false });
    expect(comm.ofType("microphone_state").at(-1)).toMatchObject({ reason: "half_duplex" });
  });

  it("begins and ends at once when it is set while a reply sounds", () => {
    audio();
    talk.setHalfDuplex(false);
    expect(gates().at(-1)).toEqual({ type: "gate", is_open: true });
    talk.setHalfDuplex(true);
    expect(gates().at(-1)).toEqual({ type: "gate", is_open: false });
  });

  it("ends when the talk is stopped, so that the next Start is heard", async () => {
    audio();
    await settle();
    playhead();
    talk.stop();
    closed();
    await settle();
    playback().port.deliver({ type: "flushed", position: { reply: 1, is_final: true } });
    vi.advanceTimersByTime(250);
    expect(state().isSuppressed).toBe(false);
  });
});

it("the volume is limited to what the loudspeaker plays without distortion", () => {
  talk.setVolume(3);
  expect(state().volume).toBe(1);
  talk.setVolume(-1);
  expect(state().volume).toBe(0);
});

describe("push-to-talk", () => {
  beforeEach(() => open({ turn_detection: "push_to_talk" }));

  async function release(): Promise<void> {
    talk.releaseToTalk();
    capture().port.deliver({ type: "gate", is_open: false });
    await settle();
  }

  it("opens the gate while held, and commits after the last chunk", async () => {
    talk.holdToTalk();
    expect(capture().port.posted.at(-1)).toEqual({ type: "gate", is_open: true });
    chunk();
    talk.releaseToTalk();
    chunk(600);
    capture().port.deliver({ type: "gate", is_open: false });
    await settle();
    const types = comm.sent
      .map(({ type }) => type)
      .filter((type) => type === "microphone" || type === "commit");
    expect(types).toEqual(["microphone", "microphone", "commit"]);
  });

  it("commits a short press too, which the kernel discards", async () => {
    talk.holdToTalk();
    chunk(600);
    await release();
    expect(comm.ofType("commit")).toHaveLength(1);
    expect(state().notes).toEqual([]);
  });

  it("interrupts the reply that is playing", async () => {
    audio();
    await settle();
    playhead();
    talk.holdToTalk();
    expect(comm.ofType("interrupt")).toHaveLength(1);
  });

  it("does nothing when the button is released twice", async () => {
    await release();
    expect(comm.ofType("commit")).toHaveLength(0);
  });

  it("can be enabled while the microphone is on", () => {
    kernelState({ turn_detection: "server_vad" });
    expect(capture().port.posted.at(-1)).toEqual({ type: "gate", is_open: true });
    kernelState({ turn_detection: "push_to_talk" });
    expect(capture().port.posted.at(-1)).toEqual({ type: "gate", is_open: false });
  });
});

describe("a reply", () => {
  beforeEach(async () => {
    await open();
    audio();
    await settle();
  });

  it("is played, and its playhead sent to the kernel", () => {
    expect(playback().port.posted[0]).toMatchObject({ type: "chunk", reply: 1 });
    playhead();
    expect(comm.ofType("playhead")).toMatchObject([{ page: me(), reply: 1, sample_count: 9 }]);
    expect(state()).toMatchObject({ isSpeaking: true, soundingReply: 1 });
    playhead({ is_final: true, buffered_sample_count: 0, underrun_count: 2, lost_sample_count: 2400 });
    expect(state()).toMatchObject({ isSpeaking: false, soundingReply: null, underrunCount: 2, lostS: 0.1 });
  });

  it("is played to its end after the connection has closed", () => {
    kernelState({ phase: "closed" });
    audio({ seq: 1, sample_offset: 2400, is_last: true });
    expect(playback().port.posted.filter(({ type }) => type === "chunk")).toHaveLength(2);
    playhead();
    expect(state()).toMatchObject({ phase: "closed", isSpeaking: true });
    playhead({ is_final: true, buffered_sample_count: 0 });
    vi.advanceTimersByTime(1100);
    expect(audioPage().context).toBeNull();
  });

  it("is flushed by the kernel, and the position sent back", () => {
    comm.deliver({ type: "flush", session: 1, epoch: 1, reply: 1 });
    expect(playback().port.posted.at(-1)).toEqual({ type: "flush", epoch: 1, reply: 1 });
    playback().port.deliver({ type: "flushed", position: { reply: 1, sample_count: 5, is_final: true } });
    expect(comm.ofType("flushed")).toMatchObject([{ sample_count: 5 }]);
  });

  it("is interrupted at once, before the kernel answers", () => {
    playhead();
    talk.interrupt();
    expect(playback().port.posted.at(-1)).toMatchObject({ type: "flush", epoch: 1 });
    expect(comm.ofType("interrupt")).toMatchObject([{ epoch: 1 }]);
    expect(state().isSpeaking).toBe(false);
  });
});

describe("the other actions of the panel", () => {
  it("text is sent while the connection is closed, too", () => {
    talk.sendText("What is a tensor?", vi.fn());
    expect(comm.ofType("text")).toMatchObject([{ text: "What is a tensor?" }]);
  });

  it("replies that were not played are asked for, also after Stop", async () => {
    await open();
    talk.stop();
    await settle();
    talk.playUnplayed();
    expect(comm.ofType("play")).toMatchObject([{ page: me() }]);
    audio();
    await settle();
    expect(playback().port.posted.filter(({ type }) => type === "chunk")).toHaveLength(1);
  });

  it("skipping is asked of the kernel", () => {
    talk.skipToNewest();
    expect(comm.ofType("skip")).toMatchObject([{ page: me() }]);
  });

  it("turning the microphone on takes the talk over", () => {
    kernelState({ owner: "other" });
    talk.takeOver();
    expect(comm.ofType("take_over")).toHaveLength(1);
    talk.switchMicrophoneOn();
    expect(comm.ofType("take_over")).toHaveLength(2);
  });

  it("a note disappears when it is dismissed", () => {
    comm.deliver({ type: "note", note: { text: "Careful", level: "warning" } });
    talk.dismissNote(state().notes[0]!.key);
    expect(state().notes).toEqual([]);
  });

  it("dropped speech is counted from the last Start", async () => {
    await open();
    kernelState({ phase: "opening", session: 2 });
    chunk();
    kernelState({ phase: "open", session: 2 });
    expect(state().droppedByConnectionS).toBeCloseTo(0.1);
    expect(state().droppedByKernelS).toBe(0);
    kernelState({ phase: "closed", session: 2 });
    talk.start();
    expect(state().droppedByConnectionS).toBe(0);
  });
});

describe("settings", () => {
  it("are shown as the kernel has them, and changed by a message", () => {
    kernelState();
    expect(state().settings).toMatchObject({ voice: "nova", threshold: 0.5, silence_duration_ms: 500 });
    talk.changeSettings({ speed: 1.2 });
    expect(comm.ofType("change_settings").at(-1)).toMatchObject({ settings: { speed: 1.2 } });
  });

  it("of the devices take effect at once: the microphone is opened again, the loudspeaker changed", async () => {
    await open();
    const before = browser.mediaDevices.getUserMedia.mock.calls.length;
    prefer({ microphone: "m1", speaker: "s1" });
    talk.followPreferences();
    await settle();
    expect(browser.mediaDevices.getUserMedia.mock.calls.length).toBe(before + 1);
    expect(FakeContext.made.at(-1)!.setSinkId).toHaveBeenLastCalledWith("s1");
  });

  it("that name a loudspeaker which cannot be used are answered with a note", async () => {
    await open();
    FakeContext.made.at(-1)!.setSinkId.mockRejectedValueOnce(new Error("gone"));
    prefer({ speaker: "s2" });
    talk.followPreferences();
    await settle();
    expect(state().notes.at(-1)?.text).toContain("loudspeaker cannot be used");
  });
});

it("loads a further bundle over the comm, for its own page only", async () => {
  kernelState();
  const loading = talk.drawers.load("settings");
  const { page } = comm.ofType("bundle_wanted").at(-1)!;
  expect(page).toBe(me());
  comm.deliver({ type: "bundle", page: "another", name: "settings", style: ".b {}" });
  comm.deliver({ type: "bundle", page, name: "settings", style: ".a {}" });
  await expect(loading).rejects.toThrow("was not built with it");
});

it("marks where the server hears speech", () => {
  kernelState();
  comm.deliver({ type: "speech", is_active: true });
  comm.deliver({ type: "speech", is_active: false });
  expect(talk.signals.user.speech).toHaveLength(1);
});

describe("a sound file", () => {
  const file = (size: number) =>
    ({ name: "question.ogg", size, arrayBuffer: async () => new ArrayBuffer(size) }) as File;

  it("is sent in pieces of 48 kB, in order", async () => {
    kernelState();
    talk.sendFile(file(100_000));
    await settle();
    const sent = comm.ofType("sound_file");
    expect(sent.map(({ piece, piece_count, pcm }) => [piece, piece_count, pcm!.byteLength])).toEqual([
      [0, 3, 48_000],
      [1, 3, 48_000],
      [2, 3, 4_000],
    ]);
    expect(sent[0]).toMatchObject({ name: "question.ogg" });
  });

  it("of more than 32 MB is refused with a note", async () => {
    kernelState();
    talk.sendFile(file(33_000_000));
    await settle();
    expect(comm.ofType("sound_file")).toEqual([]);
    expect(state().notes.at(-1)?.text).toContain("more than 32 MB");
  });
});
