"""How commands end."""

import pytest

from meshrec.command_line import OneLineParser, run_command
from meshrec.errors import InvalidInput


def _raise(error):
    def main(arguments):
        raise error

    return main


def test_an_explained_error_becomes_one_line_on_stderr_and_code_2(capsys):
    assert run_command(_raise(InvalidInput("No person\nhere."))) == 2
    assert capsys.readouterr().err == "error: No person here.\n"


def test_an_interruption_ends_with_130(capsys):
    assert run_command(_raise(KeyboardInterrupt())) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run_command(_raise(ZeroDivisionError()))


def test_the_code_and_the_arguments_of_main_pass_through():
    assert run_command(lambda arguments: len(arguments), ["a", "b", "c"]) == 3
    assert run_command(lambda arguments: None, []) == 0


def test_a_wrong_option_is_one_line_and_code_2(capsys):
    parser = OneLineParser(prog="tool")
    parser.add_argument("--size", type=int)
    with pytest.raises(SystemExit) as ending:
        parser.parse_args(["--size", "large"])
    assert ending.value.code == 2
    assert capsys.readouterr().err == "error: argument --size: invalid int value: 'large' (see --help)\n"
