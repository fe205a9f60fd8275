"""Times whole processes side by side and compares them with resect's limits. Called by run.sh; standard library only.

usage: measure.py --resect PATH --python PATH --folder DIR [--built TEXT] [--rounds N] [--unsettled] [--update]

  --resect     the executable under test
  --python     a Python that has torch, torchvision, torchinfo and safetensors
  --folder     has checkpoints/resnet50.pth and checkpoints/resnet152.pth; outputs go beside them and are deleted
  --built      what the executable was built from, for the results
  --rounds     how often everything is repeated
  --unsettled  the three runs of a command follow each other and nothing is synced between them, as benchmark tools do it:
               a cp then meets what the cp before it left to write, and takes longer
  --update     write the results between the markers of Docs/Benchmarks.md

A round runs every quick command three times and every slow one once. Commands take turns, one run each, and each round
turns their order around. Before a run, everything that earlier runs left to write is synced, outside the measurement: no
command pays for another, and none for its own last run. The first run of each warms the cache and is not counted; from
then on outputs exist and are replaced. Peak memory is the largest of six further runs (slow commands: two) under
/usr/bin/time; where two networks are compared, the median.

Prints tables of Markdown. Exit status: 0 every limit is kept, 1 one is missed, 2 a command failed.
"""
import argparse
import datetime
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve().parent
REPORT = HERE.parents[1] / "Docs" / "Benchmarks.md"
BEGIN, END = "<!-- results: written by Tests/Benchmarks/run.sh --update -->", "<!-- end of results -->"
NETWORKS = {"resnet50": "ResNet-50", "resnet152": "ResNet-152"}
TURNS = 3  # of a quick command in a round
MEMORY_TURNS = 2  # of all commands; quick ones run three times in each
BUSY = 0.1  # of the processors: what others may take
EXPORT = ["--fold-bn", "--drop-fc-bias", "--dtype", "f16"]


# What is run.


@dataclass
class Command:
    label: str
    arguments: list
    slow: bool = False
    wall: list = field(default_factory=list)  # ms; one list a round
    processor: list = field(default_factory=list)  # ms
    peaks: list = field(default_factory=list)  # MB

    @property
    def median(self):
        return statistics.median(sum(self.wall, []))


def commands(resect, python, copy, source, folder):
    """Every command of one network, by a short name; `copy` is how `cp` is called."""
    def torch(job, *output):
        return [python, HERE / "with_torch.py", job, source, *output]

    return {
        "inspect": Command("`resect inspect`", [resect, "inspect", source]),
        "convert": Command("`resect convert`", [resect, "convert", "--force", source, folder / "converted.safetensors"]),
        "export": Command("`resect export --store --no-verify`",
                          [resect, "export", "--force", "--store", "--no-verify", *EXPORT, source, folder / "exported.resect"]),
        "export-proved": Command("`resect export`", [resect, "export", "--force", *EXPORT, source, folder / "proved.resect"]),
        "cp": Command("`cp`", [*copy, source, folder / "copied.pth"]),
        "cp-sync": Command("`cp`, then `sync` of the copy", [
            "/bin/sh", "-c", f'{" ".join(copy)} "$1" "$2" && sync "$2"', "sh", source, folder / "synced.pth"]),
        "torch-inspect": Command("torchinfo, with an image", torch("inspect"), slow=True),
        "torch-weights": Command("torchinfo, weights alone", torch("inspect-weights"), slow=True),
        "torch-convert": Command("torch, safetensors", torch("convert", folder / "by_torch.safetensors"), slow=True),
        "torch-export": Command("torch.fx, half, save", torch("export", folder / "by_torch.pth"), slow=True),
    }


def copy_command(folder):
    """`cp`, kept from sharing the blocks of the original where the file system can do that: it would copy nothing."""
    with tempfile.TemporaryDirectory(dir=folder) as trial:
        Path(trial, "a").write_bytes(bytes(1 << 20))
        shares = subprocess.run(["cp", "--reflink=always", f"{trial}/a", f"{trial}/b"], stderr=subprocess.DEVNULL)
    return ["cp", "--reflink=never"] if shares.returncode == 0 else ["cp"]


# How it is measured.


def stop(message):
    print(f"measure.py: {message}", file=sys.stderr)
    sys.exit(2)


def run(arguments):
    """Runs a command to its end: wall and processor time in ms. One that fails ends the measurement."""
    arguments = [os.fspath(argument) for argument in arguments]
    with tempfile.TemporaryFile() as errors:
        streams = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                   (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                   (os.POSIX_SPAWN_DUP2, errors.fileno(), 2)]
        begun = time.perf_counter()
        process = os.posix_spawnp(arguments[0], arguments, os.environ, file_actions=streams)
        _, status, usage = os.wait4(process, 0)
        wall = time.perf_counter() - begun
        if status != 0:
            errors.seek(0)
            stop(f"{' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}: "
                 f"{errors.read().decode(errors='replace').strip()}")
    return 1e3 * wall, 1e3 * (usage.ru_utime + usage.ru_stime)


