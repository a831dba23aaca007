using System.Text.Json;
using System.Text.Json.Serialization;

namespace VmChannel.GuestTool;

/// <summary>Values of an enum in JSON as the host's tools write them: <c>host-opened</c>.</summary>
internal sealed class KebabCaseEnum<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.KebabCaseLower)
    where T : struct, Enum;
