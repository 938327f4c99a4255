import { expect, it } from "vitest";
import { packFrame, unpackFrame } from "../src/sound-frames";

const MESSAGE = { type: "microphone", page: "ä", seq: 3 };

it("a message and its samples come out of their frame", () => {
  const pcm = Int16Array.of(1, -2, 32767);
  const frame = packFrame(MESSAGE, pcm.buffer);
  expect(unpackFrame(frame.buffer)).toEqual({ content: MESSAGE, pcm });
  expect(unpackFrame(packFrame(MESSAGE).buffer)).toEqual({ content: MESSAGE, pcm: new Int16Array(0) });
});

it.each([1, 10, 100])("the samples begin at a multiple of their size, as with seq %i", (seq) => {
  const { buffer } = packFrame({ seq }, Int16Array.of(7).buffer);
  expect(buffer.byteLength % 2).toBe(0);
  expect(unpackFrame(buffer)?.pcm).toEqual(Int16Array.of(7));
});

it.each([[], [0, 0], [5, 0, 0, 0, 123], [255, 255, 255, 255, 123], [2, 0, 0, 0, 123, 120]])(
  "what is no frame is null",
  (...bytes) => {
    expect(unpackFrame(Uint8Array.from(bytes).buffer)).toBeNull();
  },
);
