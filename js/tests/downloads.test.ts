// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Downloads } from "../src/downloads";
import { Scope } from "../src/scope";

let scope: Scope;
let downloads: Downloads;
let files: { name: string; blob: Blob }[];

beforeEach(() => {
  vi.useFakeTimers();
  files = [];
  scope = new Scope();
  downloads = new Downloads(scope);
  let newest: Blob;
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    newest = blob as Blob;
    return "blob:1";
  });
  vi.spyOn(URL, "revokeObjectURL").mockImplementation(() => {});
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    files.push({ name: this.download, blob: newest });
  });
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function add(piece: number, bytes: number[], changes: object = {}): void {
  const header = { page: "me", turn_id: "t", name: "turn_1_user.wav", piece, piece_count: 2, ...changes };
  downloads.add(header, new DataView(Uint8Array.from(bytes).buffer));
}

it("joins the pieces of a file and downloads it under its name", async () => {
  add(0, [1, 2]);
  add(0, [9], { turn_id: "other" });
  expect(files).toEqual([]);
  add(1, [3]);
  expect(files.map(({ name }) => name)).toEqual(["turn_1_user.wav"]);
  expect(new Uint8Array(await files[0]!.blob.arrayBuffer())).toEqual(Uint8Array.of(1, 2, 3));
  expect(files[0]!.blob.type).toBe("audio/wav");
});

it("downloads nothing if a piece was lost, and begins again with the first one", () => {
  add(0, [1], { piece_count: 3 });
  add(2, [3], { piece_count: 3 });
  add(1, [2]);
  expect(files).toHaveLength(1);
  add(1, [2]);
  expect(files).toHaveLength(1);
  add(0, [1]);
  add(0, [1]);
  add(1, [2]);
  expect(files).toHaveLength(2);
});

it("frees the file later", () => {
  add(0, [1], { piece_count: 1 });
  expect(URL.revokeObjectURL).not.toHaveBeenCalled();
  vi.advanceTimersByTime(60_000);
  expect(URL.revokeObjectURL).toHaveBeenCalledWith("blob:1");
});