def peak_memory(arguments):
    """The largest resident memory of one run in MB.

    By /usr/bin/time: a child begins with the peak of the process that starts it, and Python's is too large for that.
    """
    with tempfile.NamedTemporaryFile("r") as report:
        run(["/usr/bin/time", "--format=%M", f"--output={report.name}", *arguments])
        return int(report.read()) * 1024 / 1e6


def turns(these, reverse, unsettled):
    """The order of one round."""
    quick = [command for command in these if not command.slow]
    order = [command for command in quick for _ in range(TURNS)] if unsettled else quick * TURNS
    order += [command for command in these if command.slow]
    return order[::-1] if reverse else order


def measure(title, these, rounds, unsettled, check):
    """Fills in what `these` commands take; `check` is called once their outputs are there."""
    for command in these:
        run(command.arguments)
    check()
    for number in range(rounds):
        print(f"{title}: round {number + 1} of {rounds}", file=sys.stderr)
        for command in these:
            command.wall.append([])
        for command in turns(these, number % 2 == 1, unsettled):
            if not unsettled:
                os.sync()
            wall, processor = run(command.arguments)
            command.wall[-1].append(wall)
            command.processor.append(processor)
    print(f"{title}: memory", file=sys.stderr)
    for command in turns(these, reverse=False, unsettled=False) * MEMORY_TURNS:
        command.peaks.append(peak_memory(command.arguments))


# What must come out.


@dataclass
class Ratio:
    """What one command takes, divided by what another takes: the median of the rounds, the lowest and the highest.

    Each round divides its own medians, so that a machine that slows down for a while slows both.
    """
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, one, other):
        rounds = [statistics.median(a) / statistics.median(b) for a, b in zip(one.wall, other.wall)]
        return cls(statistics.median(rounds), min(rounds), max(rounds))

    def __str__(self):
        digits = 0 if self.value >= 20 else 1 if self.value >= 10 else 2
        return f"{self.value:.{digits}f} ({self.low:.{digits}f}–{self.high:.{digits}f})"


@dataclass
class Row:
    """One line of the results: a value a network, and what each must be."""
    label: str
    values: list
    least: float = None
    most: float = None
    form: Callable = str

    @property
    def limit(self):
        return f"at most {self.most}" if self.most else f"at least {self.least}" if self.least else ""

    @property
    def met(self):
        numbers = [getattr(value, "value", value) for value in self.values]
        return not (self.most and max(numbers) > self.most or self.least and min(numbers) < self.least)

    def cells(self):
        shown = [self.form(value) for value in self.values]
        shown += [""] * (len(NETWORKS) - len(shown))
        return [self.label, *shown, self.limit, ("yes" if self.met else "**no**") if self.limit else ""]


def milliseconds(value):
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def results(measured):
    """The rows, from the commands of each network."""
    def time_of(name, **limit):
        return Row(f"`{name}`, ms", [each[name].median for each in measured], form=milliseconds, **limit)

    def ratio(label, one, other, **limit):
        return Row(label, [Ratio.of(each[one], each[other]) for each in measured], **limit)

    def memory(name, **limit):
        return Row(f"`{name}`, peak memory, MB", [max(each[name].peaks) for each in measured], form="{:.1f}".format, **limit)

    def growth(name, **limit):
        small, large = [statistics.median(each[name].peaks) for each in measured]
        return Row(f"`{name}`, peak memory: ResNet-152 ÷ ResNet-50", [large / small], form="{:.2f}".format, **limit)

    return [
        time_of("inspect", most=15),
        ratio("torchinfo with an image ÷ `inspect`", "torch-inspect", "inspect", least=100),
        ratio("torchinfo, weights alone ÷ `inspect`", "torch-weights", "inspect"),
        ratio("`convert` ÷ `cp`", "convert", "cp", most=1.5),
        ratio("`convert` ÷ `cp` and `sync`", "convert", "cp-sync"),
        ratio("torch ÷ `convert`", "torch-convert", "convert"),
        ratio("`export --store --no-verify` ÷ `cp`", "export", "cp", most=2.0),
        ratio("`export --store --no-verify` ÷ `cp` and `sync`", "export", "cp-sync"),
        ratio("`export` ÷ `cp`", "export-proved", "cp", most=4.0),
        ratio("torch ÷ `export`", "torch-export", "export", least=10),
        *[memory(name, most=64) for name in ("inspect", "convert", "export")],
        *[growth(name, most=1.2) for name in ("inspect", "convert", "export")],
    ]


# How it is told.


