"""`compare` on a cluster of dask: workers in processes of their own, with keys of their own."""

from __future__ import annotations

import json
import os
import site
import threading
from pathlib import Path
from typing import Any

import pytest

from grok_live_widget import RehearsalServer
from grok_live_widget.experiments import load_results
from grok_live_widget.rehearsal import Unvoiced

from ..support.processes import process
from .environments import python_with, surroundings

pytestmark = [pytest.mark.peers, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
KEY = "a-key-that-only-the-workers-have"

# The client has no key, so that one which workers use is that of their environment.
SCRIPT = """
import json, os, sys
from dask.distributed import Client, LocalCluster
from grok_live_widget import compare

def tell(result):
    print(json.dumps([result.prompt, result.voice, result.error]), flush=True)

def main(url, folder, key):
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1",
        dashboard_address=None, env={"XAI_API_KEY": key},
    )
    with cluster, Client(cluster) as client:
        assert "XAI_API_KEY" not in os.environ
        executor = client.get_executor()
        results = compare(
            ["a", "b", "last"], voices=["nova", "onyx"], url=url, folder=folder,
            executor=executor, on_result=tell, progress=False,
        )
        own = compare("hi", partner=lambda turn: "heard " + turn.text, executor=executor)
        print(json.dumps([len(results), len(results.failed), own[0].reply.text]), flush=True)

if __name__ == "__main__":
    main(*sys.argv[1:3], sys.stdin.readline().strip())
"""


def test_a_cluster_of_processes_asks_with_its_own_keys_and_results_stream_back(
    tmp_path: Path,
) -> None:
    both, has_streamed = threading.Barrier(2), threading.Event()

    def partner(turn: Any) -> Unvoiced:
        if turn.text == "a":
            both.wait(60)  # Until both workers ask at the same time.
        elif turn.text == "last":
            assert has_streamed.wait(60)
        return Unvoiced(f"{turn.voice} {turn.text}")

    python = python_with("distributed>=2024.1", "dask>=2024.1")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    # The package and what it needs are those under test.
    ours = os.pathsep.join([str(ROOT), *site.getsitepackages()])
    environment = surroundings(PYTHONPATH=ours, PYTHONWARNINGS="error::UserWarning:distributed")
    folder = tmp_path / "run"
    with RehearsalServer(partner, api_key=KEY, speed=float("inf"), words=False) as server:
        command = [python, str(script), server.url(), str(folder)]
        with process(command, env=environment, stdin=-1, cwd=tmp_path) as running:
            assert running.stdin is not None
            assert running.stdout is not None
            print(KEY, file=running.stdin, flush=True)
            first = json.loads(running.stdout.readline())
            assert first[0] == "a"
            has_streamed.set()
            rest = [json.loads(line) for line in running.stdout]
        assert running.returncode == 0
    assert sorted([first, *rest[:-1]]) == [
        [prompt, voice, ""] for prompt in ("a", "b", "last") for voice in ("nova", "onyx")
    ]
    assert rest[-1] == [6, 0, "heard hi"]
    results = load_results(folder)
    assert [each.reply.text for each in results] == [
        f"{voice} {prompt}" for prompt in ("a", "b", "last") for voice in ("nova", "onyx")
    ]
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert KEY.encode() not in written
