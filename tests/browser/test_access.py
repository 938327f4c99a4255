"""Everyone can use the panel: with a keyboard, a screen reader, other colours, sizes, directions.

The scenes are those of `js/preview/scenes.js`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator

from .browsers import Browsers
from .conftest import OpenNotebook
from .stage import FOLDERS, HOSTS, Stage
from .test_looks import CONTRASTS
from .test_looks import LEAST_CONTRAST as LEAST_TEXT_CONTRAST
from .test_widths import CUT, NARROW

# The only rule that is left out. Scenes that are shown together are panels of one talk each, and
# have one name; alone, as in most notebooks, each scene is checked by all rules.
TOGETHER = {"landmark-unique": {"enabled": False}}
# What axe cannot decide needs a look; these were looked at.
UNDECIDED = {
    # Colours of a text on a canvas, and of a symbol: CONTRASTS measures them.
    "color-contrast",
    # "⋯", "+" and "−" are symbols, not words that somebody would say.
    "label-content-name-mismatch",
}
CHECK = """async ({ rules, only }) => {
  const options = { rules, resultTypes: ['violations', 'incomplete'] };
  if (only) options.runOnly = only;
  const found = await axe.run('main', options);
  const told = (kind) => found[kind].flatMap(({ id, nodes }) => nodes.map((node) => [
    id, node.html.slice(0, 160), [...node.any, ...node.all, ...node.none][0]?.message ?? '',
  ]));
  return { violations: told('violations'), incomplete: told('incomplete') };
}"""

# What is not text, against what is around it: https://www.w3.org/TR/WCAG22/#non-text-contrast.
# Sliders and check boxes are drawn by the browser in its own colours; disabled controls are exempt.
LEAST_CONTRAST = 3
SHAPES = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const paint = (...colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((x) => x / 255).map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
    .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
  const grounds = (element) => {
    const colours = [];
    for (let at = element; at; at = at.parentElement)
      colours.unshift(getComputedStyle(at).backgroundColor);
    return ['white', ...colours];
  };
  const ratio = (colour, under) => {
    const [a, b] = [light(paint(...under, colour)), light(paint(...under))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const seen = (selector) =>
    [...document.querySelectorAll(`:is(.glw-panel, .glw-explorer) :is(${selector})`)]
      .filter((each) => each.checkVisibility() && !each.disabled);
  const controls = seen('button, textarea, select, input:not([type=range], [type=checkbox])');
  const around = (element) => grounds(element.parentElement);
  return [
    ...controls.map((control) => {
      const { borderTopColor, borderTopStyle, backgroundColor, color } = getComputedStyle(control);
      const edge = borderTopStyle === 'none' ? 1 : ratio(borderTopColor, around(control));
      const ground = ratio(backgroundColor, around(control));
      // A button without a border is its symbol or its text.
      const sign = control.matches('button') ? ratio(color, grounds(control)) : 0;
      const isPlain = edge === 1 && ground < 1.3;
      return [control.className || control.tagName, isPlain ? sign : Math.max(edge, ground)];
    }),
    ...seen('.glw-canvas, .glw-meter, .glw-icon')
      .map((each) => [each.classList[0], ratio(getComputedStyle(each).color, around(each))]),
    ...seen('.glw-turn, .glw-notice').map((each) =>
      [each.className, ratio(getComputedStyle(each).borderInlineStartColor, around(each))]),
  ];
}"""
FOCUSED = """() => {
  const focused = document.activeElement?.shadowRoot?.activeElement ?? document.activeElement;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(focused);
  const hasOutline = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
  const isMarked = hasOutline || boxShadow !== 'none';
  const name = focused.ariaLabel ?? (focused.labels?.[0] ?? focused).textContent;
  return { name: name.trim(), isMarked, isInPanel: !!focused.closest('.glw-panel, [part]') };
}"""
FOCUSABLE = """panel => [...panel.querySelectorAll(
    'button, textarea, select, input, summary, a[href], [tabindex="0"]')]
  .filter((each) => each.checkVisibility() && !each.disabled && each.tabIndex >= 0)
  .map((each) => (each.ariaLabel ?? (each.labels?.[0] ?? each).textContent).trim())"""


