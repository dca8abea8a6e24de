"""Settings of the documentation: sphinx-build -W -b html docs docs/_build/html"""

import sys
from pathlib import Path

from hwlearn import __version__

sys.path[:0] = [str(Path(__file__).parent / name) for name in ("extensions", "examples")]

project = "hwlearn"
release = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "command_help",
    "key_tables",
    "makers",
    "mathml",
    "notebooks",
    "rooms_map",
    "signatures",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = [
    "_build",
    "*.py",
    "extensions",
    "examples",
    "figures",
    "gallery/*.py",
    "gallery/*.ipynb",
    "sg_execution_times.rst",
]  # scripts of notebooks/ are pages
html_theme = "furo"
html_title = f"hwlearn {release}"
html_copy_source = False
html_show_copyright = False
html_math_renderer = "mathml"
html_static_path = ["static"]
html_css_files = ["wide.css"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

sphinx_gallery_conf: dict[str, object] = {
    "examples_dirs": "figures",
    "gallery_dirs": "gallery",
    "image_scrapers": ("pictures.scraper",),
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "write_computation_times": False,
    "min_reported_time": 1e9,
    "show_signature": False,
}

default_role = "py:obj"  # `name` in a docstring is a link where there is something to link to, code elsewhere
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_type_aliases = {"ArrayLike": "ArrayLike", "Array": "Array"}
autodoc_typehints = "signature"
napoleon_use_ivar = True
napoleon_attr_annotations = False
python_maximum_signature_line_length = 110
