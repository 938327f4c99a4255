/** What the page's main thread and the worker of the direct channel tell each other. */

import type { AudioHeader, MicrophoneChunk, Playhead, ReportedMicrophone } from "../messages";
import type { PlaybackReport } from "../playback";
import type { DroppedSamples, QueuedEntry } from "../send-queue";
import type { SoundState } from "../sound-channel";

/** What the kernel sends over the comm: where its channel is, what the page shows there, and what it has to be shown. */
export interface Invitation {
  url: string;
  token: string;
  proof: string;
}

export type DirectCommand =
  | { type: "open"; page: string; invitation: Invitation }
  /** The kernel uses the channel: go on with what the comm has not delivered. */
  | { type: "begin"; state: SoundState; entries: QueuedEntry[] }
  | { type: "follow"; state: SoundState }
  /** The worklet uses the other end, after all that the main thread has got from it. */
  | { type: "capture"; port: MessagePort; stream: number }
  /** There is a playback worklet, number `node`, whose port follows. */
  | { type: "await_playback"; node: number }
  /** The worklet uses the other end after all that the main thread has sent to it. */
  | { type: "playback"; port: MessagePort }
  | { type: "no_playback" }
  | { type: "chunk"; chunk: MicrophoneChunk }
  | { type: "end_press"; press: "commit" | "discard" }
  | { type: "report_microphone"; state: ReportedMicrophone }
  | { type: "report_playhead"; playhead: Playhead }
  | { type: "report_flushed"; playhead: Playhead }
  | { type: "stop" | "allow_stopped" | "begin_epoch" | "discard" };

export type DirectEvent =
  | { type: "open" }
  /** `entries`: what was not acknowledged. */
  | { type: "closed"; entries: QueuedEntry[] }
  /** After that, where the kernel was the reason. */
  | { type: "kernel_gone" }
  /** `pcm` is null if the worker has posted it to the playback worklet. */
  | { type: "audio"; header: AudioHeader; pcm: Int16Array | null; isJoin: boolean }
  | { type: "flush"; epoch: number; reply: number | null; isDone: boolean }
  /** From now on no event has a chunk of audio, as all wait for the port. */
  | { type: "playback_awaited"; node: number }
  | { type: "report"; report: PlaybackReport }
  | { type: "gate"; is_open: boolean }
  | { type: "port_used"; stream: number }
  | { type: "captured" }
  /** After the channel has closed, chunks of the capture worklet go through here. */
  | { type: "chunk"; chunk: MicrophoneChunk }
  | { type: "dropped"; dropped: DroppedSamples }
  | { type: "overdue"; overdueMs: number }
  | { type: "lost" };
