/** The line of the transcript that another part of the panel shows. */

const SHOWN = "glw-turn-shown";

/** Mark a line, and no other, and scroll it into the middle of its list; undefined: mark none. */
export function showLine(list: HTMLElement, line: HTMLElement | undefined, takesFocus: boolean): void {
  for (const shown of list.querySelectorAll(`.${SHOWN}`)) shown.classList.remove(SHOWN);
  if (!line) return;
  line.classList.add(SHOWN);
  // Only the list is scrolled; the page follows the focus.
  list.scrollTop = line.offsetTop - list.offsetTop - (list.clientHeight - line.offsetHeight) / 2;
  if (!takesFocus) return;
  line.tabIndex = -1;
  line.focus();
}
