import { describe, expect, it } from "vitest";
import { addToRows, type Frame, matches, type Row, readMessage, readPage } from "../../src/inspector/log";

const frame = (index: number, type: string, isSent = false): Frame => ({
  index,
  timeS: index / 10,
  isSent,
  type,
  size: 100,
  itemId: "",
  responseId: "",
  turnId: "",
  isByTime: false,
});

describe("reading", () => {
  it("takes frames as the kernel sends them", () => {
    const fields = { index: 3, time_s: 1.5, direction: "sent", type: "session.update", size: 80 };
    const sent = { ...fields, item_id: "i", turn_id: "t", is_by_time: true };
    expect(readPage({ type: "frames", frames: [sent], dropped_count: 2, next: 4 }, "en")).toEqual({
      frames: [
        {
          ...frame(3, "session.update", true),
          timeS: 1.5,
          size: 80,
          itemId: "i",
          turnId: "t",
          isByTime: true,
        },
      ],
      droppedCount: 2,
      turnId: "",
      next: 4,
      channel: { isDirect: false, reason: "" },
    });
    expect(readMessage({ type: "frame", index: 3, text: "{}" })).toEqual({ index: 3, text: "{}" });
  });

  it.each([null, "frames", 3, {}, { type: "frames" }, { type: "frames", frames: 3 }])(
    "ignores %j",
    (content) => {
      expect(readPage(content, "en")).toBeNull();
      expect(readMessage(content)).toBeNull();
    },
  );

  it("gives fields of a wrong type a default", () => {
    const page = readPage({ type: "frames", frames: [null, { index: "1", type: 4 }] }, "en");
    expect(page!.frames.map(({ index, type }) => [index, type])).toEqual([
      [0, ""],
      [0, ""],
    ]);
  });
});

describe("rows", () => {
  it("are runs of one type and direction", () => {
    const rows: Row[] = [];
    addToRows(rows, [frame(0, "a"), frame(1, "a"), frame(2, "a", true), frame(3, "b")]);
    expect(rows.map(({ first, last, count, size }) => [first.index, last.index, count, size])).toEqual([
      [0, 1, 2, 200],
      [2, 2, 1, 100],
      [3, 3, 1, 100],
    ]);
  });

  it("are of one turn", () => {
    const rows: Row[] = [];
    addToRows(rows, [
      { ...frame(0, "a"), turnId: "t1" },
      { ...frame(1, "a"), turnId: "t2" },
    ]);
    expect(rows).toHaveLength(2);
  });

  it("hold deltas of sound and of text that alternate", () => {
    const rows: Row[] = [];
    addToRows(rows, [
      frame(0, "audio.delta"),
      frame(1, "text.delta"),
      frame(2, "audio.delta"),
      frame(3, "done"),
    ]);
    expect(rows.map(({ types, count }) => [types, count])).toEqual([
      [["audio.delta", "text.delta"], 3],
      [["done"], 1],
    ]);
  });

  it("go on where they had ended, and say from where on they have changed", () => {
    const rows: Row[] = [];
    expect(addToRows(rows, [frame(0, "a"), frame(1, "b")])).toBe(0);
    expect(addToRows(rows, [frame(2, "b"), frame(3, "c")])).toBe(1);
    expect(rows.map(({ count }) => count)).toEqual([1, 2, 1]);
  });
});

it("matches by a part of the type, and by direction", () => {
  const delta = frame(0, "response.output_audio.delta");
  expect(matches(delta, { text: " AUDIO ", direction: "both" })).toBe(true);
  expect(matches(delta, { text: "session", direction: "both" })).toBe(false);
  expect(matches(delta, { text: "", direction: "sent" })).toBe(false);
  expect(matches(frame(1, "a", true), { text: "", direction: "sent" })).toBe(true);
});
