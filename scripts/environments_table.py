"""Write the tables of families and of action components into docs/environments.md, between their markers."""

from __future__ import annotations

from pathlib import Path

from annealrl import listing
from annealrl.actions import COMPONENTS
from annealrl.registry import env_ids, family
from annealrl.results import write_text

PAGE = Path(__file__).resolve().parents[1] / "docs" / "environments.md"
BEGIN, END = "<!-- annealrl list envs --markdown: begin -->\n", "<!-- end -->\n"
BEGIN_ACTIONS, END_ACTIONS = "<!-- components of actions: begin -->\n", "<!-- components of actions: end -->\n"


def updated(page: str) -> str:
    """The page with the tables as they are now."""
    ours = [env_id for env_id in env_ids() if family(env_id).__module__.startswith("annealrl.envs.")]
    page = _between(page, BEGIN, END, listing.markdown(listing.rows(ours)))
    return _between(page, BEGIN_ACTIONS, END_ACTIONS, components())


def components() -> str:
    """The components of :data:`annealrl.actions.COMPONENTS` as a Markdown table."""
    lines = ["| component | an action in [-1, 1] does | scale | options | moves | backend |", "|" + 6 * "---|"]
    for kind in COMPONENTS.values():
        meaning = kind.meaning.partition(": ")[2].replace("|", "\\|")
        options = ", ".join(f"`{option}`" for option in sorted(kind.uses))
        needs = "both" if kind.cuda else "cpu"
        cells = [f"`{kind.name}`", f"`{meaning}`", f"{kind.default_scale:g}", options, ", ".join(kind.moves), needs]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _between(page: str, begin: str, end: str, table: str) -> str:
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{table}\n{end}{after}"


if __name__ == "__main__":
    write_text(PAGE, updated(PAGE.read_text(encoding="utf-8")))
