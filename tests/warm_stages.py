"""Runs stages as `python -m stages.<name>` does, many of them in a short time: what is slow to import is imported once.

A process of this module forks one child a run. Each line of its input is a run as JSON: `arguments` of the stage, its
`folder`, and what befalls it:

    {"limit": 64}                      no file may become longer than these bytes: the kernel refuses, as on a full disk
    {"signal": 2, "event": "..."}      the signal comes at Python's first audit event of that name, as sent by a user
                                       or a killer; with `within`, as soon as the stage is in that function
    {"reads": "file"}                  nothing: each key of params.yaml that code reads is added to the file, as
                                       "stage key"

Each line of its output is `code` (as of subprocess: negative for a signal) and `said` (stderr).
"""

import json
import os
import resource
import runpy
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class WarmStages:
    def __init__(self):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def run(self, folder: Path, *arguments: str, **befalls) -> tuple[int, str]:
        """Exit code and stderr of one run."""
        print(
            json.dumps({"folder": str(folder), "arguments": arguments, **befalls}), file=self._process.stdin, flush=True
        )
        answer = json.loads(self._process.stdout.readline())
        return answer["code"], answer["said"]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def _serve() -> None:
    import bm25s  # noqa: F401
    import faiss  # noqa: F401
    import gguf  # noqa: F401
    import langchain_openai  # noqa: F401
    import peft  # noqa: F401
    import sentence_transformers  # noqa: F401
    import transformers.modeling_gguf_pytorch_utils
    import transformers.models.llama.modeling_llama  # noqa: F401

    for line in sys.stdin:
        read, write = os.pipe()  # not a file: the limit is for files
        child = os.fork()
        if child == 0:
            os.dup2(write, 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.close(read)
            _become_stage(**json.loads(line))
        os.close(write)
        with os.fdopen(read, errors="replace") as said:
            text = said.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"code": code, "said": text}), flush=True)


def _become_stage(folder, arguments, limit=None, signal=None, event=None, within=None, reads=None) -> None:
    code = 1
    try:
        _befall(limit, signal, event, within)
        if reads:
            _record_reads("_".join(arguments[:2]) if arguments[0] == "answer" else arguments[0], Path(reads))
        os.chdir(folder)
        sys.argv = list(arguments)
        runpy.run_module(f"stages.{arguments[0]}", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _befall(limit, number, event, within) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores it
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if event is None:
        return
    came = False

    def hook(name: str, _) -> None:
        nonlocal came
        if name == event and not came:
            came = True
            if within is None:
                os.kill(os.getpid(), number)
            else:
                threading.Thread(target=strike, daemon=True).start()

    def strike() -> None:
        """`within` is "file:function", of what the main thread is in, the innermost."""
        file, function = within.split(":")
        while True:
            code = sys._current_frames()[threading.main_thread().ident].f_code
            if code.co_name == function and code.co_filename.endswith(file):
                break
            time.sleep(0.001)
        os.kill(os.getpid(), number)

    sys.addaudithook(hook)


def _record_reads(stage: str, file: Path) -> None:
    """Every read of an attribute of a params class counts; validating, comparing and dumping a whole one do not."""
    from tune_or_retrieve.base import params

    keys: dict[int, str] = {}
    kept = []  # so that no id is used again

    def read(key: str) -> None:
        with file.open("a") as lines:
            lines.write(f"{stage} {key}\n")

    def name(section: params.Section, key: str) -> params.Section:
        keys[id(section)] = key
        kept.append(section)
        for field, value in vars(section).items():
            if isinstance(value, params.Section):
                name(value, f"{key}.{field}")
        return section

    def attribute(section: params.Section, field: str):
        if field in type(section).model_fields and id(section) in keys:
            read(f"{keys[id(section)]}.{field}")
        return object.__getattribute__(section, field)

    load, load_value = params.load, params.load_value
    params.load = lambda key, *others: name(load(key, *others), key)
    params.load_value = lambda key, *others: (read(key), load_value(key, *others))[1]
    params.Section.__getattribute__ = attribute


if __name__ == "__main__":
    _serve()
