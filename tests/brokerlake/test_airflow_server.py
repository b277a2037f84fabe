"""`make airflow` before anything starts: what it refuses, and the password it makes."""

from __future__ import annotations

import json
import socket

import pytest

from brokerlake.airflow_server import PASSWORDS, AirflowError, _password, airflow_running
from brokerlake.settings import load_settings


def test_airflow_running__port_is_taken__refused_in_one_line_before_anything_is_made(tmp_path):
    settings = load_settings(home=tmp_path, profile="standalone")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = pytest.raises(AirflowError, match=f"^airflow: port {port} is taken; BROKERLAKE_AIRFLOW_PORT chooses")
        with refused, airflow_running(settings, port):
            pass
    assert list(tmp_path.iterdir()) == []


def test_password__asked_for_twice__the_same_in_a_file_of_its_owner(tmp_path):
    first = _password(tmp_path)
    assert _password(tmp_path) == first and len(first) >= 12
    assert (tmp_path / PASSWORDS).stat().st_mode & 0o077 == 0
    assert json.loads((tmp_path / PASSWORDS).read_text()) == {"admin": first}
