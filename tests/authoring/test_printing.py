"""Printed notebooks: what stands in the notebook stands on the paper, and no LaTeX or HTML does.

The PDFs are read back with pypdf. What it cannot see (boxes, colours, spacing) was looked at.
"""

import base64
import io
import re
from pathlib import Path

import nbformat
import pypdf
import pytest
from nbformat import v4

from deltarule.authoring.printing import Imprint, print_notebook
from deltarule.errors import AuthoringError

A4 = (595, 842)
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 30" width="60" height="30">'
    '<rect width="60" height="30" fill="teal"/>'
    '<text x="2" y="20" font-size="12">drawn</text></svg>'
)
LONG_LINE = "result = combine(" + ", ".join(f"argument_number_{n}" for n in range(12)) + ")  # end"
LONG_WORD = "address = '" + "x1y2" * 60 + "'"


def png(width=40, height=20):
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (width, height), "orange").save(file, "PNG", dpi=(100, 100))
    return file.getvalue()


TEXT = r"""
# Everything at once: δ, ∇ and naïve cafés

A link to [the book](https://example.org/book), one to [another lab](../lab03/lab03.ipynb), a bare
https://example.org/bare one, `code with $dollars$`, ~~gone~~, H<sub>2</sub>O<br>and a new line.[^1]

[^1]: A footnote with $x^2$ and a [link](https://example.org/note).

<!-- ### BEGIN MARK SCHEME not for paper -->
<details><summary>Open me</summary>

Hidden *hint*.

</details>

1. first
   - nested
     - deeper
2. second

> Quoted words, and
>
> $$
> q = \frac{1}{2}
> $$

| symbol | meaning | where |
|:--|:-:|--:|
| $|x|$ | absolute value with a description that goes on and on | `abs(x)` |
| $ \alpha $ | spaces inside | **bold** |

---

```python
price = "$5 and $6"  # in a fence
```

![alt text that is much too long for a caption](figures/figure.svg)

![small](figures/figure.png "A title becomes the caption")

<img src="figures/figure.png" width="30"> and ![](attachment:dot.png) in a line.
"""

FORMULAS = r"""
## Formulas

Inline $W^{(l)}{}^\top$, ${W^{(l)}}^\top$, $\boldsymbol{\delta} \in \mathbb{R}^{n \times m}$
and \\(a_b\\).

\begin{align}
a &= b + c \tag{1} \\
d &= e \nonumber \label{eq:two} \tag{2}
\end{align}

$$
\begin{aligned}
\mathcal{L} &= \frac{1}{N} \sum_{i=1}^{N}
\underbrace{(y_i - \hat y_i)^2}_{\text{squared error}}
\end{aligned}
\tag{7}
$$

$$f(x) = \begin{cases} x & \text{if } x > 0 \\ 0.1 x & \text{otherwise} \end{cases}
\qquad A = \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} \qquad \left.\frac{a}{b}\right|_{x=0}$$

$$ a_1 + a_2 + a_3 + a_4 + a_5 + a_6 + a_7 + a_8 + a_9
+ b_1 + b_2 + b_3 + b_4 + b_5 + b_6 + b_7 + b_8 + b_9
+ c_1 + c_2 + c_3 + c_4 + c_5 + c_6 + c_7 = 0 $$

It costs \$5, and the same footnote name is used again.[^1]

[^1]: Another cell's footnote.
"""

TRACEBACK = ["\x1b[0;31mZeroDivisionError\x1b[0m: division by zero"]


