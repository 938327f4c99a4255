/** Sound files that are dropped on the panel, sent in pieces: the kernel reads them, whatever their format. */

import type { PageMessage } from "./messages";

/** Messages of the comm have at most 64 kB of sound; this is below it. */
const PIECE_BYTES = 48_000;
export const MOST_BYTES = 32_000_000;

let count = 0;

export async function sendSoundFile(
  file: File,
  send: (message: PageMessage, buffers: ArrayBuffer[]) => void,
): Promise<void> {
  const content = await file.arrayBuffer();
  const id = count++;
  const piece_count = Math.max(1, Math.ceil(content.byteLength / PIECE_BYTES));
  for (let piece = 0; piece < piece_count; piece++) {
    const bytes = content.slice(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES);
    send({ type: "sound_file", id, name: file.name, piece, piece_count }, [bytes]);
  }
}
