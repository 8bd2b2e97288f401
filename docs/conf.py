"""The site: `make docs`. What can be made from the code is made from it (see `_ext`)."""

import sys
from pathlib import Path

import kproxysim

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "kproxysim"
version = release = kproxysim.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "reference", "samples"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
# Docstrings quote with single backticks.
default_role = "code"

toc_object_entries = False
autodoc_member_order = "bysource"
# Members of our own base classes belong to a class, those of pydantic's and Python's do not.
autodoc_default_options = {
    "members": True,
    "inherited-members": "BaseModel, tuple, BaseException",
    "exclude-members": "model_config, model_post_init",
}

html_theme = "furo"
html_title = f"kproxysim {release}"
# A trace is up to 100 columns wide and shall fit.
html_theme_options = {
    "light_css_variables": {"code-font-size": "70%"},
    "dark_css_variables": {"code-font-size": "70%"},
}
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
