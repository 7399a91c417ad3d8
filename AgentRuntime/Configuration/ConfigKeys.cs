using System.Text.Json;

namespace AgentKernel.AgentRuntime.Configuration;

/// <summary>Reads typed keys of one JSON object; a value of another type is an error that names its key.</summary>
internal readonly struct ConfigKeys(JsonElement document, string prefix = "")
{
    public string? Text(string key)
    {
        // Empty is what protobuf makes of unset, so the two mean the same here.
        if (Find(key) is not { } value)
            return null;
        if (value.ValueKind != JsonValueKind.String)
            throw Wrong(key, "a string");
        return value.GetString() is { Length: > 0 } text ? text : null;
    }

    public string RequiredText(string key) => Text(key) ?? throw new ConfigException($"config key '{prefix}{key}' is missing");

    public bool Flag(string key) => Find(key) switch
    {
        null => false,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => throw Wrong(key, "true or false"),
    };

    /// <summary>A whole number. 50.0 is one: numbers that came through a protobuf Struct are doubles.</summary>
    public int? Whole(string key, int least, int most)
    {
        if (Find(key) is not { } value)
            return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number)
            && number == Math.Floor(number) && number >= least && number <= most)
            return (int)number;
        throw Wrong(key, $"a whole number from {least} to {most}");
    }

    public IReadOnlyList<string>? Texts(string key)
    {
        if (Find(key) is not { } value)
            return null;
        if (value.ValueKind != JsonValueKind.Array)
            throw Wrong(key, "a list of strings");
        var texts = new List<string>();
        foreach (var item in value.EnumerateArray())
            texts.Add(item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Wrong(key, "a list of strings"));
        return texts;
    }

    public ConfigKeys? Section(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } section => new ConfigKeys(section, $"{prefix}{key}."),
        _ => throw Wrong(key, "an object"),
    };

    /// <summary>One of a closed set of words.</summary>
    public string? OneOf(string key, params string[] allowed)
    {
        var text = Text(key);
        if (text is null || allowed.Contains(text))
            return text;
        throw new ConfigException($"config key '{prefix}{key}' is '{text}'; allowed: {string.Join(", ", allowed)}");
    }

    private JsonElement? Find(string key) =>
        document.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private ConfigException Wrong(string key, string wanted) => new($"config key '{prefix}{key}' must be {wanted}");
}