def table(head, rows, left):
    """A table of Markdown that is readable as text too; the first `left` columns begin at the left."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells):
        padded = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths))]
        return f"| {' | '.join(padded)} |"

    rule = [("-" * (w + 2) if i < left else "-" * (w + 1) + ":") for i, w in enumerate(widths)]
    return "\n".join([line(head), f"|{'|'.join(rule)}|", *map(line, rows)])


def measurements(measured):
    """The table of what each command took."""
    head = ["Command"]
    for name in NETWORKS.values():
        head += [f"{name}, ms", "processor ms", "peak MB"]
    rows = []
    for key in measured[0]:
        row = [measured[0][key].label]
        for command in (each[key] for each in measured):
            walls = sum(command.wall, [])
            spread = f"({milliseconds(min(walls))}–{milliseconds(max(walls))})"
            row += [f"{milliseconds(command.median)} {spread}", milliseconds(statistics.median(command.processor)),
                    f"{max(command.peaks):.1f}"]
        rows.append(row)
    return table(head, rows, left=1)


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.partition("\n")[0].strip()


def machine(args, copy, others):
    """On what and with what it was measured."""
    processor, memory, system = (Path(p).read_text() for p in ("/proc/cpuinfo", "/proc/meminfo", "/etc/os-release"))
    model = re.search(r"^model name\s*: (.*)", processor, re.M)
    virtual = "a virtual machine, " if re.search(r"^flags\s*:.*\bhypervisor\b", processor, re.M) else ""
    libraries = first_line(args.python, "-c", (
        "import platform, safetensors, torch, torchinfo, torchvision\n"
        "print(f'Python {platform.python_version()}, torch {torch.__version__}, torchvision {torchvision.__version__}, '"
        " f'torchinfo {torchinfo.__version__}, safetensors {safetensors.__version__}')"))
    file_system = first_line("findmnt", "--noheadings", "--output", "FSTYPE", "--target", args.folder) or "unknown"
    model = model[1].strip() if model else platform.machine()
    gigabytes = int(re.search(r"MemTotal: *([0-9]+)", memory)[1]) * 1024 / 1e9
    distribution = re.search(r'^PRETTY_NAME="?([^"\n]*)', system, re.M)[1]
    called = f", called with {copy[1]}" if len(copy) > 1 else ""
    built = f" ({args.built})" if args.built else ""
    return "\n".join([
        f"- Measured on {datetime.date.today().isoformat()}, rounds: {args.rounds}{', not settled' if args.unsettled else ''}. "
        f"Other work, the kernel's included, took {others:.0%} of the processors"
        f"{': a busy machine, measure again' if others > BUSY else ''}.",
        f"- Machine: {virtual}{model}, {os.cpu_count()} cores, {gigabytes:.0f} GB, file system {file_system}.",
        f"- System: {distribution}, Linux {platform.release()}, {first_line('cp', '--version')}{called}.",
        f"- Programs: resect {first_line(args.resect, '--version')}{built}; {libraries}.",
    ])


def processors_used():
    """Seconds of processor time since the machine started (all processes), and those of our commands."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    user, nice, system, _, _, interrupts, soft, steal = ticks[:8]
    everything = (user + nice + system + interrupts + soft + steal) / os.sysconf("SC_CLK_TCK")
    ours = sum(usage.ru_utime + usage.ru_stime for usage in map(
        resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
    return everything, ours


def update(text):
    """Puts the results between the markers of the report."""
    old = REPORT.read_text()
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        stop(f"{REPORT.name} has no markers to write between")
    REPORT.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("resect", "python", "folder"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--built", default="")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--unsettled", action="store_true")
    parser.add_argument("--update", action="store_true")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds has to be at least 1")

    copy = copy_command(args.folder)
    measured = []
    begun, everything, ours = time.monotonic(), *processors_used()
    for network, title in NETWORKS.items():
        folder = args.folder / "outputs"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        these = commands(args.resect, args.python, copy, args.folder / "checkpoints" / f"{network}.pth", folder)

        def check():
            readable = folder / "exported.safetensors"
            run([args.resect, "convert", folder / "exported.resect", readable])
            pairs = [folder / "converted.safetensors", folder / "by_torch.safetensors", readable, folder / "by_torch.pth"]
            run([args.python, HERE / "check_outputs.py", *pairs])
            readable.unlink()

        measure(title, list(these.values()), args.rounds, args.unsettled, check)
        shutil.rmtree(folder)
        measured.append(these)
    elapsed = time.monotonic() - begun
    everything, ours = (after - before for after, before in zip(processors_used(), (everything, ours)))
    others = max(0, everything - ours) / (elapsed * os.cpu_count())

    rows = results(measured)
    limits = table(["Limit", *NETWORKS.values(), "must be", "kept"], [row.cells() for row in rows], left=1)
    text = "\n\n".join([machine(args, copy, others), limits, measurements(measured)])
    print(text)
    missed = [row.label for row in rows if not row.met]
    print(f"\nlimits missed: {len(missed)} ({', '.join(missed)})" if missed else "\nevery limit is kept")
    if args.update:
        update(text)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
