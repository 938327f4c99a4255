"""A thread with a loop of its own: waited for from outside, never from within."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from grok_live_widget._threads import BackgroundTasks, LoopThread, ThreadQueue
from grok_live_widget.exceptions import ConfigurationError

from .support.waiting import wait_until_async


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    loop_thread = LoopThread("test-loop")
    yield loop_thread
    loop_thread.close()


async def thread_name() -> str:
    return threading.current_thread().name


def test_it_starts_when_first_needed_as_a_daemon_with_its_name(thread: LoopThread) -> None:
    assert not [each for each in threading.enumerate() if each.name == "test-loop"]
    assert thread.run(thread_name()) == "test-loop"
    (found,) = [each for each in threading.enumerate() if each.name == "test-loop"]
    assert found.daemon
    assert not thread.is_current


def test_all_work_shares_one_loop(thread: LoopThread) -> None:
    async def loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert thread.run(loop()) is thread.run(loop()) is thread.loop


def test_errors_come_out_where_the_result_would(thread: LoopThread) -> None:
    async def fail() -> None:
        raise ValueError("so it is")

    with pytest.raises(ValueError, match="so it is"):
        thread.run(fail())


def test_a_plain_function_is_called_on_the_loop(thread: LoopThread) -> None:
    called = threading.Event()
    thread.call(lambda: called.set() if thread.is_current else None)
    assert called.wait(10)


def test_waiting_on_its_own_thread_is_refused_with_the_cure(thread: LoopThread) -> None:
    async def wait_for_itself() -> None:
        thread.run(thread_name())

    with pytest.raises(ConfigurationError, match="_async"):
        thread.run(wait_for_itself())


async def test_awaiting_works_from_another_loop_and_from_its_own(thread: LoopThread) -> None:
    async def within() -> str:
        return await thread.arun(thread_name())

    assert await thread.arun(thread_name()) == "test-loop"
    assert await thread.arun(within()) == "test-loop"


def waiting(began: threading.Event, cancelled: threading.Event):
    async def wait() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    return wait()


def test_a_time_out_cancels_the_call_and_nothing_else(thread: LoopThread) -> None:
    other_began, other_cancelled = threading.Event(), threading.Event()
    thread.submit(waiting(other_began, other_cancelled))
    began, cancelled = threading.Event(), threading.Event()
    with pytest.raises(TimeoutError):
        thread.run(waiting(began, cancelled), timeout_s=0.01)
    assert cancelled.wait(10) or not began.is_set()
    assert other_began.wait(10)
    assert not other_cancelled.is_set()
    assert thread.run(thread_name()) == "test-loop"


@pytest.mark.skipif(sys.platform == "win32", reason="signals reach another thread otherwise there")
def test_an_interrupt_cancels_the_call_and_nothing_else(thread: LoopThread) -> None:
    began, cancelled = threading.Event(), threading.Event()
    main = threading.get_ident()

    def interrupt() -> None:
        began.wait(10)
        # The main thread may not have come to its waiting yet.
        while sys._current_frames()[main].f_code.co_name != "wait":
            pass
        signal.pthread_kill(main, signal.SIGINT)

    helper = threading.Thread(target=interrupt)
    helper.start()
    with pytest.raises(KeyboardInterrupt):
        thread.run(waiting(began, cancelled), timeout_s=10)
    helper.join()
    assert cancelled.wait(10)
    assert thread.run(thread_name()) == "test-loop"


async def test_cancelling_an_await_cancels_the_work(thread: LoopThread) -> None:
    began, cancelled = threading.Event(), threading.Event()
    task = asyncio.create_task(thread.arun(waiting(began, cancelled)))
    await asyncio.to_thread(began.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(cancelled.wait, 10)


def test_closing_cancels_what_runs_joins_the_thread_and_may_be_repeated() -> None:
    thread = LoopThread("closing")
    began, cancelled = threading.Event(), threading.Event()
    future = thread.submit(waiting(began, cancelled))
    loop = thread.loop
    assert began.wait(10)
    thread.close()
    thread.close()
    assert cancelled.is_set()
    assert future.cancelled()
    assert loop.is_closed()
    assert not [each for each in threading.enumerate() if each.name == "closing"]


def test_after_closing_it_starts_anew_when_needed() -> None:
    thread = LoopThread("again")
    first = thread.loop
    thread.close()
    assert thread.run(thread_name()) == "again"
    assert thread.loop is not first
    thread.close()


def test_it_may_be_closed_from_within(thread: LoopThread) -> None:
    loop = thread.loop
    (worker,) = [each for each in threading.enumerate() if each.name == "test-loop"]
    loop.call_soon_threadsafe(thread.close)
    worker.join(10)
    assert loop.is_closed()


def test_many_threads_that_start_it_at_once_get_the_same_loop() -> None:
    thread, loops = LoopThread("race"), set()
    gate = threading.Barrier(8)

    def ask() -> None:
        gate.wait()
        loops.add(thread.loop)

    askers = [threading.Thread(target=ask) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    thread.close()
    assert len(loops) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_makes_a_thread_of_its_own() -> None:
    script = """
