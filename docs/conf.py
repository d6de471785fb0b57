"""How Sphinx builds the documentation; warnings are errors (`nox -s docs`)."""

from voicechat import __version__

project = "voicechat"
author = "the voicechat authors"
copyright = "the voicechat authors, Apache-2.0"  # noqa: A001  (Sphinx's name)
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
exclude_patterns = ["settings_reference.py"]

html_theme = "furo"
html_title = "voicechat"
html_show_sourcelink = False
