"""Figures of turns and talks.

Each function draws on given axes (None: the current ones), passes style keywords on to
matplotlib, returns what it drew, and never calls ``show``. A function that draws one thing
returns its artist; one that draws several returns them as a named tuple. What was not measured
is not drawn.

May know matplotlib (imported when a figure is drawn), turns and talks. Must not know the widget
or a socket.

Examples
--------
>>> from grok_live_widget import Talk, plots
>>> with Talk(partner=["Good morning."]) as talk:
...     turn = talk.ask("Hello.")
>>> artist = plots.waveform(turn)
>>> artist.axes.get_xlabel()
'Time [s]'
"""

from .._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
