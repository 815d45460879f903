"""The language host and the command plugin under the real CLI, against an SSH server on the loopback interface.

Nothing here is about the stand-ins: the official engine must pass as well (`make ENGINE=path engine engine-tests`).
"""

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.project import PATIENCE, Project, processes_of
from tests.engine.ssh_server import CLIENT, Server, private, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "nas").mkdir()
    with serving(Server(tmp_path / "nas")) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, server: Server) -> Iterator[Project]:
    (tmp_path / "project").mkdir()
    made = Project(tmp_path / "project", server)
    yield made
    deadline = time.monotonic() + 60
    while left := processes_of(made.folder):
        assert time.monotonic() < deadline, f"processes of the engine are left: {left}"
        time.sleep(0.1)


# --- commands -----------------------------------------------------------------------------------------------------


def test_a_command_is_created_kept_refreshed_and_destroyed(project: Project, server: Server) -> None:
    project.program("c = command('c', 'cat', delete='echo gone', stdin='hello\\n')\npulumi.export('said', c.stdout)\n")
    preview = project.pulumi("preview")
    assert "2 to create" in preview.text
    assert server.connections == 0
    project.up()
    assert project.output("said") == "hello"
    assert re.fullmatch("c[0-9a-f]{8}", project.resources()["c"]["id"])
    project.expect_no_changes()
    assert "2 unchanged" in project.pulumi("refresh", "--yes", "--skip-preview").text
    project.expect_no_changes()
    assert server.commands == ["cat"]
    project.destroy()
    assert server.commands == ["cat", "echo gone"]
    assert project.resources() == {}


def test_a_change_of_stdin_runs_create_again_where_there_is_no_update(project: Project, server: Server) -> None:
    program = "c = command('c', 'cat', delete='rm -f x', stdin='{}')\npulumi.export('said', c.stdout)\n"
    project.program(program.format("one"))
    project.up()
    before = project.resources()["c"]["id"]
    project.program(program.format("two"))
    assert project.steps() == {"c": "update"}
    project.up()
    assert server.commands == ["cat", "cat"]
    assert project.output("said") == "two"
    assert project.resources()["c"]["id"] == before
    project.expect_no_changes()


def test_update_is_run_with_the_new_settings_where_there_is_one(project: Project, server: Server) -> None:
    program = "c = command('c', 'cat', update='echo updated; cat', stdin='{}')\npulumi.export('said', c.stdout)\n"
    project.program(program.format("one"))
    project.up()
    project.program(program.format("two"))
    project.up()
    assert server.commands == ["cat", "echo updated; cat"]
    assert project.output("said") == "updated\ntwo"


def test_a_change_of_the_connection_is_an_update(project: Project, server: Server) -> None:
    project.program("command('c', 'true')\n")
    project.up()
    project.reach(server, user="other")
    assert project.steps() == {"c": "update"}
    project.up()
    assert server.users == ["nas", "other"]


def test_delete_goes_by_what_is_in_the_state(project: Project, server: Server) -> None:
    project.program("command('c', 'true', delete='echo one; cat', stdin='x')\n")
    project.up()
    project.program("")
    project.up()
    assert server.commands == ["true", "echo one; cat"]


def test_a_trigger_replaces_and_the_old_delete_runs_last(project: Project, server: Server) -> None:
    program = "command('c', 'echo {0}', delete='echo del {0}', triggers=['{0}'])\n"
    project.program(program.format("one"))
    project.up()
    project.program(program.format("two"))
    assert project.steps()["c"] in ("replace", "create-replacement", "delete-replaced")
    project.up()
    assert server.commands == ["echo one", "echo two", "echo del one"]
    project.expect_no_changes()


def test_delete_before_replace_turns_the_order_round(project: Project, server: Server) -> None:
    program = (
        "command('c', 'echo {0}', delete='echo del {0}', triggers=['{0}'],"
        " opts=pulumi.ResourceOptions(delete_before_replace=True))\n"
    )
    project.program(program.format("one"))
    project.up()
    project.program(program.format("two"))
    project.up()
    assert server.commands == ["echo one", "echo del one", "echo two"]