@pytest.fixture(scope="module")
def opened_stage(browsers: Browsers) -> Iterator[Stage]:
    browser = browsers.launch(None, {"width": 1000, "height": 900})
    stage = Stage(browser)
    stage.load_axe()
    yield stage
    browser.close()


@pytest.fixture
def stage(opened_stage: Stage) -> Iterator[Stage]:
    opened_stage.use("lab_light")
    opened_stage.page.set_viewport_size({"width": 1000, "height": 900})
    yield opened_stage
    opened_stage.set_direction("ltr")
    opened_stage.page.emulate_media(forced_colors="none", reduced_motion="no-preference")
    assert opened_stage.errors == []


def _names(stage: Stage, *, sounds: bool) -> list[str]:
    return [each["name"] for each in stage.scenes if each["sounds"] is sounds]


def _assert_axe_finds_nothing(
    stage: Stage, rules: dict[str, Any] | None = None, only: list[str] | None = None
) -> None:
    found = stage.page.evaluate(CHECK, {"rules": rules or {}, "only": only})
    assert found["violations"] == []
    assert [each for each in found["incomplete"] if each[0] not in UNDECIDED] == []


def _assert_texts_can_be_read(stage: Stage) -> None:
    texts = stage.page.evaluate(CONTRASTS)
    assert [(name, round(ratio, 2)) for name, ratio in texts if ratio < LEAST_TEXT_CONTRAST] == []


def _assert_shapes_can_be_seen(stage: Stage) -> None:
    shapes = stage.page.evaluate(SHAPES)
    assert shapes
    assert [(name, round(ratio, 2)) for name, ratio in shapes if ratio < LEAST_CONTRAST] == []


def test_axe_finds_nothing_in_any_quiet_state_in_light_and_dark(stage: Stage) -> None:
    stage.show_together(_names(stage, sounds=False))
    _assert_axe_finds_nothing(stage, TOGETHER)
    _assert_shapes_can_be_seen(stage)
    stage.use("lab_dark")
    _assert_texts_can_be_read(stage)
    _assert_shapes_can_be_seen(stage)


@pytest.mark.slow
def test_axe_finds_nothing_in_any_state_in_the_colours_of_any_host(stage: Stage) -> None:
    for scene in stage.scenes:
        stage.use("lab_light")
        stage.show(scene["name"])
        _assert_axe_finds_nothing(stage)
        for host in HOSTS:
            stage.use(host)
            _assert_axe_finds_nothing(stage, only=["color-contrast"])
            _assert_shapes_can_be_seen(stage)
            _assert_texts_can_be_read(stage)


def _tab_through(stage: Stage, count: int) -> list[str]:
    """Press Tab until the focus leaves the panel; each control that had it shows that it has."""
    stage.page.evaluate("() => document.activeElement?.blur()")
    names = []
    for _ in range(count + 1):
        stage.page.keyboard.press("Tab")
        focused = stage.page.evaluate(FOCUSED)
        # After the last control the browser may begin again at the first.
        has_begun_again = len(names) == count and focused["name"] == names[0]
        if has_begun_again or not focused["isInPanel"]:
            break
        assert focused["isMarked"], focused
        names.append(focused["name"])
    return names


@pytest.mark.parametrize("scene", ["transcript", "approval", "notes"])
def test_tab_reaches_every_control_in_the_order_of_the_page_and_shows_where_it_is(
    stage: Stage, scene: str
) -> None:
    panel = stage.show(scene)
    names = panel.evaluate(FOCUSABLE)
    assert _tab_through(stage, len(names)) == names


@pytest.mark.slow
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("forced_colors", ["none", "active"])
def test_the_focus_is_visible_in_the_colours_of_every_host(
    stage: Stage, host: str, forced_colors: Any
) -> None:
    stage.page.emulate_media(forced_colors=forced_colors)
    stage.use(host)
    for scene in ("transcript", "approval", "notes", "settings", "inspector", "shortcuts"):
        names = stage.show(scene).evaluate(FOCUSABLE)
        assert _tab_through(stage, len(names))
        ring = stage.page.evaluate(
            """() => {
              const panel = document.querySelector('.glw-panel');
              const probe = document.createElement('span');
              probe.style.cssText = 'color: var(--glw-focus)';
              panel.append(probe);
              const colour = getComputedStyle(probe).color;
              probe.remove();
              return [colour, getComputedStyle(panel).backgroundColor];
            }"""
        )
        assert _ratio(stage, *ring) >= LEAST_CONTRAST


