"""What every benchmark ends with: a results file and Markdown tables made from it, and the machine and the code that
the figures are of."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.support.command import run
from earmark.files import write_json


def machine() -> dict[str, Any]:
    """Processor, cores, memory and software; ``load`` is the mean number of busy cores of the last minute.

    A load near or above the number of cores before the start means that the figures are of a busy machine.
    """
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    packages = ("earmark", "onnxruntime", "faiss-cpu", "numpy", "av", "pypdfium2")
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory_bytes / 1e9, 1),
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in packages},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # the code is run where it lies
        return "not installed"


def describe(machine: dict[str, Any]) -> str:
    """The machine in one line."""
    return (
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gb']} GB, {machine['system']}, "
        f"Python {machine['python']}; load before the start {machine['load']}"
    )


def begin(model: str | None) -> dict[str, Any]:
    """What every results file begins with: the weights' identifier (None: no weights are measured), the code's
    revision, the machine, which is printed, too.

    The model is loaded by another process: this one stays smaller than those whose memory it measures.
    """
    about = machine()
    print(describe(about), flush=True)
    stated = [sys.executable, "-m", "benchmarks.support.stages", "model_id"]
    model_id = run([*stated, model]).json()["model"] if model else None
    described = run(["git", "describe", "--always", "--dirty=+"])
    revision = described.output.strip() if described.exit_code == 0 else None
    return {"model": model_id, "revision": revision, "machine": about}


def finish(results: dict[str, Any], tables: dict[str, str], path: Path | None) -> None:
    """Prints the tables; writes the results to ``path`` if it is given."""
    print("\n" + "\n\n".join(tables.values()))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, results)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; the first column is aligned left, the others right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def by_clock(results: dict[str, Any], seconds: str) -> str:
    """Seconds of a clock as they are shown: a dash where the machine was busy, which makes them too long."""
    about = results["machine"]
    return seconds if about["load"] < about["cores"] else "–"


def measured_with(results: dict[str, Any]) -> str:
    """Which weights, code and machine the figures are of, as a sentence of Markdown."""
    about = results["machine"]
    where = (
        f",\non {about['cores']} cores of {about['processor']}, {about['load']:.1f} busy before the start"
        if about
        else ""
    )
    weights = f" with `{results['model']}`" if results["model"] else ""
    said = f"Measured{weights} at commit `{results['revision']}`"
    return f"{said}{where}."


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or "unknown"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
