using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentBus.Log;

/// <summary>A set of the kinds that a payload can be of.</summary>
internal readonly record struct PayloadKinds(int Bits)
{
    private const int Known = 13;

    /// <summary>Every kind.</summary>
    public static PayloadKinds All { get; } = new((1 << (Known + 1)) - 1);

    /// <summary>The kinds of decisions.</summary>
    public static PayloadKinds Decisions { get; } = Of(Payload.PayloadOneofCase.Commit, Payload.PayloadOneofCase.Abort);

    /// <summary>These kinds.</summary>
    public static PayloadKinds Of(params ReadOnlySpan<Payload.PayloadOneofCase> kinds)
    {
        var bits = 0;
        foreach (var kind in kinds)
        {
            bits |= 1 << (int)kind;
        }

        return new(bits);
    }

    /// <summary>What a reader asks for: everything where there is no filter, nothing where it is empty.</summary>
    public static PayloadKinds Of(PayloadTypeFilter? filter)
    {
        if (filter is null)
        {
            return All;
        }

        var bits = 0;
        foreach (var type in filter.PayloadTypes)
        {
            bits |= (int)type is > 0 and <= Known ? 1 << (int)type : 0;
        }

        return new(bits);
    }

    /// <summary>Whether it has this kind.</summary>
    public bool Has(Payload.PayloadOneofCase kind) => (Bits & (1 << (int)kind)) != 0;
}
