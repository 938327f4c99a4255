import { describe, expect, it } from "vitest";
import { readKernelMessage } from "../src/messages";
import { useTexts } from "../src/texts";
import { textsOf } from "./catalogue";

describe("the kernel's sentences", () => {
  const note = { text: "No page has responded.", level: "info", topic: "" };
  const message = {
    type: "note",
    note,
    translations: { de: { [note.text]: "Keine Seite hat geantwortet." } },
  };
  const textIn = (content: unknown) => (readKernelMessage(content) as { note: { text: string } }).note.text;

  it("are those of the page's language, for this message only", () => {
    expect(textIn(message)).toBe(note.text);
    useTexts("de", {});
    expect(textIn(message)).toBe("Keine Seite hat geantwortet.");
    expect(textIn({ type: "note", note })).toBe(note.text);
    expect(textIn({ ...message, translations: { de: { [note.text]: 7 } } })).toBe(note.text);
    expect(textIn({ ...message, translations: null })).toBe(note.text);
    useTexts("en", textsOf("en"));
  });
});

describe("a message of the kernel", () => {
  it("is parsed with its fields", () => {
    const message = {
      type: "audio",
      session: 2,
      epoch: 1,
      seq: 7,
      reply: 3,
      sample_offset: 2400,
      is_last: true,
    };
    expect(readKernelMessage(message)).toEqual(message);
  });

  it("may omit fields", () => {
    expect(readKernelMessage({ type: "state", phase: "open" })).toMatchObject({
      phase: "open",
      owner: null,
      session: 0,
      processing: true,
      turn_detection: "server_vad",
    });
  });

  it("may contain unknown fields", () => {
    expect(readKernelMessage({ type: "ping", id: 4, extra: "value" })).toEqual({ type: "ping", id: 4 });
  });

  it("is unknown if a field has a wrong type", () => {
    expect(readKernelMessage({ type: "audio", session: "2" })).toBeNull();
    expect(readKernelMessage({ type: "state", phase: "asleep" })).toBeNull();
    expect(readKernelMessage({ type: "note", note: "text" })).toBeNull();
    expect(readKernelMessage({ type: "snapshot", turns: [{ id: 1, text: 5 }] })).toBeNull();
    expect(readKernelMessage({ type: "heartbeat", session: Number.NaN })).toBeNull();
  });

  it("is unknown if its type is unknown", () => {
    for (const content of [
      { type: "toString" },
      { type: "news" },
      { type: 5 },
      {},
      null,
      "audio",
      undefined,
    ]) {
      expect(readKernelMessage(content)).toBeNull();
    }
  });

  it("may be a tool call", () => {
    const call = { call_id: "c1", name: "look", arguments: "{}", state: "waiting" };
    expect(readKernelMessage({ type: "tool", call })).toMatchObject({
      call: { ...call, error: "", duration_s: null },
    });
    expect(readKernelMessage({ type: "tool", call: { ...call, state: "asleep" } })).toBeNull();
  });

  it("may be a turn without measured values", () => {
    const turn = { id: "a", order: 1, role: "user", text: "Hi", latency_ms: null, duration_s: null };
    expect(readKernelMessage({ type: "turn", turn })).toMatchObject({
      turn: { role: "user", latency_ms: null },
    });
  });
});
