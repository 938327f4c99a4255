/** What a kernel says in the tests of the explorer. */

export const RATE_HZ = 24_000;

export function openedMessage(changes: object = {}): object {
  return {
    type: "opened",
    roles: ["user", "assistant"],
    sample_rate: RATE_HZ,
    sample_count: 10 * RATE_HZ,
    origin_s: 0,
    column_samples: 120,
    piece_samples: 5 * RATE_HZ,
    is_whole: true,
    regions: [
      { track: 0, start_s: 1, stop_s: 3, kind: "turn", text: "Hi." },
      { track: 1, start_s: 4, stop_s: 9, kind: "turn", text: "Hello." },
    ],
    ...changes,
  };
}

/** A message's buffer, as JupyterLab passes it. */
export function bufferOf(samples: ArrayLike<number>): DataView {
  return new DataView(Int16Array.from(samples).buffer);
}
