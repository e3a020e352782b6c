"""How Sphinx builds the site: `make docs`."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_extensions"), str(HERE.parent / "src")]

project = "outofcore"
html_title = "outofcore"
copyright = "the authors of outofcore, Apache-2.0"  # noqa: A001 (the name that Sphinx reads)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "outofcore_docs.extension"]
exclude_patterns = ["_extensions", "_static"]
myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 4

smartquotes_action = "D"  # dashes alone: values in texts are to be copied
default_role = "code"  # docstrings write `names` as Markdown does
autodoc_default_options = {
    "members": True,
    "undoc-members": False,
    "member-order": "bysource",
    "exclude-members": "model_config",
}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_type_aliases = {"Positions": "Positions", "Item": "Item", "Unsigned": "Unsigned", "Schema": "Schema"}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
add_module_names = False
maximum_signature_line_length = 100
toc_object_entries_show_parents = "hide"

nitpicky = True
# Types of other libraries have no pages here; ours must resolve.
nitpick_ignore_regex = [(r"py:.*", r"(?!outofcore).*")]
TYPE_VARIABLES = ("training.prefetch.Plan", "training.prefetch.Result", "sources.ahead.T", "sources.ahead.S")
nitpick_ignore = [("py:class", f"outofcore.{name}") for name in TYPE_VARIABLES]
suppress_warnings = ["config.cache"]

highlight_language = "text"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_favicon = "_static/logo-light.svg"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_logo": "logo-light.svg",
    "dark_logo": "logo-dark.svg",
    "light_css_variables": {"color-brand-primary": "#00697a", "color-brand-content": "#00697a"},
    "dark_css_variables": {"color-brand-primary": "#5fc3d3", "color-brand-content": "#5fc3d3"},
}
