"""Scripts: conversations written down in advance, as Python objects or YAML.

::

    from grok_live_widget.rehearsal import Line, Pause, Script, Step

    script = Script(
        [
            Step("Hello! Coffee or tea?"),
            Step(
                ["One {drink}.", Pause(300), Line("Anything else?", voice="onyx")],
                expect=["coffee", "tea"],
                hint="We have coffee and tea.",
                name="drink",
            ),
        ],
        closing="Good bye.",
    )

`model` is what a script consists of, `matching` compares what was said with what is expected,
`player` answers with a script, `reader` reads YAML, and `ready` holds the files of the package.
"""

from ..._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
