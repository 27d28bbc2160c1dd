"""The whole log of each invocation.

MiniStack stops waiting for lines after milliseconds. On a busy machine, the last ones then belong to the next invocation,
which may never come. Node.js writes to a pipe before it continues, so the log is complete once the response is there: it
is in the pipe or was read (https://nodejs.org/docs/latest/api/process.html#a-note-on-process-io).
"""
import os
import select
import threading

from ministack.core.lambda_runtime import Worker


class Log:
    """What one process writes to standard error, as lines in a queue."""

    def __init__(self, process, lines):
        # A copy, since the process's own may be closed and its number be given to another file.
        self.fd = os.dup(process.stderr.fileno())
        self.lines = lines
        self.rest = b""
        self.ended = False
        self.lock = threading.Lock()

    def has_more(self, timeout_ms=None):
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return bool(poll.poll(timeout_ms))

    def read_available(self):
        with self.lock:
            while not self.ended and self.has_more(0):
                chunk = os.read(self.fd, 65536)
                self.ended = not chunk
                if self.ended and self.rest:
                    chunk = b"\n"
                *lines, self.rest = (self.rest + chunk).split(b"\n")
                for line in lines:
                    self.lines.put(line.decode("utf-8", "replace"))

    def read_to_the_end(self):
        while not self.ended:
            self.has_more()
            self.read_available()
        with self.lock:
            os.close(self.fd)


def install():
    creating = threading.Lock()
    spawn = Worker._spawn
    drain = Worker._drain_stderr_bounded

    def log_of(worker):
        with creating:
            if worker._whole_log is None:
                worker._whole_log = Log(worker._proc, worker._stderr_queue)
            return worker._whole_log

    def spawn_with_log(self):
        self._whole_log = None
        spawn(self)
        log_of(self)

    def drain_all(self, *args, **options):
        # Another kind of worker has its log elsewhere.
        if getattr(self, "_whole_log", None) is None:
            return drain(self, *args, **options)
        self._whole_log.read_available()
        return self._drain_stderr()

    Worker._spawn = spawn_with_log
    Worker._read_stderr = lambda self: log_of(self).read_to_the_end()
    Worker._drain_stderr_bounded = drain_all
