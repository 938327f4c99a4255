/** Messages with sound as the frames of the direct channel; docs/channel.md specifies them. Pure. */

const LENGTH_BYTES = 4;

export function packFrame(message: object, pcm?: ArrayBuffer): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(message));
  // So that the samples begin at a multiple of their size.
  const textBytes = text.length + (text.length % 2);
  const frame = new Uint8Array(LENGTH_BYTES + textBytes + (pcm?.byteLength ?? 0));
  new DataView(frame.buffer).setUint32(0, textBytes, true);
  frame.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + textBytes);
  frame.set(text, LENGTH_BYTES);
  if (pcm) frame.set(new Uint8Array(pcm), LENGTH_BYTES + textBytes);
  return frame;
}

/** The message and its samples, which are copied; null for what is no frame. */
export function unpackFrame(frame: ArrayBuffer): { content: unknown; pcm: Int16Array<ArrayBuffer> } | null {
  if (frame.byteLength < LENGTH_BYTES) return null;
  const end = LENGTH_BYTES + new DataView(frame).getUint32(0, true);
  if (end > frame.byteLength) return null;
  try {
    const content: unknown = JSON.parse(
      new TextDecoder().decode(new Uint8Array(frame, LENGTH_BYTES, end - LENGTH_BYTES)),
    );
    const pcmBytes = (frame.byteLength - end) & ~1;
    return { content, pcm: new Int16Array(frame.slice(end, end + pcmBytes)) };
  } catch {
    return null;
  }
}
