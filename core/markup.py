"""Text that organizers write in Markdown, as safe HTML."""

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

TAGS = {"p", "br", "hr", "h3", "h4", "h5", "strong", "em", "ul", "ol", "li", "blockquote", "code", "pre", "a"} | {
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}

_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


def render_markdown(text: str) -> Markup:
    """Render Markdown as HTML that holds no script, style or image; headings start at the third level.

    Args:
        text: what a person wrote.
    """
    tokens = _markdown.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 2, 5)}"
    rendered = _markdown.renderer.render(tokens, _markdown.options, {})
    return Markup(nh3.clean(rendered, tags=TAGS, attributes={"a": {"href"}, "ol": {"start"}}))  # noqa: S704 - cleaned
