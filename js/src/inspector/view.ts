/** The inspector: the messages between kernel and server as rows, and one of them as JSON. */

import type { SendToKernel } from "../drawer-comm";
import { currentLanguage, text } from "../texts";
import type { DrawerContext } from "../view/drawers";
import { element, setShown, setText } from "../view/elements";
import type { PanelParts } from "../view/state";
import { addToRows, type Filter, type Frame, matches, type Row, readMessage, readPage } from "./log";
import { channelText, directionText, droppedText, groupText, sizeText, timeText } from "./strings";

const REFRESH_MS = 1000;
/** Rows in the document; older ones are reached by the filter, or in Python. */
const SHOWN_ROWS = 500;
const KEPT_FRAMES = 20_000;

export function createDrawer(context: DrawerContext): HTMLElement {
  return new Inspector(context).element;
}

class Inspector {
  readonly element: HTMLElement;
  readonly #send: SendToKernel;
  readonly #filter = element("input", "glw-inspector-filter", {
    type: "search",
    placeholder: text("filter"),
    "aria-label": text("filter"),
  });
  readonly #direction = element(
    "select",
    "glw-inspector-direction",
    { "aria-label": text("direction_of_messages") },
    [
      element("option", "", { value: "both" }, [text("both")]),
      element("option", "", { value: "sent" }, [text("sent")]),
      element("option", "", { value: "received" }, [text("received")]),
    ],
  );
  readonly #list = element("ol", "glw-frames", { "aria-label": text("inspector"), tabindex: "0" });
  readonly #note = element("p", "glw-inspector-note", { role: "status" }, [text("loading")]);
  readonly #channel = element("p", "glw-inspector-note glw-inspector-channel");
  readonly #detail: Detail;
  #frames: Frame[] = [];
  #rows: Row[] = [];
  #droppedCount = 0;
  #hasAnswer = false;
  /** The turn whose messages are shown; empty for those of all. */
  #turnId: string;
  /** From which index the kernel is asked. */
  #next = 0;
  readonly #ofTurn = element("span", "glw-inspector-note");
  readonly #all = element("button", "glw-button glw-inspector-copy", { type: "button" }, [
    text("all_messages"),
  ]);
  readonly #turn = element("div", "glw-inspector-head", {}, [this.#ofTurn, this.#all]);

  constructor({ actions, scope, panel, turnId = "" }: DrawerContext) {
    this.#turnId = String(turnId);
    this.#send = actions.drawers.connect("inspector", (content) => this.#receive(content), scope);
    this.#detail = new Detail(scope);
    const tools = element("div", "glw-inspector-tools", {}, [this.#filter, this.#direction]);
    const python = element("p", "glw-inspector-note", {}, [text("in_python")]);
    const notes = [this.#note, this.#detail.element, this.#channel, python];
    setShown(this.#turn, this.#turnId !== "");
    // It is in the page by then.
    if (this.#turnId) scope.frame(() => this.element.scrollIntoView({ block: "nearest" }));
    this.element = element("div", "glw-inspector", {}, [this.#turn, tools, this.#list, ...notes]);
    scope.listen(this.#filter, "input", () => this.#showAll());
    scope.listen(this.#direction, "change", () => this.#showAll());
    scope.listen<MouseEvent>(this.#list, "click", (event) => this.#choose(event, panel));
    scope.listen(this.#all, "click", () => this.#showAllTurns());
    scope.interval(REFRESH_MS, () => this.#ask());
    this.#ask();
  }

  #ask(): void {
    // A hidden page asks for nothing.
    if (document.hidden) return;
    const ofTurn = this.#turnId ? { turn_id: this.#turnId } : {};
    this.#send({ type: "frames", from: this.#next, ...ofTurn });
  }

  #showAllTurns(): void {
    this.#turnId = "";
    this.#next = 0;
    this.#frames = [];
    this.#hasAnswer = false;
    setShown(this.#turn, false);
    this.#filter.focus();
    this.#showAll();
    this.#ask();
  }

  #receive(content: unknown): void {
    const message = readMessage(content);
    if (message) return this.#detail.showText(message.index, message.text);
    const page = readPage(content, currentLanguage());
    // The answer to a request before the choice of a turn, or after it.
    if (!page || page.turnId !== this.#turnId) return;
    // A request may have been answered twice.
    const added = page.frames.filter(({ index }) => index >= this.#next);
    this.#next = Math.max(this.#next, page.next ?? 0, (added.at(-1)?.index ?? -1) + 1);
    this.#droppedCount = page.droppedCount;
    setText(this.#channel, channelText(page.channel));
    this.#hasAnswer = true;
    this.#frames.push(...added);
    if (this.#frames.length > KEPT_FRAMES) this.#frames = this.#frames.slice(-KEPT_FRAMES);
    this.#add(added);
    // More than one answer's worth is waiting.
    if (added.length && added.length === page.frames.length) this.#ask();
  }

  get #chosen(): Filter {
    return { text: this.#filter.value, direction: this.#direction.value as Filter["direction"] };
  }

  #showAll(): void {
    this.#rows = [];
    this.#list.replaceChildren();
    this.#add(this.#frames);
  }

  #add(frames: readonly Frame[]): void {
    const isAtEnd = this.#list.scrollTop + this.#list.clientHeight >= this.#list.scrollHeight - 8;
    const filter = this.#chosen;
    const from = addToRows(
      this.#rows,
      frames.filter((frame) => matches(frame, filter)),
    );
    this.#draw(from);
    if (isAtEnd) this.#list.scrollTop = this.#list.scrollHeight;
    const isByTime = this.#frames.some((frame) => frame.isByTime);
    setText(this.#ofTurn, text(isByTime ? "of_turn_by_time" : "of_turn"));
    const note = !this.#hasAnswer
      ? text("loading")
      : this.#frames.length === 0
        ? text(this.#turnId ? "none_of_turn" : "no_messages")
        : this.#rows.length === 0
          ? text("no_match")
          : this.#droppedCount
            ? droppedText(this.#droppedCount)
            : "";
    setText(this.#note, note);
    setShown(this.#note, note !== "");
  }

  /** The rows from an index on are drawn anew; those before it have not changed. */
  #draw(from: number): void {
    const first = Math.max(0, this.#rows.length - SHOWN_ROWS);
    const items = this.#list.children;
    const focused = document.activeElement?.closest<HTMLElement>("[data-row]");
    const focusedRow = focused && this.#list.contains(focused) ? focused.dataset.row : null;
    while (items.length && Number((items[items.length - 1] as HTMLElement).dataset.row) >= from)
      items[items.length - 1]!.remove();
    for (let i = Math.max(from, first); i < this.#rows.length; i++)
      this.#list.append(rowOf(this.#rows[i]!, i));
    while (items.length > SHOWN_ROWS) items[0]!.remove();
    if (!focusedRow || focused?.isConnected) return;
    const again = this.#list.querySelector<HTMLElement>(`[data-row="${focusedRow}"] button`);
    (again ?? this.#list).focus();
  }

  #choose({ target }: MouseEvent, { transcript }: PanelParts): void {
    const item = (target as Element).closest<HTMLElement>("[data-row]");
    const row = item && this.#rows[Number(item.dataset.row)];
    if (!row) return;
    if ((target as Element).closest(".glw-frame-jump")) return transcript.showLine(row.last.turnId, true);
    this.#detail.showFrame(row.last);
    this.#send({ type: "frame", index: row.last.index });
  }
}

function rowOf({ types, first, last, count, size }: Row, index: number): HTMLElement {
  const parts = [
    element("span", "glw-frame-time", {}, [timeText(first)]),
    element("span", "glw-frame-arrow", { role: "img", "aria-label": directionText(last.isSent) }, [
      last.isSent ? "↑" : "↓",
    ]),
    element("span", "glw-frame-type", {}, [types.join(", ")]),
    element("span", "glw-frame-count", {}, [count > 1 ? groupText(count) : ""]),
    element("span", "glw-frame-size", {}, [sizeText(size)]),
  ];
  const button = element("button", "glw-frame", { type: "button" }, parts);
  const item = element("li", "glw-frame-item", { "data-row": String(index) }, [button]);
  if (last.turnId) item.append(jumpOf(last));
  item.dataset.direction = last.isSent ? "sent" : "received";
  return item;
}

function jumpOf({ isByTime }: Frame): HTMLElement {
  const label = text(isByTime ? "jump_by_time" : "jump");
  const attributes = { type: "button", "aria-label": label, title: label };
  return element("button", "glw-frame-jump", attributes, [isByTime ? "≈" : "↗"]);
}

class Detail {
  readonly element: HTMLElement;
  readonly #title = element("h4", "glw-inspector-title");
  readonly #text = element("pre", "glw-inspector-text", {
    tabindex: "0",
    role: "group",
    "aria-label": "JSON",
  });
  readonly #copy = element("button", "glw-button glw-inspector-copy", { type: "button" }, [
    text("copy_json"),
  ]);
  #index = -1;

  constructor(scope: DrawerContext["scope"]) {
    const head = element("div", "glw-inspector-head", {}, [this.#title, this.#copy]);
    this.element = element("div", "glw-inspector-detail", {}, [head, this.#text]);
    this.element.hidden = true;
    scope.listen(this.#copy, "click", () => this.#copyText());
  }

  showFrame(frame: Frame): void {
    this.#index = frame.index;
    setText(this.#title, `${timeText(frame)}  ${frame.type}`);
    setText(this.#text, text("loading"));
    setText(this.#copy, text("copy_json"));
    setShown(this.element, true);
  }

  showText(index: number, json: string): void {
    if (index === this.#index) setText(this.#text, json);
  }

  async #copyText(): Promise<void> {
    // Absent on pages that are not secure; then the text is selected, to be copied by the keyboard.
    try {
      await navigator.clipboard.writeText(this.#text.textContent ?? "");
      setText(this.#copy, text("copied"));
    } catch {
      getSelection()?.selectAllChildren(this.#text);
    }
  }
}
