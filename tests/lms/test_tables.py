"""CSV files of other systems: what stands between cells, and which texts are numbers."""

import pytest

from deltarule.errors import UsageError
from deltarule.lms.tables import as_number, harmless, read_table


def read(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return read_table(path)


@pytest.mark.parametrize(
    ("text", "delimiter", "header"),
    [
        ('ID,"a; b; c; d",x\n', ",", ("ID", "a; b; c; d", "x")),
        ('ID;"Lab 1, 2, 3 (7)";x\n', ";", ("ID", "Lab 1, 2, 3 (7)", "x")),
        ('"a,b;c,d"\t"x"\n', "\t", ("a,b;c,d", "x")),
        ('"two\nlines, and ""more"", here";x\n', ";", ('two\nlines, and "more", here', "x")),
        ('\n\r\n"a, b";x;y\n', ";", ("a, b", "x", "y")),
        ("alone\n", ",", ("alone",)),
    ],
)
def test_what_stands_in_quotes_does_not_separate_cells(tmp_path, text, delimiter, header):
    table = read(tmp_path, text)
    assert (table.delimiter, table.header) == (delimiter, header)


def test_a_file_that_is_none_with_any_delimiter_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is no CSV file"):
        read(tmp_path, '"a"b,"c"d\n')


def test_a_column_that_stands_twice_is_nobodys(tmp_path):
    table = read(tmp_path, "ID,Grade, grade\n1,2,3\n")
    assert table.column("id") == 0
    assert table.column("none") is None
    assert table.has("Grade")
    with pytest.raises(UsageError, match=r"table.csv has the column 'Grade' twice"):
        table.column("Grade")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("7", 7), (" 9.5 ", 9.5), ("-1.25", -1.25), ("+5", 5), (".5", 0.5), ("10.000", 10)),
        *(("0,5", 0.5), ("12,5", 12.5), ("10,00", 10), ("0,500", 0.5), ("1234,567", 1234.567)),
        *(("1,234.5", 1234.5), ("1,000.00", 1000), ("12,345,678", 12345678), ("-1,234.5", -1234.5)),
        *(("1,000", None), ("-12,345", None), ("999,999", None)),
        *(("1,23,456", None), ("1,2.5", None), ("0,123.5", None), ("1.234,5", None)),
        *(("", None), ("-", None), ("7 points", None), ("1e3", None), ("nan", None)),
    ],
)
def test_a_number_is_read_only_where_it_can_be_one_alone(text, number):
    assert as_number(text) == number


def test_a_number_that_is_not_sure_is_still_no_formula(tmp_path):
    assert harmless(("-1,234.5", "-1,000")) == ("-1,234.5", "'-1,000")
