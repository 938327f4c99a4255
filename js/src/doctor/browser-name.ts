/** The name and version of a browser, by its user agent. Pure. */

/** The first that matches counts: the user agents of the later ones are contained in those of the earlier ones. */
const BROWSERS = [
  [/\bEdgA?\/([\d.]+)/, "Edge"],
  [/\bOPR\/([\d.]+)/, "Opera"],
  [/\b(?:Firefox|FxiOS)\/([\d.]+)/, "Firefox"],
  [/\b(?:Headless)?Chrom(?:e|ium)\/([\d.]+)/, "Chrome"],
  [/\bCriOS\/([\d.]+)/, "Chrome"],
  [/\bVersion\/([\d.]+).* Safari\//, "Safari"],
] as const;

const SYSTEMS = [
  [/\biPhone|\biPad/, "iOS"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
] as const;

/** Such as ``Firefox 153.0 (Linux)``; a user agent that is not known is its own name. */
export function browserName(userAgent: string): string {
  const system = SYSTEMS.find(([pattern]) => pattern.test(userAgent))?.[1];
  for (const [pattern, name] of BROWSERS) {
    const version = pattern.exec(userAgent)?.[1];
    if (version) return system ? `${name} ${version} (${system})` : `${name} ${version}`;
  }
  return userAgent.slice(0, 500);
}
