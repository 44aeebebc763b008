"""Write the table of the families that come with the package into docs/environments.md, between its markers."""

from __future__ import annotations

from pathlib import Path

from annealrl import listing
from annealrl.registry import env_ids, family
from annealrl.results import write_text

PAGE = Path(__file__).resolve().parents[1] / "docs" / "environments.md"
BEGIN, END = "<!-- annealrl list envs --markdown: begin -->\n", "<!-- end -->\n"


def updated(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    ours = [env_id for env_id in env_ids() if family(env_id).__module__.startswith("annealrl.envs.")]
    return f"{before}{BEGIN}\n{listing.markdown(listing.rows(ours))}\n{END}{after}"


if __name__ == "__main__":
    write_text(PAGE, updated(PAGE.read_text(encoding="utf-8")))
