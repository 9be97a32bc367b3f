import contextlib
import json
import re
import signal
import subprocess
import sys
import time

import pytest

from simulator.__main__ import main
from simulator.meta_wire import sign
from tests.simulator.wires import SHOP, TOKEN, call, wait_for

COMMAND = [sys.executable, "-m", "simulator"]


def run(*arguments, timeout=10):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=timeout, check=False)


@contextlib.contextmanager
def graph_process(tmp_path, *arguments):
    port_file = tmp_path / "graph.port"
    process = subprocess.Popen(
        [*COMMAND, "graph", "--port-file", str(port_file), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(port_file.exists)
        yield process, f"http://127.0.0.1:{int(port_file.read_text())}"
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_graph_process_says_one_line_and_stops_cleanly(tmp_path, how):
    with graph_process(tmp_path, "--account", f"{SHOP}={TOKEN}") as (process, url):
        body = {"recipient": {"id": "61"}, "message": {"text": "canary-text"}}
        assert call(url, "POST", f"/v25.0/{SHOP}/messages", body).status == 200

        started = time.monotonic()
        process.send_signal(how)
        out, err = process.communicate(timeout=5)

        assert (process.returncode, err) == (0, "")
        assert time.monotonic() - started < 1.5
        assert out.count("\n") == 1
        assert url in out
        assert "canary" not in out
        assert TOKEN not in out


def test_graph_process_starts_with_a_script(tmp_path):
    with graph_process(tmp_path, "--script", "http:400:100", "--lag", "2") as (_, url):
        body = {"recipient": {"id": "61"}, "message": {"text": "x"}}

        statuses = [call(url, "POST", "/v25.0/me/messages", body).status for _ in range(2)]

        assert statuses == [400, 200]
        assert call(url, "GET", "/_simulator/settings").json["lag_s"] == 2


def test_send_delivers_what_was_planned_and_says_so(receiver):
    done = run("send", "--url", receiver.url, "--secret", "s", "--count", "20", "--batch", "5", "--seed", "3")

    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"Sent 4: 4 × 200; .* Seed 3\.\n$", done.stdout)
    assert all(named["x-hub-signature-256"] == sign(raw, "s") for named, raw in receiver.got)


def test_send_tells_a_program_what_came_of_each_delivery(receiver, graph):
    done = run(
        *(
            "send",
            "--url",
            receiver.url,
            "--secret",
            "s",
            "--person",
            "61",
            "--text",
            "canary-text",
            "--json",
        ),
        *("--account", SHOP, "--duplicates", "1", "--clients", "2", "--rate", "200", "--graph", graph.url),
    )

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(line["what"] for line in lines) == ["again", "new"]
    assert {line["status"] for line in lines} == {200}
    assert all(line["correlation"].startswith("request-") for line in lines)
    [event] = lines[0]["events"]
    assert (event["kind"], event["person"]) == ("message", "61")
    assert "canary" not in done.stdout
    found = call(graph.url, "GET", f"/v25.0/{event['id']}?fields=message").json
    assert found["message"] == "canary-text"


def test_send_takes_a_body_of_ones_own(receiver, tmp_path):
    body = tmp_path / "body.json"
    body.write_text('{"object": "instagram", "entry": [], "text": "à"}')

    done = run("send", "--url", receiver.url, "--secret", "s", "--file", str(body))

    assert done.returncode == 0
    assert receiver.got[0][1] == b'{"object":"instagram","entry":[],"text":"\\u00e0"}'


def test_send_fails_when_nobody_listens(receiver):
    receiver.server_close()

    done = run("send", "--url", receiver.url, "--secret", "s")

    assert done.returncode == 1
    assert "1 × no answer" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["send", "--url", "nowhere", "--secret", "s"],
        ["send", "--url", "http://127.0.0.1:1/", "--secret", "s", "--count", "0"],
        ["send", "--url", "http://127.0.0.1:1/", "--secret", "s", "--kinds", "songs"],
        ["graph", "--account", "no-token"],
        ["graph", "--target", "http://127.0.0.1:1/"],
        ["graph", "--script", "fine"],
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(arguments, capsys):
    code = main(arguments)

    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert re.fullmatch(r"error: .*\.\n", said.err)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [(["--help"], "examples:"), (["graph", "--help"], "http:STATUS"), (["send", "--help"], "--forge")],
)
def test_help_shows_examples(arguments, shown, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)

    assert end.value.code == 0
    assert shown in capsys.readouterr().out


def test_port_in_use_is_said_in_one_sentence(graph, capsys):
    assert main(["graph", "--port", str(graph.port)]) == 1
    assert capsys.readouterr().err == "error: Address already in use\n"


def test_simulator_needs_nothing_but_the_standard_library():
    loaded = subprocess.run(
        [sys.executable, "-S", "-m", "simulator", "--help"], capture_output=True, text=True, check=False
    )

    assert loaded.returncode == 0
