"""The settings of Sphinx for the site; `make docs` builds it."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.application import Sphinx  # noqa: TC002  (as in the documentation of Sphinx)

import grok_live_widget

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))
from references import names_something  # noqa: E402

LESSONS = DOCS.parent / "notebooks"

project = "grok_live_widget"
author = "The grok_live_widget developers"
copyright = f"2026, {author}"  # noqa: A001 - the name that Sphinx expects
version = release = grok_live_widget.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "README.md"]
templates_path = ["_templates"]

# ---------------------------------------------------------------- pages
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_dmath_allow_labels = False
myst_dmath_double_inline = False
# Prices such as "$1 to $2" are no formula.
myst_dmath_allow_space = False
myst_dmath_allow_digits = False
myst_heading_anchors = 3

nb_execution_mode = "force"
nb_execution_timeout = 120
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_merge_streams = True
# By default the pages would load the widgets' code from a server. A page without a kernel shows
# what `_show_pictures_of_widgets` puts in their place.
nb_ipywidgets_js = {}
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]

# ---------------------------------------------------------------- API
autosummary_ignore_module_all = False
autosummary_imported_members = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
# What is missing or misspelt in a docstring is a warning, too.
numpydoc_validation_checks = {
    *("GL06", "GL07", "GL08", "PR01", "PR05", "PR10", "RT01", "SS02", "SS04"),
}
_AWAITED = r"\A`\w+`, awaited\."  # the other method describes arguments and result
numpydoc_validation_overrides = {
    "PR01": {
        _AWAITED,
        r"\n\*\*(settings|common)\n",  # the page of `Settings` describes each
        # A class without this section is made by this package, as errors are;
        # tests/test_docstrings.py checks that functions have it.
        r"(?s:\A(?!.*\nParameters\n).*\nExamples\n)",
    },
    "RT01": {_AWAITED},
}
default_role = "py:obj"
add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

nitpicky = True
# Lessons quote code of other languages as it was published.
suppress_warnings = ["misc.highlighting_failure"]

# ---------------------------------------------------------------- HTML
html_theme = "pydata_sphinx_theme"
html_title = "grok_live_widget"
html_context = {"default_mode": "auto"}
# These have no pages below them.
html_sidebars = {"index": [], "tutorial": [], "gallery": []}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {
    "logo": {"text": "grok_live_widget"},
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def _copy_lessons() -> None:
    """Copy the lessons to where Sphinx reads, if they have changed since."""
    folder = DOCS / "lessons"
    folder.mkdir(exist_ok=True)
    lessons = {path.name: path for path in LESSONS.glob("*.ipynb")}
    for copy in folder.glob("*.ipynb"):
        if copy.name not in lessons:
            copy.unlink()
    for name, lesson in lessons.items():
        copy = folder / name
        if not copy.exists() or copy.read_bytes() != lesson.read_bytes():
            shutil.copyfile(lesson, copy)


_copy_lessons()

_PAGES_OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
_SHOWN = {
    page.removesuffix(".md"): path for path, page in _PAGES_OUTSIDE.items() if page != "index.md"
}


_PICTURE = re.compile(
    r'<picture>\s*<source [^>]*srcset="(?P<dark>[^"]+)">\s*'
    r'<img alt="(?P<alt>[^"]*)" src="(?P<light>[^"]+)" width="(?P<width>\d+)">\s*</picture>'
)


def _images_of(picture: re.Match[str]) -> str:
    """Both images of a picture: the site's reader chooses the theme, the page's markup cannot."""
    return "\n".join(
        f"```{{image}} {picture[theme]}\n:alt: {picture['alt']}\n:class: only-{theme}\n"
        f":width: {picture['width']}px\n```\n"
        for theme in ("light", "dark")
    )


def _read_pages_outside(app: Sphinx, name: str, source: list[str]) -> None:
    """Show pages of the repository outside of docs/, and have links to them lead to the site's.

    The same links lead to files where the repository is browsed.
    """
    text = source[0]
    if name in _SHOWN:
        path = DOCS.parent / _SHOWN[name]
        app.env.note_dependency(str(path))
        text = path.read_text("utf-8").replace("](docs/", "](")
    for path, page in _PAGES_OUTSIDE.items():
        text = re.sub(rf"\]\((\.\./)?{re.escape(path)}", f"]({page}", text)
    text = _PICTURE.sub(_images_of, text)
    # Other files of the repository are no pages.
    source[0] = re.sub(r"\[([^\]]+)\]\(\.\./[^)]+\)", r"\1", text)


def _resolve(
    app: Sphinx, env: object, node: nodes.Element, content: nodes.Element
) -> nodes.Element | None:
    """Show a name in a docstring as code if the site has no page of it.

    What names nothing at all, as it is misspelt, stays unresolved, which is a warning.
    """
    if node.get("refdomain") != "py" or node.get("reftype") != "obj":
        return None
    folder, _, page = node["refdoc"].rpartition("/")
    # Tables of names show first sentences of docstrings, which have pages of their own.
    is_known = folder != "generated" or names_something(node["reftarget"], page)
    return content if is_known else None


_PICTURES = {
    "<GrokLive ": ("panel", "The panel, which a notebook with a kernel shows here"),
    "<Explorer": ("explorer", "The interactive view, which a notebook with a kernel shows here"),
}


def _show_pictures_of_widgets(app: Sphinx, document: nodes.document) -> None:
    """Show a picture where a lesson shows a widget, which needs a kernel."""
    for output in list(document.findall(nodes.container)):
        if output.get("mime_type") == "text/plain":
            text = output.astext().strip()
            found = next(
                (each for start, each in _PICTURES.items() if text.startswith(start)), None
            )
            if found is not None:
                output.children = _pictures(*found)
        elif "glw-placeholder" in output.astext() and output.get("mime_type") == "text/html":
            output.children = []


def _pictures(name: str, description: str) -> list[nodes.Node]:
    themes = {"light": f"{name}-light.png", "dark": f"{name}-dark.png"}
    if not (DOCS / "img" / themes["dark"]).exists():
        return [nodes.image(uri=f"/img/{name}.png", alt=description)]
    return [
        nodes.image(uri=f"/img/{file}", alt=description, classes=[f"only-{theme}"])
        for theme, file in themes.items()
    ]


def _mathml(translator: object, node: nodes.Element) -> None:
    tree = latex2mathml.tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block))
    translator.body.append(tree)  # type: ignore[attr-defined]
    raise nodes.SkipNode


_WITH_SETTINGS = {f"grok_live_widget.{name}" for name in ("GrokLive", "Talk", "connect")}


def _shorten_signature(app: Sphinx, kind: str, name: str, *_: object) -> tuple[str, None] | None:
    """Leave out the settings, which are those of `Settings`, with their long defaults."""
    if name not in _WITH_SETTINGS:
        return None
    own = ", keep_in_notebook=False" if name == "grok_live_widget.GrokLive" else ""
    return f"(*, api_key=None{own}, **settings)", None


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _read_pages_outside)
    app.connect("autodoc-process-signature", _shorten_signature)
    app.connect("missing-reference", _resolve, priority=900)
    app.connect("doctree-read", _show_pictures_of_widgets, priority=100)
    app.add_html_math_renderer("mathml", (_mathml, None), (_mathml, None))
