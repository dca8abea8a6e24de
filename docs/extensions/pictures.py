"""Pictures of the gallery: what a script has drawn with pyplot, and the picture files that it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx_gallery.scrapers import figure_rst, matplotlib_scraper


def scraper(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any], **options: Any) -> str:
    """Take the files for the gallery, as reStructuredText."""
    drawn = str(matplotlib_scraper(block, block_vars, gallery_conf, **options))
    places = block_vars["image_path_iterator"]
    taken = []
    for picture in sorted(Path(block_vars["src_file"]).parent.glob("*.png")):
        place = next(places)
        picture.replace(place)
        taken.append(place)
    return drawn + (str(figure_rst(taken, gallery_conf["src_dir"])) if taken else "")
