"""Settings of the site; `docs/build.py` lays its pages out and calls Sphinx."""

from __future__ import annotations

import os
from importlib.metadata import version as installed

project = "mueca"
copyright = "the authors of mueca"  # noqa: A001 - Sphinx's name
release = version = installed("mueca")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
# The times of the examples are a page that loads scripts of another machine.
exclude_patterns = ["gallery/**", "**/sg_execution_times.rst", "sg_execution_times.rst"]
nitpicky = False

# Links between pages, to headings of pages, and to files that lie beside them.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist", "tasklist"]
# A block of commands may hold an apostrophe or a gap that no lexer knows.
suppress_warnings = ["misc.highlighting_failure"]

autodoc_typehints = "none"
autosummary_generate = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
copybutton_prompt_text = r"\$ "

html_theme = "pydata_sphinx_theme"
html_title = "mueca"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
}

sphinx_gallery_conf = {
    "examples_dirs": ["gallery"],
    "gallery_dirs": ["examples"],
    "filename_pattern": r"/\d\d_",
    "plot_gallery": os.environ.get("MUECA_DOCS_GALLERY", "1") == "1",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "backreferences_dir": None,
    "within_subsection_order": "FileNameSortKey",
    "copyfile_regex": r".*\.(rst|md)",
    "matplotlib_animations": False,
    "remove_config_comments": True,
    "image_srcset": [],
}