def _ratio(stage: Stage, one: str, other: str) -> float:
    ratio: float = stage.page.evaluate(
        """([one, other]) => {
          const canvas = new OffscreenCanvas(1, 1).getContext('2d');
          const light = (colour) => {
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
            return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)]
              .map((x) => x / 255)
              .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
              .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
          };
          const [a, b] = [light(other), light(one)];
          return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        }""",
        [one, other],
    )
    return ratio


def _focused(stage: Stage) -> str:
    name: str = stage.page.evaluate("() => document.activeElement.className")
    return name


def test_the_focus_stays_in_the_panel_when_its_control_goes(stage: Stage) -> None:
    panel = stage.show("notes")
    panel.get_by_role("button", name="Dismiss").first.focus()
    stage.page.keyboard.press("Enter")
    assert _focused(stage) == "glw-notices"
    panel = stage.show("approval")
    panel.get_by_role("button", name="Allow", exact=True).focus()
    stage.page.keyboard.press("Enter")
    assert _focused(stage) == "glw-calls"
    panel = stage.show("newest")
    panel.get_by_role("button", name="Newest").focus()
    stage.page.keyboard.press("Enter")
    assert _focused(stage) == "glw-turns"
    panel = stage.show("idle")
    panel.get_by_role("textbox").fill("Hello")
    panel.get_by_role("button", name="Send").focus()
    stage.page.keyboard.press("Enter")
    assert _focused(stage) == "glw-composer-box"
    # Nothing else had the focus that is taken from it.
    stage.show("notes")
    stage.page.evaluate("() => kernel.note('One more.')")
    assert stage.page.evaluate("() => document.activeElement === document.body")


def test_question_mark_shows_the_shortcuts_and_escape_closes_them_and_menus(stage: Stage) -> None:
    panel = stage.show("transcript")
    panel.get_by_role("textbox").press("?")
    assert panel.get_by_role("textbox").input_value() == "?"
    panel.get_by_role("list", name="Transcript").focus()
    stage.page.keyboard.press("?")
    drawer = panel.get_by_role("region", name="Shortcuts")
    drawer.get_by_text("closes a menu or a drawer").wait_for()
    button = panel.get_by_role("button", name="Shortcuts")
    assert button.get_attribute("aria-expanded") == "true"
    stage.page.keyboard.press("Escape")
    assert not drawer.is_visible()
    assert "glw-drawer-button" in _focused(stage)
    more = panel.get_by_role("button", name="Turn menu").first
    more.focus()
    stage.page.keyboard.press("Enter")
    assert "glw-menu-item" in _focused(stage)
    stage.page.keyboard.press("End")
    assert panel.get_by_role("menuitem", name="Show in Messages").evaluate(
        "e => e.matches(':focus')"
    )
    stage.page.keyboard.press("Escape")
    assert not panel.get_by_role("menu").is_visible()
    assert "glw-turn-more" in _focused(stage)


def _turn(stage: Stage, **changes: Any) -> None:
    turn = {"id": "new", "order": 9, "role": "assistant", "has_audio": True, **changes}
    stage.page.evaluate("turn => kernel.turn(turn)", turn)


def test_a_turn_is_announced_once_when_it_is_complete(stage: Stage) -> None:
    panel = stage.show("listening")
    log = panel.get_by_role("log")
    assert log.get_attribute("aria-live") == "polite"
    for words in ("Yes", "Yes, it", "Yes, it **can**"):
        _turn(stage, text=words, is_complete=False)
    assert log.locator("p").count() == 0
    _turn(stage, text="Yes, it **can** be undone.", is_complete=True)
    log.locator("p").wait_for(state="attached")
    _turn(stage, text="Yes, it **can** be undone again.", is_complete=True, heard_s=1.0)
    growing = panel.locator(".glw-turn-words").last
    growing.get_by_text("again.").wait_for()
    assert log.locator("p").all_text_contents() == ["Grok: Yes, it can be undone."]
    # The transcript that grows is no live region.
    assert growing.evaluate("e => e.closest('[aria-live], [role=log], [role=status]')") is None