import os
from grok_live_widget._threads import LoopThread
async def pid(): return os.getpid()
thread = LoopThread("forked")
assert thread.run(pid()) == os.getpid()
child = os.fork()
assert thread.run(pid(), 20) == os.getpid()
thread.close()
if not child:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    command = [sys.executable, "-W", "ignore", "-c", script]
    subprocess.run(command, check=True, timeout=60)


async def test_a_loop_makes_the_calls_that_came_before_it_was_known_too() -> None:
    queue, made = ThreadQueue(threading.current_thread()), []
    queue.submit(lambda: made.append("without a loop"))
    queue.use_loop(asyncio.get_running_loop())
    queue.submit(lambda: made.append("with one"))
    await wait_until_async(lambda: len(made) == 2)
    assert made == ["without a loop", "with one"]


async def test_background_tasks_run_without_a_reference_until_they_are_cancelled() -> None:
    tasks, done, cancelled = BackgroundTasks(), threading.Event(), threading.Event()
    began = threading.Event()

    async def finish() -> str:
        done.set()
        return "result"

    assert await tasks.spawn(finish()) == "result"
    tasks.spawn(waiting(began, cancelled))
    gc.collect()
    await asyncio.sleep(0)
    assert began.is_set()
    tasks.cancel()
    await asyncio.sleep(0)
    assert done.is_set()
    assert cancelled.is_set()


# --------------------------------------------------------------------------- failing starts
REFUSING = """
import asyncio, threading
from grok_live_widget import Talk

class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        {act}

asyncio.set_event_loop_policy(Policy())
try:
    Talk(partner="parrot").start()
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("act", "says"),
    [
        ("raise OSError(24, 'Too many open files')", "OSError: [Errno 24] Too many open files"),
        ("return None", "AttributeError: 'NoneType' object"),
        ("threading.Event().wait()", "it has not started in 5 s"),
    ],
)
def test_a_loop_that_does_not_start_is_an_error_with_the_cause(act: str, says: str) -> None:
    code = REFUSING.format(act=act)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert ran.stdout.startswith("ConfigurationError the event loop of the thread 'grok-live-talk'")
    assert says in ran.stdout
    assert ran.stderr == ""


@pytest.mark.parametrize(
    "patch",
    [
        "from gevent.monkey import patch_all; patch_all()",
        "from gevent.monkey import patch_all; patch_all(thread=False)",
        "from gevent.monkey import patch_all; patch_all(thread=False, select=False)",
        "import eventlet; eventlet.monkey_patch()",
    ],
)
def test_threads_that_are_patched_are_an_error_which_names_the_library(patch: str) -> None:
    library = patch.split()[1].partition(".")[0].rstrip(";")
    pytest.importorskip(library)
    code = f"""{patch}
from grok_live_widget import RehearsalServer, Talk
for start in (lambda: Talk(partner="parrot").start(), lambda: RehearsalServer().start()):
    try:
        start()
    except Exception as error:
        print(type(error).__name__, error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stdout.count(f"ConfigurationError {library} has replaced the threads") == 2
