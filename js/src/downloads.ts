/** Files that the kernel sends in pieces and the browser downloads. */

import type { KernelFields } from "./messages";
import type { BinaryBuffer } from "./pcm";
import type { Scope } from "./scope";

/** The browser has read the file by then. */
const REVOKE_AFTER_MS = 60_000;

export class Downloads {
  /** The pieces that have arrived, by the turn. */
  readonly #pieces = new Map<string, BlobPart[]>();

  constructor(readonly scope: Scope) {}

  /** Add a piece; the last one downloads the file, unless a piece before it was lost. */
  add({ turn_id, name, piece, piece_count }: KernelFields<"sound">, buffer: BinaryBuffer | undefined): void {
    if (piece === 0) this.#pieces.set(turn_id, []);
    const pieces = this.#pieces.get(turn_id);
    if (pieces?.length !== piece || !buffer) return;
    pieces.push(buffer as BlobPart);
    if (piece + 1 < piece_count) return;
    this.#pieces.delete(turn_id);
    const href = URL.createObjectURL(new Blob(pieces, { type: "audio/wav" }));
    const link = document.createElement("a");
    Object.assign(link, { href, download: name }).click();
    this.scope.timeout(REVOKE_AFTER_MS, () => URL.revokeObjectURL(href));
  }
}
