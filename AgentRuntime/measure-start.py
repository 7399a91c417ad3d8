#!/usr/bin/env python3
"""Measures the published agent: milliseconds from exec to READY=1, CPU time till then, and private memory once it is idle.

usage: measure-start.py [rounds] [config keys as JSON]   e.g.  measure-start.py 40 '{"provider":"scripted"}'
Environment variables (DOTNET_...) reach the agent, so that settings can be compared without building.
"""
import json, os, socket, statistics, subprocess, sys, tempfile, time

program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../artifacts/agent-runtime/agent-runtime")
rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
keys = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {"provider": "scripted"}


def dirty_mib(pid):
    """What is the process's own whatever else runs; pages of shared files count only as long as nobody shares them."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith("Private_Dirty")) / 1024


def cpu_ms(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
            total += int(stat.read().split()[0])
    return total / 1e6


idle_seconds = float(os.environ.pop("IDLE_SECONDS", "1"))
ready, cpu, early, idle = [], [], [], []
with tempfile.TemporaryDirectory() as folder:
    config = os.path.join(folder, "config.json")
    with open(config, "w") as file:
        json.dump({"agent_id": "a", "nonce": "n", "unix_socket": f"{folder}/agent.sock"} | keys, file)
    for _ in range(rounds):
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(f"{folder}/notify.sock")
        start = time.perf_counter()
        agent = subprocess.Popen([program, "--config", config], cwd=folder, stderr=subprocess.DEVNULL,
                                 env=os.environ | {"NOTIFY_SOCKET": f"{folder}/notify.sock"})
        assert notify.recv(100) == b"READY=1"
        ready.append((time.perf_counter() - start) * 1000)
        cpu.append(cpu_ms(agent.pid))
        early.append(dirty_mib(agent.pid))
        time.sleep(idle_seconds)
        idle.append(dirty_mib(agent.pid))
        agent.terminate()
        assert agent.wait() == 0
        notify.close()
        os.unlink(f"{folder}/notify.sock")
print(f"exec to ready: median {statistics.median(ready):.1f} ms, fastest {min(ready):.1f}, CPU {statistics.median(cpu):.1f}, least {min(cpu):.1f}; "
      f"private dirty memory: {statistics.median(early):.1f} MiB at ready, {statistics.median(idle):.1f} MiB idle")