def test_errors_are_assertive_other_notes_polite_and_a_countdown_is_not_announced(
    stage: Stage,
) -> None:
    panel = stage.show("notes")
    assert panel.get_by_role("alert").all_inner_texts() == [
        "The key was refused: check XAI_API_KEY."
    ]
    polite = panel.locator(".glw-notices")
    assert polite.get_attribute("role") == "status"
    assert "The live service refused" in polite.inner_text()
    panel = stage.show("countdown")
    status = panel.locator(".glw-status")
    assert status.inner_text() == "Listening · a new session in 45 s"
    assert status.get_by_role("status").inner_text() == "Listening"


def test_forced_colours_leave_everything_distinguishable(stage: Stage) -> None:
    stage.page.emulate_media(forced_colors="active")
    panel = stage.show("muted")
    pressed, plain = (
        panel.get_by_role("button", name=name).evaluate("e => getComputedStyle(e).backgroundColor")
        for name in ("Mute", "Stop")
    )
    assert pressed != plain
    stage.show("speaking")
    _assert_shapes_can_be_seen(stage)
    inks = stage.page.evaluate(
        """async () => {
          const canvas = document.querySelector('.glw-voice-grok .glw-canvas');
          const system = document.createElement('span');
          system.style.color = 'CanvasText';
          document.body.append(system);
          const wanted = getComputedStyle(system).color;
          system.remove();
          const { width, height } = canvas;
          for (const end = Date.now() + 5000; Date.now() < end;) {
            await new Promise(requestAnimationFrame);
            const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
            const found = new Set();
            for (let i = 0; i < data.length; i += 4)
              if (data[i + 3] === 255) found.add(`rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`);
            if (found.has(wanted)) return [...found].map((ink) => ink === wanted);
          }
          return [];
        }"""
    )
    assert True in inks
    spoken, ahead = (
        stage.panel.locator(selector).last.evaluate("e => getComputedStyle(e).color")
        for selector in (".glw-turn-you .glw-turn-words", ".glw-ahead")
    )
    assert spoken != ahead


@pytest.mark.parametrize(("preference", "duration"), [("reduce", "0s"), ("no-preference", "0.2s")])
def test_nothing_moves_by_itself_and_with_reduced_motion_no_change_is_gradual(
    stage: Stage, preference: Any, duration: str
) -> None:
    stage.page.emulate_media(reduced_motion=preference)
    panel = stage.show("speaking")
    assert stage.page.locator(".glw-turn-partial").count() == 1
    style = "element => getComputedStyle(element).transitionDuration"
    assert panel.locator(".glw-indicator").evaluate(style) == duration
    stage.page.wait_for_function("document.getAnimations().length === 0")


WIDTHS = (320, 400, 600, 900, 1600)
TWICE_THE_TEXT = """() => {
  const sizes = [...document.querySelectorAll('main *')]
    .map((each) => [each, parseFloat(getComputedStyle(each).fontSize)]);
  for (const [each, size] of sizes) each.style.fontSize = `${2 * size}px`;
}"""


def _assert_nothing_is_cut_off(panels: Locator) -> None:
    for panel in panels.all():
        assert panel.evaluate(CUT) == []
        assert panel.evaluate(NARROW) == []
        width, needed = panel.evaluate("panel => [panel.clientWidth, panel.scrollWidth]")
        assert needed <= width, panel.inner_text()


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_nothing_is_cut_off_at_any_width(stage: Stage, direction: str) -> None:
    stage.set_direction(direction)
    stage.show_together(_names(stage, sounds=False))
    panels = stage.page.locator(".glw-panel")
    for width in WIDTHS:
        stage.page.set_viewport_size({"width": width, "height": 900})
        _assert_nothing_is_cut_off(panels)
        assert stage.page.evaluate(
            "() => document.scrollingElement.scrollWidth <= document.scrollingElement.clientWidth"
        )


@pytest.mark.slow
@pytest.mark.parametrize("width", [640, 1000])
def test_text_of_twice_the_size_has_room(stage: Stage, width: int) -> None:
    stage.page.set_viewport_size({"width": width, "height": 900})
    stage.show_together(_names(stage, sounds=False))
    stage.page.evaluate(TWICE_THE_TEXT)
    _assert_nothing_is_cut_off(stage.page.locator(".glw-panel"))


