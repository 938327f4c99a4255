import { describe, expect, it } from "vitest";
import type { Turn } from "../../src/messages";
import { INITIAL_STATE, type PanelState } from "../../src/view/state";
import {
  cardsOf,
  lossesOf,
  playbackFailedText,
  statusOf,
  timeLeftOf,
  turnText,
} from "../../src/view/strings";
import { turnRemarks } from "../../src/view/turn-remarks";
import { turnOf } from "../fakes";

const OPEN: PanelState = {
  ...INITIAL_STATE,
  kernel: "ok",
  serverName: "Grok",
  phase: "open",
  isOwner: true,
  hasOwner: true,
  microphone: "on",
  isCapturing: true,
};

const status = (changes: Partial<PanelState>) => statusOf({ ...OPEN, ...changes }).text;
const cards = (changes: Partial<PanelState>) => cardsOf({ ...OPEN, ...changes });

describe("the status", () => {
  it.each<[string, Partial<PanelState>]>([
    ["Looking for the kernel…", { kernel: "waiting" }],
    ["No kernel", { kernel: "gone" }],
    ["Press Start and speak, or type below", { phase: "closed" }],
    ["Press Start to go on talking", { phase: "closed", turns: new Map([["t1", turnOf()]]) }],
    ["Python would like to listen: press Start", { phase: "closed", isMicrophoneWanted: true }],
    ["Allow the microphone when the browser asks", { phase: "opening", microphone: "asking" }],
    ["Connecting… You can speak already", { phase: "opening" }],
    ["Connecting…", { phase: "closed", isStarting: true, microphone: "failed" }],
    ["Reconnecting. Wait a moment…", { phase: "opening", isReopening: true }],
    ["Disconnecting…", { phase: "closing" }],
    ["Listening", {}],
    ["Switching the microphone on…", { isCapturing: false }],
    ["Grok is speaking", { isSpeaking: true }],
    ["Playing again", { isSpeaking: true, soundingReply: 3, replay: 3 }],
    ["Rehearsal is speaking", { isSpeaking: true, serverName: "Rehearsal" }],
    ["Paused by the browser", { isPaused: true }],
    ["Paused by the browser", { isSpeaking: true, isSoundWaiting: true }],
    [
      "No sound comes from the microphone",
      { silentMicrophone: { cause: "silent", device: null, hasOther: true } },
    ],
    ["Muted. Grok cannot hear you", { microphone: "muted" }],
    ["Connected, the microphone is off", { microphone: "off" }],
    ["Hold the button while you speak", { turnDetection: "push_to_talk" }],
    ["Listening", { turnDetection: "push_to_talk", isHeld: true }],
    ["The kernel is busy; your speech waits", { kernel: "busy" }],
    ["The kernel is busy; speech goes on, typed text waits", { kernel: "held" }],
    ["Talking in another page", { isOwner: false }],
  ])("is “%s”", (text, changes) => {
    expect(status(changes)).toBe(text);
  });

  it.each<[string, Partial<PanelState>]>([
    [" · a new session in 4 min", { endsInS: 250 }],
    [" · a new session in 8 s", { endsInS: 8 }],
    ["", { endsInS: 8, phase: "opening" }],
    ["", { endsInS: 8, kernel: "gone" }],
    ["", { endsInS: null }],
  ])("has beside it “%s”", (text, changes) => {
    expect(timeLeftOf({ ...OPEN, ...changes })).toBe(text);
  });
});

