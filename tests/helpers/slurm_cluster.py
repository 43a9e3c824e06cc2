"""A SLURM cluster of one node, this machine, whose daemons end with the block that uses it."""

import ctypes
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
from study_folder import wait_until

COMMANDS = ("sbatch", "squeue", "scancel", "scontrol", "sinfo", "srun")
DAEMONS = ("munged", "slurmctld", "slurmd")
NODE = "node"
# What scancel says of a job that has ended.
TOO_LATE = ("Invalid job id", "already completing or completed")
PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Nothing here may end because the machine is busy: a silent daemon is waited for, and what SLURM
# knows of jobs that ended stays until the tests have asked.
CONFIGURATION = """
ClusterName=tlstudy
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={daemon_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1
ReturnToService=2
MinJobAge=86400
KillWait=1
SlurmdTimeout=600
BatchStartTimeout=600
UnkillableStepTimeout=600
MessageTimeout=60
TCPTimeout=60
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 CPUs=8 Sockets=1 \
CoresPerSocket=8 ThreadsPerCore=1 RealMemory=64000 Gres=gpu:fake:1
PartitionName=main Nodes={node} Default=YES MaxTime=INFINITE State=UP
"""
# A GPU by name alone: nothing computes on it, but only one job at a time is given it.
GENERIC_RESOURCES = f"AutoDetect=off\nNodeName={NODE} Name=gpu Type=fake File=/dev/null\n"
# Jobs lose their submitter's SLURM_CONF, so every call sets it anew.
WRAPPER = '#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec /usr/bin/"$(basename "$0")" "$@"\n'


def missing() -> str:
    """Why no cluster can be started and used here; empty if one can."""
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "Snakemake's executors for clusters are not installed: make test-slurm"
    absent = [name for name in (*DAEMONS, *COMMANDS) if shutil.which(name) is None]
    if absent:
        return f"SLURM is not installed ({', '.join(absent)}): make slurm"
    return "" if os.geteuid() == 0 else "SLURM's daemons need root here"


