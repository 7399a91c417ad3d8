using AgentKernel.Spawner.Limits;

namespace AgentKernel.Spawner.Tests.Limits;

/// <summary>What the system says of control groups, on the kinds of machines there are.</summary>
public sealed class CgroupMountTests
{
    [Fact]
    public void Parse_OnASystemdMachine_FindsVersion2AndItsOwnGroup()
    {
        var mount = Assert.Single(CgroupMount.Parse(
            ["24 1 8:1 / / rw - ext4 /dev/sda1 rw", "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"],
            ["0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope"],
            folder => folder == "/sys/fs/cgroup" ? ["cpuset", "cpu", "memory", "pids"] : []));
        Assert.True(mount.Unified);
        Assert.Equal(["cpuset", "cpu", "memory", "pids"], mount.Controllers);
        Assert.Equal(("/sys/fs/cgroup", "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope"), (mount.Top, mount.Own));
    }

    [Fact]
    public void Parse_OnAMachineOfVersion1_FindsEachController()
    {
        var mounts = CgroupMount.Parse(
            [
                "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
                "32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
                "33 30 0:29 / /sys/fs/cgroup/my\\040pids rw - cgroup cgroup rw,pids",
                "34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
            ],
            ["4:memory:/some/slice", "3:pids:/", "1:cpu,cpuacct:/", "0::/"],
            _ => []);
        Assert.Equal(["cpu", "memory", "pids", ""], mounts.Select(mount => string.Join(',', mount.Controllers)));
        Assert.Equal("/sys/fs/cgroup/memory/some/slice", mounts[1].Own);
        Assert.Equal("/sys/fs/cgroup/my pids", mounts[2].Top);
    }

    [Fact]
    public void Parse_InAContainerThatSeesItsOwnPartAlone_TakesThatForTheTop()
    {
        var mount = Assert.Single(CgroupMount.Parse(
            ["40 24 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw"], ["0::/docker/abc/inner"], _ => ["memory"]));
        Assert.Equal(("/sys/fs/cgroup", "/sys/fs/cgroup/inner"), (mount.Top, mount.Own));
    }

    [Fact]
    public void Parse_OfWhatIsNoMount_FindsNothing() => Assert.Empty(CgroupMount.Parse(["", "nonsense - cgroup2", "1 2 3 4 5 - tmpfs x y"], ["", "0"], _ => []));
}
