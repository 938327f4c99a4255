// Put into every page before anything else runs: what the browser hands out is counted, and what the loudspeaker
// gets is recorded. Nothing here changes what the page does, unless a test refuses it the microphone.
(() => {
  const PAGE = Symbol.for("grok_live_widget.page");
  const TAP = `registerProcessor("test-tap", class extends AudioWorkletProcessor {
    #quanta = []; #first = 0; #isOn = true; #isFirstCall = true;
    constructor() { super(); this.port.onmessage = () => { this.#isOn = false; }; }
    process(inputs) {
      if (!this.#isOn) return false;
      // The first call may be given the frame of an earlier quantum.
      if (this.#isFirstCall) { this.#isFirstCall = false; return true; }
      if (this.#quanta.length === 0) this.#first = currentFrame;
      this.#quanta.push(inputs[0][0] ? inputs[0][0].slice() : new Float32Array(128));
      if (this.#quanta.length === 16) {
        this.port.postMessage({ first: this.#first, quanta: this.#quanta });
        this.#quanta = [];
      }
      return true;
    }
  });`;

  const seams = {
    tracks: [],
    nodes: [],
    contexts: 0,
    heard: [],
    captured: [],
    ring: [],
    positions: [],
    taps: [],
    timers: [],
    isMicrophoneRefused: false,
    isMicrophoneTapped: false,
    tapped: new WeakSet(),
    prepared: new WeakMap(),

    /** Begin anew, for the next notebook of this page. */
    reset() {
      for (const tap of seams.taps) {
        tap.port.onmessage = null;
        tap.port.postMessage("end");
      }
      for (const list of ["taps", "tracks", "nodes", "heard", "captured", "ring", "positions"]) seams[list] = [];
      for (const timer of seams.timers.splice(0)) clearInterval(timer);
      seams.contexts = 0;
      seams.isMicrophoneRefused = seams.isMicrophoneTapped = false;
      delete seams.constraints;
    },

    liveTracks: () => seams.tracks.filter((track) => track.readyState === "live").length,
    page: () => globalThis[PAGE],

    /** Record all that the one playback node gives out from now on. */
    async tap() {
      const page = seams.page();
      if (!page || page.playbacks.size !== 1 || !page.context) return false;
      const [node] = page.playbacks;
      if (seams.tapped.has(node)) return true;
      seams.tapped.add(node);
      // The explorer plays through a node without a port.
      node.port?.addEventListener("message", ({ data }) => {
        if (data.type === "probe") seams.ring.push(data.pcm);
        if (data.type === "playhead" || data.type === "flushed")
          seams.positions.push({ type: data.type, ...data.position });
      });
      node.port?.postMessage({ type: "probe", is_on: true });
      await seams.connectTap(node, seams.heard);
      return true;
    },

    async connectTap(node, pieces) {
      const { context } = node;
      if (!seams.prepared.has(context)) {
        const url = URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }));
        seams.prepared.set(context, context.audioWorklet.addModule(url));
      }
      await seams.prepared.get(context);
      const tap = new AudioWorkletNode(context, "test-tap", { numberOfOutputs: 0 });
      seams.taps.push(tap);
      tap.port.onmessage = ({ data }) => pieces.push({ ...data, atMs: Date.now() });
      node.connect(tap);
    },

    /** Whether the newest piece of what was heard is silent: sound is recorded in pieces of 16 quanta. */
    hasHeardSilence: () => seams.heard.at(-1)?.quanta.every((quantum) => quantum.every((sample) => sample === 0)) ?? true,

    /** What was heard: base64 of float32, silence in place of what the tap missed. */
    heardSound: () => encodeTapped(seams.heard),

    /** The same of what the browser gave the capture worklet. */
    capturedSound: () => encodeTapped(seams.captured),

    ringSound() {
      const total = seams.ring.reduce((sum, pcm) => sum + pcm.length, 0);
      const sound = new Int16Array(total);
      let at = 0;
      for (const pcm of seams.ring) { sound.set(pcm, at); at += pcm.length; }
      return encode(new Uint8Array(sound.buffer));
    },

    /**
     * Count and sum from now on what is taken from the playback ring; unlike `tap`, this keeps nothing. The second sum
     * depends on the order of the samples.
     */
    countSound() {
      const sound = { count: 0, sum: 0, sums: 0, underruns: 0, lost: 0 };
      seams.counted = sound;
      const watch = () => {
        const [node] = seams.page()?.playbacks ?? [];
        if (!node || seams.tapped.has(node)) return;
        seams.tapped.add(node);
        node.port.postMessage({ type: "probe", is_on: true });
        node.port.addEventListener("message", ({ data }) => {
          if (data.type === "probe") {
            for (const code of data.pcm) {
              sound.sum = (sound.sum + code) | 0;
              sound.sums = (sound.sums + sound.sum) | 0;
            }
            sound.count += data.pcm.length;
          } else if (data.position) {
            sound.underruns = data.position.underrun_count;
            sound.lost = data.position.lost_sample_count;
          }
        });
      };
      seams.timers.push(setInterval(watch, 20));
    },

    /**
     * Count from now on the messages of the notebook's kernel connection by type, and the samples of a microphone that is
     * switched on later: those sent, those missing between chunks, those that page and kernel say they have dropped.
     */
    countMessages() {
      const counts = {};
      const microphone = { samples: 0, missing: 0, dropped: 0, late: 0, next: 0 };
      Object.assign(seams, { counts, microphone });
      globalThis.testNotebook().sessionContext.session.kernel.anyMessage.connect((_, { direction, msg }) => {
        const content = msg.content.data?.content;
        const type = content?.type ?? msg.content.data?.method ?? msg.content.execution_state ?? "";
        const name = `${direction === "send" ? "↑" : "↓"} ${msg.header.msg_type} ${type}`.trim();
        counts[name] = (counts[name] ?? 0) + 1;
        if (type === "state") microphone.late = content.late_sample_count;
        if (type !== "microphone") return;
        const count = msg.buffers[0].byteLength / 2;
        microphone.missing += content.sample_index - microphone.next;
        microphone.next = content.sample_index + count;
        microphone.samples += count;
        microphone.dropped = content.dropped_sample_count;
      });
    },

    /** Times (Date.now()) at which the loudspeaker was sounding. */
    soundingAtMs() {
      const isLoud = ({ quanta }) => quanta.some((quantum) => quantum.some((x) => Math.abs(x) > 0.003));
      return seams.heard.filter(isLoud).map(({ atMs }) => atMs);
    },
  };
  globalThis.seams = seams;
  // The current widget may be a file browser or a launcher, so the notebook is found by its path.
  globalThis.testNotebook = () =>
    [...jupyterapp.shell.widgets("main")].find((widget) => widget.context?.path.endsWith(".ipynb"));

  function encodeTapped(pieces) {
    const first = pieces[0]?.first ?? 0;
    const last = pieces.at(-1)?.first ?? first;
    const sound = new Float32Array(last - first + 16 * 128);
    for (const { first: at, quanta } of pieces)
      quanta.forEach((quantum, i) => { sound.set(quantum, at - first + i * 128); });
    return encode(new Uint8Array(sound.buffer));
  }

  function encode(bytes) {
    let text = "";
    for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
    return btoa(text);
  }

  const Node = globalThis.AudioWorkletNode;
  if (Node) {
    globalThis.AudioWorkletNode = class extends Node {
      constructor(context, name, options) {
        super(context, name, options);
        if (name.startsWith("grok-live")) seams.nodes.push(name.replace(/-[\d.]+.*$/, ""));
      }
    };
  }
  const Context = globalThis.AudioContext;
  globalThis.AudioContext = class extends Context {
    constructor(options) {
      super(options);
      seams.contexts += 1;
    }

    createMediaStreamSource(stream) {
      const source = super.createMediaStreamSource(stream);
      if (seams.isMicrophoneTapped) seams.connectTap(source, seams.captured);
      return source;
    }
  };

  const devices = navigator.mediaDevices;
  if (devices) {
    const ask = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      seams.constraints = constraints;
      if (seams.isMicrophoneRefused) throw new DOMException("Permission denied", "NotAllowedError");
      const stream = await ask(constraints);
      seams.tracks.push(...stream.getTracks());
      return stream;
    };
  }
})();

// With a direct channel, the playback worklet reports to a worker, which passes its reports on.
{
  const NativeWorker = globalThis.Worker;
  globalThis.Worker = class extends NativeWorker {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => {
        if (data?.type === "report") seams.positions.push({ type: data.report.type, ...data.report.position });
      });
    }
  };
}
