"""Against those who read results: what stands in messages, answers, outputs and names.

Whether a page runs any of it is tried in a browser, by ``tests/browser/test_readers.py``; here it
must be graded like everybody's.
"""

import base64

from ..hand import Handed, attack

MESSAGES = "Orders in messages: colours, CI commands, HTML"
MARKUP = "Script in Markdown, outputs and attachments"

EVIL = "\x1b[31m\x1b]0;title\x07<script>document.title='ran'</script>\n::error::x\n##[error]y\n=1+1"

MARK = "document.documentElement.dataset.ran=1"
"""What a script that is run does to the page; the browser's test looks for it."""

MARKDOWN = {
    "script": f"<script>{MARK}</script>",
    "handler": f'<img src="x" onerror="{MARK}">',
    "handler in capitals": f'<IMG SRC="x" OnErRoR="{MARK}">',
    "svg": f'<svg onload="{MARK}"><script>{MARK}</script></svg>',
    "details": f'<details open ontoggle="{MARK}"><summary>x</summary></details>',
    "frame": f'<iframe srcdoc="<script>parent.{MARK}</script>"></iframe>',
    "object": f'<object data="data:text/html,<script>{MARK}</script>"></object>',
    "link": f"[click](javascript:{MARK}) and <javascript:{MARK}>",
    "link in disguise": f"[click](java&#115;cript:{MARK}) [c](&#1;javascript:{MARK})",
    "link by reference": f"[click][1]\n\n[1]: JaVaScRiPt:{MARK}",
    "link to data": f"[click](data:text/html,<script>{MARK}</script>)",
    "mermaid": f"```mermaid\n</pre><script>{MARK}</script>\n```",
    "fence": f'```"><script>{MARK}</script>\nx\n```',
    "comment": f"<!--><script>{MARK}</script>-->",
    "math": (
        f"$x$ <b onmouseover={MARK}>\\href{{javascript:{MARK}}}{{y}}</b> $</script><script>{MARK}$"
    ),
    "style": "<style>body {display: none}</style><link rel=stylesheet href=//x>",
    "form": "<form action=/formgrader/api method=post><input name=score><button>x</button></form>",
    "meta": '<meta http-equiv="refresh" content="0;url=javascript:1"><base href="//x">',
    "unfinished": f'<img src="x" onerror="{MARK}" <b>\n\n<details><a href="',
    "overlay": '<div style="position:fixed;top:0;width:100%;height:100%">x</div></div></div>',
    "file beside": "[my plot](evil.html) ![](evil.svg) <embed src=evil.svg>",
    "image that loads a configuration": "![](/formgrader?path=submitted/mallory/bank)",
    "image from elsewhere": "![](https://example.org/seen.png)",
    "attachment": "![](attachment:missing.png) ![](attachment:evil.svg)",
    "field in its place": '<input class="score" id="steepest" value="3"><b id="steepest">x</b>'
    '<textarea class="comment" id="steepest-comment">x</textarea>',
    "page in its place": '<div id="notebook-container"></div><a id="statusmessage" name="notebook">'
    '</a><img name="formgrader" id="submission_id" src="x.png">',
    "refresh to formgrader": '<meta http-equiv="refresh" content="0;url=/formgrader?path=x">',
    "link to formgrader": "[my plot](/formgrader?path=submitted/mallory/bank)",
    "link to formgrader's address": (
        "[my plot](http://127.0.0.1:8888/formgrader?path=submitted/mallory/bank) "
        '<a href="http://127.0.0.1:8888/Formgrader?path=x">plot</a>'
    ),
    "link to formgrader in a formula": (
        "$\\newcommand{\\x}[1]{\\href{http://127.0.0.1:8888/form#1?path=x}{y}} \\x{grader}$"
    ),
    "link to formgrader in a formula in disguise": (
        "<b>&#36;&#92;href{http://127.0.0.1:8888/formgrader?path=x}{y}&dollar;</b>"
    ),
    "heading": "# double\n\n## steepest-comment\n\ntext",
    "table": f"| a | b |\n|---|---|\n| <script>{MARK}</script> | `<script>` |",
    "template": f"<template><script>{MARK}</script></template><noscript><p title='</noscript><img "
    f"src=x onerror={MARK}>'>",
    "raw text": f"<xmp><img src=x onerror={MARK}></xmp><textarea><img src=x onerror={MARK}>",
}
"""Answers in Markdown, each of which tries to have a script run or a page changed."""

