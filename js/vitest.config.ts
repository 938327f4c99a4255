import { defineConfig } from "vitest/config";

export default defineConfig({
  define: { __VERSION__: JSON.stringify("0.0.0-test") },
  plugins: [
    {
      name: "worklets-as-empty-text",
      resolveId: (id) => (id.startsWith("worklet:") ? `\0${id}` : undefined),
      load: (id) => (id.startsWith("\0worklet:") ? 'export default async () => "worklet";' : undefined),
    },
  ],
  test: {
    include: ["tests/**/*.test.ts"],
    setupFiles: ["tests/english.ts"],
    // Each file has globals of its own without a process of its own, of which two processors start one a second.
    pool: "vmThreads",
    // Some compute for a second, which takes many on a busy machine.
    testTimeout: 60_000,
  },
});
