"""A real SLURM on this host: three logical nodes, fake GPUs, with a database for accounting or without.

Debian's slurm-wlm and munge, and slurmdbd and mariadb-server for the accounting, run as root, without systemd and without
touching their packages' own users and services. Every daemon is a child in the foreground, to which the kernel sends a
SIGTERM when the tests die, however they die; `Cluster.stop` removes what they leave, jobs' processes and control groups
among it.

What surprises:

- a GPU needs a device file (`File=` of gres.conf), for which a twin of /dev/null will do;
- `proctrack/cgroup`, as on a real cluster, so that no process outlives its job;
- the configuration must be where SLURM was built to look for it: Snakemake's jobs drop SLURM_CONF;
- `OverTimeLimit`: a busy machine needs longer to start a job than the limits of minutes that tests give;
- with accounting, AccountingStoragePass is the socket of munge; without it every client hangs.
"""

import ctypes
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from patience import HANG

__all__ = ["Cluster", "command", "die_with_parent", "missing", "wait_until"]

ETC = Path("/etc/slurm")
FREEZER = Path("/sys/fs/cgroup/freezer")
NODES = {"gpu1": 16831, "gpu2": 16832, "cpu1": 16833}
PROGRAMS = ("munged", "slurmctld", "slurmd", "slurmdbd", "mariadbd", "sbatch", "sacct")
Answer = TypeVar("Answer")
PASSWORD = "minutes"  # of a database that lives for so long

SLURM = """\
ClusterName=tcwae
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16817
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
PlugStackConfig={folder}/etc/plugstack.conf
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/cgroup
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=600
KillWait=5
OverTimeLimit=UNLIMITED
SlurmdTimeout=60
MailProg=/bin/true
EnforcePartLimits=ALL
NodeName=gpu1 NodeHostname={host} NodeAddr=127.0.0.1 Port=16831 CPUs=8 RealMemory=64000 Gres=gpu:4
NodeName=gpu2 NodeHostname={host} NodeAddr=127.0.0.1 Port=16832 CPUs=8 RealMemory=64000 Gres=gpu:4
NodeName=cpu1 NodeHostname={host} NodeAddr=127.0.0.1 Port=16833 CPUs=8 RealMemory=64000
PartitionName=cpu Nodes=cpu1 Default=YES MaxTime=1-00:00:00
PartitionName=gpu Nodes=gpu[1-2] MaxTime=1-00:00:00 PriorityTier=1
PartitionName=urgent Nodes=gpu[1-2] MaxTime=1-00:00:00 PriorityTier=10 PreemptMode=OFF
"""
WITHOUT_ACCOUNTING = """\
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
"""
WITH_ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=16819
AccountingStoragePass={folder}/munge/socket
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=5
"""
SLURMDBD = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=16819
SlurmUser=root
PidFile={folder}/slurmdbd.pid
LogFile={folder}/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=13306
StorageUser=slurm
StoragePass={password}
StorageLoc=slurm_acct_db
"""
CGROUP = "CgroupPlugin=cgroup/v1\nConstrainCores=no\nConstrainRAMSpace=no\nConstrainDevices=no\n"
GRES = "NodeName=gpu[1-2] Name=gpu Flags=nvidia_gpu_env File={folder}/dev/nvidia[0-3]\n"