def everything():
    """A notebook with every kind of text and output."""
    table = {"text/html": "<table><tr><td>1</td></tr></table>", "text/plain": "   a  b\n0  1  2"}
    outputs = [
        v4.new_output("stream", name="stdout", text="10%\r50%\r100%\nepoch 1\n"),
        v4.new_output("stream", name="stderr", text="a warning\n"),
        v4.new_output("execute_result", data=table),
        v4.new_output(
            "display_data",
            data={"image/png": base64.b64encode(png(400, 300)).decode(), "text/plain": "<Figure>"},
        ),
        v4.new_output("display_data", data={"image/svg+xml": SVG, "text/plain": "<SVG>"}),
        v4.new_output("display_data", data={"text/latex": r"$\displaystyle \frac{p}{q}$"}),
        v4.new_output("display_data", data={"text/markdown": "*Marked* down"}),
        v4.new_output("display_data", data={"application/x-widget": "?"}),
        v4.new_output("error", ename="ZeroDivisionError", evalue="", traceback=TRACEBACK),
    ]
    first = v4.new_markdown_cell(TEXT.strip())
    first["attachments"] = {"dot.png": {"image/png": base64.b64encode(png(9, 9)).decode()}}
    code = 'def half(z):\n    """Half of z, and a "quote" \\\\ backslash."""\n    return z / 2  # ½'
    return v4.new_notebook(
        cells=[
            first,
            v4.new_markdown_cell(FORMULAS.strip()),
            v4.new_code_cell(code, outputs=outputs),
            v4.new_code_cell(f"{LONG_LINE}\n{LONG_WORD}\n#last line"),
            v4.new_raw_cell("raw *text*"),
            v4.new_code_cell("%%bash\nls -l"),
            v4.new_code_cell(""),
        ]
    )


@pytest.fixture
def folder(tmp_path):
    """Where the notebook lies: with two figures."""
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "figure.svg").write_text(SVG)
    (tmp_path / "figures" / "figure.png").write_bytes(png())
    return tmp_path


def printed(notebook, folder, *, solution=True, title="A title", name="lab99"):
    shown = Path("solutions/lab99/lab99.ipynb")
    return print_notebook(notebook, folder, shown, Imprint(title, name, solution))


def pages(pdf):
    return pypdf.PdfReader(io.BytesIO(pdf)).pages


def text_of(pdf):
    """All text without the characters that only allow a break."""
    return "\n".join(page.extract_text() for page in pages(pdf)).replace("\u200b", "")


def pictures(pdf):
    """Every picture of dots once: all pages refer to all of them."""
    return {image.data for page in pages(pdf) for image in page.images}


def place(matrices, x=0.0):
    """Where on the page something is printed that stands ``x`` right of its own origin."""
    page, text = matrices
    across, down = text[4] + x * text[0], text[5] + x * text[1]
    return (
        across * page[0] + down * page[2] + page[4],
        across * page[1] + down * page[3] + page[5],
    )


def squeezed(text):
    return re.sub(r"\s+", "", text).replace("\u200b", "")


def notebook_of(*cells):
    return v4.new_notebook(cells=list(cells))


def course_notebook(course_root, kind):
    path = course_root / kind / "lab04" / "lab04.ipynb"
    return nbformat.read(path, as_version=4), path.parent


NOT_ON_PAPER = [
    r"\begin",
    r"\frac",
    "$$",
    r"\tag",
    r"\mathbf",
    "<br",
    "<details",
    "<!--",
    "MARK SCHEME",
]


@pytest.mark.parametrize("kind", ["release", "solutions"])
def test_lab04_is_printed_whole(course_root, kind):
    notebook, folder = course_notebook(course_root, kind)
    pdf = printed(notebook, folder, solution=kind == "solutions", title="Backpropagation")
    text = text_of(pdf)
    for raw in NOT_ON_PAPER:
        assert raw not in text, raw
    flat = squeezed(text)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for line in cell.source.split("\n"):
                assert squeezed(line) in flat, line
        else:
            for heading in re.findall(r"^#+ (.*)$", cell.source, re.MULTILINE):
                assert squeezed(heading) in flat, heading
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                assert squeezed(output.text) in flat
    for number in range(1, 9):
        assert f"({number})" in text
    drawn = [o.data for c in notebook.cells for o in c.get("outputs", []) if "data" in o]
    assert len(pictures(pdf)) == len({data["image/png"] for data in drawn})


def test_every_page_is_a4_with_number_title_and_assignment(folder):
    made = pages(printed(everything(), folder, title="By heart", name="lab99 · lab99"))
    assert len(made) >= 2
    for number, page in enumerate(made, 1):
        assert tuple(round(float(x)) for x in page.mediabox[2:]) == A4
        text = page.extract_text()
        assert f"{number} / {len(made)}" in text
        assert "lab99 · lab99" in text
        assert ("By heart" in text) == (number > 1), "the first page has the notebook's own heading"


