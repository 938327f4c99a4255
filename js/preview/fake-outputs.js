/** A widget manager with one output area, in which a tool has displayed a table. */

const ROWS = [
  ["Day", "Sky", "°C"],
  ["Monday", "clear", "18"],
  ["Tuesday", "rain", "14"],
];

export class FakeOutputs {
  reference = "IPY_MODEL_outputs";

  async get_model() {
    return {};
  }

  async create_view() {
    const table = document.createElement("table");
    for (const row of ROWS) {
      const line = table.insertRow();
      for (const text of row) line.insertCell().append(text);
    }
    const el = document.createElement("div");
    el.className = "preview-outputs";
    el.append(table);
    return { el, remove: () => el.remove() };
  }
}
