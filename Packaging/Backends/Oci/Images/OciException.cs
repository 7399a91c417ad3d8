namespace AgentKernel.Packaging.Backends.Oci.Images;

/// <summary>An image cannot be used or made; the message says which and why, and is for who asked for it.</summary>
internal sealed class OciException(string message, Exception? inner = null) : Exception(message, inner);