def test_a_failed_create_leaves_no_state_and_is_tried_again(project: Project, server: Server) -> None:
    project.program("command('c', 'echo reason >&2; exit 3', delete='echo del')\n")
    failed = project.up(ok=False)
    assert "Process exited with status 3" in failed.text
    assert "reason" in failed.text
    assert "c" not in project.resources()
    project.program("command('c', 'true', delete='echo del')\n")
    project.up()
    assert server.commands == ["echo reason >&2; exit 3", "true"]


def test_a_failed_update_keeps_the_old_state(project: Project, server: Server) -> None:
    project.program("command('c', 'true', stdin='old')\n")
    project.up()
    project.program("command('c', 'true', update='exit 1', stdin='new')\n")
    project.up(ok=False)
    assert project.resources()["c"]["inputs"]["stdin"] == "old"
    assert project.steps() == {"c": "update"}


def test_a_failed_delete_keeps_the_resource(project: Project, server: Server) -> None:
    project.program("command('c', 'true', delete='[ -e done ] || exit 7')\n")
    project.up()
    assert "Process exited with status 7" in project.destroy(ok=False).text
    assert "c" in project.resources()
    (server.folder / "done").touch()
    project.destroy()


def test_several_commands_run_at_once(project: Project, server: Server) -> None:
    project.program(
        "for n in range(6):\n"
        "    command(f'c{n}', f'touch job{n}; until [ $(ls job* | wc -l) -ge 6 ]; do sleep 0.05; done')\n"
    )
    project.up(True, "--parallel", "8")
    assert len(server.commands) == server.connections == 6


def test_a_host_key_that_does_not_match_stops_everything(project: Project, server: Server) -> None:
    project.reach(server, host_key=CLIENT.export_public_key().decode())
    project.program("command('c', 'true')\n")
    failed = project.up(ok=False)
    assert "after 1 failed attempts: ssh: handshake failed: ssh: host key mismatch" in failed.text
    assert server.logins == 0


def test_secrets_are_neither_shown_nor_written(project: Project, server: Server) -> None:
    project.program("command('c', 'wc -c', stdin=pulumi.Output.secret('the hidden word'), delete='true')\n")
    said = project.pulumi("preview", "--diff").text + project.up(True, "--diff").text
    project.program("command('c', 'exit 1', stdin=pulumi.Output.secret('the hidden word, changed'), delete='true')\n")
    said += project.up(False, "--diff").text + project.pulumi("stack", "export").text
    body = private(CLIENT).splitlines()[1]
    for hidden in ("the hidden word", body):
        assert hidden not in said
        assert hidden not in project.state_files()


# --- programs -----------------------------------------------------------------------------------------------------


def test_what_a_program_prints_is_shown(project: Project) -> None:
    project.program("print('to stdout')\nprint('to stderr', file=sys.stderr)\npulumi.log.warn('a warning')\n")
    said = project.up().text
    for line in ("to stdout", "to stderr", "warning: a warning"):
        assert line in said


def test_a_users_mistake_shows_its_message_and_no_traceback(project: Project) -> None:
    project.program("raise pulumi.RunError('fix this:\\n  -> that way')\n")
    failed = project.up(ok=False).text
    assert "error: fix this:" in failed
    assert "-> that way" in failed
    assert "Traceback" not in failed


def test_a_programs_own_error_shows_its_traceback_from_its_first_line(project: Project) -> None:
    (project.folder / "helper.py").write_text("def go():\n    raise ValueError('a bug')\n")
    project.program("import helper\nhelper.go()\n")
    failed = project.up(ok=False).text
    assert "error: Program failed with an unhandled exception:" in failed
    frames = re.findall(r'File "([^"]+)"', failed)
    assert [Path(frame).name for frame in frames[-2:]] == ["__main__.py", "helper.py"]
    assert not any("runtime/stack.py" in frame for frame in frames)
    assert "ValueError: a bug" in failed


