import { describe, expect, it } from "vitest";
import { centredAt } from "../../src/axis/scale";
import { readPlace, readStretch, Stretches, type StretchRequest } from "../../src/axis/stretches";

const sent = (changes: object = {}) => ({
  type: "stretch",
  start_s: 0,
  stop_s: 10.24,
  columns: 256,
  zero_at_ms: 5000,
  begin_s: 1,
  end_s: 9,
  turns: [{ id: "t1", role: "user", start_s: 1, heard_end_s: 2, end_s: 2, was_interrupted: false }],
  speech: [
    [1, 2],
    [8, null],
  ],
  user: btoa(String.fromCharCode(...Array.from({ length: 512 }, (_, i) => (i % 2 ? 100 : 156)))),
  assistant: "",
  unheard: "",
  ...changes,
});

describe("reading", () => {
  it("takes a stretch as the kernel sends it", () => {
    const stretch = readStretch(sent())!;
    expect([...stretch.user!.slice(0, 4)]).toEqual([-100, 100, -100, 100]);
    expect([stretch.assistant, stretch.zeroAtMs, stretch.endS]).toEqual([null, 5000, 9]);
    expect(stretch.speech).toEqual([
      [1, 2],
      [8, Number.POSITIVE_INFINITY],
    ]);
    expect(stretch.turns[0]).toMatchObject({ id: "t1", isUser: true, heardEndS: 2 });
    expect(readPlace({ type: "place", turn_id: "t1", start_s: 3 })).toEqual({ turnId: "t1", startS: 3 });
  });

  it("ignores what is neither, and takes no envelope of another length", () => {
    for (const content of [null, 3, {}, { type: "place" }]) expect(readStretch(content)).toBeNull();
    expect(readPlace(sent())).toBeNull();
    expect(readStretch(sent({ user: btoa("abc"), assistant: "%" }))).toMatchObject({
      user: null,
      assistant: null,
    });
    expect(readStretch({ type: "stretch", turns: [null], speech: [3] })).toMatchObject({ columns: 0 });
  });
});

/** The answer to a request. */
const answer = ({ start_s, stop_s }: StretchRequest) => readStretch(sent({ start_s, stop_s }))!;

describe("a view", () => {
  it("is asked for once, again after four seconds, and not once it is known", () => {
    const stretches = new Stretches();
    const scale = centredAt(10, 0, 600);
    const { requests, known, isWaiting } = stretches.inView(scale, 0);
    expect(requests.map(({ start_s, stop_s }) => [start_s, stop_s])).toEqual([
      [0, 10.24],
      [10.24, 20.48],
    ]);
    expect([known, isWaiting]).toEqual([[], true]);
    expect(stretches.inView(scale, 3000).requests).toEqual([]);
    expect(stretches.inView(scale, 4000).requests).toHaveLength(2);
    for (const request of requests) expect(stretches.put(answer(request))).toBe(true);
    const later = stretches.inView(scale, 9000);
    expect([later.requests, later.known.length, later.isWaiting]).toEqual([[], 2, false]);
  });

  it("that has changed is shown while it is asked for again, once a second", () => {
    const stretches = new Stretches();
    const scale = centredAt(5, 0, 300);
    const [request] = stretches.inView(scale, 0).requests;
    stretches.put(answer(request!));
    stretches.markStale();
    expect(stretches.inView(scale, 500)).toMatchObject({ requests: [], isWaiting: true });
    const { requests, known } = stretches.inView(scale, 1000);
    expect([requests.length, known.length]).toEqual([1, 1]);
  });

  it("begins with the talk, and is of one level", () => {
    const stretches = new Stretches();
    expect(stretches.inView(centredAt(0, 3, 600), 0).requests.map(({ start_s }) => start_s)).toEqual([0]);
    stretches.inView(centredAt(5, 0, 300), 0);
    expect(stretches.put(readStretch(sent({ start_s: 0, stop_s: 40.96 }))!)).toBe(false);
    expect(stretches.put(readStretch(sent({ start_s: 0, stop_s: 655.36 }))!)).toBe(true);
  });

  it("of a talk of many hours keeps no more than forty stretches", () => {
    const stretches = new Stretches();
    let asked = 0;
    for (let timeS = 5; timeS < 36_000; timeS += 10.24)
      for (const request of stretches.inView(centredAt(timeS, 0, 300), 0).requests) {
        asked += 1;
        stretches.put(answer(request));
      }
    expect(asked).toBeGreaterThan(3000);
    expect(stretches.inView(centredAt(5, 0, 300), 1).requests).toHaveLength(1);
  });
});
