// An agent of `@openai/agents-realtime` talks with a live voice server.
//
// Run by Node with NODE_PATH naming the node_modules that has the package and `ws`:
// `node agents_realtime_client.cjs ws://127.0.0.1:8765/v1/realtime question.pcm`. Prints JSON.

const { readFileSync } = require("node:fs");
const { setTimeout: sleep } = require("node:timers/promises");
const { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } = require("@openai/agents-realtime");
const { WebSocket } = require("ws");
const { z } = require("zod");

const CHUNK_MS = 100;
const CHUNK_BYTES = 4800;
const PATIENCE_MS = 60_000;
const [url, soundPath] = process.argv.slice(2);
const told = { turns: [], cities: [], complaints: [], unread: [] };

for (const level of ["warn", "error"]) {
  console[level] = (...words) => told.complaints.push(words.join(" "));
}

// What Grok leaves out or spells otherwise than OpenAI. Without `content` the package throws where
// nobody can catch it, with a text for status details it takes no reply to have ended, and it
// looks for the words of a reply in parts named "output_audio".
function asOpenAiHasIt(text) {
  const message = JSON.parse(text);
  if (message.type.startsWith("response.output_item.") && message.item.type === "message") {
    message.item.content ??= [];
  }
  if (typeof message.response?.status_details === "string") {
    message.response.status_details = null;
  }
  for (const part of (message.response?.output ?? []).flatMap((item) => item.content ?? [])) {
    if (part.type === "audio") {
      part.type = "output_audio";
    }
  }
  return JSON.stringify(message);
}

async function createWebSocket({ url, apiKey }) {
  const socket = new WebSocket(url, { headers: { Authorization: `Bearer ${apiKey}` } });
  const listen = socket.addEventListener.bind(socket);
  socket.addEventListener = (type, heard) =>
    listen(type, type === "message" ? ({ data }) => heard({ data: asOpenAiHasIt(data) }) : heard);
  return socket;
}

const weather = tool({
  name: "weather",
  description: "Look up the weather.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => {
    told.cities.push(city);
    return "foggy";
  },
});
const session = new RealtimeSession(
  new RealtimeAgent({ name: "Assistant", instructions: "Be brief.", tools: [weather] }),
  {
    transport: new OpenAIRealtimeWebSocket({
      url: `${url}?model=grok-voice-latest`,
      createWebSocket,
    }),
    tracingDisabled: true,
    config: { audio: { output: { voice: "eve" } } },
  },
);
let sound = [];
let history = [];
session.on("audio", (event) => sound.push(Buffer.from(event.data)));
session.on("history_updated", (items) => {
  history = items;
});
session.on("error", ({ error }) => {
  told.complaints.push(error.error?.message ?? String(error));
});

async function turn(ask) {
  sound = [];
  const ended = new Promise((resolve) => {
    // A reply that only calls a tool says nothing.
    session.on("agent_end", (_, __, text) => text && resolve(text));
  });
  await ask();
  const text = await ended;
  const asked = history.findLast((item) => item.role === "user");
  told.turns.push({
    user: asked.content[0].transcript ?? asked.content[0].text,
    text,
    sound: Buffer.concat(sound).toString("base64"),
  });
}

async function say(bytes) {
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    session.sendAudio(new Uint8Array(bytes.subarray(start, start + CHUNK_BYTES)).buffer);
    // No faster than a microphone: it cancels when speech begins.
    await sleep(CHUNK_MS);
  }
}

async function talk() {
  await session.connect({ apiKey: "x" });
  // It has turn detection under `audio.input`, as OpenAI does; Grok has it flat.
  session.transport.sendEvent({
    type: "session.update",
    session: { turn_detection: { type: "server_vad" } },
  });
  await turn(() => session.sendMessage("Hello."));
  await turn(() => say(readFileSync(soundPath)));
  await turn(() => session.sendMessage("What is the weather in Lyon?"));
  session.close();
}

const tooLong = setTimeout(() => {
  process.stderr.write("the talk did not end\n");
  process.exit(1);
}, PATIENCE_MS);
talk().then(() => {
  clearTimeout(tooLong);
  process.stdout.write(`${JSON.stringify(told)}\n`);
});