def test_a_syntax_error_is_shown_with_its_line(project: Project) -> None:
    project.program("x = = 1\n", prelude=False)
    failed = project.pulumi("preview", ok=False).text
    assert "SyntaxError" in failed
    assert "x = = 1" in failed


def test_an_error_inside_apply_fails_the_run(project: Project) -> None:
    project.program(
        "def boom(_):\n    raise ValueError('in apply')\npulumi.export('x', pulumi.Output.from_input(1).apply(boom))\n"
    )
    assert "ValueError: in apply" in project.up(ok=False).text


def test_a_program_that_exits_by_itself_fails_with_its_code(project: Project) -> None:
    project.program("sys.exit(5)\n")
    project.up(ok=False)


def test_a_program_runs_in_its_folder_with_its_own_modules_and_a_fresh_python(project: Project) -> None:
    (project.folder / "beside.py").write_text("runs = []\n")
    project.program(
        "import os, beside\nbeside.runs.append(1)\n"
        "pulumi.export('is', [os.getcwd(), str(Path(__file__).resolve()), len(beside.runs), __name__])\n"
    )
    project.pulumi("up", "--yes")  # two runs by one host: for the preview and for the update
    main = project.folder / "__main__.py"
    assert project.output("is") == [str(project.folder), str(main.resolve()), 1, "__main__"]


def test_configuration_arrives_and_its_secrets_stay_secret(project: Project) -> None:
    project.pulumi("config", "set", "plain", "seen")
    project.pulumi("config", "set", "--secret", "word", "hidden in the configuration")
    project.program(
        "c = pulumi.Config()\npulumi.export('plain', c.require('plain'))\n"
        "pulumi.export('names', [pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.is_dry_run()])\n"
        "pulumi.export('word', c.require_secret('word'))\n"
    )
    said = project.up().text
    assert project.output("plain") == "seen"
    assert project.output("names") == ["engine-test", "test", False]
    assert "[secret]" in said
    assert "hidden in the configuration" not in said + project.state_files()


def test_the_engine_is_told_which_plugins_a_program_needs(project: Project) -> None:
    project.program("")
    about = project.pulumi("about").text
    assert re.search(r"resource\s+command\s+1\.2\.1", about)
    assert re.search(r"resource\s+docker\s+5\.2\.0", about)
    assert re.search(r"language\s+python", about)


def test_nobody_is_warned_about_plugins(project: Project) -> None:
    project.program("command('c', 'true')\n")
    # With ENGINE=path they may lie on PATH, which is worth a warning to the engine.
    lines = [line.strip() for line in project.up().text.splitlines() if line.strip().startswith("warning:")]
    assert [line for line in lines if not re.match(r"warning: using pulumi-\S+ from \$PATH", line)] == []


def test_an_interrupt_lets_the_running_command_end_and_shows_no_traceback(project: Project, server: Server) -> None:
    # c ends when this test wants it, and d keeps the run from ending before an interrupt that is slow to arrive.
    waits = "n=0; until [ -e go ] || [ $n = 2000 ]; do sleep 0.05; n=$((n + 1)); done; touch done"
    project.program(
        f"c = command('c', '{waits}')\ncommand('d', 'sleep 20', opts=pulumi.ResourceOptions(depends_on=c))\n"
    )
    with project.start("up", "--yes", "--skip-preview") as running:
        assert running.stdout
        deadline = time.monotonic() + PATIENCE
        while waits not in server.commands:
            assert running.poll() is None and time.monotonic() < deadline, "the command never ran"
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        text = ""
        while "received; cancelling" not in text:
            line = running.stdout.readline()
            assert line, f"it ended without a word about the interrupt: {text}"
            text += line
        assert not (server.folder / "done").exists()
        (server.folder / "go").touch()
        text += running.communicate(timeout=PATIENCE)[0]
    assert running.returncode != 0
    assert "Traceback" not in text
    assert (server.folder / "done").exists()