OUTPUTS = {
    "html": f"display(HTML('<script>{MARK}</script><img src=x onerror=\"{MARK}\">'))",
    "isolated html": (
        f"display({{'text/html': '<script>parent.{MARK}</script>'}}, raw=True,\n"
        "        metadata={'text/html': {'isolated': True}})"
    ),
    "javascript": f"display(Javascript({MARK!r}))",
    "svg": f'display(SVG(\'<svg xmlns="http://www.w3.org/2000/svg" onload="{MARK}"></svg>\'))',
    "markdown": f"display(Markdown('<img src=x onerror=\"{MARK}\">'))",
    "latex": f"display(Latex('</div><script>{MARK}</script>$x$'))",
    "link in latex": "display(Latex(r'$\\href{http://127.0.0.1:8888/formgrader?path=x}{y}$'))",
    "link in html": "display(HTML(r'<p>&#36;&bsol;href{http://127.0.0.1/formgrader}{y}$</p>'))",
    "png": (
        f"display({{'image/png': 'AAAA\\\" onerror=\\\"{MARK}'}}, raw=True,\n"
        f"        metadata={{'image/png': {{'width': '1 onerror={MARK}'}}}})"
    ),
    "widget": (
        "display({'application/vnd.jupyter.widget-view+json': {'model_id': '</script><script>'"
        f" + {MARK!r} + '</script>'}}}}, raw=True)"
    ),
    "mermaid": f"display({{'text/vnd.mermaid': '<script>{MARK}</script>'}}, raw=True)",
    "text": f"print('<script>{MARK}</script>\\x1b[31m<img src=x onerror={MARK}>')",
    "error": f"raise ValueError('<script>{MARK}</script>')",
    "name of an error": f"raise type('<script>{MARK}</script>', (Exception,), {{}})('x')",
}


DISPLAYS = "from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display"

ATTACHMENTS = {
    "evil.svg": {"image/svg+xml": f"<svg onload='{MARK}'/>"},
    "x.png": {"image/png": f'AAAA" onerror="{MARK}'},
    f'" onerror="{MARK}': {"image/png": base64.b64encode(b"x").decode()},
}

FILES = {
    "evil.html": f"<script>{MARK}</script>",
    "evil.svg": f'<svg xmlns="http://www.w3.org/2000/svg"><script>{MARK}</script></svg>',
    f'"><img src=x onerror={MARK}>.png': "x",
}
"""Files beside the notebook."""


@attack(MESSAGES, double=0, countdown=0)
def orders_in_exceptions(hand: Handed) -> None:
    """Terminal escapes, HTML and commands of CI systems in the text and the name of exceptions."""
    hand.answer("double", f"def double(number):\n    raise ValueError({EVIL!r})")
    hand.answer(
        "countdown", f"def countdown(start):\n    raise type({EVIL!r}, (Exception,), {{}})(1)"
    )


@attack(MESSAGES, account=0)
def orders_in_names_of_types(hand: Handed) -> None:
    """The type of an answer, which messages name, is called by an order."""
    hand.answer(
        "account", f"Account = type({EVIL!r}, (), {{'balance': type({EVIL!r}, (), {{}})()}})"
    )


@attack(MESSAGES, double=0)
def ten_megabytes_of_message(hand: Handed) -> None:
    """An exception with a text of 10 MB, half of it escapes."""
    hand.answer("double", "def double(number):\n    raise ValueError('\\x1b[' * (5 << 20))")


@attack(MESSAGES)
def orders_in_outputs(hand: Handed) -> None:
    """Colours, HTML and commands in what a cell prints."""
    hand.first(f"print({EVIL!r}); import sys; print({EVIL!r}, file=sys.stderr)")


@attack(MARKUP)
def script_in_an_answer(hand: Handed) -> None:
    """Every way of bringing a script into Markdown: tags, handlers, links, frames, fences."""
    hand.answer("steepest", "\n\n".join(MARKDOWN.values()))
    for source in MARKDOWN.values():
        hand.before("question-steepest", source, "markdown")
        hand.before("question-steepest", source, "raw")
    hand.cell("steepest")["attachments"] = ATTACHMENTS
    for name, content in FILES.items():
        (hand.folder / name).write_text(content)


@attack(MARKUP)
def script_in_outputs(hand: Handed) -> None:
    """HTML, JavaScript, SVG, widgets and images whose data end their attribute."""
    hand.first(DISPLAYS)
    for source in OUTPUTS.values():
        hand.first(source)
    for name in ("double", "scale"):
        hand.answer(name, hand.cell(f"solution-{name}")["source"] + "\n" + OUTPUTS["html"])
