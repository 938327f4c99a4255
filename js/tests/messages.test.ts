import { describe, expect, it } from "vitest";
import { readKernelMessage } from "../src/messages";

describe("what the kernel says", () => {
  it("is read with its fields", () => {
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

  it("may leave fields out", () => {
    expect(readKernelMessage({ type: "state", phase: "open" })).toMatchObject({
      phase: "open",
      owner: null,
      session: 0,
      processing: true,
      turn_detection: "server_vad",
    });
  });

  it("may bring fields that this page does not know", () => {
    expect(readKernelMessage({ type: "ping", id: 4, mood: "good" })).toEqual({ type: "ping", id: 4 });
  });

  it("is unknown when a field has a wrong type", () => {
    expect(readKernelMessage({ type: "audio", session: "2" })).toBeNull();
    expect(readKernelMessage({ type: "state", phase: "asleep" })).toBeNull();
    expect(readKernelMessage({ type: "note", note: "text" })).toBeNull();
    expect(readKernelMessage({ type: "snapshot", turns: [{ id: 1, text: 5 }] })).toBeNull();
    expect(readKernelMessage({ type: "heartbeat", session: Number.NaN })).toBeNull();
  });

  it("is unknown when its type is", () => {
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

  it("may be a call of a tool", () => {
    const call = { call_id: "c1", name: "look", arguments: "{}", state: "waiting" };
    expect(readKernelMessage({ type: "tool", call })).toMatchObject({
      call: { ...call, error: "", duration_s: null },
    });
    expect(readKernelMessage({ type: "tool", call: { ...call, state: "asleep" } })).toBeNull();
  });

  it("may be a turn whose figures are not known", () => {
    const turn = { id: "a", order: 1, role: "user", text: "Hi", latency_ms: null, duration_s: null };
    expect(readKernelMessage({ type: "turn", turn })).toMatchObject({
      turn: { role: "user", latency_ms: null },
    });
  });
});
