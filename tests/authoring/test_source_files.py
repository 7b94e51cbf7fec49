"""Source files as they come: line ends, byte order marks, headers, odd characters."""

import pytest

from deltarule.authoring import parse, solution
from deltarule.authoring.source import read_source
from deltarule.errors import AuthoringError

BODY = "Text.\n\n```python\nx = 1\n#!MSG lost\n```\n\nMore text.\n"


def warned_lines(source):
    return [warning.line for warning in parse(source, strict=False)[1].warnings]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_do_not_matter(line_end, mark, source):
    source.write_bytes((mark + BODY.replace("\n", line_end)).encode())
    assert [cell.kind for cell in read_source(source).cells] == ["markdown", "code", "markdown"]
    assert warned_lines(source) == [5]


def test_a_header_after_a_byte_order_mark_is_read(source):
    source.write_bytes(
        "\ufeff---\r\njupyter: {deltarule: {title: Läb}}\r\n---\r\n\r\nText.".encode()
    )
    assert read_source(source).header.title == "Läb"


@pytest.mark.parametrize("text", ["", "\n", "\n\n\n", " \n\t\n"])
def test_an_empty_file_is_an_empty_notebook(text, source):
    source.write_text(text, encoding="utf-8")
    notebook, report = parse(source)
    assert solution(notebook).cells == []
    assert report.warnings == []


def test_a_file_without_header_gets_the_python_kernel(source):
    source.write_text(BODY, encoding="utf-8")
    assert read_source(source).kernelspec["name"] == "python3"


def test_a_header_without_kernel_gets_the_python_kernel(source):
    source.write_text("---\njupyter:\n  deltarule:\n    title: A\n---\n\n" + BODY, encoding="utf-8")
    raw = read_source(source)
    assert raw.kernelspec == {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert raw.header.title == "A"


def test_half_a_kernel_is_completed(source):
    source.write_text(
        "---\njupyter: {kernelspec: {name: conda-dl}}\n---\n\nText.", encoding="utf-8"
    )
    assert read_source(source).kernelspec == {
        "display_name": "Python 3",
        "language": "python",
        "name": "conda-dl",
    }


def test_all_settings_of_the_header_are_read(source):
    source.write_text(
        "---\njupyter:\n  deltarule:\n    title: Lab 4\n    points: {automatic: 12, manual: 8.5}\n"
        "    limits: {cell_seconds: 60, memory_mb: 2000}\n"
        "    survivors: {sum-for-mean: the batch has one sample}\n---\n\nText.\n",
        encoding="utf-8",
    )
    header = read_source(source).header
    assert header.title == "Lab 4"
    assert header.points == {"automatic": 12.0, "manual": 8.5}
    assert header.limits == {"cell_seconds": 60.0, "memory_mb": 2000.0}
    assert header.survivors == {"sum-for-mean": "the batch has one sample"}


def test_a_file_may_begin_with_a_tag(source):
    source.write_text("#!TAG HWBEGIN intro\nsecret\n#!TAG HWEND\n", encoding="utf-8")
    assert read_source(source).cells[0].lines[0].text == "#!TAG HWBEGIN intro"


def test_a_file_may_begin_with_a_horizontal_rule(source):
    source.write_text("---\n\nText.\n\n---\n\nMore.\n", encoding="utf-8")
    text = "\n".join(line.text for cell in read_source(source).cells for line in cell.lines)
    assert "Text." in text
    assert "More." in text


def test_a_shell_cell_at_the_top_stays_a_shell_cell(source):
    source.write_text("```bash\nls\n```\n", encoding="utf-8")
    assert [line.text for line in read_source(source).cells[0].lines] == ["%%bash", "ls"]


@pytest.mark.parametrize("separator", ["\f", "\v", "\x1c", "\x85", "\u2028", "\u2029"])
def test_characters_that_only_python_takes_for_line_breaks_are_kept(separator, source):
    source.write_text(
        f"a{separator}b\n\n```python\nx = '{separator}'\n#!MSG lost\n```\n", encoding="utf-8"
    )
    text, code = read_source(source).cells
    assert text.lines[0].text == f"a{separator}b"
    assert code.lines[0].text == f"x = '{separator}'"
    assert warned_lines(source) == [5]


def test_a_cell_that_looks_like_the_header_is_found_below_it(source):
    source.write_text(
        "---\njupyter:\n  deltarule:\n    title: x\n---\n\n    title: x\n\n```python\ny\n```\n",
        encoding="utf-8",
    )
    assert [cell.first_line for cell in read_source(source).cells] == [7, 10]


def test_lines_are_numbered_as_in_the_file_for_every_kind_of_cell(source):
    text = (
        "Text\n\n\nAnother cell\n\n"
        '<!-- #region tags=["a"] -->\nIn\n\n\nregion\n<!-- #endregion -->\n\n'
        "```python\n\nx = 1\n```\n\n```bash\nls\n```\n\n<!-- #raw -->\nraw\n<!-- #endraw -->\n"
    )  # fmt: skip
    source.write_text(text, encoding="utf-8")
    in_file = text.split("\n")
    for cell in read_source(source).cells:
        for line in cell.lines:
            if line.text != "%%bash":
                assert in_file[line.number - 1] == line.text


def test_two_blanks_at_the_end_of_a_line_are_kept(source):
    source.write_text(
        "A line  \nbreak\n\n```python\ns = '''\nblank  \n'''\n```\n", encoding="utf-8"
    )
    text, code = solution(parse(source)[0]).cells
    assert text.source == "A line  \nbreak"
    assert code.source == "s = '''\nblank  \n'''"


def test_a_huge_cell_is_compiled(source):
    rows = [f"x_{i} = {i}" for i in range(5000)]
    rows[4000:4000] = ["#!TAG HWBEGIN big", "y = 1", "#!TAG HWEND"]
    source.write_text("```python\n" + "\n".join(rows) + "\n```\n", encoding="utf-8")
    (cell,) = parse(source)[0].cells
    assert cell.homework[0].line == 4002


def test_text_that_is_not_utf_8_is_refused_with_its_line(source):
    source.write_bytes(b"Text\nK\xe4se\n")
    with pytest.raises(AuthoringError) as raised:
        read_source(source)
    assert raised.value.problems[0].line == 2
    assert "save it as UTF-8" in raised.value.problems[0].message


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(AuthoringError, match="cannot be read"):
        read_source(tmp_path / "missing.md")