describe("the cards", () => {
  it("are empty if there is no problem", () => {
    expect(cards({})).toEqual([]);
  });

  it("say that the browser has paused the sound, and how to resume it", () => {
    const [card, ...others] = cards({ isPaused: true, isSoundWaiting: true, isSpeaking: true });
    expect([card?.actionLabel, card?.action, others.length]).toEqual(["Resume", "enableSound", 0]);
    expect(card?.text).toContain("paused the sound");
  });

  it("say that a microphone gives only silence, and offer another one if there is one", () => {
    const silent = (hasOther: boolean) =>
      cards({ silentMicrophone: { cause: "silent", device: "Desk", hasOther } })[0];
    expect(silent(true)).toMatchObject({
      action: "useNextMicrophone",
      actionLabel: "Use another microphone",
    });
    expect(silent(false)).toMatchObject({ action: "switchMicrophoneOn", actionLabel: "Try again" });
    expect(silent(false)?.text).toContain("“Desk” gives only silence");
    expect(
      cards({ microphone: "muted", silentMicrophone: { cause: "silent", device: "Desk", hasOther: true } }),
    ).toEqual([]);
  });

  it("say that the system has muted a microphone, which needs no click when that is undone", () => {
    const muted = (hasOther: boolean) =>
      cards({ silentMicrophone: { cause: "system_muted", device: "Desk", hasOther } })[0];
    expect(muted(false)?.text).toContain("“Desk” is muted by the system. Unmute it");
    expect(muted(false)?.action).toBeUndefined();
    expect(muted(true)?.action).toBe("useNextMicrophone");
  });

  it("report a kernel that does not answer, or no longer answers", () => {
    expect(cards({ kernel: "unanswered" })[0]?.text).toContain("Run the cell");
    expect(cards({ kernel: "gone" })[0]?.text).toContain("microphone is off");
  });

  it("offer to take over from another page while the connection is open", () => {
    expect(cards({ isOwner: false })[0]).toMatchObject({ actionLabel: "Take over", action: "takeOver" });
    expect(cards({ isOwner: false, phase: "closed" })).toEqual([]);
  });

  it("offer to enable sound that the browser blocks", () => {
    expect(cards({ isSoundWaiting: true })[0]).toMatchObject({ actionLabel: "Enable sound" });
  });

  it("offer the microphone that Python requests", () => {
    expect(cards({ isMicrophoneWanted: true, microphone: "off" })[0]).toMatchObject({
      action: "switchMicrophoneOn",
    });
  });

  it("have a sentence for each cause of a missing microphone", () => {
    const reasons = [
      "insecure",
      "policy",
      "denied",
      "no_device",
      "busy",
      "lost",
      "taken",
      "waiting",
      "other",
    ] as const;
    const sentences = reasons.map(
      (reason) => cards({ microphone: "failed", microphoneReason: reason })[0]?.text,
    );
    expect(new Set(sentences).size).toBe(reasons.length);
    for (const sentence of sentences) expect(sentence).toMatch(/[.]$/);
  });

  it("name the cure of sound that cannot be played only where the page is the cause", () => {
    const state = { ...INITIAL_STATE, serverName: "Grok" };
    const [plain, secure] = [false, true].map((isSecure) => playbackFailedText(state, "why", isSecure));
    expect(plain).toMatch(/^Grok’s voice cannot be played here: why\..* Open the notebook over https/);
    expect(secure).not.toContain("https");
  });

  it("name the cure: a tunnel, a browser, a click, a plug", () => {
    const cure = (microphoneReason: PanelState["microphoneReason"]) => cards({ microphoneReason })[0];
    expect(cure("insecure")?.text).toContain("ssh -L");
    expect(cure("policy")?.text).toContain("VS Code");
    expect(cure("denied")?.text).toContain("address bar");
    expect(cure("lost")?.text).toContain("Plug it in");
    expect(cure("denied")?.actionLabel).toBe("Try again");
    expect(cure("policy")?.actionLabel).toBeUndefined();
  });
});

describe("losses", () => {
  it("are given in seconds", () => {
    expect(lossesOf({ ...OPEN, droppedByKernelS: 1.23, droppedByConnectionS: 0.4 })).toEqual([
      "1.2 s of your speech was not sent: the kernel was busy with a cell.",
      "0.4 s of your speech was not sent: the connection was not open.",
    ]);
    expect(lossesOf({ ...OPEN, lateS: 0.3 })[0]).toContain(
      "0.3 s of your speech reached the kernel too late",
    );
    expect(lossesOf({ ...OPEN, lostS: 0.4 })[0]).toContain("0.4 s of Grok’s voice was lost");
    expect(lossesOf({ ...OPEN, underrunCount: 1 })[0]).toContain("once");
    expect(lossesOf({ ...OPEN, underrunCount: 3 })[0]).toContain("3 times");
  });

  it("are empty if nothing was lost", () => {
    expect(lossesOf(OPEN)).toEqual([]);
  });
});

