"""How fast the simulators are, beside other packages, in one run: what ``annealrl throughput`` does.

:func:`measure` gives a report, a tree of plain values that is its own JSON; :mod:`annealrl.throughput.report` makes
tables, Markdown and a plot of it.
"""

from annealrl.throughput.report import draw, to_markdown, to_tables, update_markdown
from annealrl.throughput.run import measure

__all__ = ["draw", "measure", "to_markdown", "to_tables", "update_markdown"]
