import { expect, test } from "vitest";
import { browserName } from "../../src/doctor/browser-name";

const MOZILLA = "Mozilla/5.0";
const WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)";

test.each([
  [
    `${MOZILLA} (X11; Linux x86_64) ${WEBKIT} HeadlessChrome/156.0.0.0 Safari/537.36`,
    "Chrome 156.0.0.0 (Linux)",
  ],
  [
    `${MOZILLA} (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0`,
    "Edge 156.0.0.0 (Windows)",
  ],
  [`${MOZILLA} (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0`, "Firefox 153.0 (Linux)"],
  [
    `${MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15`,
    "Safari 26.0 (macOS)",
  ],
  [
    `${MOZILLA} (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/156.0.1 Mobile Safari/604.1`,
    "Chrome 156.0.1 (iOS)",
  ],
  [
    `${MOZILLA} (Linux; Android 16) ${WEBKIT} Chrome/156.0.0.0 Mobile Safari/537.36`,
    "Chrome 156.0.0.0 (Android)",
  ],
  ["Curiosity/1.0", "Curiosity/1.0"],
])("a browser is named from its user agent", (userAgent, name) => {
  expect(browserName(userAgent)).toBe(name);
});
