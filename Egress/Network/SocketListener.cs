using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace AgentKernel.Egress.Network;

/// <summary>Accepts connections on a unix socket and owns them: each is served by a task that ends with the listener.</summary>
internal sealed partial class SocketListener : IAsyncDisposable
{
    private const int Backlog = 512;
    private static readonly TimeSpan PauseWithoutDescriptors = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket;
    private readonly string _path;
    private readonly Func<Socket, bool, CancellationToken, Task> _serve;
    private readonly int _maxConnections;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stopping = new();
    private readonly HashSet<Task> _connections = [];
    private readonly Lock _gate = new();
    private readonly Task _accepting;

    private SocketListener(Socket socket, string path, int maxConnections, Func<Socket, bool, CancellationToken, Task> serve, TimeProvider time)
    {
        (_socket, _path, _maxConnections, _serve, _time) = (socket, path, maxConnections, serve, time);
        _accepting = AcceptAsync(_stopping.Token);
    }

    /// <param name="serve">
    /// Serves a connection and disposes it; told whether it is beyond <paramref name="maxConnections"/>. Must not throw.
    /// </param>
    /// <exception cref="SocketException">It cannot be listened there.</exception>
    /// <exception cref="IOException">Mode or owner cannot be set.</exception>
    public static SocketListener Start(EgressSocket where, int maxConnections, Func<Socket, bool, CancellationToken, Task> serve, TimeProvider time)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            File.Delete(where.Path);
            socket.Bind(new UnixDomainSocketEndPoint(where.Path));
            // Nobody can connect before Listen: the file is open to others no sooner than it has its mode and owner.
            File.SetUnixFileMode(where.Path, where.Mode);
            if ((where.UserId is not null || where.GroupId is not null) && ChangeOwner(where.Path, where.UserId ?? -1, where.GroupId ?? -1) != 0)
            {
                throw new IOException($"the owner of {where.Path} cannot be set: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
            }

            socket.Listen(Backlog);
            return new(socket, where.Path, maxConnections, serve, time);
        }
        catch
        {
            socket.Dispose(); // which removes the file too, if it was made
            throw;
        }
    }

    /// <summary>Closes the socket, ends all connections and waits until they have ended.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        await _stopping.CancelAsync();
        await _accepting;
        _socket.Dispose();
        File.Delete(_path);
        Task[] open;
        lock (_gate)
        {
            open = [.. _connections];
        }

        await Task.WhenAll(open);
        _stopping.Dispose();
    }

    private async Task AcceptAsync(CancellationToken cancellationToken)
    {
        await Task.Yield();
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                Track(await _socket.AcceptAsync(cancellationToken), cancellationToken);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable)
            {
                // The connection stays in the backlog; a descriptor may be free again soon, and nothing tells when.
                await Task.Delay(PauseWithoutDescriptors, _time, cancellationToken).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
            catch (SocketException)
            {
                // A client that was gone before it was accepted.
            }
        }
    }

    private void Track(Socket connection, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            var serving = ServeAsync(connection, _connections.Count >= _maxConnections, cancellationToken);
            _connections.Add(serving);
            _ = serving.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    private async Task ServeAsync(Socket connection, bool beyond, CancellationToken cancellationToken)
    {
        await Task.Yield();
        await _serve(connection, beyond, cancellationToken);
    }

    private void Forget(Task connection)
    {
        lock (_gate)
        {
            _connections.Remove(connection);
        }
    }

    [LibraryImport("libc", EntryPoint = "chown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, int user, int group);
}