describe("the text of a turn", () => {
  it("is its transcript", () => {
    expect(turnText(turnOf())).toBe("Hello.");
  });

  it("is the duration if there is no transcript, marked if approximate", () => {
    expect(turnText(turnOf({ text: "" }))).toBe("(speech, 2.3 s)");
    expect(turnText(turnOf({ text: "", is_approximate: true }))).toBe("(speech, about 2.3 s)");
    expect(turnText(turnOf({ text: "", duration_s: null }))).toBe("(speech)");
  });

  it("is an ellipsis until something arrives", () => {
    expect(turnText(turnOf({ text: "", has_audio: false, is_complete: false }))).toBe("…");
    expect(turnText(turnOf({ text: "", has_audio: false }))).toBe("(nothing)");
  });
});

describe("a turn's remarks", () => {
  it("contain the latency", () => {
    expect(turnRemarks(turnOf({ latency_ms: 640 }))).toEqual(["after 0.6 s"]);
  });

  it("contain the delays by tools and by the approval, unless they are too short to be seen", () => {
    const delays = { latency_ms: 640, tool_ms: 480, approval_ms: 6200 };
    const remarks = ["after 0.6 s", "tools 0.5 s", "your approval 6.2 s"];
    expect(turnRemarks(turnOf(delays))).toEqual(remarks);
    expect(turnRemarks(turnOf({ ...delays, tool_ms: 4, approval_ms: 0 }))).toEqual(["after 0.6 s"]);
  });

  it("contain that no page has played the reply", () => {
    expect(turnRemarks(turnOf({ reply: null }))).toEqual(["not played"]);
    expect(turnRemarks(turnOf({ reply: null, heard_s: 0 }))).toEqual([]);
    expect(turnRemarks(turnOf({ reply: null, role: "user" }))).toEqual([]);
  });

  it("contain the interruption, and how much was heard if that is known", () => {
    expect(turnRemarks(turnOf({ was_interrupted: true }))).toEqual(["interrupted"]);
    const by = (interruption: string) => turnRemarks(turnOf({ was_interrupted: true, interruption }));
    expect([by("speech"), by("cell"), by("skip"), by("of a later version")].flat()).toEqual([
      "interrupted by your speech",
      "interrupted by the sound of a cell",
      "skipped",
      "interrupted",
    ]);
    const heard = { was_interrupted: true, heard_s: 1.24, duration_s: 3.4 };
    expect(turnRemarks(turnOf(heard))).toEqual(["interrupted, 1.2 of 3.4 s heard"]);
  });
});

describe("replies that no page has played", () => {
  const turns = (...changes: Partial<Turn>[]) =>
    new Map(changes.map((change, order) => [order, turnOf({ id: order, order, ...change })]));

  it("are offered to be played", () => {
    const [card] = cards({ turns: turns({ role: "user", reply: null }, { reply: null }) });
    expect(card).toMatchObject({ actionLabel: "Play the answer", action: "playUnplayed" });
    expect(card?.text).toBe(
      "Grok answered when no page could play it yet, as in the cell that shows the panel, or when all cells are run at once.",
    );
    const several = cards({ turns: turns({ reply: null }, { reply: null }) });
    expect(several[0]).toMatchObject({ actionLabel: "Play the answers" });
    expect(several[0]?.text).toBe(
      "Grok answered 2 times when no page could play it yet, as in the cell that shows the panel, or when all cells are run at once.",
    );
  });

  it.each<[string, Partial<PanelState>]>([
    ["a later reply was played", { turns: turns({ reply: null }, { reply: 1, heard_s: 2 }) }],
    ["they are still received", { turns: turns({ reply: null, is_complete: false }) }],
    ["another page plays", { isOwner: false, turns: turns({ reply: null }) }],
    ["there is no kernel", { kernel: "gone", turns: turns({ reply: null }) }],
  ])("are not offered when %s", (_, changes) => {
    expect(cards(changes).map(({ key }) => key)).not.toContain("unplayed");
  });
});

describe("replies that wait behind the one that plays", () => {
  const turns = new Map([1, 2, 3].map((reply) => [reply, turnOf({ id: reply, order: reply, reply })]));
  const waiting = (changes: Partial<PanelState>) => cards(changes).find(({ key }) => key === "waiting");

  it("can be skipped", () => {
    expect(waiting({ turns, soundingReply: 1 })).toMatchObject({
      text: "2 more answers wait to be played.",
      actionLabel: "Skip to the newest reply",
      action: "skipToNewest",
    });
    expect(waiting({ turns, soundingReply: 2 })?.text).toBe("One more answer waits to be played.");
    expect(waiting({ turns, soundingReply: 3 })).toBeUndefined();
    expect(waiting({ turns })).toBeUndefined();
  });
});
