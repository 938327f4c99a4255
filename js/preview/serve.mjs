/** Serves the preview and the built bundle on loopback: `npm run preview`. */

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";

const ROOTS = {
  "/preview/": new URL("./", import.meta.url),
  "/static/": new URL("../../grok_live_widget/widget/static/", import.meta.url),
  "/texts/": new URL("../../grok_live_widget/widget/texts/", import.meta.url),
};
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
};
const port = Number(process.env.PORT ?? 8765);

async function answer(path) {
  const prefix = Object.keys(ROOTS).find((start) => path.startsWith(start));
  const name = path.slice(prefix?.length ?? 0);
  if (!prefix || name.includes("..")) return null;
  return { type: TYPES[extname(name)] ?? "text/plain", body: await readFile(new URL(name, ROOTS[prefix])) };
}

createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  const found = await answer(pathname === "/" ? "/preview/index.html" : pathname).catch(() => null);
  response.writeHead(found ? 200 : 404, {
    "content-type": found?.type ?? "text/plain",
    "cache-control": "no-store",
  });
  response.end(found?.body ?? "not here");
}).listen(port, "127.0.0.1", () => console.log(`http://localhost:${port}/?scene=talking&theme=dark`));
