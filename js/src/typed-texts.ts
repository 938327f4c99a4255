/**
 * The typed texts that the kernel has not answered yet. Each is repeated until it is, since Jupyter may lose the text or
 * its answer; the kernel sends an id once. No timers; time is an argument.
 */

const REPEAT_AFTER_MS = 2000;

/** Called with false if the text was not sent, and with true when it was, also after a false. */
export type OnTextAnswer = (isSent: boolean) => void;

interface Waiting {
  text: string;
  onAnswer: OnTextAnswer;
  addedAtMs: number;
  sentAtMs: number;
}

export class TypedTexts {
  /** Not from 0: a model that is shown again in the same page must not use an id twice. */
  #nextId = Date.now();
  readonly #waiting = new Map<number, Waiting>();
  /** Texts that their boxes have again; the kernel may still answer them. */
  readonly #returned = new Map<number, OnTextAnswer>();

  constructor(readonly send: (id: number, text: string) => void) {}

  add(text: string, onAnswer: OnTextAnswer, nowMs: number): void {
    const id = this.#nextId++;
    this.#waiting.set(id, { text, onAnswer, addedAtMs: nowMs, sentAtMs: nowMs });
    this.send(id, text);
  }

  answer(id: number, isSent: boolean): void {
    const onAnswer = this.#waiting.get(id)?.onAnswer ?? this.#returned.get(id);
    this.#waiting.delete(id);
    this.#returned.delete(id);
    onAnswer?.(isSent);
  }

  /** How long the oldest text has waited for its answer. */
  waitedMs(nowMs: number): number {
    const [oldest] = this.#waiting.values();
    return oldest ? nowMs - oldest.addedAtMs : 0;
  }

  repeat(nowMs: number): void {
    for (const [id, waiting] of this.#waiting) {
      if (nowMs - waiting.sentAtMs < REPEAT_AFTER_MS) continue;
      waiting.sentAtMs = nowMs;
      this.send(id, waiting.text);
    }
  }

  /** The kernel is gone: the texts are in their boxes again, and are not repeated. */
  giveBack(): void {
    for (const [id, { onAnswer }] of this.#waiting) {
      this.#returned.set(id, onAnswer);
      onAnswer(false);
    }
    this.#waiting.clear();
  }
}
