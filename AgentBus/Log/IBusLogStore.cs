namespace AgentKernel.AgentBus.Log;

/// <summary>Where logs are kept, by the ids of their buses. An id is safe to be a folder's name.</summary>
internal interface IBusLogStore
{
    /// <summary>Opens a log, and makes it where there is none. One that is open is not opened again.</summary>
    /// <exception cref="BusLogException">What is there cannot be read back.</exception>
    IBusLog Open(string busId);

    /// <summary>Removes a log that is closed; nothing where there is none.</summary>
    void Delete(string busId);
}
