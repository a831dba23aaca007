using System.Text.Json;
using System.Text.Json.Serialization;

namespace VmChannel.Control;

/// <summary>An enum as words for programs: <c>guest-not-reading</c>.</summary>
public sealed class KebabCase<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
