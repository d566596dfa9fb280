from __future__ import annotations

import email
import json
import logging
import os
import threading
from email import policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from daemon.alerts.plan import Delivery
from daemon.alerts.targets import read_targets
from market.errors import OperatorError

# What apprise imports is its own business.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
SECRET = "hunter2-hunter2"
TOLD = Delivery(
    "local: Feed down", "No connection for 2 min.\n#7", True, ["<html>week</html>"], [7]
)


def targets(tmp_path: Path, *lines: str, mode: int = 0o600) -> Any:
    path = tmp_path / "targets"
    path.write_text("# mine\n\n" + "\n".join(lines) + "\n")
    path.chmod(mode)
    return read_targets(path)


class Hook(BaseHTTPRequestHandler):
    heard: list[dict[str, Any]]
    answer: int

    def do_POST(self) -> None:
        type(self).heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(type(self).answer)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hook() -> Any:
    """A webhook on loopback."""
    Hook.heard, Hook.answer = [], 200
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"json://user:{SECRET}@127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_gets_title_body_and_page(tmp_path: Path, hook: str) -> None:
    pytest.importorskip("apprise")
    (target,) = targets(tmp_path, hook)
    assert target.send(TOLD) == "" and target.name == "3: json"
    (heard,) = Hook.heard
    assert (heard["title"], heard["type"]) == (TOLD.title, "warning")
    assert heard["message"].startswith("No connection for 2 min.")
    assert heard["attachments"][0]["filename"] == "week.html"


def test_what_was_not_taken_is_said_without_the_address(
    tmp_path: Path, hook: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("apprise")
    (target,) = targets(tmp_path, hook)
    Hook.answer = 500
    with caplog.at_level(logging.DEBUG):
        said = target.send(TOLD)
    told = said + target.name + caplog.text + "".join(capfd.readouterr())
    assert said == "not taken" and SECRET not in told and "127.0.0.1" not in told


def test_sendmail_gets_a_mail_with_the_page_attached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "sendmail"
    program.write_text(f'#!/bin/sh\n[ "$*" = "-t -oi" ] || exit 2\ncat > {tmp_path}/mail\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    (target,) = targets(tmp_path, "sendmail://me@example.org")
    assert target.send(TOLD) == ""
    mail: Any = email.message_from_bytes((tmp_path / "mail").read_bytes(), policy=policy.default)
    assert (mail["To"], mail["Subject"]) == ("me@example.org", "local: Feed down")
    body, page = mail.iter_parts()
    assert body.get_content().startswith("No connection for 2 min.")
    assert (page.get_filename(), page.get_content().strip()) == ("week.html", "<html>week</html>")
    program.write_text("#!/bin/sh\nexit 75\n")
    assert target.send(TOLD) == "sendmail ended with 75"


def test_a_machine_without_sendmail_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("daemon.alerts.targets.subprocess.run", missing)
    (target,) = targets(tmp_path, "sendmail://me@example.org")
    assert target.send(TOLD) == "there is no sendmail on this machine"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "no target in it"),
        ((SECRET,), "line 3 is no address"),
        ((f"nosuch://{SECRET}",), "line 3: apprise knows no such nosuch address"),
    ],
)
def test_a_file_that_is_none_is_refused_without_its_secrets(
    tmp_path: Path, lines: tuple[str, ...], said: str
) -> None:
    pytest.importorskip("apprise")
    with pytest.raises(OperatorError) as caught:
        targets(tmp_path, *lines)
    assert said in str(caught.value) and SECRET not in str(caught.value)


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="chmod 600"):
        targets(tmp_path, "sendmail://me@example.org", mode=0o640)
    with pytest.raises(OperatorError, match=r"docs/alerts\.md"):
        read_targets(tmp_path / "none")


def test_a_credential_shows_the_mask_of_its_access_list_as_bits_of_a_group(tmp_path: Path) -> None:
    path = tmp_path / "targets"
    path.write_text("sendmail://me@example.org\n")
    path.chmod(0o440)
    assert [target.name for target in read_targets(path, credential=True)] == ["1: sendmail"]
    path.chmod(0o444)
    with pytest.raises(OperatorError, match="others can read it"):
        read_targets(path, credential=True)