def missing() -> str | None:
    """Why there can be no cluster here, or None."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if os.geteuid() != 0:
        return "starting a SLURM needs root"
    if absent:
        return f"no {', '.join(absent)} (apt-get install slurm-wlm munge slurmdbd mariadb-server)"
    if not FREEZER.is_dir():
        return f"no {FREEZER}: proctrack/cgroup is set up here for control groups of version 1"
    if (ETC / "slurm.conf").exists() and not ((ETC / "slurm.conf").is_symlink() and not _succeeds("scontrol", "ping")):
        return f"{ETC / 'slurm.conf'} exists: this machine has a SLURM, or these tests run already"
    return None


def command(*words: object, **options: Any) -> str:
    """The output of a client command; clients of a daemon that is down would wait for minutes."""
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=HANG, **options)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def wait_until(true: Callable[[], Answer], what: str) -> Answer:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + HANG
    while not (answer := true()):
        assert time.monotonic() < deadline, f"not within {HANG:g} s: {what}"
        time.sleep(0.2)
    return answer


def _succeeds(*words: str) -> bool:
    return subprocess.run(["timeout", "60", *words], capture_output=True).returncode == 0


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Let the kernel end this process by that signal when the tests have ended, however they did."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, number)


class Cluster:
    """`start` it, `stop` it; `folder` is its own, short enough for the paths of sockets (108 bytes)."""

    def __init__(self, folder: Path, *, accounting: bool) -> None:
        self.folder, self.accounting = folder, accounting
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        self._remove_control_groups()  # of tests that were killed
        self._write_configuration()
        self._daemon("munged", "--foreground", "--force", *self._munge("key-file socket pid-file log-file seed-file"))
        wait_until((self.folder / "munge/socket").exists, "munged")
        if self.accounting:
            self._start_accounting()
        self.start_controller()
        for node in NODES:
            self._daemon(f"slurmd-{node}", "slurmd", "-D", "-N", node)
        wait_until(lambda: set(self._states()) == {"idle"}, "three idle nodes")

    def start_controller(self) -> None:
        self._daemon("slurmctld", "slurmctld", "-D")

    def kill_controller(self) -> None:
        """SIGKILL just after slurmctld has saved its state: what is not saved it forgets, and gives a job's number twice."""
        saved = self.folder / "state/job_state"
        before = saved.stat().st_mtime_ns
        command("sbatch", "--hold", "--account=lab", "--output=/dev/null", "--wrap=true")  # something to save
        wait_until(lambda: saved.stat().st_mtime_ns > before, "a saved state")
        daemon = self.daemons.pop("slurmctld")
        daemon.kill()
        daemon.wait()

    def stop(self) -> None:
        """Take everything down, in whatever state it is."""
        if "slurmctld" in self.daemons:
            subprocess.run(["timeout", "60", "scancel", "--user=root"], capture_output=True)
            time.sleep(1)
        for daemon in reversed(self.daemons.values()):
            daemon.terminate()
            try:
                daemon.wait(60)
            except subprocess.TimeoutExpired:
                daemon.kill()
        self._remove_control_groups()
        for link in ETC.glob("*.conf"):
            if link.is_symlink() and link.readlink().is_relative_to(self.folder):
                link.unlink()

    def has_left_nodes(self, job: str) -> bool:
        """Whether no process of a job is left; a node that is given it again before is drained (`Duplicate jobid`)."""
        return not list(FREEZER.glob(f"slurm_*/uid_*/job_{job}"))

    def _remove_control_groups(self) -> None:
        """End what the nodes' jobs have left; a group without processes is removed like an empty folder."""
        groups = [path.parent for node in NODES for path in (FREEZER / f"slurm_{node}").rglob("cgroup.procs")]
        for group in sorted(groups, key=lambda group: -len(group.parts)):
            for process in (group / "cgroup.procs").read_text().split():
                os.kill(int(process), signal.SIGKILL)
            wait_until(lambda group=group: not (group / "cgroup.procs").read_text(), f"{group} without processes")
            group.rmdir()

    def _states(self) -> list[str]:
        done = subprocess.run(["timeout", "60", "sinfo", "-h", "-N", "-o", "%T"], capture_output=True, text=True)
        return done.stdout.split()

    def _write_configuration(self) -> None:
        for name in ("etc", "log", "state", "spool", "munge", "dev"):
            (self.folder / name).mkdir(parents=True)
        for folder in (self.folder, self.folder / "munge", self.folder / "etc"):
            folder.chmod(0o755)
        (self.folder / "state").chmod(0o700)
        key = self.folder / "munge/key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        for number in range(4):
            os.mknod(self.folder / f"dev/nvidia{number}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        texts = {"slurm": SLURM + (WITH_ACCOUNTING if self.accounting else WITHOUT_ACCOUNTING)}
        texts |= {"gres": GRES, "cgroup": CGROUP, "plugstack": ""}
        if self.accounting:
            texts["slurmdbd"] = SLURMDBD
        ETC.mkdir(exist_ok=True)
        for name, text in texts.items():
            path = self.folder / f"etc/{name}.conf"
            path.write_text(text.format(folder=self.folder, host=socket.gethostname().split(".")[0], password=PASSWORD))
            path.chmod(0o600 if name == "slurmdbd" else 0o644)  # a password, and what every user's command reads
            if name != "plugstack":
                link = ETC / path.name
                link.unlink(missing_ok=True)
                link.symlink_to(path)

    def _munge(self, names: str) -> list[str]:
        return [f"--{name}={self.folder}/munge/{name.removesuffix('-file')}" for name in names.split()]

    def _start_accounting(self) -> None:
        database, pipe = self.folder / "db", self.folder / "db.sock"
        install = ["mariadb-install-db", "--no-defaults", "--user=root", "--auth-root-authentication-method=normal"]
        command(*install, f"--datadir={database}")
        self._daemon(
            *("mariadbd", "mariadbd", "--no-defaults", "--user=root", f"--datadir={database}", f"--socket={pipe}"),
            *("--port=13306", "--bind-address=127.0.0.1", f"--pid-file={self.folder}/db.pid"),
            *("--innodb-buffer-pool-size=64M", "--innodb-lock-wait-timeout=900", "--innodb-flush-log-at-trx-commit=0"),
        )
        wait_until(pipe.exists, "mariadbd")
        users = [f"create user 'slurm'@'{host}' identified by '{PASSWORD}'" for host in ("127.0.0.1", "localhost")]
        grants = [f"grant all on slurm_acct_db.* to 'slurm'@'{host}'" for host in ("127.0.0.1", "localhost")]
        statements = ";".join(["create database slurm_acct_db", *users, *grants])
        command("mariadb", "--no-defaults", f"--socket={pipe}", "--user=root", "--execute", statements)
        self._daemon("slurmdbd", "slurmdbd", "-D")
        add = ["sacctmgr", "--immediate", "add"]
        wait_until(lambda: _succeeds("sacctmgr", "--noheader", "list", "cluster"), "slurmdbd")
        command(*add, "cluster", "tcwae")
        command(*add, "account", "lab")
        command(*add, "user", "root", "account=lab")

    def _daemon(self, name: str, *words: str) -> None:
        program = words if words and not words[0].startswith("-") else (name, *words)
        with (self.folder / f"log/{name}.out").open("ab") as out:
            self.daemons[name] = subprocess.Popen(
                program, stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=die_with_parent, process_group=0
            )