def test_a_notebook_without_a_heading_gets_its_title(folder):
    text = text_of(printed(notebook_of(v4.new_markdown_cell("Just text.")), folder))
    assert text.index("A title") < text.index("Just text.")


def test_no_markup_reaches_the_paper(folder):
    text = text_of(printed(everything(), folder))
    for raw in [*NOT_ON_PAPER, r"\label", r"\(", "&", "[^1]", "**", "</", "\x1b"]:
        assert raw not in text.replace(r"\\backslash", ""), raw


@pytest.mark.parametrize(
    "words",
    [
        "Everything at once: δ, ∇ and naïve cafés",
        "code with $dollars$",
        'price = "$5 and $6"  # in a fence',
        "It costs $5",
        "Open me",
        "Hidden hint.",
        "nested",
        "deeper",
        "Quoted words",
        "A footnote with",
        "Another cell's footnote.",
        "https://example.org/book",
        "https://example.org/bare",
        "another lab",
        "spaces inside",
        "A title becomes the caption",
        "squared error",
        "otherwise",
        "(1)",
        "(2)",
        "(7)",
        '"""Half of z, and a "quote" \\\\ backslash."""',
        "return z / 2  # ½",
        "100%",
        "epoch 1",
        "stderr",
        "a warning",
        "0  1  2",
        "Marked down",
        "only to be seen in the notebook: application/x-widget",
        "ZeroDivisionError: division by zero",
        "raw *text*",
        "#last line",
    ],
)
def test_what_the_notebook_says_is_on_the_paper(printed_everything, words):
    assert squeezed(words) in squeezed(printed_everything)


@pytest.fixture(scope="module")
def printed_everything(tmp_path_factory):
    folder = tmp_path_factory.mktemp("printed")
    (folder / "figures").mkdir()
    (folder / "figures" / "figure.svg").write_text(SVG)
    (folder / "figures" / "figure.png").write_bytes(png())
    return text_of(printed(everything(), folder))


@pytest.mark.parametrize(
    "words", ["../lab03", "alt text that is much", "eq:two", "50%", "<Figure>", "<table>", "10%\r"]
)
def test_what_is_for_screens_is_not(printed_everything, words):
    assert words not in printed_everything


def test_all_pictures_are_there(folder):
    pdf = printed(everything(), folder)
    assert len(pictures(pdf)) == 3, "beside the notebook (shown twice), attached, and an output"
    assert text_of(pdf).count("drawn") == 2, "drawings: beside the notebook, and an output"


@pytest.mark.parametrize("line", [LONG_LINE, LONG_WORD])
def test_no_character_of_a_long_line_is_lost_or_off_the_page(folder, line):
    made = pages(printed(notebook_of(v4.new_code_cell(line)), folder))
    right = []

    def visit(text, page, matrix, font, size):
        if text.strip() and "DejaVu" in font["/BaseFont"]:
            width = len(text.replace("\u200b", "").strip("\n")) * 0.602 * size
            right.append(place((page, matrix), width)[0])

    text = "".join(page.extract_text(visitor_text=visit) for page in made)
    assert squeezed(line) in squeezed(text)
    assert "\n" in text.strip()
    assert 500 < max(right) < A4[0] - 56, "inside the margin of 20 mm"


def test_a_very_long_cell_runs_over_pages_and_loses_nothing(folder):
    code = "\n".join(f"line_{n:03d} = {n}" for n in range(300))
    output = v4.new_output("stream", name="stdout", text=code.replace("line", "said"))
    made = pages(printed(notebook_of(v4.new_code_cell(code, outputs=[output])), folder))
    text = "\n".join(page.extract_text() for page in made)
    assert len(made) >= 8
    assert re.findall(r"line_(\d{3})", text) == [f"{n:03d}" for n in range(300)]
    assert re.findall(r"said_(\d{3})", text) == [f"{n:03d}" for n in range(300)]


def answer(source, kind, points):
    cell = getattr(v4, f"new_{kind}_cell")(source)
    cell.metadata["nbgrader"] = {
        "grade": points is not None,
        "grade_id": "why",
        "locked": False,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }
    if points is not None:
        cell.metadata["nbgrader"]["points"] = points
    return cell


