"""Real processes that die, are started again, and are stopped."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.support.waiting import wait_for
from worker.supervise import process
from worker.supervise.process import Part
from worker.supervise.supervisor import Supervisor

# Real processes that start, die and are waited for.
pytestmark = pytest.mark.slow

# Writes its process number to a file, then sleeps; {how} is run first.
SLEEPER = (
    "import os, signal, time; {how}; "
    "open({file!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(60)"
)


def sleeper(file, how: str = "pass", **more) -> Part:
    command = [sys.executable, "-c", SLEEPER.format(how=how, file=str(file))]
    return Part("sleeper", command, {}, **more)


def noting(file, then: str = "pass") -> list[str]:
    """A command that writes down its last argument."""
    program = f"import sys, time; open({str(file)!r}, 'a').write(sys.argv[1] + '\\n'); {then}"
    return [sys.executable, "-c", program]


NAME = "open({file!r}, 'a').write(os.environ['CXR_PROCESS_NAME'] + '\\n')"


def pids(file) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_part_that_is_killed_is_started_again(tmp_path):
    file = tmp_path / "pids"
    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.start(sleeper(file))
        first = wait_for(lambda: pids(file))[0]
        os.kill(first, signal.SIGKILL)

        def second() -> bool:
            supervisor.restart_dead()
            return len(pids(file)) == 2

        wait_for(second)
    assert not exists(pids(file)[1])


@pytest.mark.parametrize(
    ("healthy_after_s", "delays"),
    [(60.0, ["0.1", "0.2", "0.2"]), (0.0, ["0.1", "0.1", "0.1"])],
    ids=["it dies of its start: later and later", "it had been at work: at once"],
)
def test_how_long_a_dead_part_waits(tmp_path, monkeypatch, caplog, healthy_after_s, delays):
    monkeypatch.setattr(process, "FIRST_DELAY_S", 0.1)
    monkeypatch.setattr(process, "MAX_DELAY_S", 0.2)
    monkeypatch.setattr(process, "HEALTHY_AFTER_S", healthy_after_s)
    with Supervisor(tmp_path / "logs") as running:
        running.start(Part("dying", [sys.executable, "-c", "raise SystemExit(3)"], {}))

        def said() -> list[str]:
            running.restart_dead()
            return re.findall(r"starting it again in (\S+) s", caplog.text)

        wait_for(lambda: len(said()) >= len(delays))
        assert said()[: len(delays)] == delays


def test_a_part_that_cannot_be_started_now_is_started_later(tmp_path, monkeypatch, caplog):
    """Without memory or room on the disk: the other parts go on meanwhile."""
    monkeypatch.setattr(process, "FIRST_DELAY_S", 0.0)
    monkeypatch.setattr(process, "MAX_DELAY_S", 0.0)
    program, file = tmp_path / "program", tmp_path / "pids"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o700)
    with Supervisor() as supervisor:
        part = Part("part", [str(program)], {}, after_death=[str(program)])
        supervisor.start(part).wait()
        program.rename(tmp_path / "elsewhere")
        for _ in range(3):
            supervisor.restart_dead()
        assert "part is not cleaned up after" in caplog.text
        assert "part cannot be started" in caplog.text
        program.write_text(f"#!/bin/sh\necho $$ >> {file}\n")
        program.chmod(0o700)

        def started() -> bool:
            supervisor.restart_dead()
            return bool(pids(file))

        wait_for(started)


def test_a_part_that_ignores_sigterm_is_killed_after_its_grace(tmp_path):
    file, dead = tmp_path / "pids", tmp_path / "dead"
    ignoring = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    supervisor = Supervisor(tmp_path / "logs")
    process = supervisor.start(sleeper(file, ignoring, grace_s=0.3, after_death=noting(dead)))
    wait_for(lambda: pids(file))
    started = time.monotonic()
    supervisor.stop()
    assert process.returncode == -signal.SIGKILL
    assert time.monotonic() - started < 10
    assert len(dead.read_text().split()) == 1, "what it held is given back before the end"


def test_what_a_dead_process_held_is_given_back_by_its_name(tmp_path):
    file, names, dead = tmp_path / "pids", tmp_path / "names", tmp_path / "dead"
    # The first takes for ever, as when the database is locked: nothing waits for it.
    after = noting(dead, "time.sleep(60)")
    part = sleeper(file, NAME.format(file=str(names)), after_death=after)
    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.start(part)
        for deaths in (1, 2):
            wait_for(lambda deaths=deaths: len(pids(file)) == deaths)
            os.kill(pids(file)[-1], signal.SIGKILL)

            def next_one(deaths: int = deaths) -> bool:
                supervisor.restart_dead()
                return len(pids(file)) == deaths + 1 and len(dead.read_text().split()) == deaths

            wait_for(next_one)
        # It stops in order: nothing is to be given back.
    first, second, third = names.read_text().split()
    assert len({first, second, third}) == 3
    assert dead.read_text().split() == [first, second]


def test_parts_end_when_the_supervisor_is_killed(tmp_path):
    file = tmp_path / "pids"
    program = (
        "import sys, pathlib\n"
        "from worker.supervise.process import Part\n"
        "from worker.supervise.supervisor import Supervisor\n"
        "with Supervisor() as supervisor:\n"
        f"    supervisor.start(Part('sleeper', {sleeper(file).command!r}, {{}}))\n"
        "    supervisor.watch()\n"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", program])
    pid = wait_for(lambda: pids(file))[0]
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: not exists(pid))


def test_what_a_part_says_is_in_its_log(tmp_path):
    with Supervisor(tmp_path / "logs") as supervisor:
        process = supervisor.start(Part("speaker", [sys.executable, "-c", "print('hello')"], {}))
        process.wait(10)
    assert (tmp_path / "logs" / "speaker.log").read_text() == "hello\n"


def test_the_log_of_a_part_that_goes_on_talking_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "MAX_LOG_BYTES", 10)
    log, former = tmp_path / "logs" / "speaker.log", tmp_path / "logs" / "speaker.old.log"
    program = (
        "import pathlib, time\n"
        "print('a first line', flush=True)\n"
        f"while not pathlib.Path({str(tmp_path / 'go')!r}).exists(): time.sleep(0.01)\n"
        "print('after', flush=True); time.sleep(60)"
    )
    with Supervisor(tmp_path / "logs") as supervisor:
        part = supervisor.start(Part("speaker", [sys.executable, "-c", program], {}))
        wait_for(lambda: log.stat().st_size > 10)
        supervisor.cut_logs()
        assert (former.read_text(), log.read_text()) == ("a first line\n", "")
        (tmp_path / "go").touch()
        wait_for(lambda: log.read_text() == "after\n")
        supervisor.cut_logs()
        assert part.poll() is None
    assert (former.read_text(), log.read_text()) == ("a first line\n", "after\n")


def test_a_full_log_that_cannot_be_kept_does_not_grow_on(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(process, "MAX_LOG_BYTES", 3)
    (tmp_path / "logs" / "speaker.old.log").mkdir(parents=True)
    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.start(Part("speaker", [sys.executable, "-c", "print('hello')"], {})).wait(10)
        supervisor.cut_logs()
        assert "the full log of speaker is not kept" in caplog.text
        assert (tmp_path / "logs" / "speaker.log").read_text() == ""
        (tmp_path / "logs" / "speaker.log").unlink()
        supervisor.cut_logs()  # that is no reason to end


def test_waiting_ends_when_a_part_dies(tmp_path):
    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.start(Part("dying", [sys.executable, "-c", "raise SystemExit(3)"], {}))
        assert not supervisor.wait_until(lambda: False, timeout_s=30)


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "exit code 0"), (3, "exit code 3"), (-9, "SIGKILL"), (-40, "signal 40")],
)
def test_why_a_part_stopped(code, words):
    assert process._reason(code) == words
