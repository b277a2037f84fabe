"""The commands for corrections: what they list and refuse."""

from __future__ import annotations

from brokerlake.cli import main
from brokerlake.privacy.restrictions import LIFT, RESTRICT, decide
from brokerlake.settings import load_settings


def test_restrict__list__names_who_is_restricted_today_with_reason(tmp_path, capsys):
    home = ["--home", str(tmp_path)]
    assert main([*home, "restrict", "--list"]) == 0
    assert capsys.readouterr().out.strip() == "nobody is restricted"
    settings = load_settings(home=home[1])
    for customer, action in (("1000000042", RESTRICT), ("1000000043", RESTRICT), ("1000000042", LIFT)):
        decide(settings, customer, action, "case 17")
    assert main([*home, "restrict", "--list"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("1000000043 since ") and line.endswith(" UTC: case 17")
    assert main([*home, "restrict", "--customer", "1000000043"]) != 0
    assert "say --customer and --why, or --list" in capsys.readouterr().err
