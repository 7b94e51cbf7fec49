"""Formulas are found where Jupyter finds them, and written in words that pandoc prints."""

import pytest

from deltarule.authoring.printed_math import put_back, split_at_formulas, take_out


def formulas(markdown):
    return take_out(markdown)[1]


@pytest.mark.parametrize(
    ("markdown", "tex", "display"),
    [
        ("a $x$ b", "x", False),
        ("a $ x $ b", "x", False),
        ("$$\nx\n$$", "x", True),
        ("text $$x$$ text", "x", True),
        (r"\\(x\\)", "x", False),
        (r"\\[x\\]", "x", True),
        (r"$a \$ b$", r"a \$ b", False),
        ("$x\ny$", "x\ny", False),
        ("> $$\n> x\n> $$", "x", True),
        ("\\begin{equation}x\\end{equation}", r"\begin{equation}x\end{equation}", True),
    ],
)
def test_a_formula_is_found(markdown, tex, display):
    (formula,) = formulas(markdown)
    tex = tex.replace("{equation}", "{gathered}")
    assert (formula.tex, formula.display) == (tex, display)


@pytest.mark.parametrize(
    "markdown",
    [
        "`$x$`",
        "`` a ` $x$ ``",
        "```python\nprice = '$x$'\n```",
        "~~~\n$$x$$\n~~~",
        "> ```\n> $x$\n> ```",
        "- ```\n  $x$\n  ```",
        r"it costs \$5 and \$6",
        "it costs $5",
        "$5 here\n\nand $6 there",
        "<!-- $x$ -->",
    ],
)
def test_no_formula_is_seen_in_code_comments_and_prices(markdown):
    assert take_out(markdown) == (markdown, [])


def test_code_before_a_formula_does_not_hide_it():
    assert [each.tex for each in formulas("`$` $x$\n```\n$\n```\n$y$ `a`")] == ["x", "y"]


@pytest.mark.parametrize(
    ("tex", "printed", "tag"),
    [
        (r"x \tag{1}", "x", "(1)"),
        (r"x \tag*{left}", "x", "left"),
        (r"x \tag{$\ast$}", "x", r"(\ast)"),
        (r"x \label{eq:x} \nonumber", "x", ""),
        (r"\begin{align} x \end{align}", r"\begin{aligned} x \end{aligned}", ""),
        (r"\begin{gather*} x \end{gather*}", r"\begin{gathered} x \end{gathered}", ""),
        (r"\begin{cases} x \end{cases}", r"\begin{cases} x \end{cases}", ""),
        (r"{W^{(l)}}^\top", r"{W^{(l)}}{}^\top", ""),
        (r"\mathbf{W^2}^\top", r"\mathbf{W^2}^\top", ""),
        (r"e^{x^2}", r"e^{x^2}", ""),
        (r"|x|", "❘x❘", ""),
        (r"\left|x\right| \big| \|y\|", r"\left|x\right| \big| \|y\|", ""),
        (r"\left\| x \right\|_2", r"\lVert  x \rVert _2", ""),
        (r"\begin{array}{c|c} a \end{array}", r"\begin{array}{c|c} a \end{array}", ""),
    ],
)
def test_what_pandoc_drops_or_garbles_is_written_otherwise(tex, printed, tag):
    (formula,) = formulas(f"$${tex}$$")
    assert (formula.tex, formula.tag) == (printed, tag)
    assert formula.written == f"$${tex}$$"


def test_several_tags_stay_in_their_rows():
    (formula,) = formulas("\\begin{align}\na &= b \\tag{1} \\\\\nc &= d \\tag{2}\n\\end{align}")
    first, second = formula.tex.split(r"\\")
    assert r"\text{(1)}" in first
    assert r"\text{(2)}" in second
    assert formula.tag == ""


def test_every_word_leads_back_to_its_formula():
    text, found = take_out("a $x$, `$y$` and $$z$$.")
    assert "".join(
        piece if isinstance(piece, str) else piece.written
        for piece in split_at_formulas(text, found)
    ) == put_back(text, found)
    assert put_back(text, found) == "a $x$, `$y$` and $$z$$."
    assert "$x$" not in text