def bottom_of(pdf, word):
    """How far down the first page a word stands, in points."""
    found = []

    def visit(text, page, matrix, font, size):
        if word in text:
            found.append(A4[1] - place((page, matrix))[1])

    pages(pdf)[0].extract_text(visitor_text=visit)
    return found[0]


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("markdown", "*Your answer here.*"),
        ("code", 'raise NotImplementedError("f: your code is missing here")'),
    ],
)
def test_students_have_room_to_write_and_solutions_waste_none(folder, kind, source):
    notebook = notebook_of(answer(source, kind, 2), v4.new_markdown_cell("Afterwards"))
    student = printed(notebook, folder, solution=False)
    solution = printed(notebook, folder, solution=True)
    millimetre = 72 / 25.4
    more = bottom_of(student, "Afterwards") - bottom_of(solution, "Afterwards")
    assert more > 25 * millimetre
    assert "Your answer · why · 2 points" in text_of(student)
    assert "Solution · why · 2 points" in text_of(solution)
    assert "Name:" in text_of(student)
    assert "Name:" not in text_of(solution)


def test_the_same_notebook_gives_the_same_bytes(folder):
    assert printed(everything(), folder) == printed(everything(), folder)


def test_formulas_that_cannot_be_printed_are_named_with_notebook_and_cell(folder):
    notebook = notebook_of(
        v4.new_markdown_cell("fine $x$", id="fine"),
        v4.new_markdown_cell(r"bad $\foo{x}$ and $\bar x$", id="bad"),
        v4.new_markdown_cell(r"$$\mystery$$", id="worse"),
    )
    with pytest.raises(AuthoringError) as caught:
        printed(notebook, folder)
    first, second = caught.value.problems
    assert str(first).startswith(
        "solutions/lab99/lab99.ipynb: cell 2 (bad): this formula cannot be printed"
    )
    assert first.text == r"$\foo{x}$"
    assert (second.text, "cell 3 (worse)" in str(second)) == (r"$$\mystery$$", True)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("![x](figures/none.svg)", "there is no picture 'figures/none.svg' beside the notebook"),
        ("![x](../secret.svg)", "there is no picture '../secret.svg' beside the notebook"),
        ("![x](figures/figure.bmp)", "these kinds can: .svg, .png, .jpg, .jpeg, .gif"),
        ("![x](https://example.org/x.png)", "is on the web; put a copy beside the source"),
        ("text ![x](attachment:none.png)", "the cell has no picture 'attachment:none.png'"),
        ("![x](figures/broken.png)", "cannot be printed"),
        ("party 🎉 time", "no printing font has 🎉 (PARTY POPPER)"),
    ],
)
def test_what_cannot_be_printed_is_one_error_with_its_cell(folder, source, complaint):
    (folder / "figures" / "broken.png").write_bytes(b"no picture")
    (folder.parent / "secret.svg").write_text(SVG)
    cells = v4.new_markdown_cell("Fine."), v4.new_markdown_cell(source, id="culprit")
    with pytest.raises(AuthoringError) as caught:
        printed(notebook_of(*cells), folder)
    (problem,) = caught.value.problems
    assert "solutions/lab99/lab99.ipynb: cell 2 (culprit)" in str(problem)
    assert complaint in str(problem)


def test_an_output_that_cannot_be_printed_names_its_cell(folder):
    broken = v4.new_output("display_data", data={"image/png": "not base64!"})
    with pytest.raises(AuthoringError, match=r"cell 1 \(drawn\)"):
        printed(notebook_of(v4.new_code_cell("x", id="drawn", outputs=[broken])), folder)


def test_breaks_are_offered_in_long_lines_only_and_not_inside_names(folder):
    short = "value = torch.isfinite(bce_loss_stable(torch.tensor([0.0]),torch.tensor([1.0])))"
    long = "        " + short.replace("value", "a_longer_name_for_it")
    made = pages(printed(notebook_of(v4.new_code_cell(f"{short}\n{long}")), folder))
    text = made[0].extract_text()
    assert short in text
    for name in re.findall(r"[a-z_]{3,}", long):
        assert text.count(name) >= 2 or name.startswith("a_longer"), name