def _middle(part: Locator) -> float:
    box = part.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2


def test_a_page_from_right_to_left_mirrors_the_panel_and_texts_keep_their_own_direction(
    stage: Stage,
) -> None:
    panel = stage.show("directions")
    middle = _middle(panel)
    start, send = (panel.get_by_role("button", name=name) for name in ("Start", "Send"))
    assert _middle(start) > middle
    assert _middle(send) > middle
    stage.set_direction("rtl")
    assert _middle(start) < middle
    assert _middle(send) < middle
    words = panel.locator(".glw-turn-words > :first-child")
    assert [each.evaluate("e => getComputedStyle(e).direction") for each in words.all()] == [
        "rtl"
    ] * 4
    assert panel.locator("bdi.glw-figure", has_text="after 0.6 s").count() == 1
    box = panel.get_by_role("textbox")
    for text, direction in (("Hello, שלום", "ltr"), ("שלום, hello", "rtl")):
        box.fill(text)
        assert box.evaluate("e => getComputedStyle(e).direction") == direction
    # The full stop of an English sentence is at its right.
    stage.show("no_kernel")
    end = stage.page.evaluate(
        """() => {
          const text = document.querySelector('.glw-notice-text').firstChild;
          const at = (from) => {
            const range = document.createRange();
            range.setStart(text, from);
            range.setEnd(text, from + 1);
            return range.getBoundingClientRect();
          };
          const [stop, before] = [at(text.length - 1), at(text.length - 2)];
          return [stop.left, before.left, stop.top - before.top];
        }"""
    )
    assert end[0] > end[1]
    assert end[2] == 0


STYLES = """() => [...document.querySelectorAll('.glw-panel, .glw-panel *')].map((each) => {
  const style = getComputedStyle(each);
  const values = [...style].map((name) => style.getPropertyValue(name));
  return [each.getAttribute('class'), ...values].join();
})"""


def test_an_explorer_in_the_same_page_changes_no_style_of_the_panel(stage: Stage) -> None:
    # Nothing is on its way from one colour to another.
    stage.page.emulate_media(reduced_motion="reduce")
    stage.show("transcript")
    before = stage.page.evaluate(STYLES)
    added = stage.page.add_style_tag(path=FOLDERS["/static/"] / "explorer.css")
    after = stage.page.evaluate(STYLES)
    added.evaluate("style => style.remove()")
    assert len(before) > 50
    changed = [one[:60] for one, other in zip(before, after, strict=True) if one != other]
    assert changed == []


PLAIN = """
from grok_live_widget import GrokLive
live = GrokLive(partner="talker")
live
"""
CELLS = """() => testNotebook().content.widgets.map(({ model }) =>
  [model.type, model.sharedModel.getSource()])"""


@pytest.mark.slow
def test_the_keys_of_jupyterlab_do_nothing_inside_the_panel(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook([PLAIN, "1 + 1"])
    notebook.run_cell(0)
    notebook.send_text("Hello.")
    notebook.wait_for_turns("grok", 1)
    before = notebook.page.evaluate(CELLS)
    places = [
        notebook.panel.get_by_role("list", name="Transcript"),
        notebook.panel.get_by_role("button", name="Turn menu").first,
        notebook.panel.get_by_role("button", name="Shortcuts"),
        notebook.panel,
    ]
    for place in places:
        for keys in ("d d", "a", "b", "x", "y", "m", "r", "1", "Shift+m", "0 0", "?"):
            place.focus()
            for key in keys.split():
                notebook.page.keyboard.press(key)
        assert notebook.page.evaluate(CELLS) == before
        assert notebook.page.evaluate("() => testNotebook().content.mode") == "command"
    # Four times "?" have left the list closed; Enter on a button presses it and edits no cell.
    drawer = notebook.panel.get_by_role("region", name="Shortcuts")
    assert not drawer.is_visible()
    notebook.panel.get_by_role("button", name="Shortcuts").press("Enter")
    drawer.get_by_text("sends the text").wait_for()
    assert notebook.page.evaluate("() => testNotebook().content.mode") == "command"
    assert notebook.page.evaluate(CELLS) == before
    assert notebook.page.locator(".jp-Dialog").count() == 0
