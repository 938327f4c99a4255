/** What the list of shortcuts says: keys, and what they do. */

import { text } from "../texts";

export interface ShortcutGroup {
  title: string;
  shortcuts: readonly { keys: readonly string[]; does: string }[];
}

/** Called when the list is made, since the texts come after the module. */
export function shortcutGroups(): ShortcutGroup[] {
  const [tab, enter] = [text("key_name_tab"), text("key_name_enter")];
  const [space, esc] = [text("key_name_space"), text("key_name_escape")];
  const [home, end] = [text("key_name_home"), text("key_name_end")];
  const withShift = (key: string) => `${text("key_name_shift")}+${key}`;
  return [
    {
      title: text("everywhere"),
      shortcuts: [
        { keys: [tab, withShift(tab)], does: text("key_tab") },
        { keys: ["?"], does: text("key_question_mark") },
        { keys: [esc], does: text("key_escape") },
      ],
    },
    {
      title: text("hold_to_talk"),
      shortcuts: [
        { keys: [space], does: text("key_space_held") },
        { keys: [esc], does: text("key_escape_held") },
      ],
    },
    {
      title: text("text_box"),
      shortcuts: [
        { keys: [enter], does: text("key_enter") },
        { keys: [withShift(enter)], does: text("key_shift_enter") },
      ],
    },
    {
      title: text("transcript_and_menu"),
      shortcuts: [
        { keys: ["↑", "↓"], does: text("key_up_down") },
        { keys: [home, end], does: text("key_first_last") },
      ],
    },
    {
      title: text("in_axis"),
      shortcuts: [
        { keys: ["←", "→"], does: text("key_axis_arrows") },
        { keys: [text("key_name_page_up"), text("key_name_page_down")], does: text("key_axis_pages") },
        { keys: [home, end], does: text("key_axis_home_end") },
        { keys: [enter, esc], does: text("key_axis_enter") },
        { keys: ["+", "−"], does: text("key_plus_minus") },
      ],
    },
    {
      title: text("in_explorer"),
      shortcuts: [
        { keys: [space], does: text("key_space") },
        { keys: ["←", "→"], does: text("key_left_right") },
        { keys: [home, end], does: text("key_home_end") },
        { keys: ["+", "−"], does: text("key_plus_minus") },
      ],
    },
  ];
}