class Cluster:
    """A running cluster; `commands` is the folder that its users put first on their PATH."""

    def __init__(self, folder: Path):
        self.folder, self.commands = folder, folder / "bin"
        self.daemons: dict[str, subprocess.Popen] = {}
        self._configure()

    def _configure(self) -> None:
        ports = free_ports("controller_port", "daemon_port")
        host = socket.gethostname().partition(".")[0]
        values = {"folder": self.folder, "host": host, "node": NODE, **ports}
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir()
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(**values))
        (self.folder / "gres.conf").write_text(GENERIC_RESOURCES)
        for command in COMMANDS:
            wrapper = self.commands / command
            wrapper.write_text(WRAPPER.format(**values))
            wrapper.chmod(0o755)

    def start(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        for name in (".", "munge.key"):
            shutil.chown(self.folder / name, "munge", "munge")
        options = {"socket": "socket", "key-file": "key", "log-file": "log"}
        options |= {"pid-file": "pid", "seed-file": "seed"}
        places = [f"--{name}={self.folder}/munge.{end}" for name, end in options.items()]
        self._daemon("munged", "--foreground", *places, user="munge", group="munge")
        wait_until((self.folder / "munge.socket").exists, "munged to answer")
        self._daemon("slurmctld", "-D", "-f", str(self.folder / "slurm.conf"))
        self.start_node()

    def start_node(self) -> None:
        """Start the node's daemon and wait until the node takes jobs."""
        self._daemon("slurmd", "-D", "-N", NODE, "-f", str(self.folder / "slurm.conf"))
        # A job that waits for the node may have begun on it already.
        states = ("idle", "mixed", "allocated")
        wait_until(lambda: self.ask("sinfo", "--noheader", "--format=%T") in states, "the node")

    @contextmanager
    def without_node(self) -> Iterator[None]:
        """Lose the node as if its power failed: its daemon and all jobs end without a word.

        The node comes back at the end, also after an error: later tests use the same cluster.
        """
        daemon = self.daemons.pop("slurmd")
        daemon.kill()
        daemon.wait()
        self._kill_jobs()
        try:
            # What the controller would find out itself after some minutes.
            self.ask("scontrol", "update", f"NodeName={NODE}", "State=DOWN", "Reason=lost")
            yield
        finally:
            self.start_node()

    def _kill_jobs(self) -> None:
        """Kill all that jobs left running; SLURM's own watchers first, as they would tell."""
        processes = self._processes_of_jobs()
        for process in sorted(processes, key=lambda process: process.name() != "slurmstepd"):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _processes_of_jobs(self) -> list[psutil.Process]:
        """Sessions in which a process has the environment of a job of this cluster."""
        settings, sessions, listed = str(self.folder / "slurm.conf"), set(), []
        for process in psutil.process_iter():
            with suppress(psutil.Error, ProcessLookupError):
                session, variables = os.getsid(process.pid), process.environ()
                listed.append((process, session))
                if variables.get("SLURM_CONF") == settings and "SLURM_JOB_ID" in variables:
                    sessions.add(session)
        return [process for process, session in listed if session in sessions]

    def _daemon(self, name: str, *arguments: str, **identity: str) -> None:
        with open(self.folder / f"{name}.output", "ab") as output:
            self.daemons[name] = subprocess.Popen(
                [shutil.which(name), *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,
                **identity,
            )

    def ask(self, *command: str) -> str:
        """Output of one of SLURM's commands, asked again until the controller answers.

        On a busy machine the controller misses a question now and then. Its silence would read
        as a cluster without jobs.
        """
        path = {"PATH": f"{self.commands}:{os.environ['PATH']}"}

        def answer() -> subprocess.CompletedProcess | None:
            said = subprocess.run(command, env=os.environ | path, capture_output=True, text=True)
            answered = said.returncode == 0 or any(words in said.stderr for words in TOO_LATE)
            return said if answered else None

        return wait_until(answer, f"an answer to {' '.join(command)}").stdout.strip()

    def jobs(self, rule: str) -> dict[str, dict[str, str]]:
        """What SLURM knows of a rule's jobs, those that ended too, by job number in order."""
        told = self.ask("scontrol", "--oneliner", "show", "job")
        jobs = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in told.splitlines()]
        of_rule = [job for job in jobs if job and rule_of(job) == rule]
        return {job["JobId"]: job for job in sorted(of_rule, key=lambda job: int(job["JobId"]))}

    def states(self, rule: str) -> dict[str, str]:
        return {number: job["JobState"] for number, job in self.jobs(rule).items()}

    def a_running_job(self, rule: str, apart_from: Collection[str] = ()) -> str:
        """Number of a job of the rule, as soon as one runs."""

        def found() -> list[str]:
            running = [job for job, state in self.states(rule).items() if state == "RUNNING"]
            return [job for job in running if job not in apart_from]

        return wait_until(found, f"a job of {rule}")[0]

    def wait_for(self, rule: str, job: str, state: str) -> None:
        """Wait until a job is in a state."""
        wait_until(lambda: self.states(rule)[job] == state, f"job {job} to be {state}")

    def stop(self) -> None:
        """End jobs and daemons, by process number."""
        try:
            self.ask("scancel", "--full", "--partition=main")
        finally:
            self._kill_jobs()
            for name in ("slurmd", "slurmctld", "munged"):
                if name in self.daemons:
                    end(self.daemons.pop(name))


def rule_of(job: dict[str, str]) -> str:
    """Snakemake's rule: one executor says it in a job's comment, the other in its name."""
    said = re.match(r"rule_([a-z]+)", job.get("Comment", ""))
    return (said or re.match(r"snakejob\.([a-z]+)", job["JobName"]))[1]


def end_with_parent() -> None:
    """Between fork and exec: even if the tests are killed, no daemon stays."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_ports(*names: str) -> dict[str, int]:
    """Ports on which nothing listens, by name."""
    with ExitStack() as stack:
        places = [stack.enter_context(socket.socket()) for _ in names]
        for place in places:
            place.bind(("127.0.0.1", 0))
        return {name: place.getsockname()[1] for name, place in zip(names, places, strict=True)}


def end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="tlstudy-slurm-"))
    folder.chmod(0o755)
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder)
