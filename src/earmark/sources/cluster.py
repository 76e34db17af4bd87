"""Encoding on the machines of a Ray cluster (https://docs.ray.io): a task a piece, one at a time on every core.

Every process of Ray's loads the model once and keeps it. Tasks, not actors: when a machine is lost, its tasks run on
those that are left, while an actor waits for a machine of its own. What comes back is put into the library by the one
process that asked, in order and once, however often a task was begun; so adding again goes on where it ended.

The files have to be at the same paths on all machines, and Earmark of the same version, with the same model.
"""

from __future__ import annotations

from concurrent.futures import Future
from functools import lru_cache
from pathlib import Path

from earmark.errors import BadInput, EarmarkError
from earmark.model.encoders import Model, load
from earmark.sandbox.sandbox import Sandbox
from earmark.sources.encode import Embedded, Report, Work, encode
from earmark.sources.extent import Extent

ATTEMPTS = 3
"""At a piece whose process or machine is lost again and again, perhaps because of it."""
Told = Embedded | tuple[str, str, str]
"""What a task gives back: what it read, or a BadInput's three parts."""


class Cluster:
    """The Ray cluster at ``address``, with a model's name or folder; raises EarmarkError when there is none."""

    def __init__(self, address: str, model: str | Path, model_id: str) -> None:
        try:
            import ray
        except ImportError as error:
            raise EarmarkError("--ray needs Ray; install it with: pip install 'earmark[ray]'") from error
        try:
            ray.init(address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            told = str(error).splitlines()[0][:160]
            raise EarmarkError(f"{address}: no Ray cluster answers there ({told}); check the address") from error
        self._ray, self._model, self._model_id = ray, str(model), model_id
        self.jobs = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._encode = ray.remote(num_cpus=1, max_retries=ATTEMPTS)(_encode)

    def submit(self, work: Work, report: Report) -> Future[Embedded]:
        """See `Encoding.submit`; what is read is told when it has been."""
        done = Future[Embedded]()
        done.set_running_or_notify_cancel()

        def finish(told: Future[Told]) -> None:
            try:
                found = told.result()
                if isinstance(found, tuple):
                    raise BadInput(*found)
                report(_extent(found))
                done.set_result(found)
            except Exception as error:
                done.set_exception(error)

        self._encode.remote(work, self._model, self._model_id).future().add_done_callback(finish)
        return done

    def close(self, is_given_up: bool) -> None:
        """See `Encoding.close`: Ray ends the tasks of who leaves."""
        self._ray.shutdown()


def _encode(work: Work, model: str, model_id: str) -> Told:
    """The task, in a process of Ray's."""
    try:
        loaded, sandbox = _loaded(model)
        if loaded.model_id != model_id:
            return model, f"is another model there ({loaded.model_id})", "install the same one on all machines"
        return encode(work, loaded, sandbox, lambda extent: None)
    except BadInput as error:
        return error.path, error.what, error.remedy


@lru_cache(maxsize=1)
def _loaded(model: str) -> tuple[Model, Sandbox]:
    return load(model), Sandbox()


def _extent(found: Embedded) -> Extent:
    if found.recording:
        return Extent(seconds=found.recording.duration_s)
    return Extent(pages=len(found.piece.pages) if found.piece else 0)
